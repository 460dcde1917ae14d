//! What a recording says of who ran, waited and slept: pure functions over a
//! [`Trace`](crate::trace::Trace), linear in its events. Nothing here predicts, and what is unknown
//! is never time of anybody.
//!
//! ```text
//! states::walk      one pass: what each thread did when                      -> Sink (pieces, waits, counts)
//! waits::Waits      a row for each wait, in columns                           -> rows for filters and lists
//! column::Column    `task~nginx and wait>1ms`: the columns that filters name  -> Bitmap
//! view::View        those that a filter lets through, sorted, with their figures
//! totals::Totals    run, wait, sleep, unknown of each thread or name, in a window
//! tasks::Tasks      the same as a table with columns
//! runs::runs        who had a CPU when                                        -> use, idle, unknown
//! blame             who ran instead, which CPUs were idle, who woke whom
//! between           who ran in a window, on one CPU and on all, and what was idle
//! idle              how long an allowed CPU was idle during each wait
//! diff              what differs between two recordings, with intervals
//! life              what a few threads did when, and who woke them        -> any window of it
//! load              longest queue and idle time while somebody waited, by bucket
//! ```

pub mod between;
pub mod blame;
pub mod column;
pub mod diff;
pub mod distribution;
pub mod idle;
pub mod life;
pub mod load;
mod names;
pub mod runs;
pub mod states;
pub mod tasks;
pub mod totals;
pub mod view;
pub mod waits;

pub use column::{Column, Expr};
pub use distribution::{Bucket, Distribution};
pub use names::By;
pub use runs::{CpuTime, runs};
pub use states::{Cause, Doing};
pub use totals::Totals;
pub use waits::{Table, Waits};

/// A stretch of a recording's time, `from..to` in ns since its start; `to` is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: u64,
    /// Its end.
    pub to: u64,
}

impl Window {
    /// All of a recording.
    pub fn all(trace: &crate::trace::Trace) -> Self {
        Self { from: 0, to: trace.span().0 }
    }

    /// Its length in ns.
    pub fn ns(self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    /// How much of `from..to` lies in it, in ns.
    pub fn part(self, from: u64, to: u64) -> u64 {
        to.min(self.to).saturating_sub(from.max(self.from))
    }
}
