//! From counts to a report: per trace, per workload (pooled), and the macro mean over workloads, in
//! all, by kernel and by machine. //! The serialised form is the contract of `koracle eval --json`,
//! and is read back. Nothing here looks at a trace.
//!
//! Columns of the same name are trainings of one kind of model that differ in their seed: their
//! figures become a median with its spread. Every mean is taken for each training by itself, and
//! the median over the means.

use super::figures::{Figures, ForecastScore, PickScore, mean, nan, none, share};
use super::score::{Counts, QUEUE_SLICES, STATE_SLICES};
use crate::trace::{SchedClass, TraceMeta, machine_name, series};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A workload with fewer non-trivial decisions than this is listed, but not part of the macro mean
/// of picks.
pub const MIN_NON_TRIVIAL: u64 = 30;

/// Non-trivial decisions of one kind, and the share that each predictor got right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Which, e.g. `9-16` candidates or prev state `S`.
    pub slice: String,
    /// How many.
    pub non_trivial: u64,
    /// Per predictor; `None` of no decision.
    pub top1: BTreeMap<String, Option<f64>>,
}

/// Slices by queue size and by the state of the task that leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slices {
    /// By number of candidates.
    pub queue: Vec<Slice>,
    /// By `prev_state`.
    pub prev_state: Vec<Slice>,
}

/// Fractions of a set of decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Scored decisions.
    pub decisions: u64,
    /// With at least two candidates.
    pub non_trivial: u64,
    /// Share of all with the real task among the candidates.
    #[serde(deserialize_with = "nan")]
    pub coverage: f64,
    /// The same of the non-trivial.
    #[serde(deserialize_with = "nan")]
    pub coverage_non_trivial: f64,
    /// Share with fewer than two candidates.
    #[serde(deserialize_with = "nan")]
    pub trivial_share: f64,
    /// Share after which the CPU was idle.
    #[serde(deserialize_with = "nan")]
    pub idle_share: f64,
    /// Share of the forecasts with the real task among the candidates.
    #[serde(default = "none", deserialize_with = "nan")]
    pub forecast_coverage: f64,
    /// Median ns from a forecast to its outcome.
    pub lead_ns_median: u64,
    /// Per predictor.
    pub pick: BTreeMap<String, PickScore>,
    /// Per predictor that answers it.
    pub forecast: BTreeMap<String, ForecastScore>,
}

/// Scores of one trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// CPUs; 0: not known.
    #[serde(default)]
    pub cpus: u16,
    /// Fractions.
    #[serde(flatten)]
    pub scores: Scores,
}

/// Scores of one workload, pooled over its traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Macro {
    /// Workloads in the mean of picks.
    pub pick_workloads: usize,
    /// Workloads with at least one decision: the mean of forecasts.
    pub forecast_workloads: usize,
    /// Share of the forecasts with the real task among the candidates: the mean over workloads.
    #[serde(default = "none", deserialize_with = "nan")]
    pub forecast_coverage: f64,
    /// Left out of the mean of picks: fewer than [`MIN_NON_TRIVIAL`] non-trivial decisions.
    pub left_out: Vec<String>,
    /// Per predictor.
    pub pick: BTreeMap<String, PickScore>,
    /// Per predictor that answers it.
    pub forecast: BTreeMap<String, ForecastScore>,
}

/// Means over the workloads that ran on one kernel, or on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelReport {
    /// Its scheduling class, `CFS` or `EEVDF`.
    pub class: String,
    /// How many traces.
    pub traces: usize,
    /// Means.
    #[serde(flatten)]
    pub mean: Macro,
}

/// What `koracle eval` found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Names, in order of the columns.
    pub predictors: Vec<String>,
    /// Per trace.
    pub traces: Vec<TraceReport>,
    /// Per workload: by its name, or by `NAME@MACHINE` ([`machine_name`]) when it was recorded on
    /// several machines.
    pub workloads: BTreeMap<String, WorkloadReport>,
    /// Means over workloads.
    #[serde(rename = "macro")]
    pub mean: Macro,
    /// The same for each kernel, by the first two numbers of its release.
    #[serde(default)]
    pub kernels: BTreeMap<String, KernelReport>,
    /// The same for each machine, by its name ([`machine_name`]; `?`: not known).
    #[serde(default)]
    pub machines: BTreeMap<String, KernelReport>,
    /// Over all decisions of all traces.
    pub slices: Slices,
}

/// The predictors behind the columns of a report: each name once, with its columns.
struct Columns(Vec<(String, Vec<usize>)>);

impl Columns {
    fn new(names: &[String]) -> Self {
        let mut columns: Vec<(String, Vec<usize>)> = Vec::new();
        for (i, name) in names.iter().enumerate() {
            match columns.iter_mut().find(|(n, _)| n == name) {
                Some((_, of)) => of.push(i),
                None => columns.push((name.clone(), vec![i])),
            }
        }
        Self(columns)
    }

    /// One value per name, of those that its columns have; names without any are left out.
    fn each<T, U>(
        &self,
        of: impl Fn(usize) -> Option<T>,
        join: impl Fn(&[T]) -> U,
    ) -> BTreeMap<String, U> {
        let joined = self.0.iter().filter_map(|(name, columns)| {
            let values: Vec<T> = columns.iter().filter_map(|i| of(*i)).collect();
            (!values.is_empty()).then(|| (name.clone(), join(&values)))
        });
        joined.collect()
    }
}

/// The traces of one workload.
struct Pool {
    category: String,
    traces: usize,
    counts: Counts,
}

impl Pool {
    fn in_macro(&self) -> bool {
        self.counts.non_trivial >= MIN_NON_TRIVIAL
    }
}

fn forecast_coverage(counts: &Counts) -> f64 {
    share(counts.foreseeable, counts.lead.len() as u64)
}

fn scores(columns: &Columns, counts: &Counts) -> Scores {
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
        forecast_coverage: forecast_coverage(counts),
        lead_ns_median,
        pick: columns.each(|i| Some(PickScore::new(&counts.pick[i])), PickScore::median),
        forecast: columns.each(|i| ForecastScore::new(&counts.forecast[i]), ForecastScore::median),
    }
}

fn slices(columns: &Columns, counts: &Counts) -> Slices {
    let slice = |(i, slice): (usize, &&'static str)| {
        let right = |c: usize| Some(share(counts.pick[c].slices[i], counts.slices[i]));
        let middle = |of: &[f64]| {
            Some(super::figures::median(of.iter().copied())[1]).filter(|x| !x.is_nan())
        };
        Slice {
            slice: (*slice).to_owned(),
            non_trivial: counts.slices[i],
            top1: columns.each(right, middle),
        }
    };
    let states = STATE_SLICES.iter().enumerate().map(|(i, s)| (QUEUE_SLICES.len() + i, s));
    Slices {
        queue: QUEUE_SLICES.iter().enumerate().map(slice).collect(),
        prev_state: states.map(slice).collect(),
    }
}

fn macro_mean(columns: &Columns, pools: &BTreeMap<String, Pool>) -> Macro {
    let picked: Vec<_> = pools.values().filter(|p| p.in_macro()).collect();
    let pick = |column: usize| {
        let of: Vec<_> = picked.iter().map(|p| PickScore::new(&p.counts.pick[column])).collect();
        (!of.is_empty()).then(|| PickScore::mean(&of.iter().collect::<Vec<_>>()))
    };
    let forecast = |column: usize| {
        let of: Vec<_> =
            pools.values().filter_map(|p| ForecastScore::new(&p.counts.forecast[column])).collect();
        (!of.is_empty()).then(|| ForecastScore::mean(&of.iter().collect::<Vec<_>>()))
    };
    Macro {
        pick_workloads: picked.len(),
        forecast_workloads: pools.values().filter(|p| p.counts.decisions > 0).count(),
        forecast_coverage: mean(pools.values().map(|p| forecast_coverage(&p.counts))),
        left_out: pools
            .iter()
            .filter(|(_, p)| !p.in_macro())
            .map(|(name, _)| name.clone())
            .collect(),
        pick: columns.each(pick, PickScore::median),
        forecast: columns.each(forecast, ForecastScore::median),
    }
}

/// Pools traces by what `key` says of them.
fn pools<'a>(
    counted: impl Iterator<Item = &'a (TraceMeta, Counts)>,
    columns: usize,
    key: impl Fn(&TraceMeta) -> String,
) -> BTreeMap<String, Pool> {
    let mut pools: BTreeMap<String, Pool> = BTreeMap::new();
    for (meta, counts) in counted {
        let fresh =
            || Pool { category: meta.category.clone(), traces: 0, counts: Counts::new(columns) };
        let pool = pools.entry(key(meta)).or_insert_with(fresh);
        pool.traces += 1;
        pool.counts.add(counts);
    }
    pools
}

/// A trace without a workload is a workload of its own.
fn workload(meta: &TraceMeta) -> &str {
    if meta.workload.is_empty() { &meta.name } else { &meta.workload }
}

/// By the release; what the recording says of it when that does not.
fn class(meta: &TraceMeta) -> SchedClass {
    match SchedClass::of_kernel(&meta.kernel) {
        SchedClass::Unknown => meta.scheduler,
        known => known,
    }
}

/// See [`machine_name`]; `?` when it is not known.
fn machine(meta: &TraceMeta) -> String {
    named_machine(&meta.kernel, meta.cpus)
}

fn named_machine(kernel: &str, cpus: u16) -> String {
    Some(machine_name(kernel, cpus))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "?".to_owned())
}

impl TraceReport {
    /// The machine that it was recorded on, as in [`Report::machines`].
    pub fn machine(&self) -> String {
        named_machine(&self.kernel, self.cpus)
    }
}

/// Means over the recordings of each name that `of` gives; those without one are left out.
fn means(
    columns: &Columns,
    counted: &[(TraceMeta, Counts)],
    of: impl Fn(&TraceMeta) -> String,
) -> BTreeMap<String, KernelReport> {
    let names: BTreeSet<_> =
        counted.iter().map(|(meta, _)| of(meta)).filter(|name| !name.is_empty()).collect();
    let width = counted.first().map_or(0, |(_, counts)| counts.pick.len());
    let mean = |name: String| {
        let these = || counted.iter().filter(|(meta, _)| of(meta) == name);
        let mean = macro_mean(columns, &pools(these(), width, |meta| workload(meta).to_owned()));
        let class =
            these().next().map_or(SchedClass::Unknown, |(meta, _)| class(meta)).label().to_owned();
        (name.clone(), KernelReport { class, traces: these().count(), mean })
    };
    names.into_iter().map(mean).collect()
}

impl Report {
    /// From the counts of each trace. A name that comes several times is one model trained with
    /// several seeds.
    pub fn new(names: &[String], counted: &[(TraceMeta, Counts)]) -> Self {
        let columns = Columns::new(names);
        let mut machines: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (meta, _) in counted {
            machines.entry(workload(meta)).or_default().insert(machine(meta));
        }
        let key = |meta: &TraceMeta| match workload(meta) {
            name if machines[name].len() > 1 => format!("{name}@{}", machine(meta)),
            name => name.to_owned(),
        };
        let workloads = pools(counted.iter(), names.len(), key);
        let traces = counted.iter().map(|(meta, counts)| TraceReport {
            trace: meta.name.clone(),
            workload: meta.workload.clone(),
            category: meta.category.clone(),
            run: meta.run,
            kernel: meta.kernel.clone(),
            cpus: meta.cpus,
            scores: scores(&columns, counts),
        });
        let mut all = Counts::new(names.len());
        for (_, counts) in counted {
            all.add(counts);
        }
        let of_pool = |(name, pool): (&String, &Pool)| {
            let (category, traces) = (pool.category.clone(), pool.traces);
            let scores = scores(&columns, &pool.counts);
            (name.clone(), WorkloadReport { category, traces, in_macro: pool.in_macro(), scores })
        };
        Self {
            predictors: columns.0.iter().map(|(name, _)| name.clone()).collect(),
            traces: traces.collect(),
            workloads: workloads.iter().map(of_pool).collect(),
            mean: macro_mean(&columns, &workloads),
            kernels: means(&columns, counted, |meta| series(&meta.kernel).to_owned()),
            machines: means(&columns, counted, machine),
            slices: slices(&columns, &all),
        }
    }
}
