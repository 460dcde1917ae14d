//! The Compare screen as state: what differs between the open recording (A) and another one (B),
//! and the timelines of both above each other. What it needs from outside it finds by comparing
//! what is shown with what was last asked for.

mod act;
pub mod beside;
mod places;
mod screen;
mod words;

pub use act::cell;
pub use places::{Places, places};
pub use words::{difference, meaning, value, words};

use super::filter::Filter;
use super::list::{self, List, Listing, Sorting};
use super::mistakes::ModelChoice;
use super::ticket::{Same, Slot, Ticket};
use super::timeline::Loaded;
use crate::stats::diff::{Difference, Differences, Expr, Measure, Query, Sort};
use crate::trace::Trace;
use beside::Beside;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Orders that only this screen knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Ask what to compare with; on the Traces screen: compare with the selected recording.
    Ask,
    /// Align at the next stint of the selected name.
    After,
    /// Align at the one before.
    Before,
    /// Shift B to the left.
    Left,
    /// And to the right.
    Right,
}

/// An order to the outside.
#[derive(Clone, Debug)]
pub enum Order {
    /// Read the other recording; answered by [`News::Read`]. Replaces the one before.
    Read {
        /// For the answer.
        ticket: Ticket,
        /// The file.
        path: PathBuf,
    },
    /// Compare, then ask a model about both and compare again; answered by [`News::Compared`],
    /// twice, and [`News::Progress`]. Replaces the one before.
    Compare {
        /// For the answers.
        ticket: Ticket,
        /// Both recordings.
        traces: [Arc<Trace>; 2],
        /// Who is asked.
        whom: ModelChoice,
    },
}

/// Whether a model has said what it makes of both recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is being asked: events done, and all of them.
    Pending(u64, u64),
    /// This one has.
    By(String),
    /// There is none; why.
    Nobody(String),
}

/// A fact from outside.
#[derive(Debug)]
pub enum News {
    /// The other recording, or why it could not be read.
    Read {
        /// Of the order.
        ticket: Ticket,
        /// The recording.
        result: Result<Arc<Loaded>, String>,
    },
    /// What differs, or why that is not known.
    Compared {
        /// Of the order.
        ticket: Ticket,
        /// The differences.
        result: Result<Arc<Differences>, String>,
        /// Whether those of the model are among them.
        asked: Asked,
    },
    /// So many events of both recordings were predicted.
    Progress {
        /// Of the order.
        ticket: Ticket,
        /// Done.
        done: u64,
        /// All.
        of: u64,
    },
}

/// The recording that the open one is compared with.
#[derive(Clone, Debug, Default)]
pub enum Other {
    /// None was chosen.
    #[default]
    Nothing,
    /// Being read.
    Loading(PathBuf),
    /// Could not be read.
    Failed(PathBuf, String),
    /// There.
    Ready(Arc<Loaded>),
}

impl Other {
    /// Its file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Nothing => None,
            Self::Loading(path) | Self::Failed(path, _) => Some(path),
            Self::Ready(loaded) => Some(&loaded.path),
        }
    }
}

/// Where the differences are.
pub type Data = list::Data<Differences>;

/// A column of the list.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Its name.
    pub name: &'static str,
    /// What sorting by it means; the interval is not sorted by.
    pub sort: Option<Sort>,
    /// Cells.
    pub width: u16,
    /// Right-aligned.
    pub right: bool,
    /// What it says.
    pub help: &'static str,
}

/// A column of names.
const fn name(name: &'static str, sort: Sort, width: u16, help: &'static str) -> Shown {
    Shown { name, sort: Some(sort), width, right: false, help }
}

/// A column of figures.
const fn figure(name: &'static str, sort: Option<Sort>, width: u16, help: &'static str) -> Shown {
    Shown { name, sort, width, right: true, help }
}

/// Columns of the list.
pub const LIST: [Shown; 9] = [
    name("task", Sort::Task, 15, "the tasks of this name; all tasks together"),
    name("what", Sort::Measure, 17, "what is compared, see below"),
    figure("A", Some(Sort::A), 8, "in the open recording"),
    figure("B", Some(Sort::B), 8, "in the one that it is compared with"),
    figure("B−A", Some(Sort::Difference), 8, "the difference; of shares in percentage points (pp)"),
    figure(
        "sure",
        Some(Sort::Certainty),
        6,
        "how many times as large as chance within the two runs usually makes it",
    ),
    figure("change", Some(Sort::Change), 9, "the difference as a share of A"),
    figure("from", None, 8, "least of the 95 % interval of the difference"),
    figure("to", None, 8, "greatest of it: where both have one sign, it is more than chance"),
];

/// What the list shows.
#[derive(Debug, Default)]
pub struct Found {
    /// The rows that the filter lets through, sorted.
    pub rows: Vec<u32>,
    /// What they answer.
    looked: Option<Query>,
}

/// What has the arrows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The list.
    #[default]
    List,
    /// The timelines.
    Beside,
}

/// What a difference is of: a name, or all tasks; and what is compared.
type Of = (Option<String>, Measure);

/// What is compared, and who is asked about it.
type Pair = (Same<Trace>, Same<Trace>, ModelChoice);

impl Default for Listing<Sort> {
    fn default() -> Self {
        Self::new(LIST.len(), 0, Sorting { by: Sort::Certainty, descending: true })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Compare {
    /// B.
    pub other: Other,
    /// The differences.
    pub data: Data,
    /// What a model makes of both.
    pub asked: Option<Asked>,
    /// What they are filtered by.
    pub filter: Filter<Expr>,
    /// The list of them.
    pub listing: Listing<Sort>,
    /// Its rows.
    pub found: Found,
    /// The timelines, when both recordings are there.
    pub beside: Option<Box<Beside>>,
    /// What has the arrows.
    pub focus: Focus,
    /// The file that is to be read next.
    wanted: Option<PathBuf>,
    reading: Slot<PathBuf>,
    of: Slot<Pair>,
}

impl Compare {
    /// The differences, when they are there.
    pub fn table(&self) -> Option<&Arc<Differences>> {
        self.data.ready()
    }

    /// The difference one stands on.
    pub fn selected(&self) -> Option<&Difference> {
        let row = *self.found.rows.get(self.listing.list.at)?;
        self.table()?.rows.get(row as usize)
    }

    /// Compares with this recording from the next message on, even if it was tried before.
    pub(super) fn choose(&mut self, path: PathBuf) {
        self.reading.clear();
        self.wanted = Some(path);
    }

    /// Nothing is known of what differs.
    fn forget(&mut self) {
        self.of.clear();
        (self.data, self.asked, self.beside) = (Data::Nothing, None, None);
        (self.found, self.listing.list) = (Found::default(), List::default());
    }

    /// Takes what came from outside. What is to be said of it.
    fn news(&mut self, news: News) -> Option<String> {
        match news {
            News::Read { ticket, result } if self.reading.counts(ticket) => {
                let path = self.reading.ordered().cloned().unwrap_or_default();
                // Then a line says that it is read: another one takes its place.
                let was_ready = matches!(self.other, Other::Ready(_));
                match (result, &self.other) {
                    (Ok(loaded), _) => {
                        let words = format!("compared with {}", path.display());
                        self.other = Other::Ready(loaded);
                        return was_ready.then_some(words);
                    }
                    (Err(problem), Other::Ready(kept)) => {
                        let kept = kept.trace.meta().name.clone();
                        let path = path.display().to_string();
                        let what = if problem.contains(&path) {
                            problem
                        } else {
                            format!("{path}: {problem}")
                        };
                        return Some(format!("{what}; still compared with {kept}"));
                    }
                    (Err(problem), _) => self.other = Other::Failed(path, problem),
                }
            }
            News::Compared { ticket, result, asked } if self.of.counts(ticket) => {
                let was = self.selected().map(|d| (d.name.clone(), d.measure));
                self.asked = Some(asked);
                self.data = result.into();
                self.look(was.as_ref());
            }
            News::Progress { ticket, done, of } if self.of.counts(ticket) => {
                self.asked = Some(Asked::Pending(done, of));
            }
            // Answers to what is no longer asked.
            _ => {}
        }
        None
    }

    /// Filters and sorts; the same difference stays selected when it is still there.
    fn look(&mut self, was: Option<&Of>) {
        let Some(table) = self.table().cloned() else {
            (self.found, self.listing.list) = (Found::default(), List::default());
            return;
        };
        let sort = self.listing.sort;
        let query =
            Query { filter: self.filter.now.clone(), sort: sort.by, descending: sort.descending };
        let rows = table.listed(&query);
        // What stands at the top is what one looks at first: nobody moved, so the first one stays
        // selected.
        let moved = self.listing.list.at > 0;
        let same = |row: &u32| {
            let d = &table.rows[*row as usize];
            was.is_some_and(|(name, measure)| *name == d.name && *measure == d.measure)
        };
        match rows.iter().position(same).filter(|_| moved) {
            Some(at) => self.listing.list.at = at,
            None => self.listing.list.step(0, rows.len()),
        }
        self.found = Found { rows, looked: Some(query) };
    }

    /// Does that again if something else is asked for than what is shown.
    fn look_again(&mut self) {
        let (sort, now) = (self.listing.sort, &self.filter.now);
        let fits =
            |q: &Query| q.filter == *now && q.sort == sort.by && q.descending == sort.descending;
        if self.found.looked.as_ref().is_some_and(|q| !fits(q)) {
            let was = self.selected().map(|d| (d.name.clone(), d.measure));
            self.look(was.as_ref());
        }
    }
}
