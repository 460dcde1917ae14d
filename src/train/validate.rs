//! How good a network is on recordings it was not fitted to, and the temperatures that make its
//! probabilities honest. Runs the streaming engine: what is measured is what will answer. Where it
//! goes on learning, it learns from each CPU alone here, and only from the decisions that are kept.

use crate::dataset::chunks::{CpuData, Recording, unpack};
use crate::dataset::questions::Questions;
use crate::features::{Decision, Forecast, Outcome, TOKEN_X, Token};
use crate::predictor::Predictor;
use crate::predictor::scores::best;
use crate::predictor::stream::StreamEngine;
use crate::predictor::weights::Weights;
use crate::trace::{CpuId, Nanos, TaskState, ThreadIx};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One workload's results, as fractions; picks are non-trivial decisions, an uncovered one is a
/// miss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Non-trivial decisions.
    pub picks: usize,
    /// Share whose real one had the highest score.
    pub pick_top1: f64,
    /// Forecasts.
    pub forecasts: usize,
    /// Share whose real task had the highest score; one that was no candidate is a miss.
    pub forecast_top1: f64,
}

/// Results over workloads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Mean over workloads of [`Scores::pick_top1`].
    pub pick_top1: f64,
    /// Mean over workloads of [`Scores::forecast_top1`].
    pub forecast_top1: f64,
    /// Mean negative log-likelihood of pick and forecast in nats, at `temperature`.
    pub nll: [f64; 2],
    /// Best temperature of each head.
    pub temperature: [f32; 2],
    /// By workload.
    pub workloads: BTreeMap<String, Scores>,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            pick_top1: 0.0,
            forecast_top1: 0.0,
            nll: [0.0; 2],
            temperature: [1.0; 2],
            workloads: BTreeMap::new(),
        }
    }
}

impl Validation {
    /// What epochs are compared by.
    pub fn score(&self) -> f64 {
        self.pick_top1 + self.forecast_top1
    }

    /// The main numbers by name.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        BTreeMap::from([
            ("validation_pick_top1".into(), self.pick_top1),
            ("validation_forecast_top1".into(), self.forecast_top1),
            ("validation_pick_nll".into(), self.nll[0]),
            ("validation_forecast_nll".into(), self.nll[1]),
        ])
    }
}

/// All scores of one head, one question after the other.
#[derive(Default)]
struct Answers {
    scores: Vec<f32>,
    /// End in `scores` and place of the real one.
    ends: Vec<(usize, usize)>,
}

impl Answers {
    /// Keeps the scores of a question; 1 when the real one's is the highest, else 0.
    fn take(&mut self, scores: &[f32], real: usize) -> f64 {
        self.scores.extend_from_slice(scores);
        self.ends.push((self.scores.len(), real));
        f64::from(u8::from(best(scores) == Some(real)))
    }

    /// Mean negative log-likelihood at a temperature.
    fn nll(&self, temperature: f64) -> f64 {
        let mut from = 0;
        let mut sum = 0.0;
        for &(end, real) in &self.ends {
            let z = &self.scores[from..end];
            let top = f64::from(z.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let norm: f64 = z.iter().map(|&x| ((f64::from(x) - top) / temperature).exp()).sum();
            sum += norm.ln() - (f64::from(z[real]) - top) / temperature;
            from = end;
        }
        sum / self.ends.len().max(1) as f64
    }

    /// The temperature of least [`Self::nll`], by golden section over its logarithm.
    /// Asks `go_on` before every pass over the answers; `None` when it says no.
    fn temperature(&self, go_on: &mut dyn FnMut() -> bool) -> Option<f64> {
        if self.ends.is_empty() {
            return Some(1.0);
        }
        let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = (0.2_f64.ln(), 5.0_f64.ln());
        for _ in 0..16 {
            let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
            if !go_on() {
                return None;
            }
            let at_a = self.nll(a.exp());
            if !go_on() {
                return None;
            }
            if at_a < self.nll(b.exp()) {
                high = b;
            } else {
                low = a;
            }
        }
        Some(f64::midpoint(low, high).exp())
    }
}

/// Measures `weights` on `recordings`; its temperatures are taken as 1.
pub fn validate(weights: &Weights, recordings: &[Recording]) -> Validation {
    validate_while(weights, recordings, &mut || true).unwrap_or_default()
}

/// As [`validate`]; asks `go_on` every few hundred tokens and gives up when it says no.
pub(super) fn validate_while(
    weights: &Weights,
    recordings: &[Recording],
    go_on: &mut dyn FnMut() -> bool,
) -> Option<Validation> {
    let mut weights = weights.clone();
    weights.set_temperature([1.0; 2]);
    let weights = Arc::new(weights);
    let mut workloads: BTreeMap<String, Scores> = BTreeMap::new();
    let (mut picks, mut asks) = (Answers::default(), Answers::default());
    for recording in recordings {
        let scores = workloads.entry(recording.workload.clone()).or_default();
        for data in &recording.cpus {
            if !walk(
                &mut StreamEngine::new(&weights, 1),
                data,
                scores,
                &mut picks,
                &mut asks,
                go_on,
            ) {
                return None;
            }
        }
    }
    for s in workloads.values_mut() {
        s.pick_top1 /= s.picks.max(1) as f64;
        s.forecast_top1 /= s.forecasts.max(1) as f64;
    }
    let mean = |asked: fn(&Scores) -> usize, value: fn(&Scores) -> f64| {
        let these: Vec<f64> = workloads.values().filter(|s| asked(s) > 0).map(value).collect();
        these.iter().sum::<f64>() / these.len().max(1) as f64
    };
    let temperature = [picks.temperature(go_on)?, asks.temperature(go_on)?];
    Some(Validation {
        pick_top1: mean(|s| s.picks, |s| s.pick_top1),
        forecast_top1: mean(|s| s.forecasts, |s| s.forecast_top1),
        nll: [picks.nll(temperature[0]), asks.nll(temperature[1])],
        temperature: temperature.map(|t| t as f32),
        workloads,
    })
}

/// Runs one CPU's tokens through the engine and asks it where something was asked. Hits are
/// counted, not yet shares. False when `go_on` said no.
fn walk(
    engine: &mut StreamEngine,
    data: &CpuData,
    scores: &mut Scores,
    picks: &mut Answers,
    asks: &mut Answers,
    go_on: &mut dyn FnMut() -> bool,
) -> bool {
    let (mut pick_at, mut ask_at) = (0, 0);
    let (mut query, mut features, mut z) = (Vec::new(), Vec::new(), Vec::new());
    for (t, class) in data.classes.iter().enumerate() {
        if t.is_multiple_of(256) && !go_on() {
            return false;
        }
        let mut x = [0.0; TOKEN_X];
        x.iter_mut().zip(&data.x[t * TOKEN_X..]).for_each(|(to, x)| *to = unpack(*x));
        engine.token(CpuId(0), &Token { kind: class[0], rank: class[1], state: class[2], x });
        let here = t as u32 + 1;
        while let Some(at) = data.picks.at.get(pick_at).filter(|q| q.tokens <= here) {
            scores.picks += 1;
            if at.count > 0 {
                read(&data.picks, pick_at, &mut query, &mut features);
                engine.pick(&decision(&query, &features), &mut z);
                engine.outcome(&came(Some(at.target.into()), None));
                scores.pick_top1 += picks.take(&z, at.target.into());
            }
            pick_at += 1;
        }
        while let Some(at) = data.asks.at.get(ask_at).filter(|q| q.tokens <= here) {
            scores.forecasts += 1;
            if at.count > 0 {
                read(&data.asks, ask_at, &mut query, &mut features);
                engine.forecast(&forecast(&query, &features), &mut z);
                engine.outcome(&came(None, Some(at.target.into())));
                scores.forecast_top1 += asks.take(&z, at.target.into());
            }
            ask_at += 1;
        }
    }
    true
}

/// The inputs of question `i`.
pub(super) fn read(kept: &Questions, i: usize, query: &mut Vec<f32>, features: &mut Vec<f32>) {
    query.clear();
    kept.query(i, query);
    features.clear();
    kept.candidates(i, features);
}

/// What came of a question: the place of a decision's or of a forecast's candidate.
fn came(pick: Option<u32>, foretold: Option<u32>) -> Outcome {
    Outcome {
        event: 0,
        cpu: CpuId(0),
        time: Nanos(0),
        next: ThreadIx::NONE,
        pick,
        foretold,
        scored: true,
        unknown: false,
        no_pick: false,
    }
}

/// A forecast of which only the numbers matter.
pub(super) fn forecast<'a>(query: &'a [f32], features: &'a [f32]) -> Forecast<'a> {
    let (cpu, time, running) = (CpuId(0), Nanos(0), ThreadIx::NONE);
    Forecast {
        event: 0,
        cpu,
        time,
        running,
        candidates: &[],
        ranked: 0,
        queue: &[],
        query,
        features,
    }
}

/// A decision of which only the numbers matter.
pub(super) fn decision<'a>(query: &'a [f32], features: &'a [f32]) -> Decision<'a> {
    Decision {
        event: 0,
        cpu: CpuId(0),
        time: Nanos(0),
        prev: ThreadIx::NONE,
        prev_state: TaskState::RUNNING,
        stint: Nanos(0),
        candidates: &[],
        query,
        features,
        waited: &[],
        lag: &[],
    }
}
