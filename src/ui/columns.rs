//! The columns of a wide list: which are visible, their names, and rows cut to fit.

use super::pen::Pen;
use crate::app::layout::Area;

/// Of columns of these widths, a cell apart, those that fit into `room` cells: index, first cell, cells. Scrolled as little
/// as needed for the marked one.
pub fn visible(widths: &[u16], marked: usize, room: u16) -> Vec<(usize, u16, u16)> {
    let fits = |from: usize| {
        let mut x = 0;
        let mut out = Vec::new();
        for (i, w) in widths.iter().enumerate().skip(from) {
            if x + w > room && !out.is_empty() {
                break;
            }
            out.push((i, x, (*w).min(room.saturating_sub(x))));
            x += w + 1;
        }
        out
    };
    let first = (0..=marked).find(|from| fits(*from).iter().any(|(i, ..)| *i == marked));
    fits(first.unwrap_or(0))
}

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
    let name = format!("{}{arrow}", head.name);
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
        Some((name, pid)) if pid.len() + 2 <= width => {
            let head: String = name.chars().take(width - pid.len() - 1).collect();
            format!("{head}:{pid}")
        }
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marked_column_is_visible_and_nothing_is_wider_than_the_room() {
        let widths = [5, 3, 20, 4, 4];
        assert_eq!(visible(&widths, 0, 9), [(0, 0, 5), (1, 6, 3)]);
        assert_eq!(visible(&widths, 1, 9), [(0, 0, 5), (1, 6, 3)], "not scrolled without need");
        assert_eq!(visible(&widths, 2, 9), [(2, 0, 9)], "a column wider than the room is cut");
        assert_eq!(visible(&widths, 4, 9), [(3, 0, 4), (4, 5, 4)]);
        for room in 1..60 {
            for marked in 0..widths.len() {
                let shown = visible(&widths, marked, room);
                assert!(shown.iter().any(|(i, ..)| *i == marked) && shown.iter().all(|(_, x, w)| x + w <= room));
            }
        }
    }
}
