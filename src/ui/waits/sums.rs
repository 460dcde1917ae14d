//! Sums of the waits: how many were how long, and where the machine was crowded.

use super::is;
use crate::app::layout::Area;
use crate::app::waits::{Crowd, Focus, Page};
use crate::app::{App, time};
use crate::stats::Table;
use crate::stats::view::View;
use crate::ui::palette;
use crate::ui::pen::{Pen, bar, unseen};

/// Draws the pane.
pub fn draw(app: &App, table: &Table, view: &View, area: Area, pen: &mut Pen) {
    if area.is_empty() {
        return;
    }
    let w = &app.waits;
    let title = match w.panes.page {
        Page::Lengths => " how long · v more ",
        Page::Crowd => " crowded · all waits · v more ",
    };
    let mut inner = pen.frame(area, title, is(w, Focus::Sums)).area;
    (inner.x, inner.w) = (inner.x + 1, inner.w.saturating_sub(2));
    let mut pen = pen.inside(inner);
    match (w.panes.page, &w.crowd) {
        (Page::Lengths, _) => lengths(app, view, &mut pen),
        (Page::Crowd, Some(crowd)) => crowded(app, table, crowd, &mut pen),
        (Page::Crowd, None) => {
            pen.line(0, "░ counting who waited when", pen.theme.pending());
        }
    }
}

fn lengths(app: &App, view: &View, pen: &mut Pen) {
    let (theme, area, buckets) = (pen.theme, pen.area, &view.lengths.histogram);
    let w = &app.waits;
    if buckets.is_empty() {
        pen.line(0, "nothing to count", theme.dim());
        return;
    }
    let most = buckets.iter().map(|b| b.count).max().unwrap_or(1).max(1);
    let rows = usize::from(area.h.saturating_sub(1));
    // The longest are what one looks for: they stay visible until the mark goes up.
    let marked = if is(w, Focus::Sums) { w.panes.bar } else { buckets.len() - 1 };
    let first = (marked + 1).saturating_sub(rows.max(1)).min(buckets.len().saturating_sub(rows));
    let head = format!("{:>9} {:>9} {:>9}", "below", "waits", "together");
    let more = unseen(first, buckets.len().saturating_sub(first + rows));
    pen.line(0, &format!("{head}   {more}"), theme.dim());
    let bar_w = area.w.saturating_sub(31).min(60);
    for (i, b) in buckets.iter().enumerate().skip(first).take(rows) {
        let on = is(w, Focus::Sums) && i == w.panes.bar;
        let style = if on { theme.chosen() } else { theme.text() };
        let row = 1 + (i - first) as u16;
        let text = format!(
            "{:>9} {:>9} {:>9} ",
            time::short(b.to),
            time::grouped(b.count),
            time::short(b.sum)
        );
        let bar = bar(b.count as f64 / most as f64, bar_w);
        // Few among many are still to be seen.
        let bar = if bar.is_empty() && b.count > 0 { "▏".to_owned() } else { bar };
        pen.words(row, &[(text, style), (bar, theme.usage())]);
    }
}

fn crowded(app: &App, table: &Table, crowd: &Crowd, pen: &mut Pen) {
    let (theme, area, w) = (pen.theme, pen.area, &app.waits);
    let span = table.trace.span().0;
    let at = |k: usize| {
        app.timeline().map_or_else(String::new, |t| t.point(crowd.part(k, span)[0], 1_000_000))
    };
    let on = |bar: usize| {
        if is(w, Focus::Sums) && w.panes.bar == bar { theme.chosen() } else { theme.strong() }
    };
    let queue = match crowd.longest() {
        Some((k, n)) => format!("{n} waited for one CPU at {}", at(k)),
        None => "nobody ever waited".into(),
    };
    pen.words(0, &[("longest queue ".into(), on(0)), (queue, theme.text())]);
    let values: Vec<u64> = crowd.queues.iter().map(|q| u64::from(*q)).collect();
    let line = |values: &[u64]| sparkline(values, usize::from(area.w));
    pen.line(1, &line(&values), theme.queue());
    let all: u64 = crowd.idle.iter().sum();
    let share = 100.0 * all as f64 / span.max(1) as f64;
    let idle = match crowd.most_idle() {
        Some((k, ns)) => {
            format!("{} ({share:.1} %), most at {}: {}", time::short(all), at(k), time::short(ns))
        }
        None => "never".into(),
    };
    pen.words(3, &[("idle while somebody waited ".into(), on(1)), (idle, theme.text())]);
    pen.line(4, &line(&crowd.idle), theme.gap());
    let list = [
        ("waits with an idle CPU ".into(), on(2)),
        ("the list of them, most of it first".into(), theme.text()),
    ];
    pen.words(5, &list);
    if is(w, Focus::Sums) {
        pen.line(6, "j k choose · Enter goes to the worst moment, or lists", theme.dim());
    } else {
        let alone = w.places(app.room()).blame.is_empty();
        let tab = if alone { "Tab" } else { "Tab twice" };
        let line = format!("{tab}, then Enter: to the worst moment, or the list");
        pen.line(6, &line, theme.dim());
    }
}

/// Values as heights in so many cells; of several in a cell the greatest.
fn sparkline(values: &[u64], cells: usize) -> String {
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let n = values.len();
    let cells = cells.min(n).max(1);
    (0..cells)
        .map(|cell| {
            let part = &values
                [cell * n / cells..((cell + 1) * n / cells).max(cell * n / cells + 1).min(n)];
            palette::bar(part.iter().copied().max().unwrap_or(0) as f32 / most as f32)
        })
        .collect()
}
