//! Answers about what is seen before the walk over the recording gets there: a walk of its own
//! begins a little before, knows nothing of what came earlier, and is replaced once the other one
//! arrives. `koracle bench --screens` tells how often both say the same.

use super::{Inspection, Lanes, OverlayError, PATIENCE, Stretch, check, reduce, switches};
use crate::evaluate::watch::{Answered, Beside, Watch};
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::trace::Trace;
use std::ops::Range;

/// Events that a walk sees before those that it answers.
pub const WARM: usize = 10_000;

/// A walk with an `engine` that has seen nothing, from `warm` events before `first` up to `last`;
/// `each` hears of what is answered from `first` on. The walk as it is then, about to take `last`.
fn near<E: Predictor + Clone>(
    trace: &Trace,
    engine: E,
    (first, warm, last): (usize, usize, usize),
    cancel: &Cancel,
    mut each: impl FnMut(Answered<'_>),
) -> Result<Watch<Beside<E>>, OverlayError> {
    let from = first.saturating_sub(warm);
    let mut watch = Watch::new(trace, Beside::picking(engine));
    for i in from..last {
        if (i - from).is_multiple_of(PATIENCE) && cancel.is_cancelled() {
            return Err(OverlayError::Cancelled);
        }
        if let Some(answered) = watch.step(trace, i).filter(|_| i >= first) {
            each(answered);
        }
    }
    Ok(watch)
}

/// Predicts the switches among `events` with an `engine` that has seen nothing, after `warm` events
/// before them.
pub fn early<E: Predictor + Clone>(
    trace: &Trace,
    engine: E,
    events: Range<usize>,
    warm: usize,
    cancel: &Cancel,
) -> Result<Stretch, OverlayError> {
    let end = events.end.min(trace.len());
    let first = events.start.min(end);
    let mut lanes = Lanes::new(trace);
    near(trace, engine, (first, warm, end), cancel, |answered| lanes.push(answered))?;
    let before = |cpu: usize| switches(trace, cpu).partition_point(|&e| (e as usize) < first);
    let per_cpu = lanes.take().into_iter().enumerate().map(|(cpu, new)| (before(cpu), new));
    Ok(Stretch { per_cpu: per_cpu.collect() })
}

/// Everything about the decision at `event`, as [`early`] answered it among others from event
/// `first` on.
pub fn inspect_early<E: Predictor + Clone>(
    trace: &Trace,
    engine: E,
    first: usize,
    event: usize,
    cancel: &Cancel,
) -> Result<Inspection, OverlayError> {
    check(trace, event)?;
    let watch = near(trace, engine, (first.min(event), WARM, event), cancel, |_| {})?;
    reduce::inspection(watch, trace, event)
}
