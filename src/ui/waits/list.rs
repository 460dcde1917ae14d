//! The list of waits: only the visible rows are made into text, and as many columns as fit.

use super::{called, is};
use crate::app::help::wrap;
use crate::app::waits::places::Places;
use crate::app::waits::{Focus, LIST, Shown, predicted};
use crate::app::{App, time};
use crate::stats::Table;
use crate::stats::blame::Instead;
use crate::stats::column::Column;
use crate::text::cut;
use crate::ui::columns::{Head, head, shortened};
use crate::ui::pen::Pen;
use ratatui::style::Style;

/// Letters of a name among those who ran instead, at least: shorter ones stay whole.
const LEAST_NAME: usize = 4;
const LONGEST_NAME: usize = 18;

/// Draws head and rows.
pub fn draw(app: &App, table: &Table, p: &Places, pen: &mut Pen) {
    let (theme, w) = (pen.theme, &app.waits);
    let columns = p.columns(&w.listing.columns, w.listing.column);
    for (i, x, cells) in &columns {
        let (shown, _, right) = LIST[w.listing.columns.at(*i)];
        let sorted = matches!(shown, Shown::Of(by) if by == w.listing.sort.by)
            .then_some(w.listing.sort.descending);
        let marked = *i == w.listing.column && is(w, Focus::List);
        head(Head { name: shown.name(), right, sorted, marked }, (*x, *cells), p.top.head, pen);
    }
    let rows = w.visible(app.room());
    if rows.is_empty() {
        nothing(table, p, pen);
        return;
    }
    let selected = w.row().map(|row| row as u32);
    for (line, row) in rows.iter().enumerate() {
        let (y, chosen) = (p.top.list.y + line as u16, selected == Some(*row));
        let base = match (chosen, is(w, Focus::List)) {
            (true, true) => theme.chosen(),
            (true, false) => theme.strong(),
            _ => theme.text(),
        };
        if chosen {
            pen.fill(p.top.list.x, y, p.top.list.w, base);
        }
        for (i, x, cells) in &columns {
            let (shown, _, right) = LIST[w.listing.columns.at(*i)];
            let (text, style) = cell(app, table, *row as usize, (shown, *cells), base, pen);
            let style = if chosen { base } else { style };
            let x = *x;
            if right {
                pen.right((x, y), *cells, &text, style);
            } else {
                let who = matches!(shown, Shown::Of(Column::Task | Column::Waker));
                let text = if who { shortened(&text, usize::from(*cells)) } else { text };
                pen.put(x, y, *cells, &text, style);
            }
        }
    }
}

/// Why the list is empty: what was not recorded did not happen to nobody.
fn nothing(table: &Table, p: &Places, pen: &mut Pen) {
    let known = table.trace.knows_queues();
    let (head, more) = match table.waits.is_empty() {
        true if known => ("Nobody waited for a CPU.", ""),
        true => (
            "It is not known who waited for a CPU.",
            "No wake-ups were recorded. Without them only a wait after a preemption is seen, and \
             nobody was preempted.",
        ),
        false => ("No wait is like that.", ""),
    };
    let mut pen = pen.inside(p.top.list.inset(2, 0));
    pen.line(1, head, pen.theme.strong());
    for (i, line) in wrap(more, pen.area.w.into()).iter().enumerate() {
        pen.line(2 + i as u16, line, pen.theme.dim());
    }
}

fn cell(
    app: &App,
    t: &Table,
    row: usize,
    (shown, cells): (Shown, u16),
    base: Style,
    pen: &Pen,
) -> (String, Style) {
    let theme = pen.theme;
    match shown {
        Shown::Of(Column::Wait) => {
            let open = if t.waits.is_open(row) { "+" } else { "" };
            (format!("{}{open}", time::short(t.waits.ns(row))), base)
        }
        Shown::Of(column @ (Column::From | Column::To)) => {
            let ns = column.count(t, row).unwrap_or(0);
            (
                app.timeline()
                    .map_or_else(String::new, |t| t.point(ns, 100_000))
                    .trim_end_matches(" s")
                    .to_owned(),
                base,
            )
        }
        Shown::Of(Column::Idle) => match app.waits.instead.rows.get(&(row as u32)) {
            Some(short) if short.idle > 0 => (time::short(short.idle), base),
            Some(_) => ("–".into(), theme.dim()),
            None => ("░".into(), theme.pending()),
        },
        Shown::Of(Column::Waker) => (called(t, row, t.waits.get(row).waker), base),
        Shown::Of(column) => {
            let text = column.text(t, row);
            (if text.is_empty() { "–".into() } else { text }, base)
        }
        Shown::Instead => match app.waits.instead.rows.get(&(row as u32)) {
            Some(short) => (in_short(t, row, &short.instead, usize::from(cells)), base),
            None => ("░".into(), theme.pending()),
        },
        Shown::Pick => {
            let said = app
                .timeline()
                .filter(|_| !t.waits.is_open(row))
                .and_then(|tl| predicted(tl, t.event(row)));
            match said {
                Some((text, right)) => {
                    let text = whole_number(&text, usize::from(cells));
                    let style = match right {
                        Some(true) => theme.hit(),
                        Some(false) => theme.miss(),
                        None => theme.dim(),
                    };
                    (text, style)
                }
                None => ("–".into(), theme.dim()),
            }
        }
    }
}

/// `✗ NAME:PID 0.87` in so many cells: the name loses its end before its pid and the number do.
fn whole_number(text: &str, cells: usize) -> String {
    let parts = text.split_once(' ').and_then(|(mark, rest)| Some((mark, rest.rsplit_once(' ')?)));
    let Some((mark, (who, p))) = parts else { return text.into() };
    let room = cells.saturating_sub(mark.chars().count() + p.chars().count() + 2);
    format!("{mark} {} {p}", shortened(who, room))
}

/// The first ones by name, as many as there are cells for, and how many there are besides.
fn in_short(t: &Table, row: usize, instead: &Instead, cells: usize) -> String {
    if instead.ran.is_empty() {
        // Of a wait that never ended, nobody is known to have run.
        let unseen = instead.unknown > 0 || t.waits.is_open(row);
        return if unseen { "not known" } else { "nobody: at once" }.into();
    }
    let ran: Vec<(String, u64)> =
        instead.ran.iter().map(|(thread, ns)| (called(t, row, *thread), *ns)).collect();
    few(&ran, instead.rest.0, instead.unknown, cells)
}

/// The same of so many that ran, the longest first; names lose their ends before pids do.
fn few(ran: &[(String, u64)], rest: u64, unknown: u64, cells: usize) -> String {
    // Where most of a wait is not known, that comes first.
    let unknown_first = ran.first().is_none_or(|(_, longest)| unknown >= *longest);
    let named = |n: usize, letters: usize| {
        let one = |(who, ns): &(String, u64)| match who.rsplit_once(':') {
            Some((name, pid)) => format!("{}:{pid} {}", cut(name, letters), time::short(*ns)),
            None => format!("{who} {}", time::short(*ns)),
        };
        let mut parts: Vec<String> = ran[..n].iter().map(one).collect();
        let more = rest + (ran.len() - n) as u64;
        parts.extend((more > 0).then(|| format!("+{more}")));
        if unknown > 0 {
            let at = if unknown_first { 0 } else { parts.len() };
            parts.insert(at, format!("not known {}", time::short(unknown)));
        }
        parts.join(", ")
    };
    // Names that are hardly left say less than one that is whole.
    let least = usize::from(!unknown_first);
    let tries = (least..=ran.len())
        .rev()
        .flat_map(|n| (LEAST_NAME..=LONGEST_NAME).rev().map(move |letters| (n, letters)));
    let fits =
        tries.map(|(n, letters)| named(n, letters)).find(|text| text.chars().count() <= cells);
    fits.unwrap_or_else(|| cut(&named(least, LEAST_NAME), cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_fit_are_named_and_the_others_counted() {
        let ran = [("awk:13184", 4_000_000), ("hackbench:13185", 300_000), ("idle", 20_000)]
            .map(|(who, ns)| (who.to_owned(), ns));
        let table = [
            (7_990_000, 72, "not known 7.99 ms, awk:13184 4.00 ms, hackbench:13185 300 µs, +3"),
            (7_990_000, 60, "not known 7.99 ms, awk:13184 4.00 ms, hack…:13185 300 µs, +3"),
            (7_990_000, 40, "not known 7.99 ms, awk:13184 4.00 ms, +4"),
            (7_990_000, 36, "not known 7.99 ms, +5"),
            (0, 30, "awk:13184 4.00 ms, +4"),
            (0, 20, "awk:13184 4.00 ms, …"),
            (1_000, 22, "awk:13184 4.00 ms, +4…"),
        ];
        for (unknown, cells, want) in table {
            let said = few(&ran, 2, unknown, cells);
            assert!(said.chars().count() <= cells, "{said}");
            assert_eq!(said, want, "{unknown} {cells}");
        }
    }
}
