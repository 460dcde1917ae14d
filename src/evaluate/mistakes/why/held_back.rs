//! A model that is shown one CPU's sequence late: the last tokens before the decision that is taken
//! apart are kept aside, so that they can be shown with some of them replaced.

use crate::features::{Decision, Forecast, Outcome, Token};
use crate::predictor::Predictor;
use crate::trace::CpuId;
use std::collections::VecDeque;

/// The model, and a second one that sees everything as it comes and learns from it if it can.
pub(super) struct HeldBack<E> {
    /// Has seen all tokens of the CPU but those in `past`, and of no other.
    pub model: E,
    pub learner: E,
    /// The last tokens, each with its event.
    pub past: VecDeque<(u32, Token)>,
    /// The event in hand.
    pub event: u32,
    /// The decision is reached: nothing is shown or asked any more.
    pub stopped: bool,
    cpu: CpuId,
    window: usize,
    /// It cannot be taken apart, and may learn from what happens: it is driven as usual up to the
    /// decision.
    whole: bool,
}

impl<E: Predictor + Clone> HeldBack<E> {
    /// Keeps the last `window` tokens of `cpu` aside.
    pub fn new(model: E, cpu: CpuId, window: usize) -> Self {
        let (learner, whole) = (model.clone(), model.reads().is_none());
        Self { model, learner, past: VecDeque::new(), event: 0, stopped: false, cpu, window, whole }
    }
}

impl<E> HeldBack<E> {
    /// Who is shown everything as it comes.
    fn walked(&mut self) -> Option<&mut E> {
        let walked = if self.whole { &mut self.model } else { &mut self.learner };
        (!self.stopped).then_some(walked)
    }
}

impl<E: Predictor> Predictor for HeldBack<E> {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn token(&mut self, cpu: CpuId, token: &Token) {
        let Some(walked) = self.walked() else { return };
        walked.token(cpu, token);
        if self.whole || cpu != self.cpu {
            return;
        }
        self.past.push_back((self.event, *token));
        if self.past.len() > self.window
            && let Some((_, old)) = self.past.pop_front()
        {
            self.model.token(cpu, &old);
        }
    }

    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        match self.walked() {
            Some(walked) => walked.pick(decision, scores),
            None => scores.clear(),
        }
    }

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        match self.walked() {
            Some(walked) => walked.forecast(forecast, scores),
            None => scores.clear(),
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        if let Some(walked) = self.walked() {
            walked.outcome(outcome);
        }
    }
}
