//! The Traces screen: what can be opened, and what is known about the selected recording.

mod recording;

pub use recording::brief;

use super::pen::Pen;
use crate::app::help::wrap;
use crate::app::traces::{Entry, TOP, Traces};
use crate::app::{App, Open, time};
use ratatui::style::Style;

/// Columns: heading, width, right-aligned, at which terminal width it appears.
const COLUMNS: [(&str, u16, bool, u16); 7] = [
    ("recording", 28, false, 0),
    ("split", 11, false, 44),
    ("kernel", 15, false, 60),
    ("CPUs", 4, true, 68),
    ("events", 11, true, 78),
    ("size", 9, true, 90),
    ("workload", 22, false, 114),
];

/// From this width on names have more room.
const WIDE: u16 = 122;

/// Draws the screen: the dialog or the panel of a recording in its place, else the list and the
/// details below it.
pub fn draw(app: &App, pen: &mut Pen) {
    if recording::draw(app, pen) {
        return;
    }
    let theme = pen.theme;
    let w = pen.area.w;
    row(pen, 2, w, &COLUMNS.map(|c| c.0.to_string()), theme.dim());
    let (top, rows) = (TOP, Traces::rows(app.room()));
    let traces = &app.traces;
    if traces.entries.is_empty() {
        let text =
            if traces.listed { "There is no recording to open." } else { "Looking for recordings" };
        pen.put(3, top, w - 3, text, theme.strong());
    }
    let open = match &app.viewer.open {
        Open::Ready(t) => Some(&t.loaded.path),
        Open::Loading(path) | Open::Failed(path, _) => Some(path),
        Open::Nothing => None,
    };
    let first = traces.list.first(rows, traces.entries.len());
    for (i, entry) in traces.entries.iter().enumerate().skip(first).take(rows) {
        let y = top + (i - first) as u16;
        let style = match (&entry.error, i == traces.list.at) {
            (_, true) => theme.chosen(),
            (Some(_), false) => theme.miss(),
            (None, false) => theme.text(),
        };
        if i == traces.list.at {
            pen.fill(0, y, w, style);
        }
        pen.put(0, y, 1, if open == Some(&entry.path) { "▸" } else { " " }, style);
        pen.put(1, y, 1, if app.shared.chosen.contains(&entry.path) { "●" } else { " " }, style);
        row(pen, y, w, &fields(entry), style);
    }
    details(app, pen, top + rows as u16);
}

fn fields(e: &Entry) -> [String; 7] {
    let unknown = |n: Option<String>| n.unwrap_or_else(|| "–".into());
    let split = match &e.error {
        Some(_) => "✗ error".into(),
        None if e.split.is_empty() => e.via.label().into(),
        None => e.split.clone(),
    };
    [
        e.name.clone(),
        split,
        e.kernel.clone(),
        unknown((e.cpus > 0).then(|| e.cpus.to_string())),
        unknown(e.events.map(time::grouped)),
        format!("{} kB", time::grouped(e.bytes.div_ceil(1000))),
        e.workload.clone(),
    ]
}

fn row(pen: &mut Pen, y: u16, w: u16, fields: &[String; 7], style: Style) {
    let mut x = 2;
    for ((title, width, right, from), text) in COLUMNS.iter().zip(fields) {
        if w < *from {
            continue;
        }
        let wider = if *title == "recording" && w >= WIDE { 8 } else { 0 };
        let width = (width + wider).min(w.saturating_sub(x));
        let pad = if *right { width.saturating_sub(text.chars().count() as u16) } else { 0 };
        pen.put(x + pad, y, width.saturating_sub(pad), text, style);
        x += width + 2;
    }
}

fn details(app: &App, pen: &mut Pen, y: u16) {
    let theme = pen.theme;
    let w = pen.area.w;
    let rows = Traces::detail_rows(app.room());
    pen.rule(y, theme.dim());
    let mut lines: Vec<(String, Style)> = Vec::new();
    if let Some(problem) = &app.traces.problem {
        lines.extend(
            wrap(problem, usize::from(w.saturating_sub(4))).into_iter().map(|l| (l, theme.miss())),
        );
    }
    if let Some(e) = app.traces.current() {
        let path = e.path.display().to_string();
        if let Some(problem) = &e.error {
            lines.extend(
                wrap(problem, usize::from(w.saturating_sub(4)))
                    .into_iter()
                    .map(|l| (l, theme.miss())),
            );
        }
        lines.extend(e.notes.iter().map(|n| (n.clone(), theme.gap())));
        lines.push((path, theme.dim()));
    }
    let room = rows.saturating_sub(1);
    let hidden = lines.len().saturating_sub(room);
    for (i, (text, style)) in lines.iter().take(room).enumerate() {
        pen.put(2, y + 1 + i as u16, w - 2, text, *style);
    }
    if hidden > 0 && room > 0 {
        let text = format!(" +{hidden} more");
        pen.put(w.saturating_sub(text.len() as u16 + 1), y + room as u16, w, &text, theme.dim());
    }
}
