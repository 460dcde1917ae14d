//! Answers about what is seen before the walk over the recording gets there: a walk of its own begins a little before, knows
//! nothing of what came earlier, and is replaced once the other one arrives. `koracle bench --screens` tells how often both
//! say the same.

use super::{Inspection, Lanes, OverlayError, PATIENCE, Stretch, check, reduce, switches};
use crate::evaluate::watch::{Beside, Watch};
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::trace::Trace;
use std::ops::Range;

/// Events that a walk sees before those that it answers.
pub const WARM: usize = 10_000;

/// A walk that begins `warm` events before `first`, with an `engine` that has seen nothing; and the event that it begins at.
fn begin<E: Predictor + Clone>(trace: &Trace, engine: E, first: usize, warm: usize) -> (usize, Watch<Beside<E>>) {
    (first.saturating_sub(warm), Watch::new(trace, Beside::picking(engine)))
}

/// Predicts the switches among `events` with an `engine` that has seen nothing, after `warm` events before them.
pub fn early<E: Predictor + Clone>(
    trace: &Trace,
    engine: E,
    events: Range<usize>,
    warm: usize,
    cancel: &Cancel,
) -> Result<Stretch, OverlayError> {
    let end = events.end.min(trace.len());
    let first = events.start.min(end);
    let (from, mut watch) = begin(trace, engine, first, warm);
    let mut lanes = Lanes::new(trace);
    for i in from..end {
        if (i - from).is_multiple_of(PATIENCE) && cancel.is_cancelled() {
            return Err(OverlayError::Cancelled);
        }
        if let Some(answered) = watch.step(trace, i).filter(|_| i >= first) {
            lanes.push(answered);
        }
    }
    let before = |cpu: usize| switches(trace, cpu).partition_point(|&e| (e as usize) < first);
    let per_cpu = lanes.take().into_iter().enumerate().map(|(cpu, new)| (before(cpu), new));
    Ok(Stretch { per_cpu: per_cpu.collect() })
}

/// Everything about the decision at `event`, as [`early`] answered it among others from event `first` on.
pub fn inspect_early<E: Predictor + Clone>(
    trace: &Trace,
    engine: E,
    first: usize,
    event: usize,
    cancel: &Cancel,
) -> Result<Inspection, OverlayError> {
    check(trace, event)?;
    let (from, mut watch) = begin(trace, engine, first.min(event), WARM);
    for i in from..event {
        if (i - from).is_multiple_of(PATIENCE) && cancel.is_cancelled() {
            return Err(OverlayError::Cancelled);
        }
        watch.step(trace, i);
    }
    reduce::inspection(watch, trace, event)
}
