//! States of the pass that filled a table, kept along the way: taking a decision apart starts from the nearest one
//! instead of from the first event, so that it takes as long in an hour's recording as in a second's.

use super::collect::baselines;
use crate::evaluate::kept::Kept;
use crate::features::Extractor;
use crate::predictor::Predictor;
use crate::predictor::heuristics::Heuristic;
use crate::trace::Trace;
use std::sync::{Mutex, PoisonError};

/// States kept of one recording at most, and how many events apart at least: a walk over so many events is not felt.
const KEPT: usize = 64;
const APART: usize = 16_384;

/// The state between two events: whatever has been seen of the recording, and nothing later.
#[derive(Clone, Debug)]
pub(super) struct Step<E> {
    pub extractor: Extractor,
    pub model: E,
    pub baselines: Vec<Heuristic>,
}

/// The states of one recording, by the event that follows each.
#[derive(Debug)]
pub struct Steps<E> {
    start: Step<E>,
    kept: Mutex<Kept<Step<E>>>,
}

impl<E: Predictor + Clone> Steps<E> {
    /// Only the state before the first event of `trace`, with a `model` that has seen nothing.
    pub fn new(trace: &Trace, model: E) -> Self {
        Self::every(APART.max(trace.len().div_ceil(KEPT)), trace, model)
    }

    /// As [`Self::new`], but a state is kept every `apart` events (at least one).
    pub fn every(apart: usize, trace: &Trace, model: E) -> Self {
        let start = Step { extractor: Extractor::new(trace), model, baselines: baselines() };
        Self { start, kept: Mutex::new(Kept::new(apart, trace)) }
    }

    /// States, the first one included.
    pub fn len(&self) -> usize {
        1 + self.kept.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Never: the start is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The model that has seen nothing.
    pub fn model(&self) -> &E {
        &self.start.model
    }

    /// Keeps a copy of the state that is followed by event `i`, if one belongs there.
    pub(super) fn keep(&self, i: usize, extractor: &mut Extractor, model: &E, baselines: &[Heuristic]) {
        let step = |extractor| Step { extractor, model: model.clone(), baselines: baselines.to_vec() };
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).keep(i, extractor, step);
    }

    /// The latest state at or before `event`, and the event that follows it.
    pub(super) fn nearest(&self, event: usize) -> (usize, Step<E>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (i, step) = kept.nearest(event).unwrap_or((0, &self.start));
        (i, step.clone())
    }
}
