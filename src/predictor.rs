//! Predictors behind one trait: networks ([`networks`] says which; [`dense`], in burn, trains them,
//! [`stream`], in plain Rust, answers; [`weights`] are their numbers and files) and baselines.
//!
//! A predictor is driven like the extractor's sink, one CPU stream at a time, and answers with
//! unnormalised scores (logits): higher is more likely; a softmax over them is its probability. It
//! never sees an outcome before it answered.

pub mod alone;
pub mod dense;
pub mod engine;
pub mod heuristics;
pub mod kernel_oracle;
pub mod networks;
pub mod ppm;
pub mod scores;
pub mod stream;
pub mod weights;

use crate::features::{Decision, Forecast, Outcome, Token};
use crate::trace::CpuId;

/// What a predictor's answers are made from, and what is usual of it.
#[derive(Clone, Copy, Debug)]
pub struct Reads<'a> {
    /// Tokens of a CPU's sequence that an answer can depend on; `None`: all of them.
    pub tokens: Option<usize>,
    /// `[QUERY]`, over the decisions it was trained on: means, and one over the spreads.
    pub query: [&'a [f32]; 2],
    /// `[CAND]`: means over the candidates.
    pub cand: &'a [f32],
}

/// Answers both questions, one decision at a time.
pub trait Predictor: Send {
    /// Short name, as in reports: `tcn`, `fifo`, ...
    fn name(&self) -> &str;

    /// Takes a step of `cpu`'s sequence.
    fn token(&mut self, cpu: CpuId, token: &Token) {
        let _ = (cpu, token);
    }

    /// Scores every candidate: `scores` is cleared and filled with one logit per candidate, in
    /// their order.
    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>);

    /// Scores every candidate of a forecast, as [`Self::pick`] does: `f32::NEG_INFINITY` for whom
    /// it does not name.
    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>);

    /// What its answers are made from, when it can be taken apart.
    fn reads(&self) -> Option<Reads<'_>> {
        None
    }

    /// Learns what happened, after it answered.
    fn outcome(&mut self, outcome: &Outcome) {
        let _ = outcome;
    }

    /// Takes over what `other`, the same predictor further on in the same trace, has learned from
    /// outcomes. What it has seen of the sequence stays.
    fn take_over(&mut self, other: &Self)
    where
        Self: Sized,
    {
        let _ = other;
    }
}

/// Whoever is lent answers as if it were there itself. What it has learned stays with its owner:
/// [`Predictor::take_over`] does nothing.
impl<P: Predictor + ?Sized> Predictor for &mut P {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn token(&mut self, cpu: CpuId, token: &Token) {
        (**self).token(cpu, token);
    }

    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        (**self).pick(decision, scores);
    }

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        (**self).forecast(forecast, scores);
    }

    fn reads(&self) -> Option<Reads<'_>> {
        (**self).reads()
    }

    fn outcome(&mut self, outcome: &Outcome) {
        (**self).outcome(outcome);
    }
}
