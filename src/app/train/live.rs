//! The loop closes: a run's newest weights predict what is visible of the open recording, again
//! after every epoch. Whose weights those are; what is asked with them is decided where the
//! recording is shown.

use crate::app::ticket::Ticket;
use crate::predictor::weights::Weights;
use std::ops::Range;
use std::sync::Arc;

/// A training run's weights at some moment.
#[derive(Clone, Debug)]
pub struct LiveModel {
    /// The run, and from when they are.
    pub label: String,
    /// The model.
    pub weights: Arc<Weights>,
}

impl PartialEq for LiveModel {
    /// The same weights, not just of the same name.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.weights, &other.weights)
    }
}

/// The weights that predict the window, and what has been asked with them.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Whose they are, and from when.
    pub label: String,
    /// The model.
    pub weights: Arc<Weights>,
    /// The ticket of the work on the recording and the events that were asked for last.
    pub(in crate::app) asked: Option<(Ticket, Range<usize>)>,
}

impl Live {
    /// Weights that nothing has been asked with.
    pub fn new(label: String, weights: Arc<Weights>) -> Self {
        Self { label, weights, asked: None }
    }
}
