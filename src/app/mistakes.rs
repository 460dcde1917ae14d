//! The Mistakes screen as state: which recordings, which filter, what is selected, what is still being computed. What
//! it needs from outside it finds by comparing what is shown with what was last asked for; nothing is computed here.

pub mod pages;
pub mod places;

mod act;
mod edit;
mod walk;
mod words;

pub use act::Do;
pub use words::{Found, Held, News, Order, Origin, Told, Whom};

use super::{App, Effect, Open, Tab};
use crate::evaluate::mistakes::filter::Completion;
use crate::evaluate::mistakes::view::{Query, View};
use crate::evaluate::mistakes::{Column, Expr, FilterError};
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
    /// The first predictor, if it is another one than the Timeline's: a predictor's name, a run or a model file.
    pub first: Option<PathBuf>,
    /// The second predictor.
    pub second: Option<Column>,
    /// Who the second predictor is when it is no baseline of the table: as for the first.
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
    /// The candidate whose inputs are shown, the most probable first.
    pub candidate: usize,
    /// Kept filters.
    pub saved: Vec<String>,
    /// `n` and `N` on the timeline follow the list.
    pub walking: bool,
    /// Text for the terminal's clipboard; the screen takes it.
    pub copy: Option<String>,
    saved_at: usize,
    asked_filters: bool,
    number: u64,
    /// What was asked for; the question.
    collected: Option<Asked>,
    looked: Option<Query>,
    /// What was there before it was asked for, in case that leads nowhere.
    before: Option<(Asked, Arc<Found>)>,
    /// A decision to go to as soon as its recording is open.
    going: Option<(PathBuf, usize)>,
}

/// What a table is made from.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    recordings: Vec<PathBuf>,
    whom: Whom,
    other: Option<PathBuf>,
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
                let before = self.before.take();
                self.data = match (result, before) {
                    (Ok(found), _) => Data::Ready(found),
                    // A name that leads nowhere: what was there is still there.
                    (Err(problem), Some((asked, found))) => {
                        self.first = if let Whom::Named(who) = &asked.whom { Some(who.clone()) } else { None };
                        self.other.clone_from(&asked.other);
                        self.second = self.second.filter(|s| *s != Column::Other || self.other.is_some());
                        self.collected = Some(asked);
                        self.data = Data::Ready(found);
                        return Some(problem);
                    }
                    (Err(problem), None) => Data::Failed(problem),
                };
            }
            News::Looked { number, view } if number == self.number => self.show(view),
            News::Explained { number, row, result } if number == self.number && self.why.row() == Some(row) => {
                (self.why_scroll, self.candidate) = (0, 0);
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
        let current = &self.train.current;
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
        let whom = m.first.clone().map_or_else(|| Whom::Current(current.clone()), Whom::Named);
        let key = Asked { recordings: wanted, whom, other: m.other.clone() };
        if !key.recordings.is_empty() && m.collected.as_ref() != Some(&key) {
            m.number += 1;
            let old = m.found().cloned();
            // Of the same recordings only: for others the old predictors are asked anew, too.
            let old = m.collected.take().filter(|c| c.recordings == key.recordings).zip(old);
            m.before = old.or(m.before.take()).filter(|(asked, _)| asked.recordings == key.recordings);
            m.data = Data::Pending(0, key.recordings.len());
            (m.view, m.looked, m.why) = (None, None, Explained::Nothing);
            (m.pages, m.bar, m.selected) = (Vec::new(), 0, 0);
            m.marked.clear();
            let origins = key.recordings.iter().cloned().map(origin).collect();
            let (whom, other) = (key.whom.clone(), key.other.clone());
            orders.push(Order::Collect { number: m.number, origins, whom, other });
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
