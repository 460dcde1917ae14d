//! What was answered at a switch, reduced to what a cell of the timeline and the inspector show.

use super::{Candidate, Guess, Inspection, OverlayError, Prediction};
use crate::evaluate::watch::{Answered, Beside, Watch};
use crate::predictor::Predictor;
use crate::trace::{Nanos, ThreadIx, Trace};
use std::time::Instant;

/// Choices of the forecast that an inspection lists.
const CHOICES: usize = 5;
/// An inspection measures a decision so many times and takes the fastest: the first runs find cold
/// caches.
const REPEATS: usize = 5;

/// The prediction of a switch in a trace of `cpus` CPUs.
pub(super) fn prediction(answered: &mut Answered<'_>, cpus: usize) -> Prediction {
    let (decision, outcome, scored) = (answered.decision, answered.outcome, answered.is_pick());
    let (candidates, picks) = (decision.candidates, &mut answered.picks);
    // What cannot be judged is not shown as a prediction.
    let can_pick = !outcome.no_pick && !outcome.unknown && picks.p(0).len() == candidates.len();
    let baselines = std::array::from_fn(|i| {
        let top = picks.top(1 + i).filter(|_| can_pick);
        top.map_or(ThreadIx::NONE, |at| candidates[at])
    });
    let real = outcome.pick.map(|real| real as usize);
    let pick = picks.first(0).filter(|_| can_pick).map_or(Guess::NONE, |(first, p)| Guess {
        thread: candidates[first],
        p,
        p_real: real.map_or(0.0, |real| picks.p(0)[real]),
        rank: real.map_or(0, |real| picks.rank(0, real) as u16),
        scored,
    });
    // An empty queue leaves the idle thread as the only candidate.
    let idle_only = candidates.first().is_some_and(|thread| thread.ix() < cpus);
    Prediction {
        queue: if idle_only { 0 } else { candidates.len().min(usize::from(u16::MAX)) as u16 },
        trivial: decision.is_trivial(),
        covered: outcome.pick.is_some(),
        real: outcome.next,
        pick,
        forecast: forecast(answered).unwrap_or(Guess::NONE),
        baselines,
    }
}

fn forecast(Answered { outcome, told, .. }: &Answered<'_>) -> Option<Guess> {
    let p = told.p(0);
    let first = told.top(0).filter(|first| !outcome.unknown && p[*first] > 0.0)?;
    let rank = told.rank(0, outcome);
    let real = outcome.foretold.filter(|_| rank.is_some());
    Some(Guess {
        thread: told.threads[first],
        p: p[first],
        p_real: real.map_or(0.0, |real| p[real as usize]),
        rank: rank.unwrap_or(0) as u16,
        scored: outcome.scored,
    })
}

/// Everything about the decision at `event`, which `watch` is about to take.
pub(super) fn inspection<E: Predictor + Clone>(
    mut watch: Watch<Beside<E>>,
    trace: &Trace,
    event: usize,
) -> Result<Inspection, OverlayError> {
    let e = trace.event(event);
    let decision_ns = (0..REPEATS).map(|_| timed(&watch, trace, event)).min().unwrap_or(0);
    let context = watch.context(e.cpu).collect();
    let model = watch.panel().model.name().into();
    let Some(Answered { decision, told, mut picks, .. }) = watch.step(trace, event) else {
        return Err(OverlayError::NotASwitch(event));
    };
    let known = decision.candidates.iter().zip(decision.waited).zip(decision.lag).zip(picks.p(0));
    let mut candidates: Vec<_> = known
        .map(|(((&thread, &waited), &lag_ns), &p)| Candidate { thread, p, waited, lag_ns })
        .collect();
    // Stable: equals stay in queue order, so that the first is the pick.
    candidates.sort_by(|a, b| b.p.total_cmp(&a.p));
    let mut forecast: Vec<_> = told.threads.iter().copied().zip(told.p(0)).collect();
    forecast.sort_by(|a, b| b.1.total_cmp(&a.1));
    forecast.retain(|(_, p)| *p > 0.0);
    forecast.truncate(CHOICES);
    Ok(Inspection {
        event,
        model,
        prev: decision.prev,
        prev_state: decision.prev_state,
        stint: decision.stint,
        candidates,
        real: trace.tasks().thread_on(e.next, e.cpu),
        forecast,
        lead: told.asked.map_or(Nanos(0), |asked| e.time.since(asked)),
        decision_ns,
        context,
    })
}

/// Time of features and network for one switch, on a copy, without baselines.
fn timed<E: Predictor + Clone>(watch: &Watch<Beside<E>>, trace: &Trace, event: usize) -> u64 {
    let mut bare = watch.copy_with(watch.panel().model.clone());
    let start = Instant::now();
    bare.step(trace, event);
    start.elapsed().as_nanos() as u64
}
