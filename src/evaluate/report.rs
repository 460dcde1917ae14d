//! From counts to fractions: per trace, per workload (pooled), and the macro mean over workloads. The serialised form
//! is the contract of `koracle eval --json`. Nothing here looks at a trace.
//!
//! A fraction of nothing is NaN, which JSON says as `null`: no decision is not the same as none right.

use super::score::{Counts, ECE_BINS, PickCount, QUEUE_SLICES, STATE_SLICES};
use crate::trace::TraceMeta;
use serde::Serialize;
use std::collections::BTreeMap;

/// A workload with fewer non-trivial decisions than this is listed, but not part of the macro mean of picks.
pub const MIN_NON_TRIVIAL: u64 = 30;

/// Accuracy of one predictor on picks, over non-trivial decisions; fractions in 0..1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PickScore {
    /// The real task ranked first. Uncovered decisions count as wrong.
    pub top1: f64,
    /// Among the first three.
    pub top3: f64,
    /// Mean of 1 / rank.
    pub mrr: f64,
    /// Mean of -ln p(real), over covered decisions.
    pub nll: f64,
    /// Expected calibration error over 15 bins of equal width (Guo et al. 2017).
    pub ece: f64,
}

/// Accuracy of one predictor on forecasts; fractions in 0..1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ForecastScore {
    /// The next task was the first answer.
    pub top1: f64,
    /// Among the first three.
    pub top3: f64,
}

/// Non-trivial decisions of one kind, and the share that each predictor got right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    /// Which, e.g. `9-16` candidates or prev state `S`.
    pub slice: &'static str,
    /// How many.
    pub non_trivial: u64,
    /// Per predictor.
    pub top1: BTreeMap<String, f64>,
}

/// Slices by queue size and by the state of the task that leaves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slices {
    /// By number of candidates.
    pub queue: Vec<Slice>,
    /// By `prev_state`.
    pub prev_state: Vec<Slice>,
}

/// Fractions of a set of decisions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Scored decisions.
    pub decisions: u64,
    /// With at least two candidates.
    pub non_trivial: u64,
    /// Share of all with the real task among the candidates.
    pub coverage: f64,
    /// The same of the non-trivial.
    pub coverage_non_trivial: f64,
    /// Share with fewer than two candidates.
    pub trivial_share: f64,
    /// Share after which the CPU was idle.
    pub idle_share: f64,
    /// Median ns from a forecast to its outcome.
    pub lead_ns_median: u64,
    /// Per predictor.
    pub pick: BTreeMap<String, PickScore>,
    /// Per predictor that answers it.
    pub forecast: BTreeMap<String, ForecastScore>,
}

/// Scores of one trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceReport {
    /// Its name.
    pub trace: String,
    /// Its workload.
    pub workload: String,
    /// Family of that.
    pub category: String,
    /// Number of the run.
    pub run: u32,
    /// Kernel release.
    pub kernel: String,
    /// Fractions.
    #[serde(flatten)]
    pub scores: Scores,
}

/// Scores of one workload, pooled over its traces.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkloadReport {
    /// Family of the workload.
    pub category: String,
    /// How many traces.
    pub traces: usize,
    /// Whether it is part of the macro mean of picks.
    pub in_macro: bool,
    /// Fractions.
    #[serde(flatten)]
    pub scores: Scores,
}

/// Means over workloads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Macro {
    /// Workloads in the mean of picks.
    pub pick_workloads: usize,
    /// Workloads with at least one decision: the mean of forecasts.
    pub forecast_workloads: usize,
    /// Left out of the mean of picks: fewer than [`MIN_NON_TRIVIAL`] non-trivial decisions.
    pub left_out: Vec<String>,
    /// Per predictor.
    pub pick: BTreeMap<String, PickScore>,
    /// Per predictor that answers it.
    pub forecast: BTreeMap<String, ForecastScore>,
}

/// What `koracle eval` found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Names, in order of the columns.
    pub predictors: Vec<String>,
    /// Per trace.
    pub traces: Vec<TraceReport>,
    /// Per workload.
    pub workloads: BTreeMap<String, WorkloadReport>,
    /// Means over workloads.
    #[serde(rename = "macro")]
    pub mean: Macro,
    /// Over all decisions of all traces.
    pub slices: Slices,
}

fn share(part: u64, of: u64) -> f64 {
    if of == 0 { f64::NAN } else { part as f64 / of as f64 }
}

fn pick_score(count: &PickCount) -> PickScore {
    let per = |sum: f64, of: u64| if of == 0 { f64::NAN } else { sum / of as f64 };
    let gap = |(_, p, hits): &(u64, f64, u64)| (p - *hits as f64).abs();
    debug_assert_eq!(count.bins.len(), ECE_BINS);
    PickScore {
        top1: share(count.top1, count.asked),
        top3: share(count.top3, count.asked),
        mrr: per(count.reciprocal, count.asked),
        nll: per(count.nll, count.covered),
        ece: per(count.bins.iter().map(gap).sum(), count.asked),
    }
}

fn scores(names: &[String], counts: &Counts) -> Scores {
    let mut lead = counts.lead.clone();
    let middle = lead.len() / 2;
    let lead_ns_median = if lead.is_empty() { 0 } else { *lead.select_nth_unstable(middle).1 };
    Scores {
        decisions: counts.decisions,
        non_trivial: counts.non_trivial,
        coverage: share(counts.covered, counts.decisions),
        coverage_non_trivial: share(counts.covered_non_trivial, counts.non_trivial),
        trivial_share: share(counts.decisions - counts.non_trivial, counts.decisions),
        idle_share: share(counts.idle, counts.decisions),
        lead_ns_median,
        pick: names.iter().cloned().zip(counts.pick.iter().map(pick_score)).collect(),
        forecast: (names.iter().zip(&counts.forecast))
            .filter(|(_, c)| c.asked > 0)
            .map(|(n, c)| (n.clone(), ForecastScore { top1: share(c.top1, c.asked), top3: share(c.top3, c.asked) }))
            .collect(),
    }
}

fn slices(names: &[String], counts: &Counts) -> Slices {
    let slice = |(i, slice): (usize, &&'static str)| Slice {
        slice,
        non_trivial: counts.slices[i],
        top1: (names.iter().zip(&counts.pick))
            .map(|(n, c)| (n.clone(), share(c.slices[i], counts.slices[i])))
            .collect(),
    };
    let states = STATE_SLICES.iter().enumerate().map(|(i, s)| (QUEUE_SLICES.len() + i, s));
    Slices { queue: QUEUE_SLICES.iter().enumerate().map(slice).collect(), prev_state: states.map(slice).collect() }
}

fn mean_pick(of: &[&PickScore]) -> PickScore {
    let mean = |f: fn(&PickScore) -> f64| {
        // A workload without a covered decision has no likelihood to speak of.
        let known = || of.iter().map(|s| f(s)).filter(|x| !x.is_nan());
        known().sum::<f64>() / known().count() as f64
    };
    PickScore {
        top1: mean(|s| s.top1),
        top3: mean(|s| s.top3),
        mrr: mean(|s| s.mrr),
        nll: mean(|s| s.nll),
        ece: mean(|s| s.ece),
    }
}

fn macro_mean(names: &[String], workloads: &BTreeMap<String, WorkloadReport>) -> Macro {
    let picked: Vec<_> = workloads.values().filter(|w| w.in_macro).collect();
    let forecast = |name: &String| {
        let of: Vec<_> = workloads.values().filter_map(|w| w.scores.forecast.get(name)).collect();
        let mean = |f: fn(&ForecastScore) -> f64| of.iter().map(|s| f(s)).sum::<f64>() / of.len() as f64;
        (!of.is_empty()).then(|| (name.clone(), ForecastScore { top1: mean(|s| s.top1), top3: mean(|s| s.top3) }))
    };
    let pick = |name: &String| {
        let of: Vec<_> = picked.iter().filter_map(|w| w.scores.pick.get(name)).collect();
        (!of.is_empty()).then(|| (name.clone(), mean_pick(&of)))
    };
    Macro {
        pick_workloads: picked.len(),
        forecast_workloads: workloads.values().filter(|w| w.scores.decisions > 0).count(),
        left_out: workloads.iter().filter(|(_, w)| !w.in_macro).map(|(name, _)| name.clone()).collect(),
        pick: names.iter().filter_map(pick).collect(),
        forecast: names.iter().filter_map(forecast).collect(),
    }
}

impl Report {
    /// From the counts of each trace; a trace without a workload is a workload of its own.
    pub fn new(names: &[String], counted: &[(TraceMeta, Counts)]) -> Self {
        let mut pools: BTreeMap<String, (String, usize, Counts)> = BTreeMap::new();
        let mut all = Counts::new(names.len());
        for (meta, counts) in counted {
            let workload = if meta.workload.is_empty() { &meta.name } else { &meta.workload };
            let pool = pools.entry(workload.clone());
            let pool = pool.or_insert_with(|| (meta.category.clone(), 0, Counts::new(names.len())));
            pool.1 += 1;
            pool.2.add(counts);
            all.add(counts);
        }
        let pooled = pools.into_iter().map(|(name, (category, traces, counts))| {
            let in_macro = counts.non_trivial >= MIN_NON_TRIVIAL;
            (name, WorkloadReport { category, traces, in_macro, scores: scores(names, &counts) })
        });
        let workloads: BTreeMap<_, _> = pooled.collect();
        let traces = counted.iter().map(|(meta, counts)| TraceReport {
            trace: meta.name.clone(),
            workload: meta.workload.clone(),
            category: meta.category.clone(),
            run: meta.run,
            kernel: meta.kernel.clone(),
            scores: scores(names, counts),
        });
        Self {
            predictors: names.to_vec(),
            traces: traces.collect(),
            mean: macro_mean(names, &workloads),
            workloads,
            slices: slices(names, &all),
        }
    }
}
