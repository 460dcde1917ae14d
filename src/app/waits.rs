//! The Waits screen as state: every wait of the open recording, the longest first, and who ran
//! instead of one. What it needs from outside it finds by comparing what is shown with what was
//! last asked for; nothing is computed here.

pub mod copy;
pub mod places;

mod act;
mod screen;
mod span;
mod words;

pub use span::{Lit, Span};
pub use words::{Crowd, InShort, News, Order, PARTS};

use super::filter::Filter;
use super::list::{self, List, Listing, Sorting};
use super::ticket::{Same, Slot};
use super::timeline::Timeline;
use crate::query::Columns;
use crate::stats::Table;
use crate::stats::blame::Blame;
use crate::stats::column::{Column, Expr};
use crate::stats::view::{Query, View};
use crate::trace::Trace;
use places::Places;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the waits are.
pub type Data = list::Data<Table>;

/// The pane that keys act on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The list.
    #[default]
    List,
    /// Who ran instead.
    Blame,
    /// The sums.
    Sums,
}

/// A page of sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// How many waits were how long.
    #[default]
    Lengths,
    /// Where the machine was crowded.
    Crowd,
}

/// What a column of the list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A column of the table: the list can be sorted by it.
    Of(Column),
    /// Who had the CPU for most of the wait.
    Instead,
    /// What the Timeline's model had said at the switch that ended it.
    Pick,
}

impl Shown {
    /// Its name over the list, and in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Of(column) => column.name(),
            Self::Instead => "ran instead",
            Self::Pick => "predicted",
        }
    }
}

/// Columns of the list: which, cells, and whether right-aligned.
pub const LIST: [(Shown, u16, bool); 12] = [
    (Shown::Of(Column::Wait), 9, true),
    (Shown::Of(Column::Task), 16, false),
    (Shown::Of(Column::Cpu), 3, true),
    (Shown::Of(Column::From), 11, true),
    (Shown::Instead, 34, false),
    (Shown::Of(Column::Idle), 8, true),
    (Shown::Of(Column::Kind), 9, false),
    (Shown::Of(Column::Waker), 16, false),
    (Shown::Pick, 18, false),
    (Shown::Of(Column::WakerCpu), 9, true),
    (Shown::Of(Column::Began), 9, false),
    (Shown::Of(Column::Event), 9, true),
];

/// Who ran instead, as far as it is known.
#[derive(Debug, Default)]
pub struct Instances {
    /// In short, of rows that were visible.
    pub rows: BTreeMap<u32, InShort>,
    /// Everything of one row.
    pub chosen: Option<(u32, Arc<Blame>)>,
    /// Lines of that which are scrolled past.
    pub scroll: usize,
    /// What was last asked for.
    asked: (Vec<u32>, Option<u32>),
}

/// Which panes there are, and which has the keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Panes {
    /// Keys go here.
    pub focus: Focus,
    /// Which pane is shown where only one fits.
    pub lower: Focus,
    /// The page of sums.
    pub page: Page,
    /// The bar on it.
    pub bar: usize,
}

impl Default for Listing<Column> {
    fn default() -> Self {
        Self::new(LIST.len(), 0, Sorting { by: Column::Wait, descending: true })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Waits {
    /// The waits.
    pub data: Data,
    /// Of which recording they were asked for; everything about them carries this ticket.
    of: Slot<Same<Trace>>,
    /// Which of them count.
    pub filter: Filter<Expr>,
    /// What is shown: the answer to the question below, or to one before it.
    pub view: Option<Arc<View>>,
    /// The question that was last asked of them.
    looked: Option<Query>,
    /// The list, in columns of [`LIST`].
    pub listing: Listing<Column>,
    /// Who ran instead.
    pub instead: Instances,
    /// Where it was crowded; ordered when it is looked at.
    pub crowd: Option<Arc<Crowd>>,
    crowd_asked: bool,
    /// The panes.
    pub panes: Panes,
    /// What the wait that is shown on the timeline has changed there.
    pub(super) lit: Option<Lit>,
}

impl Waits {
    /// The waits, when they are there.
    pub fn table(&self) -> Option<&Arc<Table>> {
        self.data.ready()
    }

    /// The row of the table that is selected.
    pub fn row(&self) -> Option<usize> {
        self.view.as_ref()?.rows.get(self.listing.list.at).map(|r| *r as usize)
    }

    /// Rows of the list.
    pub fn len(&self) -> usize {
        self.view.as_ref().map_or(0, |v| v.rows.len())
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is shown differs from what was asked for.
    pub fn is_stale(&self) -> bool {
        self.view.as_ref().map(|v| &v.query) != self.looked.as_ref()
    }

    /// Where things are.
    pub fn places(&self, size: (u16, u16)) -> Places {
        Places::new(size, self.panes.lower)
    }

    /// The rows of the list that are visible on a screen of this size.
    pub fn visible(&self, size: (u16, u16)) -> &[u32] {
        let Some(view) = &self.view else { return &[] };
        let room = self.places(size).top.rows();
        let first = self.listing.list.first(room, view.rows.len());
        &view.rows[first..view.rows.len().min(first + room)]
    }

    fn query(&self) -> Query {
        let sort = self.listing.sort;
        Query { filter: self.filter.now.clone(), sort: sort.by, descending: sort.descending }
    }

    /// Shows only what this is true of.
    pub(super) fn show_only(&mut self, filter: Expr) {
        self.filter.set(Some(filter));
        self.listing.list = List::default();
        self.panes.focus = Focus::List;
    }

    /// All waits, the longest first, and who ran instead of the first.
    pub(super) fn show_all(&mut self) {
        self.filter.set(None);
        self.listing = Listing::default();
        self.panes = Panes::default();
    }

    /// Nothing is known: another recording is open, or none.
    fn forget(&mut self) {
        (self.data, self.view, self.looked) = (Data::Nothing, None, None);
        (self.instead, self.crowd, self.crowd_asked) = (Instances::default(), None, false);
        (self.listing.list, self.panes.bar, self.lit) = (List::default(), 0, None);
    }

    /// Takes what came from outside. The sentence to be said, if any.
    fn news(&mut self, news: News) -> Option<String> {
        match news {
            News::Collected { ticket, result } if self.of.counts(ticket) => {
                self.data = result.into();
            }
            News::Looked { ticket, view } if self.of.counts(ticket) => {
                // The same wait stays selected when it is still there.
                let row = self.row().map(|row| row as u32);
                let at = row.and_then(|row| view.rows.iter().position(|x| *x == row));
                self.listing.list.keep(at);
                self.view = Some(view);
            }
            News::Told { ticket, rows, chosen } if self.of.counts(ticket) => {
                self.instead.rows.extend(rows);
                if chosen.is_some() {
                    self.instead.chosen = chosen;
                }
            }
            News::Crowded { ticket, crowd } if self.of.counts(ticket) => self.crowd = Some(crowd),
            News::Trouble(problem) => return Some(problem),
            // Answers to what is no longer asked.
            News::Collected { .. }
            | News::Looked { .. }
            | News::Told { .. }
            | News::Crowded { .. } => {}
        }
        None
    }
}

/// What the Timeline's model had said at a switch: a mark and a few words, and whether it was
/// right. `None`: it has not said anything there, or not yet.
pub fn predicted(t: &Timeline, event: usize) -> Option<(String, Option<bool>)> {
    use super::answers::{AnswerRow, Verdict};
    let e = t.trace().event(event);
    let k = t.trace().cpu_switches(e.cpu).binary_search(&(event as u32)).ok()?;
    let p = t.answers.get(e.cpu.ix(), k)?;
    let who = || t.trace().label_at(p.pick.thread, event);
    match AnswerRow::Pick.verdict(p) {
        Verdict::Hit => Some((format!("✓ {:.2}", p.pick.p), Some(true))),
        Verdict::Miss => Some((format!("✗ {} {:.2}", who(), p.pick.p), Some(false))),
        Verdict::Trivial => Some(("trivial".into(), None)),
        Verdict::NoAnswer => None,
    }
}
