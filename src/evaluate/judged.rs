//! What one predictor said of each decision that counts: the pass of an evaluation without its sums, for those who sum up in a
//! way of their own.

use super::{best, rank_of, softmax};
use crate::features::{Decision, Extractor, Forecast, Outcome, RANKS, Sink, Token};
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::trace::{CpuId, Trace};

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

struct Judge<'a, P: ?Sized> {
    predictor: &'a mut P,
    scores: Vec<f32>,
    candidates: usize,
    judged: Vec<Judged>,
}

impl<P: Predictor + ?Sized> Sink for Judge<'_, P> {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.predictor.token(cpu, token);
    }

    fn decision(&mut self, d: &Decision<'_>) {
        self.candidates = d.candidates.len();
        self.predictor.pick(d, &mut self.scores);
    }

    fn outcome(&mut self, o: &Outcome) {
        if o.scored && self.candidates >= 2 && !o.no_pick && best(&self.scores).is_some() {
            softmax(&mut self.scores);
            let real = o.pick.map(|r| r as usize);
            let hit = real.is_some_and(|r| rank_of(&self.scores, r) == 1);
            self.judged.push(Judged { event: o.event, hit, p_real: real.map(|r| self.scores[r]) });
        }
        self.predictor.outcome(o);
    }

    fn forecast(&mut self, f: &Forecast<'_>) {
        // Not kept; asked all the same, so that a predictor that learns goes on as in an evaluation.
        self.predictor.forecast(f, &mut [f32::NEG_INFINITY; RANKS]);
    }
}

/// The decisions of `trace` in their order, answered by `predictor`, which is in its state before the first event. `None` when
/// cancelled. `done` hears of events walked.
pub fn judge<P: Predictor + ?Sized>(
    trace: &Trace,
    predictor: &mut P,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Vec<Judged>> {
    const STRIDE: usize = 4096;
    let mut extractor = Extractor::new(trace);
    let mut judge = Judge { predictor, scores: Vec::new(), candidates: 0, judged: Vec::new() };
    for start in (0..trace.len()).step_by(STRIDE) {
        if cancel.is_cancelled() {
            return None;
        }
        let end = trace.len().min(start + STRIDE);
        (start..end).for_each(|i| extractor.step(trace, i, &mut judge));
        done((end - start) as u64);
    }
    Some(judge.judged)
}
