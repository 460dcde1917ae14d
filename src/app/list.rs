//! A list of which one row is stood on: moving in it, which of its rows are visible, what a click
//! means. Knows nothing of what its rows are; how many there are is said with every call.

mod areas;
mod data;

pub use areas::{Areas, Hit};
pub use data::Data;

use super::columns::Chosen;
use super::keys::Action;

/// Orders that lists with a filter and sorted columns share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Sort by the column under the mark; again: the other way round.
    Sort,
    /// The mark to the column on the left.
    Left,
    /// And on the right.
    Right,
    /// Copy the selected row.
    Copy,
    /// Only the time between the two marks of the timeline.
    Range,
    /// No filter.
    Clear,
    /// The next page of the pane.
    Page,
    /// The page before.
    PrevPage,
    /// Rows together by name, or one by one again.
    Fold,
    /// The waits of the selected row.
    Waits,
}

/// The row that one stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Its index.
    pub at: usize,
}

/// Rows of a page in a list that does not know how many are visible.
pub const PAGE: usize = 8;

impl List {
    /// Moves by so many rows and stays among the `n` that there are.
    pub fn step(&mut self, by: isize, n: usize) {
        self.at = self.at.saturating_add_signed(by).min(n.saturating_sub(1));
    }

    /// Follows an order that moves in lists, a page being so many rows. False: it is no such order.
    pub fn act(&mut self, action: Action, page: usize, n: usize) -> bool {
        let Some(by) = rows(action, page) else { return false };
        self.step(by, n);
        true
    }

    /// First visible row when `room` rows fit: the one that is stood on is in the middle where that
    /// is possible.
    pub fn first(&self, room: usize, n: usize) -> usize {
        self.at.saturating_sub(room.saturating_sub(1) / 2).min(n.saturating_sub(room))
    }

    /// The row in line `line` of `room`.
    pub fn row(&self, line: usize, room: usize, n: usize) -> Option<usize> {
        (line < room).then(|| self.first(room, n) + line).filter(|row| *row < n)
    }

    /// A click on a row: stands on it. True when it was stood on already, which opens it.
    pub fn click(&mut self, row: usize) -> bool {
        std::mem::replace(&mut self.at, row) == row
    }

    /// Stays on the same row among others: `row` is where that is now.
    pub fn keep(&mut self, row: Option<usize>) {
        self.at = row.unwrap_or(0);
    }
}

/// A column and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sorting<C> {
    /// The column.
    pub by: C,
    /// The greatest first.
    pub descending: bool,
}

impl<C: PartialEq> Sorting<C> {
    /// Sorts by this column, at first in this direction; by the same one again: the other way
    /// round.
    pub fn turn(&mut self, by: C, descending: bool) {
        self.descending = if self.by == by { !self.descending } else { descending };
        self.by = by;
    }
}

/// A list in columns, of which one is marked.
#[derive(Debug)]
pub struct Listing<C> {
    /// Place in it.
    pub list: List,
    /// Which columns are shown.
    pub columns: Chosen,
    /// The shown column that the mark is on.
    pub column: usize,
    /// Sorted by this.
    pub sort: Sorting<C>,
}

impl<C> Listing<C> {
    /// Of so many columns, all of them shown, with the mark on one.
    pub fn new(columns: usize, column: usize, sort: Sorting<C>) -> Self {
        Self { list: List::default(), columns: Chosen::all(columns), column, sort }
    }

    /// The marked column, as its place in the table of all.
    pub fn marked(&self) -> usize {
        self.columns.at(self.column)
    }

    /// Moves the mark to the left or to the right.
    pub fn mark(&mut self, what: Do) {
        self.column = mark(self.column, what, self.columns.count());
    }
}

/// Moves a mark over `n` columns.
pub fn mark(at: usize, what: Do, n: usize) -> usize {
    let by = if what == Do::Left { -1 } else { 1 };
    at.saturating_add_signed(by).min(n.saturating_sub(1))
}

/// The next of these panes that is in view, behind the one in focus; the last one leads to the first.
pub fn next_shown<F: Copy + PartialEq>(panes: [(F, bool); 3], focus: F) -> F {
    let at = panes.iter().position(|(pane, _)| *pane == focus).unwrap_or(0);
    let next = (1..=panes.len()).map(|by| panes[(at + by) % panes.len()]);
    next.filter(|(_, shown)| *shown).map(|(pane, _)| pane).next().unwrap_or(focus)
}

/// How far an order moves in a list; `None`: not at all.
pub fn rows(action: Action, page: usize) -> Option<isize> {
    let page = page as isize;
    Some(match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::Start => isize::MIN,
        Action::End => isize::MAX,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moves_and_never_leaves() {
        let table = [
            (Action::Down, 1),
            (Action::PageDown, 6),
            (Action::Up, 5),
            (Action::End, 9),
            (Action::Down, 9),
            (Action::PageUp, 4),
            (Action::Start, 0),
            (Action::Up, 0),
        ];
        let mut list = List::default();
        for (action, at) in table {
            assert!(list.act(action, 5, 10));
            assert_eq!(list.at, at, "{action:?}");
        }
        assert!(!list.act(Action::Open, 5, 10));
        list.step(3, 0);
        assert_eq!(list.at, 0, "an empty list");
    }

    #[test]
    fn the_row_one_stands_on_is_visible_and_clicks_hit_what_is_drawn() {
        for n in [0, 1, 7, 40] {
            for room in [1, 2, 5, 50] {
                for at in 0..n {
                    let list = List { at };
                    let first = list.first(room, n);
                    assert!((first..first + room).contains(&at), "{n} {room} {at}");
                    assert_eq!(list.row(at - first, room, n), Some(at));
                    assert_eq!(list.row(room, room, n), None);
                }
                assert_eq!(List::default().row(n, 100, n), None);
            }
        }
        let mut list = List::default();
        assert_eq!((list.click(3), list.click(3), list.at), (false, true, 3));
    }
}
