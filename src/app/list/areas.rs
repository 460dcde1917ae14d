//! Where the parts of a screen with a list are: its filter, a line about it, the names of its
//! columns, its rows. What a click there means.

use super::List;
use crate::app::columns::{self, Placed};
use crate::app::layout::Area;

/// The areas; below the list there may be others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// The filter line.
    pub filter: Area,
    /// What the filter selects, or what is wrong with it.
    pub note: Area,
    /// Names of the list's columns.
    pub head: Area,
    /// The list.
    pub list: Area,
}

/// What a click hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The filter line.
    Filter,
    /// The names of the columns: this one, if it is one.
    Head(Option<usize>),
    /// The list: this row, if it is one.
    List(Option<usize>),
}

impl Areas {
    /// For a list over the whole width of a screen, down to its last line but one.
    pub fn new((w, h): (u16, u16)) -> Self {
        let row = |y: u16, h: u16| Area { x: 0, y, w, h };
        let list = row(4, h.saturating_sub(5));
        Self { filter: row(1, 1), note: row(2, 1), head: row(3, 1), list }
    }

    /// With a list of this size.
    #[must_use]
    pub fn sized(self, w: u16, h: u16) -> Self {
        Self { head: Area { w, ..self.head }, list: Area { w, h, ..self.list }, ..self }
    }

    /// The first cell of the columns and how many there are for them, behind a gutter.
    pub fn behind(&self, gutter: u16) -> (u16, u16) {
        (self.list.x + gutter, self.list.w.saturating_sub(gutter))
    }

    /// Rows of the list.
    pub fn rows(&self) -> usize {
        usize::from(self.list.h)
    }

    /// Rows of a page of it.
    pub fn page(&self) -> usize {
        self.rows().saturating_sub(1).max(1)
    }

    /// What a click here hits, when these columns are visible and the list has `n` rows.
    pub fn hit(&self, (x, y): (u16, u16), placed: &[Placed], list: List, n: usize) -> Option<Hit> {
        if self.filter.has(x, y) {
            Some(Hit::Filter)
        } else if self.head.has(x, y) {
            Some(Hit::Head(columns::at(placed, x)))
        } else if self.list.has(x, y) {
            Some(Hit::List(list.row(usize::from(y - self.list.y), self.rows(), n)))
        } else {
            None
        }
    }
}
