//! What simple rules score on the validation recordings: the reference lines beside a network's
//! curves. The same rules on the same questions as the validation, so that the figures can be
//! compared.

use super::validate::{decision, forecast, read};
use crate::dataset::chunks::{CpuData, Recording};
use crate::predictor::Predictor;
use crate::predictor::heuristics::{Heuristic, Rule};
use crate::predictor::scores::best;
use crate::trace::ThreadIx;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One rule's results, as fractions; the questions are those of [`super::Validation`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its name: that of the evaluation.
    pub name: String,
    /// Mean over workloads.
    pub pick_top1: Option<f64>,
    /// Mean over workloads; `None` when the rule's forecast needs more than training data keep (the
    /// queue).
    pub forecast_top1: Option<f64>,
    /// Pick and forecast by workload.
    pub workloads: BTreeMap<String, [Option<f64>; 2]>,
}

/// Hits and questions of pick and forecast.
type Counts = [[usize; 2]; 2];

/// Measures the rules. Stops early, with fewer rules, when `go_on` says no.
pub(super) fn baselines(recordings: &[Recording], go_on: &dyn Fn() -> bool) -> Vec<Baseline> {
    let mut out = Vec::new();
    if recordings.is_empty() {
        return out;
    }
    for rule in Rule::ALL {
        let mut workloads: BTreeMap<String, Counts> = BTreeMap::new();
        for recording in recordings {
            if !go_on() {
                return out;
            }
            let counts = workloads.entry(recording.workload.clone()).or_default();
            recording.cpus.iter().for_each(|data| walk(rule, data, counts));
        }
        let share = |c: &Counts, question: usize| {
            let [hits, asked] = c[question];
            (asked > 0).then(|| hits as f64 / asked as f64)
        };
        let mean = |question: usize| {
            let all: Vec<f64> = workloads.values().filter_map(|c| share(c, question)).collect();
            (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
        };
        out.push(Baseline {
            name: rule.label().into(),
            pick_top1: mean(0),
            forecast_top1: mean(1),
            workloads: workloads
                .iter()
                .map(|(name, c)| (name.clone(), [share(c, 0), share(c, 1)]))
                .collect(),
        });
    }
    out
}

fn walk(rule: Rule, data: &CpuData, counts: &mut Counts) {
    let mut engine = Heuristic::new(rule, 0);
    let (mut query, mut features, mut z) = (Vec::new(), Vec::new(), Vec::new());
    let mut threads = Vec::new();
    for (i, at) in data.picks.at.iter().enumerate() {
        counts[0][1] += 1;
        // The real one was not among the candidates: a miss for everybody.
        if at.count == 0 {
            continue;
        }
        read(&data.picks, i, &mut query, &mut features);
        threads.resize(usize::from(at.count), ThreadIx(0));
        let mut question = decision(&query, &features);
        question.candidates = &threads;
        engine.pick(&question, &mut z);
        counts[0][0] += usize::from(best(&z) == Some(usize::from(at.target)));
    }
    if rule != Rule::Followed {
        return;
    }
    for (i, at) in data.asks.at.iter().enumerate() {
        counts[1][1] += 1;
        if at.count == 0 {
            continue;
        }
        read(&data.asks, i, &mut query, &mut features);
        threads.resize(usize::from(at.count), ThreadIx(0));
        let mut question = forecast(&query, &features);
        question.candidates = &threads;
        engine.forecast(&question, &mut z);
        counts[1][0] += usize::from(best(&z) == Some(usize::from(at.target)));
    }
}
