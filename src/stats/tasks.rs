//! Threads or names with where their time went, as a table: its columns in words, and what a list
//! shows of it.

use super::Window;
use super::names::By;
use super::totals::Totals;
use crate::query::{self, Bitmap, Columns, Described, FilterError, Kind, quoted};
use crate::trace::Trace;
use std::sync::Arc;

/// A question to each row.
pub type Expr = query::Expr<Column>;

/// The expression in `text`.
pub fn parse(text: &str) -> Result<Expr, FilterError> {
    query::parse(text)
}

/// The rows of a recording, or of a window of it.
#[derive(Clone, Debug)]
pub struct Tasks {
    /// The recording.
    pub trace: Arc<Trace>,
    /// What a row stands for.
    pub by: By,
    /// Whose time is summed up.
    pub window: Window,
    /// Those that waited longest first.
    pub rows: Vec<Totals>,
}

impl Tasks {
    /// Of a recording: one pass.
    pub fn new(trace: Arc<Trace>, by: By, window: Window) -> Self {
        let rows = Totals::of(&trace, by, window);
        Self { trace, by, window, rows }
    }

    /// How a row is called: `name:pid`, or the name and how many threads had it.
    pub fn label(&self, row: usize) -> String {
        let t = &self.rows[row];
        match self.by {
            By::Thread => format!("{}:{}", t.comm, t.pid.0),
            By::Name if t.threads > 1 => format!("{} ×{}", t.comm, t.threads),
            By::Name => t.comm.clone(),
        }
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is explained in `COLUMNS`
pub enum Column {
    Task,
    Pid,
    Threads,
    Run,
    Share,
    Stints,
    Waits,
    Wait,
    P50,
    P99,
    Max,
    Sleep,
    Blocked,
    Unknown,
    Left,
    Preempted,
    Woken,
    Woke,
    Moved,
    Cpus,
}

/// Every column with its name in filters, its kind, and what it says.
pub const COLUMNS: [Described<Column>; 20] = [
    (Column::Task, "task", Kind::Text, "name, or name:pid"),
    (Column::Pid, "pid", Kind::Count, "its pid; of a name, that of one of its threads"),
    (Column::Threads, "threads", Kind::Count, "threads that had the name"),
    (Column::Run, "run", Kind::Time, "time on a CPU"),
    (Column::Share, "share", Kind::Share, "the same as a share of one CPU's time"),
    (Column::Stints, "stints", Kind::Count, "how often it came in"),
    (Column::Waits, "waits", Kind::Count, "how often it waited for a CPU"),
    (Column::Wait, "wait", Kind::Time, "time it waited, all waits together"),
    (Column::P50, "p50", Kind::Time, "half of its waits are at most this"),
    (Column::P99, "p99", Kind::Time, "99 % of its waits are at most this"),
    (Column::Max, "max", Kind::Time, "its longest wait"),
    (Column::Sleep, "sleep", Kind::Time, "time asleep"),
    (Column::Blocked, "blocked", Kind::Time, "of that, in uninterruptible sleep"),
    (Column::Unknown, "unknown", Kind::Time, "time of which the recording says nothing"),
    (Column::Left, "left", Kind::Count, "how often it left to sleep or to end"),
    (Column::Preempted, "preempted", Kind::Count, "how often it left and could have run on"),
    (Column::Woken, "woken", Kind::Count, "how often it was woken or forked"),
    (Column::Woke, "woke", Kind::Count, "how often it woke or forked another one"),
    (Column::Moved, "moved", Kind::Count, "how often it came in on another CPU than before"),
    (Column::Cpus, "cpus", Kind::Count, "on how many CPUs it came in"),
];

impl Column {
    /// The number in a row; of a name or a share, none.
    pub fn count(self, t: &Totals) -> Option<u64> {
        Some(match self {
            Self::Task | Self::Share => return None,
            Self::Pid => return u64::try_from(t.pid.0).ok(),
            Self::Threads => t.threads,
            Self::Run => t.run,
            Self::Stints => t.counts.stints,
            Self::Waits => t.waits.count,
            Self::Wait => t.waits.sum,
            Self::P50 => t.waits.p50,
            Self::P99 => t.waits.p99,
            Self::Max => t.waits.max,
            Self::Sleep => t.sleep,
            Self::Blocked => t.blocked,
            Self::Unknown => t.unknown,
            Self::Left => t.counts.voluntary,
            Self::Preempted => t.counts.involuntary,
            Self::Woken => t.counts.wakeups,
            Self::Woke => t.counts.wakeups_given,
            Self::Moved => t.counts.migrations,
            Self::Cpus => t.cpus.len() as u64,
        })
    }
}

impl Columns for Column {
    type Table = Tasks;

    const ALL: &'static [Described<Self>] = &COLUMNS;

    fn numbers(self, t: &Tasks, holds: impl Fn(u64) -> bool + Sync) -> Bitmap {
        Bitmap::of(t.rows.len(), |row| self.count(&t.rows[row]).is_some_and(&holds))
    }

    fn shares(self, t: &Tasks, holds: impl Fn(f32) -> bool + Sync) -> Bitmap {
        Bitmap::of(t.rows.len(), |row| holds(t.share(row) as f32))
    }

    fn texts(self, t: &Tasks, says: impl Fn(&[&str]) -> bool + Sync) -> Bitmap {
        Bitmap::of(t.rows.len(), |row| {
            let (name, by) = (&t.rows[row].comm, t.by);
            if by == By::Name { says(&[name]) } else { says(&[name, &t.label(row)]) }
        })
    }

    fn flags(self, t: &Tasks) -> Bitmap {
        Bitmap::all(t.rows.len(), false)
    }

    fn values(self, t: &Tasks) -> Vec<String> {
        let mut texts: Vec<String> = match self {
            Self::Task => t.rows.iter().map(|row| quoted(&row.comm)).collect(),
            _ => Vec::new(),
        };
        texts.sort_unstable();
        texts.dedup();
        texts
    }
}

impl Tasks {
    /// A row's time on a CPU as a share of the window; threads of one name together may have more
    /// than one CPU.
    pub fn share(&self, row: usize) -> f64 {
        self.rows[row].run as f64 / self.window.ns().max(1) as f64
    }

    /// The rows that a filter lets through, by a column; equals stay in the order of the table.
    pub fn listed(&self, query: &Query) -> Vec<u32> {
        let all = || Bitmap::all(self.rows.len(), true);
        let mut rows: Vec<u32> = query
            .filter
            .as_ref()
            .map_or_else(all, |f| f.rows(self))
            .iter()
            .map(|row| row as u32)
            .collect();
        let order = |a: &u32, b: &u32| {
            let (x, y) = (&self.rows[*a as usize], &self.rows[*b as usize]);
            match query.sort {
                Column::Task => (&x.comm, x.pid.0).cmp(&(&y.comm, y.pid.0)),
                Column::Share => x.run.cmp(&y.run),
                by => by.count(x).cmp(&by.count(y)),
            }
        };
        rows.sort_by(|a, b| if query.descending { order(b, a) } else { order(a, b) });
        rows
    }
}

/// What is asked of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Only rows for which it is true.
    pub filter: Option<Expr>,
    /// By what the list is sorted.
    pub sort: Column,
    /// The greatest first.
    pub descending: bool,
}
