//! The time axis, and the lines that marks and the playhead draw through all rows.

use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::app::timeline::rows::Sort;
use crate::ui::pen::Pen;
use ratatui::style::Style;

/// Draws marks and playhead over these lines of the screen.
pub fn lines(t: &Timeline, l: &Layout, rows: &std::ops::Range<u16>, pen: &mut Pen) {
    let theme = pen.theme;
    for (i, mark) in t.marks.iter().enumerate() {
        column_line(
            t,
            l,
            mark.0,
            (if i == 0 { "┊" } else { "┋" }, theme.mark()),
            rows.clone(),
            pen,
        );
    }
    column_line(t, l, t.cursor.pos().0, ("┃", theme.playhead()), rows.clone(), pen);
}

fn column_line(
    t: &Timeline,
    l: &Layout,
    at: u64,
    (glyph, style): (&str, Style),
    rows: std::ops::Range<u16>,
    pen: &mut Pen,
) {
    let Some(col) = t.view.column(at, l.cols()) else { return };
    for y in rows {
        if let Some(cell) = pen.cell((l.plot.x + col as u16, y)) {
            cell.set_symbol(glyph).set_style(style);
        }
    }
}

/// Ticks at round times of the clock that is shown, with the marks and the playhead over them.
pub fn draw(t: &Timeline, l: &Layout, pen: &mut Pen) {
    let (theme, cols) = (pen.theme, l.cols());
    if let Sort::By(heat) = t.rows.sort {
        let text = format!("{} ▼", heat.name());
        pen.right((0, l.axis.y), l.plot.x.saturating_sub(1), &text, theme.dim());
    }
    ticks(t, l, pen);
    for (i, mark) in t.marks.iter().enumerate() {
        if let Some(col) = t.view.column(mark.0, cols) {
            pen.put(l.plot.x + col as u16, l.axis.y, 1, ["A", "B"][i.min(1)], theme.mark());
        }
    }
    if let Some(col) = t.view.column(t.cursor.pos().0, cols) {
        pen.put(l.plot.x + col as u16, l.axis.y, 1, "▼", theme.playhead());
    }
}

/// Time between ticks: a round one, so that they are at least 18 columns and a label apart.
fn step(t: &Timeline, cols: usize) -> u64 {
    let label =
        t.point(t.view.start.saturating_add(t.view.width), t.view.width).chars().count() + 2;
    let apart = label.max(18) as f64;
    let least = (t.view.width as f64 / (cols as f64 / apart).max(1.0)).max(1.0);
    let power = 10_f64.powf(least.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
    round.into_iter().find(|s| *s >= least).unwrap_or(least).max(1.0) as u64
}

fn ticks(t: &Timeline, l: &Layout, pen: &mut Pen) {
    let (theme, cols) = (pen.theme, l.cols());
    let step = step(t, cols);
    let marks = t.marks.iter().map(|m| m.0);
    let over: Vec<usize> =
        marks.chain([t.cursor.pos().0]).filter_map(|at| t.view.column(at, cols)).collect();
    let zero = t.zero() % step;
    let mut tick = ((t.view.start + zero).div_ceil(step) * step).saturating_sub(zero);
    let mut free = 0;
    while let Some(col) = t.view.column(tick, cols) {
        let text = format!("╷{}", t.point(tick, t.view.width));
        let (room, n) = (cols - col, text.chars().count());
        // A label that the playhead or a mark would cut is worse than none; on the other side of
        // its tick there may be room.
        let clear = |from: usize, to: usize| !over.iter().any(|&at| (from..to).contains(&at));
        let left = (col + 1).checked_sub(n).filter(|&left| left >= free && clear(left, col));
        if n <= room && clear(col + 1, col + n) {
            pen.put(l.plot.x + col as u16, l.axis.y, room as u16, &text, theme.dim());
            free = col + n + 1;
        } else if let Some(left) = left {
            let text = format!("{}╷", text.trim_start_matches('╷'));
            pen.put(l.plot.x + left as u16, l.axis.y, n as u16, &text, theme.dim());
            free = col + 1;
        } else {
            pen.put(l.plot.x + col as u16, l.axis.y, 1, "╷", theme.dim());
        }
        let Some(next) = tick.checked_add(step) else { break };
        tick = next;
    }
}
