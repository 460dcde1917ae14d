//! The Waits screen: the filter line and figures of what it selects, the list, who ran instead,
//! sums.
//!
//! ```text
//!  filter  task~nginx                                                          4,124 of 23,610 waits
//!  p50 6.50 µs · p90 57.0 µs · p99 4.10 ms · p99.9 6.90 ms · max 7.32 ms · 312 ms in all
//!     wait▼ task             cpu        from instead                            kind      waker
//!   7.32 ms nginx:19562        0    2.938180 pip:22 5.10 ms, stress-ng:9 1.2 ms wakeup    load.sh:22068
//!  ┌ 7.32 ms · nginx:19562 · CPU0 ──────────────────────────────────────────────────────────────────┐
//!  │ pip:22           ██████████████████████▋  5.10 ms  70 %                                         │
//! ```

mod blame;
mod list;
mod sums;

use super::filter;
use super::pen::Pen;
use crate::app::help::wrap;
use crate::app::waits::{Data, Focus, Waits};
use crate::app::{App, Open, time};
use crate::stats::Table;
use crate::stats::view::View;
use crate::trace::ThreadIx;

/// Draws the screen.
pub fn draw(app: &App, pen: &mut Pen) {
    let (w, p) = (&app.waits, app.waits.places(app.room()));
    let all = w.table().map_or(0, |table| table.waits.len());
    let count = w.view.as_ref().map_or_else(String::new, |view| {
        let stale = if w.is_stale() { "░ " } else { "" };
        let shown = time::grouped(view.rows.len() as u64);
        let of = if view.rows.len() == all {
            String::new()
        } else {
            format!(" of {}", time::grouped(all as u64))
        };
        format!(" {stale}{shown}{of} wait{} ", if all == 1 { "" } else { "s" })
    });
    filter::line(&w.filter, &count, &mut pen.inside(p.top.filter));
    match (&w.data, &w.view) {
        (Data::Ready(table), Some(view)) => {
            note(table, view, &mut pen.inside(p.top.note));
            list::draw(app, table, &p, pen);
            blame::draw(app, table, p.blame, pen);
            sums::draw(app, table, view, p.sums, pen);
        }
        (data, _) => waiting(app, data, p.top.list.y + 1, pen),
    }
    if w.filter.editing {
        filter::typing(&w.filter, p.top.note.y, p.top.list, pen);
    }
}

fn waiting(app: &App, data: &Data, y: u16, pen: &mut Pen) {
    let theme = pen.theme;
    let (head, more, style) = match data {
        Data::Nothing if app.timeline().is_none() => nothing_open(app, theme),
        Data::Nothing | Data::Pending => {
            ("░ finding every wait".to_owned(), String::new(), theme.pending())
        }
        Data::Failed(problem) => ("There is no list:".into(), problem.clone(), theme.miss()),
        Data::Ready(_) => ("░ sorting".into(), String::new(), theme.pending()),
    };
    pen.put(2, y, pen.area.w.saturating_sub(2), &head, style);
    for (i, line) in
        wrap(&more, usize::from(pen.area.w.saturating_sub(4))).iter().take(4).enumerate()
    {
        pen.put(2, y + 1 + i as u16, pen.area.w.saturating_sub(2), line, theme.dim());
    }
}

/// What a screen about the open recording says without one.
pub fn nothing_open(
    app: &App,
    theme: super::palette::Theme,
) -> (String, String, ratatui::style::Style) {
    match &app.viewer.open {
        Open::Loading(_) => ("░ reading the recording".into(), String::new(), theme.pending()),
        _ => ("No recording is open.".into(), "4 lists what can be opened.".into(), theme.strong()),
    }
}

/// The figures, and what is not known.
fn note(table: &Table, view: &View, pen: &mut Pen) {
    let theme = pen.theme;
    let d = &view.lengths;
    let mut pieces = vec![(" ".to_owned(), theme.text())];
    // Before the figures: it is what they are worth.
    if !table.trace.knows_queues() {
        let known = if table.waits.is_empty() { "" } else { ": only waits after a preemption" };
        pieces.push((format!("! no wake-ups recorded{known}  "), theme.gap()));
    }
    let figures =
        [("p50", d.p50), ("p90", d.p90), ("p99", d.p99), ("p99.9", d.p999), ("max", d.max)];
    for (name, ns) in figures {
        pieces.push((format!("{name} "), theme.dim()));
        pieces.push((
            format!("{}  ", if d.count == 0 { "–".into() } else { time::short(ns) }),
            theme.strong(),
        ));
    }
    pieces.push((format!("{} in all", time::short(d.sum)), theme.dim()));
    pen.fitting(0, &pieces);
}

/// A thread as it is called when a wait ends.
fn called(t: &Table, row: usize, thread: ThreadIx) -> String {
    if thread == ThreadIx::NONE { "–".into() } else { t.trace.label_at(thread, t.event(row)) }
}

fn is(w: &Waits, focus: Focus) -> bool {
    w.panes.focus == focus && !w.filter.editing
}
