//! The Traces screen: what can be opened, and what is known about the selected recording.

mod recording;

pub use recording::brief;

use super::columns::{Head, head};
use super::filter;
use super::pen::Pen;
use crate::app::help::wrap;
use crate::app::layout::Area;
use crate::app::second::short_label;
use crate::app::traces::{Column, Entry, FILTER, HEAD, LIST, TOP, Traces};
use crate::app::{App, Open, time};
use crate::text::counted;
use ratatui::style::Style;

/// Draws the screen: the dialog or the panel of a recording in its place, else the list and the
/// details below it.
pub fn draw(app: &App, pen: &mut Pen) {
    if recording::draw(app, pen) {
        return;
    }
    let theme = pen.theme;
    let w = pen.area.w;
    let (top, rows) = (TOP, Traces::rows(app.room()));
    let traces = &app.traces;
    let (listing, placed) = (&traces.listing, traces.listing.placed(w));
    let line = |y, h| Area { x: 0, y, w, h };
    filter::line(&listing.filter, &count(traces), &mut pen.inside(line(FILTER, 1)));
    for (i, x, cells) in &placed {
        let (column, name, _, right) = LIST[listing.columns.at(*i)];
        let sorted = listing.sort.filter(|sort| sort.by == column).map(|sort| sort.descending);
        let marked = *i == listing.column && !listing.filter.editing;
        head(Head { name, right, sorted, marked }, (*x, *cells), line(HEAD, 1), pen);
    }
    if listing.rows.is_empty() {
        let text = match (traces.entries.is_empty(), traces.listed) {
            (true, true) => "There is no recording to open.",
            (true, false) => "Looking for recordings",
            (false, _) => "No recording is like that. 0 shows all.",
        };
        pen.put(3, top, w - 3, text, theme.strong());
    }
    let open = match &app.viewer.open {
        Open::Ready(t) => Some(&t.loaded.path),
        Open::Loading(path) | Open::Failed(path, _) => Some(path),
        Open::Nothing => None,
    };
    let first = traces.list.first(rows, listing.rows.len());
    for (i, entry) in listing.rows.iter().enumerate().skip(first).take(rows) {
        let entry = &traces.entries[*entry];
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
        for (i, x, cells) in &placed {
            let (column, _, _, right) = LIST[listing.columns.at(*i)];
            let text = short_label(&cell(entry, column), usize::from(*cells));
            if right {
                pen.right((*x, y), *cells, &text, style);
            } else {
                pen.put(*x, y, *cells, &text, style);
            }
        }
    }
    details(app, pen, top + rows as u16);
    if listing.filter.editing {
        typing(pen);
    }
}

/// What may be typed, in the place of the columns' names.
fn typing(pen: &mut Pen) {
    let hint = "parts of name, workload, split; 6.1: that kernel · Enter keeps, Esc not";
    pen.fill(0, HEAD, pen.area.w, Style::new());
    pen.sentence((9, HEAD), hint, pen.theme.dim());
}

/// How many rows the filter leaves.
fn count(traces: &Traces) -> String {
    let (shown, all) = (traces.listing.rows.len(), traces.entries.len());
    let of =
        if shown == all { String::new() } else { format!("{} of ", time::grouped(shown as u64)) };
    format!(" {of}{} ", counted(all as u64, "recording"))
}

fn cell(e: &Entry, column: Column) -> String {
    let unknown = |n: Option<String>| n.unwrap_or_else(|| "–".into());
    match column {
        Column::Recording => e.name.clone(),
        Column::Split => match &e.error {
            Some(_) => "✗ error".into(),
            None if e.split.is_empty() => e.via.label().into(),
            None => e.split.clone(),
        },
        Column::Kernel => e.kernel.clone(),
        Column::Cpus => unknown((e.cpus > 0).then(|| e.cpus.to_string())),
        Column::Events => unknown(e.events.map(time::grouped)),
        Column::Size => format!("{} kB", time::grouped(e.bytes.div_ceil(1000))),
        Column::Workload => e.workload.clone(),
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
        pen.sentence((2, y + 1 + i as u16), text, *style);
    }
    if hidden > 0 && room > 0 {
        let text = format!(" +{hidden} more");
        pen.put(w.saturating_sub(text.len() as u16 + 1), y + room as u16, w, &text, theme.dim());
    }
}
