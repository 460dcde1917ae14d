//! The Mistakes screen as state: which recordings, which filter, what is selected, what is still being computed. What
//! it needs from outside it finds by comparing what is shown with what was last asked for; nothing is computed here.

pub mod pages;
pub mod places;

mod act;
mod edit;
mod walk;

pub use act::Do;

use super::{App, Effect, Open, Tab};
use crate::evaluate::mistakes::filter::Completion;
use crate::evaluate::mistakes::view::{Query, View};
use crate::evaluate::mistakes::why::Why;
use crate::evaluate::mistakes::{Column, Expr, FilterError, Table};
use crate::trace::Trace;
use pages::Page;
use places::Places;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a recording comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// It is open.
    Open(PathBuf, Arc<Trace>),
    /// It must be read.
    File(PathBuf),
}

impl Origin {
    /// The file.
    pub fn path(&self) -> &PathBuf {
        match self {
            Self::Open(path, _) | Self::File(path) => path,
        }
    }
}

/// An order to the outside. Answers carry the number of the table they belong to.
#[derive(Clone, Debug)]
pub enum Order {
    /// Predict all decisions of these recordings; a second model beside the first. Answered by [`News::Progress`] and
    /// [`News::Collected`].
    Collect {
        /// For the answer.
        number: u64,
        /// In this order.
        origins: Vec<Origin>,
        /// A model file.
        other: Option<PathBuf>,
    },
    /// Filter, sort and sum up; answered by [`News::Looked`].
    Look {
        /// For the answer.
        number: u64,
        /// The decisions.
        found: Arc<Found>,
        /// What is asked.
        query: Query,
        /// The answer before.
        old: Option<Arc<View>>,
    },
    /// Take one decision apart; answered by [`News::Explained`]. Replaces the one before.
    Explain {
        /// For the answer.
        number: u64,
        /// Its recording.
        origin: Origin,
        /// The decisions.
        found: Arc<Found>,
        /// The one.
        row: usize,
    },
    /// Read the kept filters; answered by [`News::Filters`].
    LoadFilters,
    /// Keep these filters; a failure is [`News::Trouble`].
    SaveFilters(Vec<String>),
}

/// A fact from outside.
#[derive(Debug)]
pub enum News {
    /// So many recordings of an order are done.
    Progress {
        /// Of the order.
        number: u64,
        /// Done.
        done: usize,
        /// Of these.
        of: usize,
    },
    /// All decisions, or why there are none.
    Collected {
        /// Of the order.
        number: u64,
        /// What was found.
        result: Result<Arc<Found>, String>,
    },
    /// The list and its sums.
    Looked {
        /// Of the order.
        number: u64,
        /// The answer.
        view: Arc<View>,
    },
    /// One decision taken apart.
    Explained {
        /// Of the order.
        number: u64,
        /// Its row.
        row: usize,
        /// The explanation, or why there is none.
        result: Result<Arc<Told>, String>,
    },
    /// The kept filters.
    Filters(Vec<String>),
    /// Something went wrong that only needs to be said.
    Trouble(String),
}

/// What a pass over the recordings gave.
#[derive(Debug, Default)]
pub struct Found {
    /// The decisions.
    pub table: Table,
    /// Ns that this machine needs for one, sorted.
    pub latencies: Vec<u64>,
    /// Why there is no model and a baseline stands in its place.
    pub no_model: Option<String>,
}

/// An explanation with the words that need the recording.
#[derive(Debug)]
pub struct Told {
    /// The explanation.
    pub why: Why,
    /// Per past event: its words, and ns before the decision.
    pub past: Vec<(String, u64)>,
}

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
    Ready(usize, Arc<Told>),
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

/// See the module.
#[derive(Debug, Default)]
pub struct Mistakes {
    /// Recordings chosen on the Traces screen; empty: the open one.
    pub chosen: Vec<PathBuf>,
    /// The decisions.
    pub data: Data,
    /// The filter line while it is typed, or as it is.
    pub text: String,
    /// Characters before the typing mark.
    pub caret: usize,
    /// The filter line has the keys.
    pub editing: bool,
    /// What could be typed, and which of it is chosen.
    pub completion: Completion,
    /// Index into the completion's choices.
    pub choice: usize,
    /// What is wrong with the line.
    pub error: Option<FilterError>,
    /// The filter that is in force.
    pub filter: Option<Expr>,
    /// Filters before it, for going back.
    history: Vec<Option<Expr>>,
    /// Sorted by this.
    pub sort: Sorting,
    /// Column of [`LIST`] that the mark is on.
    pub column: usize,
    /// Right decisions are listed too.
    pub all: bool,
    /// The second predictor.
    pub second: Option<Column>,
    /// A model file for the second predictor.
    pub other: Option<PathBuf>,
    /// What is shown.
    pub view: Option<Arc<View>>,
    /// The sums as pages, made when they arrive.
    pub pages: Vec<Page>,
    /// The page shown.
    pub page: usize,
    /// The bar or cell on it.
    pub bar: usize,
    /// Keys go here.
    pub focus: Focus,
    /// Which of sums and explanation is shown where only one fits.
    pub lower: Focus,
    /// Place in the list.
    pub selected: usize,
    /// Rows chosen for copying.
    pub marked: BTreeSet<u32>,
    /// Why the selected decision came out so.
    pub why: Explained,
    /// Lines of it that are scrolled past.
    pub why_scroll: usize,
    /// Kept filters.
    pub saved: Vec<String>,
    /// `n` and `N` on the timeline follow the list.
    pub walking: bool,
    /// Text for the terminal's clipboard; the screen takes it.
    pub copy: Option<String>,
    saved_at: usize,
    asked_filters: bool,
    number: u64,
    /// What was asked for: recordings and second model; the question.
    collected: Option<(Vec<PathBuf>, Option<PathBuf>)>,
    looked: Option<Query>,
    /// A decision to go to as soon as its recording is open.
    going: Option<(PathBuf, usize)>,
}

/// A column and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sorting {
    /// The column.
    pub by: Column,
    /// The greatest first.
    pub descending: bool,
}

impl Default for Sorting {
    fn default() -> Self {
        Self { by: Column::Time, descending: false }
    }
}

impl Mistakes {
    /// The decisions, when they are there.
    pub fn found(&self) -> Option<&Arc<Found>> {
        match &self.data {
            Data::Ready(found) => Some(found),
            _ => None,
        }
    }

    /// The row of the table that is selected.
    pub fn row(&self) -> Option<usize> {
        self.view.as_ref()?.rows.get(self.selected).map(|r| *r as usize)
    }

    /// What is shown differs from what was asked for.
    pub fn is_stale(&self) -> bool {
        self.view.as_ref().map(|v| &v.query) != self.looked.as_ref()
    }

    fn query(&self) -> Query {
        Query {
            filter: self.filter.clone(),
            all: self.all,
            sort: self.sort.by,
            descending: self.sort.descending,
            second: self.second,
        }
    }

    /// Takes what came from outside. The sentence to be said, if any.
    pub(super) fn take(&mut self, news: News) -> Option<String> {
        match news {
            News::Progress { number, done, of } if number == self.number => self.data = Data::Pending(done, of),
            News::Collected { number, result } if number == self.number => {
                self.data = match result {
                    Ok(found) => Data::Ready(found),
                    Err(problem) => Data::Failed(problem),
                };
            }
            News::Looked { number, view } if number == self.number => self.show(view),
            News::Explained { number, row, result } if number == self.number && self.why.row() == Some(row) => {
                self.why_scroll = 0;
                self.why = match result {
                    Ok(told) => Explained::Ready(row, told),
                    Err(problem) => Explained::Failed(row, problem),
                };
            }
            News::Filters(saved) => self.saved = saved,
            News::Trouble(problem) => return Some(problem),
            // Answers to what is no longer asked.
            News::Progress { .. } | News::Collected { .. } | News::Looked { .. } | News::Explained { .. } => {}
        }
        None
    }

    fn show(&mut self, view: Arc<View>) {
        let Some(found) = self.found().cloned() else { return };
        // The same decision stays selected when it is still there.
        let row = self.row();
        let new_sums = self.view.as_ref().is_none_or(|v| !Arc::ptr_eq(&v.sums, &view.sums) || v.versus != view.versus);
        self.selected = row.and_then(|r| view.rows.iter().position(|x| *x as usize == r)).unwrap_or(0);
        if new_sums {
            self.pages = pages::pages(&found.table, &view);
            self.page = self.page.min(self.pages.len().saturating_sub(1));
            self.bar = 0;
        }
        self.view = Some(view);
    }
}

impl App {
    /// Where things are on the Mistakes screen.
    pub fn places(&self) -> Places {
        Places::new(self.size, self.mistakes.lower)
    }

    /// What the Mistakes screen needs and has not asked for.
    pub(super) fn mistakes_wants(&mut self) -> Vec<Effect> {
        if self.tab != Tab::Mistakes {
            return Vec::new();
        }
        let mut orders = Vec::new();
        let shows_why = !self.places().why.is_empty();
        let open = match &self.open {
            Open::Ready(t) => Some((t.loaded.path.clone(), Arc::clone(&t.loaded.trace))),
            _ => None,
        };
        let m = &mut self.mistakes;
        if !std::mem::replace(&mut m.asked_filters, true) {
            orders.push(Order::LoadFilters);
        }
        let origin = |path: PathBuf| match &open {
            Some((of, trace)) if *of == path => Origin::Open(path, Arc::clone(trace)),
            _ => Origin::File(path),
        };
        let wanted: Vec<PathBuf> =
            if m.chosen.is_empty() { open.iter().map(|o| o.0.clone()).collect() } else { m.chosen.clone() };
        let key = (wanted, m.other.clone());
        if !key.0.is_empty() && m.collected.as_ref() != Some(&key) {
            m.number += 1;
            m.data = Data::Pending(0, key.0.len());
            (m.view, m.looked, m.why) = (None, None, Explained::Nothing);
            (m.pages, m.bar, m.selected) = (Vec::new(), 0, 0);
            m.marked.clear();
            let origins = key.0.iter().cloned().map(origin).collect();
            orders.push(Order::Collect { number: m.number, origins, other: key.1.clone() });
            m.collected = Some(key);
        }
        if let Some(found) = m.found().cloned() {
            let query = m.query();
            if m.looked.as_ref() != Some(&query) {
                m.looked = Some(query.clone());
                orders.push(Order::Look { number: m.number, found: Arc::clone(&found), query, old: m.view.clone() });
            }
            if let Some(row) = m.row().filter(|r| shows_why && m.why.row() != Some(*r)) {
                m.why = Explained::Pending(row);
                let origin = origin(found.table.source_of(row).path.clone());
                orders.push(Order::Explain { number: m.number, origin, found, row });
            }
        }
        orders.into_iter().map(Effect::Mistakes).collect()
    }
}
