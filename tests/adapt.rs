//! A network that goes on learning while it answers: it starts from the fixed network's answers, is
//! better than it soon, also where the fixed one is good, and a clone of it is a snapshot.

#![allow(clippy::unwrap_used)] // helpers of tests are test code too

mod common;

use common::recordings;
use kernel_oracle::features::{Decision, Extractor, Forecast, Outcome, Sink, Token};
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::networks::{Kind, ModelConfig};
use kernel_oracle::predictor::stream::StreamEngine;
use kernel_oracle::predictor::weights::{Provenance, Weights};
use kernel_oracle::trace::{CpuId, Trace};
use std::sync::Arc;

/// Log losses of an engine's answers.
struct Losses {
    engine: StreamEngine,
    scores: Vec<f32>,
    open: Vec<Option<Vec<f32>>>,
    pick: Vec<f64>,
    forecast: Vec<f64>,
}

fn log_loss(scores: &[f32], real: usize) -> f64 {
    let sum: f64 = scores.iter().map(|z| f64::from(*z).exp()).sum();
    sum.ln() - f64::from(scores[real])
}

impl Losses {
    fn of(engine: StreamEngine, trace: &Trace, events: usize) -> Self {
        let open = vec![None; trace.cpus()];
        let mut losses =
            Self { engine, scores: Vec::new(), open, pick: Vec::new(), forecast: Vec::new() };
        let mut extractor = Extractor::new(trace);
        for i in 0..events.min(trace.len()) {
            extractor.step(trace, i, &mut losses);
        }
        losses
    }

    fn means(&self) -> [f64; 2] {
        [&self.pick, &self.forecast].map(|of| of.iter().sum::<f64>() / of.len() as f64)
    }
}

impl Sink for Losses {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.engine.token(cpu, token);
    }

    fn decision(&mut self, d: &Decision<'_>) {
        self.engine.pick(d, &mut self.scores);
    }

    fn outcome(&mut self, o: &Outcome) {
        if let Some(real) = o.pick.filter(|_| self.scores.len() > 1) {
            self.pick.push(log_loss(&self.scores, real as usize));
        }
        if let (Some(scores), Some(real)) = (self.open[o.cpu.ix()].take(), o.foretold) {
            self.forecast.push(log_loss(&scores, real as usize));
        }
        self.engine.outcome(o);
    }

    fn forecast(&mut self, f: &Forecast<'_>) {
        let mut scores = Vec::new();
        self.engine.forecast(f, &mut scores);
        self.open[f.cpu.ix()] = Some(scores);
    }
}

#[test]
fn it_is_better_than_the_fixed_network_on_workloads_that_both_know() {
    let weights = Arc::new(Weights::bundled().unwrap());
    assert!(weights.config.adapt);
    for name in ["hackbench-pipe-2g_run2", "sysbench-threads-16t_run2"] {
        let trace = recordings::open(name);
        let means = [StreamEngine::frozen, StreamEngine::new]
            .map(|e| Losses::of(e(&weights, 2), &trace, usize::MAX).means());
        for (question, (fixed, learning)) in
            ["pick", "forecast"].iter().zip(means[0].iter().zip(means[1]))
        {
            assert!(learning < fixed - 0.002, "{name}, {question}: {learning} and fixed {fixed}");
        }
    }
}

#[test]
fn a_network_that_knows_nothing_learns_from_the_recording_alone() {
    let untrained = |adapt: bool| {
        let weights =
            kernel_oracle::predictor::dense::Network::fresh(ModelConfig::of(Kind::Tcn), 3).unwrap();
        let config = ModelConfig { adapt, ..weights.config };
        let tensors = config
            .shapes()
            .into_iter()
            .map(|(name, _)| (name.clone(), weights.get(&name).to_vec()));
        Arc::new(Weights::new(config, Provenance::default(), tensors.collect()).unwrap())
    };
    let trace = recordings::open("hackbench-pipe-2g_run2");
    let [fixed, learning] = [false, true]
        .map(|adapt| Losses::of(StreamEngine::new(&untrained(adapt), 2), &trace, usize::MAX));
    assert_eq!(fixed.forecast[0].to_bits(), learning.forecast[0].to_bits(), "both begin alike");
    assert!(
        (fixed.pick[0] - learning.pick[0]).abs() < 0.02,
        "but for the temperature of what is learned"
    );
    let (fixed, learning) = (fixed.means(), learning.means());
    assert!(
        learning[0] < 0.8 * fixed[0] && learning[1] < 0.8 * fixed[1],
        "{learning:?} and fixed {fixed:?}"
    );
}

#[test]
fn a_clone_goes_on_from_what_was_learned() {
    let weights = Arc::new(Weights::bundled().unwrap());
    let trace = recordings::open("hackbench-pipe-2g_run2");
    let whole = Losses::of(StreamEngine::new(&weights, 2), &trace, 12_000);
    let mut first = Losses::of(StreamEngine::new(&weights, 2), &trace, 0);
    let mut extractor = Extractor::new(&trace);
    for i in 0..12_000 {
        if i % 5_000 == 4_999 {
            first.engine = first.engine.clone();
        }
        extractor.step(&trace, i, &mut first);
    }
    assert_eq!((first.pick, first.forecast), (whole.pick, whole.forecast));
}
