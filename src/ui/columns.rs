//! The columns of a wide list: their names, and cells cut to fit. Which are visible says
//! `app::columns`.

use super::pen::Pen;
use crate::app::layout::Area;
use crate::text::cut;

/// A column's name and what it is to the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Its name.
    pub name: &'a str,
    /// It stands at the right end of its cells.
    pub right: bool,
    /// The list is sorted by it, the greatest first or last.
    pub sorted: Option<bool>,
    /// The mark is on it, and the list has the keys.
    pub marked: bool,
}

/// Writes a column's name over its cells in the first row of an area.
pub fn head(head: Head, (x, w): (u16, u16), area: Area, pen: &mut Pen) {
    let theme = pen.theme;
    let arrow = head.sorted.map_or("", |descending| if descending { "▼" } else { "▲" });
    // Where there is no room for both, the name loses its end and not the arrow.
    let room = usize::from(w).saturating_sub(arrow.chars().count());
    let name = cut(head.name, room) + arrow;
    let style = match (head.marked, head.sorted.is_some()) {
        (true, _) => theme.chosen(),
        (false, true) => theme.strong(),
        _ => theme.dim(),
    };
    if head.right {
        pen.right((area.x + x, area.y), w, &name, style);
    } else {
        pen.put(area.x + x, area.y, w, &name, style);
    }
}

/// `name:pid` in so many cells: the name loses its end before the pid does.
pub fn shortened(text: &str, width: usize) -> String {
    match text.rsplit_once(':').filter(|_| text.chars().count() > width) {
        Some((name, pid)) if pid.len() + 3 <= width => {
            format!("{}:{pid}", cut(name, width - pid.len() - 1))
        }
        _ => cut(text, width),
    }
}
