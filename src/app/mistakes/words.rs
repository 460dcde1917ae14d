//! What the Mistakes screen orders and is told: recordings and predictors, the answers, and what
//! they hold.

use crate::app::ticket::Ticket;
use crate::conform::picture::Picture;
use crate::evaluate::mistakes::Table;
use crate::evaluate::mistakes::view::{Query, View};
use crate::evaluate::mistakes::why::Why;
use crate::predictor::weights::Weights;
use crate::trace::Trace;
use std::any::Any;
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

/// The first predictor: whose mistakes are shown.
#[derive(Clone, Debug)]
pub enum ModelChoice {
    /// The current model, which the Timeline shows: a run's, with the run's name, or the bundled
    /// one.
    Current(Option<(String, Arc<Weights>)>),
    /// A predictor's name, a run or a model file.
    Named(PathBuf),
}

impl PartialEq for ModelChoice {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(a), Self::Named(b)) => a == b,
            (Self::Current(None), Self::Current(None)) => true,
            // The same weights, not just of the same name.
            (Self::Current(Some((_, a))), Self::Current(Some((_, b)))) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// An order to the outside. Answers carry the ticket of the table that they belong to.
#[derive(Clone, Debug)]
pub enum Order {
    /// Predict all decisions of these recordings; a second predictor beside the first. Answered by
    /// [`News::Progress`] and [`News::Collected`].
    Collect {
        /// For the answer.
        ticket: Ticket,
        /// In this order.
        origins: Vec<Origin>,
        /// The first predictor.
        whom: ModelChoice,
        /// The second: a predictor's name, a run or a model file.
        other: Option<PathBuf>,
    },
    /// Filter, sort and sum up; answered by [`News::Looked`].
    Look {
        /// For the answer.
        ticket: Ticket,
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
        ticket: Ticket,
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
        ticket: Ticket,
        /// Done.
        done: usize,
        /// Of these.
        of: usize,
    },
    /// All decisions, or why there are none.
    Collected {
        /// Of the order.
        ticket: Ticket,
        /// What was found.
        result: Result<Arc<Found>, String>,
    },
    /// The list and its sums.
    Looked {
        /// Of the order.
        ticket: Ticket,
        /// The answer.
        view: Arc<View>,
    },
    /// One decision taken apart.
    Explained {
        /// Of the order.
        ticket: Ticket,
        /// Its row.
        row: usize,
        /// The explanation, or why there is none.
        result: Result<Arc<Explanation>, String>,
    },
    /// The kept filters.
    Filters(Vec<String>),
    /// Something went wrong that only needs to be said.
    Trouble(String),
}

/// Something of the outside's that belongs to an answer and comes back with the next order.
#[derive(Clone, Default)]
pub struct Opaque(Option<Arc<dyn Any + Send + Sync>>);

impl Opaque {
    /// Holds this.
    pub fn new<T: Any + Send + Sync>(what: T) -> Self {
        Self(Some(Arc::new(what)))
    }

    /// What is held, if it is of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }
}

impl std::fmt::Debug for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Opaque(..)" } else { "Opaque" })
    }
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
    /// What explanations start from.
    pub held: Opaque,
}

/// An explanation with the words that need the recording.
#[derive(Debug)]
pub struct Explanation {
    /// The explanation.
    pub why: Why,
    /// Since when the one who leaves had run is not known.
    pub unknown: bool,
    /// Per past event: its words, and ns before the decision.
    pub past: Vec<(String, u64)>,
    /// Why the kernel chose.
    pub kernel: Option<Picture>,
}
