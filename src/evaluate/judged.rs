//! What one predictor said of each decision that counts: the pass of an evaluation without its
//! sums, for those who sum up in a way of their own.

use super::watch::Watch;
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::trace::Trace;

/// A scored decision that was not trivial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The switch, as its index among all events.
    pub event: u32,
    /// The pick was the one that came in.
    pub hit: bool,
    /// The probability of the one that came in; `None` where it was not among the candidates.
    pub p_real: Option<f32>,
}

/// The decisions of `trace` in their order, answered by `predictor`, which is in its state before
/// the first event. `None` when cancelled. `done` hears of events walked.
pub fn judge<P: Predictor + ?Sized>(
    trace: &Trace,
    predictor: &mut P,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Vec<Judged>> {
    let mut judged = Vec::new();
    Watch::new(trace, predictor).walk(trace, cancel, done, |mut answered| {
        if answered.is_pick() && answered.picks.first(0).is_some() {
            let (event, real) = (answered.outcome.event, answered.real());
            let hit = real.is_some_and(|r| answered.picks.rank(0, r) == 1);
            judged.push(Judged { event, hit, p_real: real.map(|r| answered.picks.p(0)[r]) });
        }
    })?;
    Some(judged)
}
