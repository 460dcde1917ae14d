//! The pane that says who ran between the two marks, on the selected CPU and on all, and what was
//! idle meanwhile.

use super::chain;
use crate::app::help::wrap;
use crate::app::layout::{Area, Layout};
use crate::app::time;
use crate::app::timeline::{Pane, Timeline};
use crate::stats::Window;
use crate::stats::between::{Between, Ran};
use crate::text::counted;
use crate::trace::CpuId;
use crate::ui::palette::short_name;
use crate::ui::pen::Pen;
use ratatui::style::Style;

/// The pane in which it stands.
pub fn area(l: &Layout) -> Area {
    if l.context.is_empty() { l.decision } else { l.context }
}

/// Draws it.
pub fn draw(t: &Timeline, window: Window, l: &Layout, pen: &mut Pen) {
    let focus =
        t.panes.focus != Pane::Lanes && (l.context.is_empty() || t.panes.focus == Pane::Context);
    let title = format!(" between the marks · {} · CPU{} ", time::short(window.ns()), t.cpu);
    pen.clear(area(l));
    let mut pen = pen.frame(area(l), &title, focus);
    let inner = pen.area.inset(1, 0);
    let mut pen = pen.inside(inner);
    let cpu = CpuId(t.cpu as u16);
    let told = t.causes.told.as_ref().filter(|told| (told.cpu, told.window) == (cpu, window));
    let Some(told) = told else {
        pen.line(0, "░ adding up who ran", pen.theme.pending());
        return;
    };
    let used = words(t, &told.between, window, &mut pen);
    let rest = Area { y: inner.y + used, h: inner.h.saturating_sub(used), ..inner };
    table(t, &told.between, window, focus, &mut pen.inside(rest));
}

/// What was idle, what is not known, and what led to the selected stint, above the table. The lines
/// used.
fn words(t: &Timeline, between: &Between, window: Window, pen: &mut Pen) -> u16 {
    let (theme, width) = (pen.theme, usize::from(pen.area.w));
    let of = |ns: u64| 100.0 * ns as f64 / window.ns().max(1) as f64;
    let idle: Vec<String> = between
        .idle
        .iter()
        .map(|(cpu, ns)| format!("CPU{} {} {:.0} %", cpu.0, time::short(*ns), of(*ns)))
        .collect();
    let idle = if idle.is_empty() {
        "idle: no CPU was".into()
    } else {
        format!("idle: {}", idle.join(", "))
    };
    let mut lines = vec![(idle, theme.text(), 2)];
    if between.unknown.1 > 0 {
        let (here, all) = (time::short(between.unknown.0), time::short(between.unknown.1));
        lines.push((format!("not known: {here} here, {all} on all CPUs"), theme.gap(), 1));
    }
    if let Some(woken) = &t.causes.woken {
        lines.push((chain(t, woken), theme.text(), 2));
    }
    let mut row = 0;
    let most = pen.area.h / 2;
    for (text, style, rows) in lines {
        let mut wrapped = wrap(&text, width);
        // The last line that it gets takes the rest and is cut at a word.
        if wrapped.len() > rows {
            let rest = wrapped.split_off(rows - 1).join(" ");
            wrapped.push(rest);
        }
        for line in wrapped {
            if row >= most {
                return row;
            }
            pen.fitting(row, &[(line, style)]);
            row += 1;
        }
    }
    row
}

/// Cells of a time and of a share.
const NS: u16 = 9;
const SHARE: u16 = 7;

fn table(t: &Timeline, between: &Between, window: Window, focus: bool, pen: &mut Pen) {
    let (theme, area) = (pen.theme, pen.area);
    let figures = 2 * (NS + SHARE);
    if area.h < 2 || area.w <= figures {
        return;
    }
    let name_w = (area.w - figures).min(26);
    let event = t.trace().times().partition_point(|at| *at < window.to).saturating_sub(1);
    let x = area.x + name_w;
    let mut line = |row: u16, (name, style): (&str, Style), cells: [String; 4]| {
        pen.put(area.x, area.y + row, name_w, name, style);
        let places = [(x, NS), (x + NS, SHARE), (x + NS + SHARE, NS), (x + 2 * NS + SHARE, SHARE)];
        for (text, (x, w)) in cells.iter().zip(places) {
            pen.right(
                (x, area.y + row),
                w,
                text,
                if row == 0 { theme.dim() } else { theme.text() },
            );
        }
    };
    let [here, all] = [format!("CPU{}", t.cpu), "all CPUs".to_owned()];
    line(0, ("ran", theme.dim()), [here, String::new(), all, String::new()]);
    let percent = |ns: u64, of: u64| format!("{:.1} %", 100.0 * ns as f64 / of.max(1) as f64);
    let whole = (window.ns(), window.ns().saturating_mul(t.trace().cpus() as u64));
    let cells = |here: u64, all: u64| {
        let here_text = if here == 0 {
            ["–".into(), String::new()]
        } else {
            [time::short(here), percent(here, whole.0)]
        };
        let [a, b] = here_text;
        [a, b, time::short(all), percent(all, whole.1)]
    };
    let others = u16::from(between.rest.0 > 0);
    let rows = usize::from(area.h - 1);
    let n = between.ran.len() + usize::from(others);
    let first = if focus { t.panes.scroll.min(n.saturating_sub(rows)) } else { 0 };
    for (row, i) in (first..n).take(rows).enumerate() {
        let row = row as u16 + 1;
        let Some(Ran { thread, here, all }) = between.ran.get(i) else {
            let (n, here, all) = between.rest;
            let name = counted(n, "other");
            line(row, (&name, theme.dim()), cells(here, all));
            continue;
        };
        let name = short_name(t.trace(), *thread, event, usize::from(name_w).saturating_sub(1));
        line(row, (&name, theme.task_text(t.colour(*thread))), cells(*here, *all));
    }
    if n == 0 {
        pen.put(area.x, area.y + 1, area.w, "nobody ran, as far as is known", theme.dim());
    }
}
