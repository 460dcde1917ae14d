//! What simple rules score on the validation recordings: the reference lines beside a network's curves. The same rules
//! on the same questions as the validation, so that the figures can be compared.

use super::validate::{best, decision};
use crate::dataset::chunks::{CpuData, Recording, unpack};
use crate::features::{CAND, Forecast, OTHER, QUERY, RANKS};
use crate::predictor::Predictor;
use crate::predictor::heuristics::{Heuristic, Rule};
use crate::trace::{CpuId, Nanos, ThreadIx};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One rule's results, as fractions; the questions are those of [`super::Validation`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its name: that of the evaluation.
    pub name: String,
    /// Mean over workloads.
    pub pick_top1: Option<f64>,
    /// Mean over workloads; `None` when the rule's forecast needs more than training data keep (the queue).
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
            workloads: workloads.iter().map(|(name, c)| (name.clone(), [share(c, 0), share(c, 1)])).collect(),
        });
    }
    out
}

fn walk(rule: Rule, data: &CpuData, counts: &mut Counts) {
    let mut engine = Heuristic::new(rule, 0);
    let (mut query, mut features, mut z) = (Vec::new(), Vec::new(), Vec::new());
    let mut threads = Vec::new();
    for (i, pick) in data.picks.iter().enumerate() {
        counts[0][1] += 1;
        // The real one was not among the candidates: a miss for everybody.
        if pick.count == 0 {
            continue;
        }
        let (first, count) = (pick.first as usize, usize::from(pick.count));
        query.clear();
        query.extend(data.query[i * QUERY..(i + 1) * QUERY].iter().map(|&x| unpack(x)));
        features.clear();
        features.extend(data.cand[first * CAND..(first + count) * CAND].iter().map(|&x| unpack(x)));
        threads.resize(count, ThreadIx(0));
        let mut question = decision(&query, &features);
        question.candidates = &threads;
        engine.pick(&question, &mut z);
        counts[0][0] += usize::from(best(&z) == usize::from(pick.target));
    }
    if rule != Rule::Followed {
        return;
    }
    let recency = [ThreadIx(0); RANKS];
    for ask in &data.asks {
        let mut z = [0.0; RANKS];
        let (votes, vote_x) = (&ask.votes, &ask.vote_x);
        let question = Forecast {
            event: 0,
            cpu: CpuId(0),
            time: Nanos(0),
            recency: &recency,
            queue: &[],
            votes,
            vote_x,
            recent: &[],
        };
        engine.forecast(&question, &mut z);
        let real = usize::from(ask.class);
        counts[1][1] += 1;
        counts[1][0] += usize::from(real < OTHER && best(&z) == real);
    }
}
