//! Any predictor that can be cloned, chosen by name: what the command line and the overlay work with.

use super::heuristics::{Heuristic, Rule};
use super::stream::StreamEngine;
use super::{Predictor, Reads};
use crate::features::{Decision, Forecast, Outcome, RANKS, Token};
use crate::trace::CpuId;

/// A predictor whose clones are snapshots.
#[derive(Clone, Debug)]
pub enum Engine {
    /// The TCN.
    Tcn(Box<StreamEngine>),
    /// A baseline.
    Rule(Heuristic),
}

impl Engine {
    /// A baseline.
    pub fn rule(rule: Rule) -> Self {
        Self::Rule(Heuristic::new(rule, 0))
    }

    fn get(&mut self) -> &mut dyn Predictor {
        match self {
            Self::Tcn(tcn) => tcn.as_mut(),
            Self::Rule(rule) => rule,
        }
    }
}

impl From<StreamEngine> for Engine {
    fn from(tcn: StreamEngine) -> Self {
        Self::Tcn(Box::new(tcn))
    }
}

impl Predictor for Engine {
    fn name(&self) -> &str {
        match self {
            Self::Tcn(tcn) => tcn.name(),
            Self::Rule(rule) => rule.name(),
        }
    }

    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.get().token(cpu, token);
    }

    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        self.get().pick(decision, scores);
    }

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut [f32; RANKS]) {
        self.get().forecast(forecast, scores);
    }

    fn reads(&self) -> Option<Reads<'_>> {
        match self {
            Self::Tcn(tcn) => tcn.reads(),
            Self::Rule(rule) => rule.reads(),
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.get().outcome(outcome);
    }
}
