//! The Mistakes screen as state: which recordings, which filter, what is selected, what is still
//! being computed. What it needs from outside it finds by comparing what is shown with what was
//! last asked for; nothing is computed here.

pub mod pages;
pub mod places;

mod act;
mod before;
mod edit;
mod mouse;
mod screen;
mod walk;
mod words;

pub use act::Do;
pub use words::{Explanation, Found, ModelChoice, News, Opaque, Order, Origin};

use super::Context;
use super::filter::Filter;
use super::list::{Listing, Sorting};
use super::ticket::Slot;
use crate::evaluate::mistakes::view::{Query, View};
use crate::evaluate::mistakes::{Column, Expr};
use before::Before;
use pages::Page;
use places::Places;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the decisions are.
#[derive(Clone, Debug, Default)]
pub enum Data {
    /// Nothing was asked for.
    #[default]
    Nothing,
    /// Being predicted: recordings done, and all.
    Pending(usize, usize),
    /// Could not be had.
    Failed(String),
    /// There.
    Ready(Arc<Found>),
}

/// The explanation of the selected decision.
#[derive(Clone, Debug, Default)]
pub enum Explained {
    /// Not asked for.
    #[default]
    Nothing,
    /// Being computed for this row.
    Pending(usize),
    /// Could not be had.
    Failed(usize, String),
    /// There.
    Ready(usize, Arc<Explanation>),
}

impl Explained {
    fn row(&self) -> Option<usize> {
        match self {
            Self::Nothing => None,
            Self::Pending(row) | Self::Failed(row, _) | Self::Ready(row, _) => Some(*row),
        }
    }
}

/// The pane that keys act on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The list.
    #[default]
    List,
    /// The sums.
    Sums,
    /// The explanation.
    Why,
}

/// Columns of the list: which, cells, and whether right-aligned.
pub const LIST: [(Column, u16, bool); 22] = [
    (Column::Time, 13, true),
    (Column::Cpu, 3, true),
    (Column::Prev, 16, false),
    (Column::State, 5, false),
    (Column::Pred, 16, false),
    (Column::Real, 16, false),
    (Column::P, 6, true),
    (Column::PReal, 6, true),
    (Column::Margin, 6, true),
    (Column::Rank, 4, true),
    (Column::Queue, 5, true),
    (Column::Waited, 8, true),
    (Column::Stint, 8, true),
    (Column::Enqueued, 9, false),
    (Column::Forecast, 8, false),
    (Column::Lead, 8, true),
    (Column::Ran, 8, true),
    (Column::Workload, 18, false),
    (Column::Category, 10, false),
    (Column::Kernel, 9, false),
    (Column::Trace, 22, false),
    (Column::Event, 8, true),
];

/// The decisions that are looked at, and who was asked about them.
#[derive(Debug, Default)]
pub struct Decisions {
    /// Where they are.
    pub data: Data,
    /// What they were asked of whom; everything about them carries this ticket.
    asked: Slot<Asked>,
    /// What was there before it was asked for, in case that leads nowhere.
    before: Option<Box<Before>>,
}

/// Predictors mistakes are looked at.
#[derive(Debug, Default)]
pub struct Predictors {
    /// The first predictor, if it is another one than the Timeline's: a predictor's name, a run or
    /// a model file.
    pub first: Option<PathBuf>,
    /// The second predictor.
    pub second: Option<Column>,
    /// Who the second predictor is when it is no baseline of the table: as for the first.
    pub other: Option<PathBuf>,
}

/// Filters that are kept for later.
#[derive(Debug, Default)]
struct Kept {
    saved: Vec<String>,
    /// The one that comes next.
    at: usize,
    /// They were asked for.
    asked: bool,
}

/// Which rows are listed, and which were chosen of them.
#[derive(Debug, Default)]
pub struct Rows {
    /// Right decisions are listed too.
    pub all: bool,
    /// Rows chosen for copying.
    pub marked: BTreeSet<u32>,
}

/// The pages of sums.
#[derive(Clone, Debug, Default)]
pub struct SumPages {
    /// The sums as pages, made when they arrive.
    pub pages: Vec<Page>,
    /// The page shown.
    pub page: usize,
    /// The bar or cell on it.
    pub bar: usize,
}

/// The explanation.
#[derive(Clone, Debug, Default)]
pub struct WhyPane {
    /// Why the selected decision came out so.
    pub told: Explained,
    /// Lines of it that are scrolled past.
    pub scroll: usize,
    /// The candidate whose inputs are shown, the most probable first.
    pub candidate: usize,
}

/// Which panes there are, and which has the keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Panes {
    /// Keys go here.
    pub focus: Focus,
    /// Which of sums and explanation is shown where only one fits.
    pub lower: Focus,
}

impl Default for Listing<Column> {
    fn default() -> Self {
        Self::new(LIST.len(), 0, Sorting { by: Column::Time, descending: false })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Mistakes {
    /// The decisions.
    pub decisions: Decisions,
    /// Predictors they are.
    pub whose: Predictors,
    /// Which of them count.
    pub filter: Filter<Expr>,
    kept: Kept,
    /// What is shown: the answer to the question below, or to one before it.
    pub view: Option<Arc<View>>,
    /// The question that was last asked of the decisions.
    looked: Option<Query>,
    /// The list.
    pub listing: Listing<Column>,
    /// Its rows.
    pub rows: Rows,
    /// The sums.
    pub sums: SumPages,
    /// The explanation of the selected decision.
    pub why: WhyPane,
    /// The panes.
    pub panes: Panes,
    /// What was last known of the Timeline's decision.
    stood: Stood,
}

/// The Timeline's decision, as this screen last saw it: when one comes from another, that one is
/// selected.
#[derive(Debug, Default)]
struct Stood {
    event: Option<usize>,
    /// The screen was entered, and the list was not there yet.
    came: bool,
}

/// What a table is made from.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    recordings: Vec<PathBuf>,
    whom: ModelChoice,
    other: Option<PathBuf>,
}

impl Mistakes {
    /// The decisions, when they are there.
    pub fn found(&self) -> Option<&Arc<Found>> {
        match &self.decisions.data {
            Data::Ready(found) => Some(found),
            _ => None,
        }
    }

    /// The row of the table that is selected.
    pub fn row(&self) -> Option<usize> {
        self.view.as_ref()?.rows.get(self.listing.list.at).map(|r| *r as usize)
    }

    /// What is shown differs from what was asked for.
    pub fn is_stale(&self) -> bool {
        self.view.as_ref().map(|v| &v.query) != self.looked.as_ref()
    }

    fn query(&self) -> Query {
        Query {
            filter: self.filter.now.clone(),
            all: self.rows.all,
            sort: self.listing.sort.by,
            descending: self.listing.sort.descending,
            second: self.whose.second,
        }
    }

    /// Takes what came from outside. The sentence to be said, if any.
    fn news(&mut self, news: News) -> Option<String> {
        match news {
            News::Progress { ticket, done, of } if self.decisions.asked.counts(ticket) => {
                self.decisions.data = Data::Pending(done, of);
            }
            News::Collected { ticket, result } if self.decisions.asked.counts(ticket) => {
                let before = self.decisions.before.take();
                self.decisions.data = match (result, before) {
                    (Ok(found), _) => Data::Ready(found),
                    (Err(problem), Some(before)) => {
                        self.restore(*before);
                        return Some(problem);
                    }
                    (Err(problem), None) => Data::Failed(problem),
                };
            }
            News::Looked { ticket, view } if self.decisions.asked.counts(ticket) => self.show(view),
            News::Explained { ticket, row, result }
                if self.decisions.asked.counts(ticket) && self.why.told.row() == Some(row) =>
            {
                (self.why.scroll, self.why.candidate) = (0, 0);
                self.why.told = match result {
                    Ok(told) => Explained::Ready(row, told),
                    Err(problem) => Explained::Failed(row, problem),
                };
            }
            News::Filters(saved) => self.kept.saved = saved,
            News::Trouble(problem) => return Some(problem),
            // Answers to what is no longer asked.
            News::Progress { .. }
            | News::Collected { .. }
            | News::Looked { .. }
            | News::Explained { .. } => {}
        }
        None
    }

    fn show(&mut self, view: Arc<View>) {
        let Some(found) = self.found().cloned() else { return };
        // The same decision stays selected when it is still there.
        let row = self.row();
        let new_sums = self
            .view
            .as_ref()
            .is_none_or(|v| !Arc::ptr_eq(&v.sums, &view.sums) || v.versus != view.versus);
        self.listing.list.at =
            row.and_then(|r| view.rows.iter().position(|x| *x as usize == r)).unwrap_or(0);
        if new_sums {
            self.sums.pages = pages::pages(&found.table, &view);
            self.sums.page = self.sums.page.min(self.sums.pages.len().saturating_sub(1));
            self.sums.bar = 0;
        }
        self.view = Some(view);
    }
}

impl Mistakes {
    /// Where things are.
    pub fn places(&self, size: (u16, u16)) -> Places {
        Places::new(size, self.panes.lower)
    }

    /// Takes what came from outside.
    pub(super) fn take(&mut self, news: News, cx: &mut Context) {
        if matches!(news, News::Collected { .. }) {
            cx.unsay(screen::NOT_YET);
        }
        if let Some(words) = self.news(news) {
            cx.say(words);
        }
    }
}
