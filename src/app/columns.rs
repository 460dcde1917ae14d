//! Which columns of a wide list are visible, and where: shared by drawing and by the mouse, so that
//! a click on a column's name sorts by that column.

/// A visible column: its index, first cell, cells.
pub type Placed = (usize, u16, u16);

/// Which of a list's columns are shown, and in which order: places in the table of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen(Vec<usize>);

impl Chosen {
    /// All of so many.
    pub fn all(n: usize) -> Self {
        Self((0..n).collect())
    }

    /// Of columns with these names those that are named; all where none is.
    pub fn of(all: &[&str], names: &[&str]) -> Self {
        let named = names.iter().filter_map(|name| all.iter().position(|known| known == name));
        let named: Vec<usize> = named.collect();
        if named.is_empty() { Self::all(all.len()) } else { Self(named) }
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The place in the table of all of the column that stands here; of the last one behind it.
    pub fn at(&self, here: usize) -> usize {
        self.0.get(here.min(self.0.len().saturating_sub(1))).copied().unwrap_or(0)
    }

    /// Their widths, given those of all.
    pub fn widths(&self, all: &[u16]) -> Vec<u16> {
        self.0.iter().filter_map(|place| all.get(*place).copied()).collect()
    }

    /// Where the column stands that has this place in the table of all.
    pub fn position(&self, place: usize) -> Option<usize> {
        self.0.iter().position(|at| *at == place)
    }
}

/// Of columns of these widths, a cell apart, those that fit into `room` cells. Scrolled as little
/// as needed for the marked one.
pub fn visible(widths: &[u16], marked: usize, room: u16) -> Vec<Placed> {
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

/// The same from cell `from` on, in `room` cells behind it.
pub fn placed(widths: &[u16], marked: usize, (from, room): (u16, u16)) -> Vec<Placed> {
    visible(widths, marked, room).into_iter().map(|(i, x, w)| (i, from + x, w)).collect()
}

/// The same, with the first column, a name, in front wherever the mark is.
pub fn named(widths: &[u16], marked: usize, (from, room): (u16, u16)) -> Vec<Placed> {
    let Some((name, rest)) = widths.split_first() else { return Vec::new() };
    let after = name + 1;
    let rest = placed(rest, marked.saturating_sub(1), (from + after, room.saturating_sub(after)));
    [(0, from, *name)].into_iter().chain(rest.into_iter().map(|(i, x, w)| (i + 1, x, w))).collect()
}

/// The column at a cell; between two columns it is the one on the left.
pub fn at(columns: &[Placed], x: u16) -> Option<usize> {
    columns.iter().find(|(_, from, w)| (*from..=from + w).contains(&x)).map(|(i, ..)| *i)
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
                assert!(
                    shown.iter().any(|(i, ..)| *i == marked)
                        && shown.iter().all(|(_, x, w)| x + w <= room)
                );
            }
        }
    }

    #[test]
    fn columns_stand_where_they_were_put() {
        let all = ["a", "b", "c"];
        let chosen = Chosen::of(&all, &["c", "a"]);
        assert_eq!((chosen.at(0), chosen.at(1), chosen.at(9), chosen.count()), (2, 0, 0, 2));
        assert_eq!((chosen.widths(&[1, 2, 3]), chosen.position(1)), (vec![3, 1], None));
        assert_eq!(Chosen::of(&all, &[]), Chosen::all(3));
        assert_eq!(Chosen::default().at(0), 0);
    }

    #[test]
    fn a_cell_belongs_to_the_column_that_is_drawn_there() {
        let columns = named(&[6, 3, 20, 4], 3, (1, 20));
        assert_eq!(columns, [(0, 1, 6), (3, 8, 4)]);
        assert_eq!([1, 7, 8, 12].map(|x| at(&columns, x)), [Some(0), Some(0), Some(3), Some(3)]);
        assert_eq!((at(&columns, 0), at(&columns, 13)), (None, None));
    }
}
