//! The Tasks screen as state: where the time of each thread or name went, in all of the recording
//! or between the marks of the timeline. What it needs from outside it finds by comparing what is
//! shown with what was last asked for.

pub(super) mod act;
mod screen;

use super::columns;
use super::filter::Filter;
use super::list::{self, Areas, List, Listing, Sorting};
use super::ticket::{Same, Slot, Ticket};
use crate::query::Columns;
use crate::stats::tasks::{Column, Expr, Query, Tasks as Table};
use crate::stats::{By, Window};
use crate::trace::Trace;
use std::sync::Arc;

/// An order to the outside.
#[derive(Clone, Debug)]
pub enum Order {
    /// Sum up a window; answered by [`News::Summed`]. Replaces the one before.
    Sum {
        /// For the answer.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
        /// What a row stands for.
        by: By,
        /// The window.
        window: Window,
    },
    /// Filter and sort; answered by [`News::Looked`]. Replaces the one before.
    Look {
        /// For the answer.
        ticket: Ticket,
        /// The rows.
        table: Arc<Table>,
        /// What is asked.
        query: Query,
    },
}

/// A fact from outside.
#[derive(Debug)]
pub enum News {
    /// The rows, or why there are none.
    Summed {
        /// Of the order.
        ticket: Ticket,
        /// What was found.
        result: Result<Arc<Table>, String>,
    },
    /// The list.
    Looked {
        /// Of the order.
        ticket: Ticket,
        /// The question.
        query: Query,
        /// The rows that it lets through, sorted.
        rows: Vec<u32>,
    },
    /// Something went wrong that only needs to be said.
    Trouble(String),
}

/// What a column of the list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A column of the table: the list can be sorted by it.
    Of(Column),
    /// How often the Timeline's model was right about who came in, where it was this one.
    Hit,
}

impl Shown {
    /// Its name over the list, and in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Of(column) => column.name(),
            Self::Hit => "hit",
        }
    }
}

/// Columns of the list: which, cells, and whether right-aligned.
pub const LIST: [(Shown, u16, bool); 19] = [
    (Shown::Of(Column::Task), 20, false),
    (Shown::Of(Column::Run), 8, true),
    (Shown::Of(Column::Share), 7, true),
    (Shown::Of(Column::Waits), 8, true),
    (Shown::Of(Column::Wait), 8, true),
    (Shown::Of(Column::P50), 8, true),
    (Shown::Of(Column::P99), 8, true),
    (Shown::Of(Column::Max), 8, true),
    (Shown::Of(Column::Stints), 8, true),
    (Shown::Of(Column::Sleep), 8, true),
    (Shown::Of(Column::Blocked), 8, true),
    (Shown::Of(Column::Unknown), 8, true),
    (Shown::Of(Column::Left), 7, true),
    (Shown::Of(Column::Preempted), 9, true),
    (Shown::Of(Column::Woken), 7, true),
    (Shown::Of(Column::Woke), 7, true),
    (Shown::Of(Column::Moved), 6, true),
    (Shown::Of(Column::Cpus), 8, false),
    (Shown::Hit, 7, true),
];

/// Where the rows are.
pub type Data = list::Data<Table>;

/// What the list shows.
#[derive(Debug, Default)]
pub struct Found {
    /// Its rows, sorted.
    pub rows: Vec<u32>,
    /// The question that they answer.
    pub query: Option<Query>,
    /// The question that was last asked.
    looked: Option<Query>,
}

/// How often the Timeline's model was right, per row.
#[derive(Debug, Default)]
pub struct Hits {
    /// Right, and asked with at least two candidates; empty: not known.
    pub of: Vec<[u32; 2]>,
    /// Asked for.
    asked: bool,
}

impl Default for Listing<Column> {
    fn default() -> Self {
        Self::new(LIST.len(), 1, Sorting { by: Column::Run, descending: true })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Tasks {
    /// The rows.
    pub data: Data,
    /// Of which recording, by what, in which window.
    of: Slot<(Same<Trace>, By, Window)>,
    /// Threads of one name together.
    pub folded: bool,
    /// Which of them count.
    pub filter: Filter<Expr>,
    /// The list, in columns of [`LIST`].
    pub listing: Listing<Column>,
    /// Its rows.
    pub found: Found,
    /// How often the model was right.
    pub hits: Hits,
}

/// Cells before the first column.
const GUTTER: u16 = 1;

impl Tasks {
    /// The columns of a list here, of which the mark is on one. Names stand in front wherever that
    /// is.
    pub fn columns(&self, areas: &Areas) -> Vec<columns::Placed> {
        let widths = self.listing.columns.widths(&LIST.map(|c| c.1));
        columns::named(&widths, self.listing.column, areas.behind(GUTTER))
    }

    /// The rows, when they are there.
    pub fn table(&self) -> Option<&Arc<Table>> {
        self.data.ready()
    }

    /// The row of the table that is selected.
    pub fn row(&self) -> Option<usize> {
        self.found.rows.get(self.listing.list.at).map(|r| *r as usize)
    }

    /// What is shown differs from what was asked for.
    pub fn is_stale(&self) -> bool {
        self.found.query != self.found.looked
    }

    fn by(&self) -> By {
        if self.folded { By::Name } else { By::Thread }
    }

    fn query(&self) -> Query {
        let sort = self.listing.sort;
        Query { filter: self.filter.now.clone(), sort: sort.by, descending: sort.descending }
    }

    /// Nothing is known: another recording is open, or none.
    fn forget(&mut self) {
        self.data = Data::Nothing;
        self.found = Found::default();
        (self.listing.list, self.hits) = (List::default(), Hits::default());
    }

    /// Takes what came from outside. The sentence to be said, if any.
    fn news(&mut self, news: News) -> Option<String> {
        match news {
            News::Summed { ticket, result } if self.of.counts(ticket) => {
                self.found = Found::default();
                self.hits = Hits::default();
                self.data = result.into();
            }
            News::Looked { ticket, query, rows } if self.of.counts(ticket) => {
                // The same row stays selected when it is still there.
                let at = self.row().and_then(|row| rows.iter().position(|x| *x as usize == row));
                let n = rows.len();
                match at {
                    Some(at) => self.listing.list.at = at,
                    None => self.listing.list.step(0, n),
                }
                (self.found.rows, self.found.query) = (rows, Some(query));
            }
            News::Trouble(problem) => return Some(problem),
            // Answers to what is no longer asked.
            News::Summed { .. } | News::Looked { .. } => {}
        }
        None
    }

    /// Takes, per task of the recording, how often the model was right and how often it was asked.
    pub(super) fn take_hits(&mut self, of_task: Vec<[u32; 2]>) {
        let Some(table) = self.table().cloned() else { return };
        let mut sums: std::collections::HashMap<(&str, i32), [u32; 2]> =
            std::collections::HashMap::new();
        let by = table.by;
        let tasks = table.trace.tasks();
        // Of a thread all its names count, of a name all its threads.
        for ((_, task), [right, asked]) in tasks.iter().zip(of_task) {
            let key = if by == By::Name { (&*task.name, 0) } else { ("", task.pid.0) };
            let sum = sums.entry(key).or_default();
            *sum = [sum[0] + right, sum[1] + asked];
        }
        let key = |row: &crate::stats::totals::Totals| match by {
            By::Name => (row.comm.clone(), 0),
            By::Thread => (String::new(), row.pid.0),
        };
        let known = |row| {
            let (name, pid) = key(row);
            sums.get(&(name.as_str(), pid)).copied().unwrap_or_default()
        };
        self.hits.of = table.rows.iter().map(known).collect();
    }
}
