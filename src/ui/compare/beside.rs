//! The timelines of two recordings above each other, with one axis between them and a line where
//! both are aligned.

use crate::app::compare::Places;
use crate::app::compare::beside::{Align, Beside, Side};
use crate::app::time;
use crate::app::timeline::rows::{Shape, What};
use crate::replay::lod::column_time;
use crate::ui::pen::Pen;
use crate::ui::timeline::heat;
use crate::ui::timeline::slim::Slim;
use ratatui::style::Style;

/// Draws titles, rows, axis and line; the pane stands out when it has the arrows.
pub fn draw(both: &Beside, p: &Places, focus: bool, pen: &mut Pen) {
    if p.axis.is_empty() {
        return;
    }
    for (i, side) in both.sides.iter().enumerate() {
        title(both, i, &mut pen.inside(p.title[i]), focus);
        rows(side, &mut pen.inside(p.rows[i]));
    }
    axis(both, &mut pen.inside(p.axis));
    line(both, p, pen);
}

/// The plot as it would be without a part before a recording's beginning: first column, and how
/// many.
fn plot(side: &Side) -> (u16, usize) {
    let (plot, lead) = (side.layout.plot, side.lead);
    (plot.x - lead, usize::from(plot.w + lead))
}

fn title(both: &Beside, i: usize, pen: &mut Pen, focus: bool) {
    let (theme, side) = (pen.theme, &both.sides[i]);
    pen.rule(pen.area.y, if focus { theme.strong() } else { theme.dim() });
    let name = ["A", "B"][i];
    let recording = &both.names()[i];
    let at = match (&both.align, both.mark) {
        (_, Some(_)) if i == 0 => "aligned at the mark".to_owned(),
        (Align::Starts, _) => "aligned at its start".to_owned(),
        (Align::Stint(of, n), _) => {
            format!("aligned at stint {} of {of}", time::grouped(*n as u64 + 1))
        }
    };
    let zero = u64::try_from(side.zero).ok().filter(|z| *z > 0);
    let zero = zero.map_or(String::new(), |z| format!(", {}", time::point(z, both.view.width)));
    let shift = match both.shift {
        ns if i == 1 && ns != 0 => format!(" · shifted {}", time::short_signed(ns)),
        _ => String::new(),
    };
    let style = if focus { theme.chosen() } else { theme.strong() };
    let pieces = [
        ("── ".to_owned(), if focus { theme.strong() } else { theme.dim() }),
        (format!(" {name} {recording} "), style),
        (format!(" {at}{zero}{shift} "), theme.dim()),
    ];
    pen.fitting(0, &pieces);
}

/// What is said in the place of rows, when there is nothing to draw.
fn said(side: &Side) -> Option<&'static str> {
    let trace = side.t.trace();
    if trace.cpus() == 0 || trace.is_empty() {
        Some("this recording has no events")
    } else if side.layout.plot.w == 0 {
        Some("has not begun yet")
    } else if side.t.view.start > trace.span().0 {
        Some("has ended before")
    } else {
        None
    }
}

fn rows(side: &Side, pen: &mut Pen) {
    let (t, l) = (&side.t, &side.layout);
    if let Some(text) = said(side) {
        let (x, _) = plot(side);
        pen.put(x + 1, pen.area.y, pen.area.w.saturating_sub(x + 1), text, pen.theme.dim());
        return;
    }
    for row in t.rows.placed(l) {
        match row.what {
            What::Cpu(cpu) if l.shape == Shape::Slim => Slim { t, l, cpu, y: row.y }.draw(pen),
            what => heat::draw(t, l, (what, row.y), pen),
        }
    }
}

/// The column of a time of the window, which the line stands in.
fn column(both: &Beside, at: u64) -> Option<u16> {
    let (x, cols) = plot(&both.sides[0]);
    both.view.column(at, cols).map(|col| x + col as u16)
}

/// Ticks at round times before and after the line.
fn axis(both: &Beside, pen: &mut Pen) {
    let theme = pen.theme;
    let (x, cols) = plot(&both.sides[0]);
    let width = both.view.width;
    let times =
        |col: usize| i128::from(column_time(both.view.start, width, col, cols)) + both.first;
    let label = |at: i128| {
        let sign = if at < 0 { "−" } else { "" };
        format!("╷{sign}{}", time::point(u64::try_from(at.abs()).unwrap_or(u64::MAX), width))
    };
    let apart = [times(0), times(cols)]
        .map(|at| label(at).chars().count())
        .into_iter()
        .max()
        .unwrap_or(0)
        .max(16)
        + 2;
    let least = (width as f64 / (cols as f64 / apart as f64).max(1.0)).max(1.0);
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= least)
        .unwrap_or(least)
        .max(1.0) as i128;
    let mut tick = times(0).div_euclid(step) * step;
    while tick < times(cols) {
        let at = u64::try_from(tick - both.first).ok().and_then(|at| column(both, at));
        if let Some(at) = at {
            let (text, room) = (label(tick), (x + cols as u16).saturating_sub(at));
            if text.chars().count() <= usize::from(room) {
                pen.put(at, pen.area.y, room, &text, theme.dim());
            }
        }
        tick += step;
    }
}

/// Where both are aligned.
fn line(both: &Beside, p: &Places, pen: &mut Pen) {
    let Some(x) = column(both, both.zero()) else { return };
    let style: Style = pen.theme.mark();
    for (area, _) in p.rows.into_iter().zip(&both.sides).filter(|(_, side)| said(side).is_none()) {
        for y in area.y..area.y + area.h {
            if let Some(cell) = pen.cell((x, y)) {
                cell.set_symbol("┃").set_style(style);
            }
        }
    }
    if let Some(cell) = pen.cell((x, p.axis.y)) {
        cell.set_symbol("▼").set_style(style);
    }
}
