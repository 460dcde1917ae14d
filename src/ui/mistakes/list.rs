//! The list of decisions: only the visible rows are made into text, and as many columns as fit.

use super::is;
use crate::app::layout::Area;
use crate::app::mistakes::places::Places;
use crate::app::mistakes::{Focus, Found, LIST, Mistakes};
use crate::app::time;
use crate::evaluate::mistakes::view::View;
use crate::evaluate::mistakes::{Column, Kind, Table};
use crate::text::cut;
use crate::ui::columns::{self, Head, shortened};
use crate::ui::pen::Pen;

/// Draws head and rows.
pub fn draw(m: &Mistakes, found: &Found, view: &View, p: &Places, pen: &mut Pen) {
    let columns = p.columns(&m.listing.columns, m.listing.column);
    head(m, p, &columns, pen);
    if view.rows.is_empty() {
        nothing(found, view, p.top.list, pen);
        return;
    }
    let rows = p.top.rows();
    let first = m.first_row(rows);
    for (line, row) in view.rows.iter().enumerate().skip(first).take(rows) {
        let at = Area { y: p.top.list.y + (line - first) as u16, h: 1, ..p.top.list };
        decision(m, &found.table, (line, *row as usize), at, &columns, pen);
    }
}

/// Why no row is there: without any decision the recording's reason, else the filter or the view.
fn nothing(found: &Found, view: &View, list: Area, pen: &mut Pen) {
    let text = match found.table.lack() {
        Some(lack) => format!("There is nothing to list: {lack}."),
        None if view.sums.total.decisions == 0 => "No decision is like that.".into(),
        None => "None of these decisions is wrong. a lists the right ones too.".into(),
    };
    let style = pen.theme.strong();
    pen.inside(Area { x: list.x + 2, w: list.w.saturating_sub(2), ..list }).paragraph(
        (1, list.h),
        &text,
        style,
    );
}

/// A column of the list: which, where, how wide.
type Placed = (usize, u16, u16);

fn head(m: &Mistakes, p: &Places, placed: &[Placed], pen: &mut Pen) {
    for (i, x, w) in placed {
        let (column, _, to_right) = LIST[m.listing.columns.at(*i)];
        let sorted = m.listing.sort.by == column;
        let sorted = sorted.then_some(m.listing.sort.descending);
        let marked = *i == m.listing.column && is(m, Focus::List);
        let head = Head { name: column.name(), right: to_right, sorted, marked };
        columns::head(head, (*x, *w), Area { x: 0, ..p.top.head }, pen);
    }
}

/// A row of the table, in its line of the list.
fn decision(
    m: &Mistakes,
    table: &Table,
    (line, row): (usize, usize),
    at: Area,
    columns: &[Placed],
    pen: &mut Pen,
) {
    let theme = pen.theme;
    let chosen = line == m.listing.list.at;
    let base = match (chosen, is(m, Focus::List)) {
        (true, true) => theme.chosen(),
        (true, false) => theme.strong(),
        _ => theme.text(),
    };
    if chosen {
        pen.fill(at.x, at.y, at.w, base);
    }
    let marked = m.rows.marked.contains(&(row as u32));
    pen.put(at.x, at.y, 1, if marked { "●" } else { " " }, base);
    let (glyph, style) =
        if table.is_hit(row) { ("✓", theme.hit()) } else { ("✗", theme.miss()) };
    pen.put(at.x + 2, at.y, 1, glyph, if chosen { base } else { style });
    for (i, x, w) in columns {
        let (column, _, to_right) = LIST[m.listing.columns.at(*i)];
        let text = cell(table, row, column);
        if to_right {
            pen.right((*x, at.y), *w, &text, base);
        } else {
            let tasks = matches!(column, Column::Prev | Column::Pred | Column::Real);
            let room = usize::from(*w);
            let text = if tasks { shortened(&text, room) } else { cut(&text, room) };
            pen.put(*x, at.y, *w, &text, base);
        }
    }
}

/// A value as it reads best.
pub fn cell(t: &Table, row: usize, column: Column) -> String {
    match column.kind() {
        Kind::Time if column == Column::Time => {
            column.count(t, row).map_or_else(String::new, |ns| format!("{:.9}", ns as f64 / 1e9))
        }
        Kind::Time => column.count(t, row).map_or_else(|| "–".into(), time::short),
        Kind::Share => format!("{:.3}", column.share(t, row)),
        Kind::Flag if column == Column::Forecast && !Column::Asked.flag(t, row) => "–".into(),
        Kind::Flag => if column.flag(t, row) { "✓" } else { "✗" }.into(),
        _ => column.text(t, row).into_owned(),
    }
}
