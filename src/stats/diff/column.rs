//! Differences as a table: its columns in filters, and what a list shows of it.

use super::{Difference, Differences, Measure};
use crate::query::{self, Bitmap, Columns, Described, FilterError, Kind, quoted};

/// A question to each difference.
pub type Expr = query::Expr<Column>;

/// The expression in `text`.
pub fn parse(text: &str) -> Result<Expr, FilterError> {
    query::parse(text)
}

/// A column of filters. Values of two measures are not of one kind: they are compared as what they
/// are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is explained in `COLUMNS`
pub enum Column {
    Task,
    Measure,
    Change,
    Certainty,
    Certain,
    More,
    Less,
    All,
}

/// Every column with its name in filters, its kind, and what it says.
pub const COLUMNS: [Described<Column>; 8] = [
    (Column::Task, "task", Kind::Text, "name"),
    (Column::Measure, "measure", Kind::Text, "what is compared"),
    (Column::Change, "change", Kind::Share, "difference as a share of A, without its sign"),
    (Column::Certainty, "certainty", Kind::Count, "difference in whole standard deviations"),
    (Column::Certain, "certain", Kind::Flag, "more than chance: the interval leaves out zero"),
    (Column::More, "more", Kind::Flag, "B has more"),
    (Column::Less, "less", Kind::Flag, "B has less"),
    (Column::All, "all", Kind::Flag, "of all tasks together"),
];

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields of a difference
pub enum Sort {
    Task,
    Measure,
    A,
    B,
    Difference,
    Change,
    Certainty,
}

/// What is asked of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Only differences for which it is true.
    pub filter: Option<Expr>,
    /// By what the list is sorted.
    pub sort: Sort,
    /// The greatest first.
    pub descending: bool,
}

impl Difference {
    /// The interval leaves out zero.
    pub fn is_certain(&self) -> bool {
        self.interval[0] > 0.0 || self.interval[1] < 0.0
    }

    /// How certain it is against another: what is more than chance is before what is not, whatever
    /// its spread.
    pub fn surer(&self, other: &Self) -> std::cmp::Ordering {
        let order = self.is_certain().cmp(&other.is_certain());
        order.then(self.certainty.total_cmp(&other.certainty))
    }

    /// The difference as a share of the first value; `None` where that is nothing.
    pub fn change(&self) -> Option<f64> {
        (self.values[0] != 0.0).then(|| self.difference / self.values[0])
    }
}

impl Differences {
    /// The rows that a filter lets through, sorted; equals stay in the order of the table.
    pub fn listed(&self, query: &Query) -> Vec<u32> {
        let all = || Bitmap::all(self.rows.len(), true);
        let rows = query.filter.as_ref().map_or_else(all, |f| f.rows(self));
        let mut rows: Vec<u32> = rows.iter().map(|row| row as u32).collect();
        let key = |d: &Difference| match query.sort {
            Sort::A => d.values[0],
            Sort::B => d.values[1],
            Sort::Difference => d.difference,
            Sort::Change => d.change().unwrap_or(0.0),
            _ => d.certainty,
        };
        let order = |a: &u32, b: &u32| {
            let (x, y) = (&self.rows[*a as usize], &self.rows[*b as usize]);
            match query.sort {
                Sort::Task => x.name.cmp(&y.name),
                Sort::Measure => (x.measure as u8).cmp(&(y.measure as u8)),
                Sort::Certainty => x.surer(y),
                _ => key(x).total_cmp(&key(y)),
            }
        };
        rows.sort_by(|a, b| if query.descending { order(b, a) } else { order(a, b) });
        rows
    }
}

impl Columns for Column {
    type Table = Differences;

    const ALL: &'static [Described<Self>] = &COLUMNS;

    fn numbers(self, t: &Differences, holds: impl Fn(u64) -> bool + Sync) -> Bitmap {
        // The greatest number stands for infinity.
        Bitmap::of(t.rows.len(), |row| holds(t.rows[row].certainty as u64))
    }

    fn shares(self, t: &Differences, holds: impl Fn(f32) -> bool + Sync) -> Bitmap {
        Bitmap::of(t.rows.len(), |row| t.rows[row].change().is_some_and(|x| holds(x.abs() as f32)))
    }

    fn texts(self, t: &Differences, says: impl Fn(&[&str]) -> bool + Sync) -> Bitmap {
        Bitmap::of(t.rows.len(), |row| match (self, &t.rows[row].name) {
            (Self::Measure, _) => says(&[t.rows[row].measure.label()]),
            (_, name) => name.as_deref().is_some_and(|name| says(&[name])),
        })
    }

    fn flags(self, t: &Differences) -> Bitmap {
        Bitmap::of(t.rows.len(), |row| {
            let d = &t.rows[row];
            match self {
                Self::Certain => d.is_certain(),
                Self::More => d.difference > 0.0,
                Self::Less => d.difference < 0.0,
                _ => d.name.is_none(),
            }
        })
    }

    fn choices(self) -> Vec<&'static str> {
        if self == Self::Measure { Measure::ALL.map(Measure::label).to_vec() } else { Vec::new() }
    }

    fn values(self, t: &Differences) -> Vec<String> {
        let mut texts: Vec<String> = match self {
            Self::Task => t.rows.iter().filter_map(|d| d.name.as_deref().map(quoted)).collect(),
            Self::Measure => return self.choices().into_iter().map(String::from).collect(),
            _ => Vec::new(),
        };
        texts.sort_unstable();
        texts.dedup();
        texts
    }
}
