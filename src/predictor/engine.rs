//! Any predictor that can be cloned, chosen by name: what the command line, the overlay and the
//! interface work with.

use super::alone::{self, Alone};
use super::heuristics::{Heuristic, Rule};
use super::kernel_oracle::KernelOracle;
use super::networks::Kind;
use super::ppm::Ppm;
use super::stream::StreamEngine;
use super::weights::Weights;
use super::{Predictor, Reads};
use crate::features::{Decision, Forecast, Outcome, Token};
use crate::sched::replay::Rules;
use crate::trace::{CpuId, Trace};
use std::str::FromStr;
use std::sync::Arc;

/// A predictor by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A network; needs a model.
    Network(Kind),
    /// Prediction by partial matching.
    Ppm,
    /// An LSTM on task names, as in `KernelOracle` (2025); learns as it goes.
    KernelOracle,
    /// A fixed rule.
    Rule(Rule),
    /// A rule of the kernel that no observed pick corrects.
    Alone(Rules),
}

/// Why a predictor cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// It runs on weights, and there are none.
    #[error("{0} needs a model")]
    NoModel(&'static str),
    /// The weights are another network's.
    #[error("the model is for {found}, not for {wanted}")]
    OtherModel {
        /// Who was asked for.
        wanted: &'static str,
        /// Whose weights they are.
        found: &'static str,
    },
}

impl Choice {
    /// Those that reports compare: networks first, then baselines, strongest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let networks = Kind::ALL.into_iter().map(Self::Network);
        networks
            .chain([Self::Ppm, Self::KernelOracle])
            .chain(Rule::ALL.into_iter().rev().map(Self::Rule))
    }

    /// All that can be asked for by name: [`Self::all`], then the kernel's rules left alone.
    pub fn named() -> impl Iterator<Item = Self> {
        Self::all().chain(Rules::ALL.map(Self::Alone))
    }

    /// Name on the command line and in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::Network(kind) => kind.label(),
            Self::Ppm => "ppm",
            Self::KernelOracle => "kernel-oracle",
            Self::Rule(rule) => rule.label(),
            Self::Alone(rules) => alone::label(rules),
        }
    }

    /// True when [`Self::make`] needs weights.
    pub fn needs_model(self) -> bool {
        self.network().is_some()
    }

    /// The kind of network it is, if it is one.
    pub fn network(self) -> Option<Kind> {
        match self {
            Self::Network(kind) => Some(kind),
            Self::Ppm | Self::KernelOracle | Self::Rule(_) | Self::Alone(_) => None,
        }
    }

    /// The predictor, in its state before the first event of `trace`.
    pub fn make(self, model: Option<&Arc<Weights>>, trace: &Trace) -> Result<Engine, ChoiceError> {
        Ok(match self {
            Self::Network(kind) => {
                let weights = model.ok_or(ChoiceError::NoModel(self.label()))?;
                if kind != weights.config.kind {
                    let (wanted, found) = (self.label(), weights.config.kind.label());
                    return Err(ChoiceError::OtherModel { wanted, found });
                }
                Engine::Network(Box::new(StreamEngine::new(weights, trace.cpus())))
            }
            Self::Ppm => Engine::Ppm(Box::default()),
            Self::KernelOracle => Engine::KernelOracle(Box::new(KernelOracle::new(trace))),
            Self::Rule(rule) => Engine::rule(rule),
            Self::Alone(rules) => Engine::Alone(Box::new(Alone::new(trace, rules))),
        })
    }
}

impl From<Kind> for Choice {
    fn from(kind: Kind) -> Self {
        Self::Network(kind)
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::named().find(|choice| choice.label() == name).ok_or_else(|| {
            let known: Vec<_> = Self::named().map(Self::label).collect();
            format!("no such predictor; known: {}", known.join(", "))
        })
    }
}

/// A predictor whose clones are snapshots.
#[derive(Clone, Debug)]
pub enum Engine {
    /// A network.
    Network(Box<StreamEngine>),
    /// Prediction by partial matching.
    Ppm(Box<Ppm>),
    /// An LSTM on task names.
    KernelOracle(Box<KernelOracle>),
    /// A fixed rule.
    Rule(Box<Heuristic>),
    /// A rule of the kernel that no observed pick corrects.
    Alone(Box<Alone>),
}

impl Engine {
    /// A baseline by a fixed rule.
    pub fn rule(rule: Rule) -> Self {
        Self::Rule(Box::new(Heuristic::new(rule, 0)))
    }

    fn get(&self) -> &dyn Predictor {
        match self {
            Self::Network(network) => network.as_ref(),
            Self::Ppm(ppm) => ppm.as_ref(),
            Self::KernelOracle(lstm) => lstm.as_ref(),
            Self::Rule(rule) => rule.as_ref(),
            Self::Alone(rule) => rule.as_ref(),
        }
    }

    fn get_mut(&mut self) -> &mut dyn Predictor {
        match self {
            Self::Network(network) => network.as_mut(),
            Self::Ppm(ppm) => ppm.as_mut(),
            Self::KernelOracle(lstm) => lstm.as_mut(),
            Self::Rule(rule) => rule.as_mut(),
            Self::Alone(rule) => rule.as_mut(),
        }
    }
}

impl From<StreamEngine> for Engine {
    fn from(tcn: StreamEngine) -> Self {
        Self::Network(Box::new(tcn))
    }
}

impl Predictor for Engine {
    fn name(&self) -> &str {
        self.get().name()
    }

    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.get_mut().token(cpu, token);
    }

    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        self.get_mut().pick(decision, scores);
    }

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        self.get_mut().forecast(forecast, scores);
    }

    fn reads(&self) -> Option<Reads<'_>> {
        self.get().reads()
    }

    fn take_over(&mut self, other: &Self) {
        // Baselines that learn are walked whole: they have no window.
        if let (Self::Network(network), Self::Network(other)) = (self, other) {
            network.take_over(other);
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.get_mut().outcome(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictor::dense::Network;
    use crate::predictor::networks::ModelConfig;
    use crate::trace::{TraceBuilder, TraceMeta};

    #[test]
    fn every_name_parses_to_a_predictor_of_that_name() {
        let trace = TraceBuilder::default().finish(TraceMeta { cpus: 1, ..TraceMeta::default() });
        let models =
            Kind::ALL.map(|kind| Arc::new(Network::fresh(ModelConfig::of(kind), 0).unwrap()));
        for choice in Choice::named() {
            assert_eq!(choice.label().parse(), Ok(choice));
            let model = models.iter().find(|m| Some(m.config.kind) == choice.network());
            assert_eq!(choice.make(model, &trace).unwrap().name(), choice.label());
            for other in
                models.iter().filter(|m| choice.network().is_some_and(|kind| kind != m.config.kind))
            {
                assert!(matches!(
                    choice.make(Some(other), &trace),
                    Err(ChoiceError::OtherModel { .. })
                ));
            }
            assert_eq!(choice.make(None, &trace).is_err(), choice.needs_model());
        }
        let error = "oracle".parse::<Choice>().unwrap_err();
        assert!(error.contains("tcn") && error.contains("fifo"), "{error}");
    }
}
