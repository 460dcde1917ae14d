//! Rows of a heat map: how much of something one CPU had, or several. Two CPUs share a row as its
//! upper and lower half; of more it is the mean use, the share of all misses, the longest queue.

use super::slim::{figures, name, used};
use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::app::timeline::heat::{self, Warm};
use crate::app::timeline::rows::{Heat, What};
use crate::replay::lod::column_time;
use crate::ui::palette::{Theme, bar};
use crate::ui::pen::Pen;
use ratatui::style::Style;

/// Draws a row.
pub fn draw(t: &Timeline, l: &Layout, (what, y): (What, u16), pen: &mut Pen) {
    let cpus = t.rows.cpus(what);
    name(t, l, (what, y), &label(t, l, what, cpus), pen);
    let (kind, cols) = (t.rows.heat, l.cols());
    let x = |col: usize| l.plot.x + col as u16;
    let lit = |cpu: usize, col: usize| {
        let [from, to] = [col, col + 1].map(|c| column_time(t.view.start, t.view.width, c, cols));
        t.looks.found.as_ref().is_some_and(|found| found.ran(cpu, from, to.max(from + 1)))
    };
    let all = if let &[upper, lower] = cpus {
        let both = [upper, lower].map(|cpu| heat::columns(t, &[cpu], cols));
        for (col, (up, low)) in both[0].iter().zip(&both[1]).enumerate() {
            pair(kind, (up.value(t, kind), low.value(t, kind)), (x(col), y), pen);
            let glyph = match (lit(upper, col), lit(lower, col)) {
                (true, true) => "█",
                (true, false) => "▀",
                (false, true) => "▄",
                (false, false) => continue,
            };
            light(glyph, (x(col), y), pen);
        }
        both.concat()
    } else {
        let columns = heat::columns(t, cpus, cols);
        for (col, warm) in columns.iter().enumerate() {
            single(kind, warm.value(t, kind), (x(col), y), pen);
            if cpus.iter().any(|&cpu| lit(cpu, col)) {
                light("▪", (x(col), y), pen);
            }
        }
        columns
    };
    let mut sum = Warm::default();
    for warm in &all {
        sum.add(warm);
    }
    figures(l, y, &in_words(t, kind, (&sum, cols)), pen);
}

/// A searched task ran here: the half of its CPU, or a mark where that is one of many. The heat
/// stays below it.
fn light(glyph: &str, (x, y): (u16, u16), pen: &mut Pen) {
    let style = pen.theme.lit_mark();
    if let Some(cell) = pen.cell((x, y)) {
        // Of two halves the other one keeps its colour.
        let other = if glyph == "▄" { cell.fg } else { cell.bg };
        let below = if cell.symbol() == "▀" && glyph != "▪" { other } else { cell.bg };
        cell.set_symbol(glyph).set_style(style.bg(below));
    }
}

/// `CPU3`, `CPU0-15`, `CPU7 +15` where they do not follow each other; with the sign that folds and
/// unfolds it. As much of it as fits, never a part of a number.
fn label(t: &Timeline, l: &Layout, what: What, cpus: &[usize]) -> String {
    let (Some(first), Some(last)) = (cpus.first(), cpus.last()) else { return String::new() };
    if first == last {
        return format!("CPU{first}");
    }
    let sign = if t.rows.is_open(what) { "▾" } else { "▸" };
    let follow = cpus.windows(2).all(|w| w[1] == w[0] + 1);
    let rest = if follow { format!("-{last}") } else { format!(" +{}", cpus.len() - 1) };
    let room = usize::from(if l.plot.x >= 12 { l.plot.x - 2 } else { l.plot.x - 1 });
    let names = [
        format!("{sign}CPU{first}{rest}"),
        format!("{sign}{first}{rest}"),
        format!("{sign}{first}…"),
    ];
    names.into_iter().find(|name| name.chars().count() <= room).unwrap_or_else(|| sign.into())
}

fn in_words(t: &Timeline, kind: Heat, (sum, cols): (&Warm, usize)) -> String {
    match (kind, sum.value(t, kind)) {
        (_, Value::Unknown | Value::Outside) => "unknown".into(),
        (_, Value::Pending) => "pending".into(),
        (Heat::Use, Value::Share(share)) => format!("use {}", used(share, sum.known(t, cols))),
        (Heat::Misses, Value::Share(share)) => format!("miss{:>3.0} %", share * 100.0),
        (Heat::Queue, Value::Share(_)) => format!("max {:>3}", sum.queue),
        (_, Value::Nothing) => "–".into(),
    }
}

use heat::Value;

/// One cell for one row.
fn single(kind: Heat, value: Value, (x, y): (u16, u16), pen: &mut Pen) {
    let theme = pen.theme;
    let (glyph, style) = match value {
        Value::Outside => return,
        Value::Unknown => ("┈", theme.gap()),
        Value::Pending => ("░", theme.pending()),
        Value::Nothing => ("·", theme.dim()),
        Value::Share(share) if theme.color() => (" ", theme.heat_below(kind, share)),
        Value::Share(share) => (if share > 0.0 { bar(share) } else { "·" }, Style::new()),
    };
    pen.put(x, y, 1, glyph, style);
}

/// Two in one: the upper and the lower half. Without colours a half stands for more than the half.
fn pair(kind: Heat, (up, low): (Value, Value), at: (u16, u16), pen: &mut Pen) {
    let theme = pen.theme;
    if up == low || matches!((up, low), (Value::Outside, _) | (_, Value::Outside)) {
        let both = if theme.color() || !matches!(up, Value::Share(_)) { up } else { low };
        if theme.color() || !matches!(both, Value::Share(_)) {
            single(kind, both, at, pen);
            return;
        }
    }
    let half = |value: Value, theme: Theme| match value {
        Value::Share(share) => theme.heat(kind, share),
        Value::Pending => theme.pending(),
        _ => theme.dim(),
    };
    if theme.color() {
        let below = half(low, theme);
        let style = half(up, theme).bg(below.fg.unwrap_or_default());
        pen.put(at.0, at.1, 1, "▀", style);
        return;
    }
    let much = |value: Value| matches!(value, Value::Share(share) if share >= 0.5);
    let glyph = match (much(up), much(low)) {
        (true, true) => "█",
        (true, false) => "▀",
        (false, true) => "▄",
        _ if [up, low].contains(&Value::Unknown) => "┈",
        (false, false) => "·",
    };
    pen.put(at.0, at.1, 1, glyph, Style::new());
}
