//! Watches any number of predictors over a trace and counts how often each was right. Counts only:
//! fractions, macro means and tables are made in [`super::report`].

use super::watch::{Answered, Everybody, Foretold, Watch};
use crate::features::Outcome;
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::trace::{TaskState, Trace};

/// Bins of the expected calibration error, of equal width.
pub const ECE_BINS: usize = 15;
/// Names of the slices by number of candidates.
pub const QUEUE_SLICES: [&str; 6] = ["2", "3-4", "5-8", "9-16", "17-64", ">64"];
/// The numbers of candidates in each, ends included.
pub const QUEUES: [(u64, u64); 6] = [(0, 2), (3, 4), (5, 8), (9, 16), (17, 64), (65, u64::MAX)];
/// Names of the slices by the state in which the previous task is left.
pub const STATE_SLICES: [&str; 6] = ["R", "R+", "S", "D", "I", "other"];
const SLICES: usize = QUEUE_SLICES.len() + STATE_SLICES.len();

/// Decisions by how sure a predictor was of its answer, fine enough to sort by without keeping
/// every probability.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confidence(Vec<(u64, u64)>);

impl Confidence {
    /// Bins, of equal width.
    pub const BINS: usize = 1_000;

    /// Notes an answer given with probability `p`.
    pub fn push(&mut self, p: f32, hit: bool) {
        if self.0.is_empty() {
            self.0.resize(Self::BINS, (0, 0));
        }
        let bin = &mut self.0[((p * Self::BINS as f32) as usize).min(Self::BINS - 1)];
        *bin = (bin.0 + 1, bin.1 + u64::from(hit));
    }

    /// Answers and right ones of each bin, the surest first.
    pub fn falling(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().rev().copied().filter(|(n, _)| *n > 0)
    }

    fn add(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), (0, 0));
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a = (a.0 + b.0, a.1 + b.1));
    }
}

/// How one predictor did on picks that were not trivial. An uncovered decision counts as asked, and
/// as wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PickCount {
    /// Decisions.
    pub asked: u64,
    /// Those with the real task among the candidates.
    pub covered: u64,
    /// The real task ranked first.
    pub top1: u64,
    /// Among the first three.
    pub top3: u64,
    /// Sum of 1 / rank.
    pub reciprocal: f64,
    /// Sum of -ln p(real), over the covered.
    pub nll: f64,
    /// Per bin of the highest probability: decisions, sum of that probability, hits.
    pub bins: [(u64, f64, u64); ECE_BINS],
    /// The same decisions, finer.
    pub confidence: Confidence,
    /// Hits per slice: by queue, then by state.
    pub slices: [u64; SLICES],
}

/// How one predictor did on forecasts. One whose real task was no candidate counts as asked, and as
/// wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForecastCount {
    /// Forecasts whose outcome is known; 0 for a predictor that does not answer this question.
    pub asked: u64,
    /// The real next task ranked first.
    pub top1: u64,
    /// Among the first three.
    pub top3: u64,
    /// By the probability of the first task that it names.
    pub confidence: Confidence,
}

/// Counts over one or more traces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Scored decisions (those after the warm-up).
    pub decisions: u64,
    /// Of those: at least two candidates.
    pub non_trivial: u64,
    /// Of all: the real task was among the candidates.
    pub covered: u64,
    /// Of the non-trivial: the same.
    pub covered_non_trivial: u64,
    /// Of all: idle came in.
    pub idle: u64,
    /// Per predictor.
    pub pick: Vec<PickCount>,
    /// Per predictor.
    pub forecast: Vec<ForecastCount>,
    /// Non-trivial decisions per slice: by queue, then by state.
    pub slices: [u64; SLICES],
    /// Per forecast that came true or not: ns between question and outcome.
    pub lead: Vec<u64>,
    /// Of those: the real task was among the candidates.
    pub foreseeable: u64,
}

impl Counts {
    /// Zeros for `n` predictors.
    pub fn new(n: usize) -> Self {
        Self {
            pick: vec![PickCount::default(); n],
            forecast: vec![ForecastCount::default(); n],
            ..Self::default()
        }
    }

    /// Adds the counts of another trace with the same predictors.
    pub fn add(&mut self, other: &Self) {
        self.decisions += other.decisions;
        self.non_trivial += other.non_trivial;
        self.covered += other.covered;
        self.covered_non_trivial += other.covered_non_trivial;
        self.idle += other.idle;
        self.lead.extend_from_slice(&other.lead);
        self.foreseeable += other.foreseeable;
        add(&mut self.slices, &other.slices);
        for (mine, theirs) in self.pick.iter_mut().zip(&other.pick) {
            mine.asked += theirs.asked;
            mine.covered += theirs.covered;
            mine.top1 += theirs.top1;
            mine.top3 += theirs.top3;
            mine.reciprocal += theirs.reciprocal;
            mine.nll += theirs.nll;
            add(&mut mine.slices, &theirs.slices);
            mine.confidence.add(&theirs.confidence);
            for (a, b) in mine.bins.iter_mut().zip(&theirs.bins) {
                *a = (a.0 + b.0, a.1 + b.1, a.2 + b.2);
            }
        }
        for (mine, theirs) in self.forecast.iter_mut().zip(&other.forecast) {
            mine.asked += theirs.asked;
            mine.top1 += theirs.top1;
            mine.top3 += theirs.top3;
            mine.confidence.add(&theirs.confidence);
        }
    }
}

fn add(to: &mut [u64; SLICES], from: &[u64; SLICES]) {
    to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
}

/// Class of so many candidates: index into [`QUEUE_SLICES`].
#[inline]
pub fn queue_class(candidates: u64) -> usize {
    QUEUES.iter().filter(|queue| candidates > queue.1).count()
}

/// Class of a state: index into [`STATE_SLICES`].
pub fn state_class(state: TaskState) -> usize {
    match state {
        _ if state.is_preempted() => 1,
        TaskState::RUNNING => 0,
        TaskState::SLEEP => 2,
        TaskState::DISK => 3,
        TaskState::IDLE => 4,
        _ => 5,
    }
}

/// Slices of a decision: by queue, by state.
fn slices_of(candidates: usize, state: TaskState) -> [usize; 2] {
    [queue_class(candidates as u64), QUEUE_SLICES.len() + state_class(state)]
}

impl Counts {
    /// Counts a switch of a trace of `cpus` CPUs, if it is scored; seats are the predictors'
    /// places.
    pub fn take(&mut self, cpus: usize, answered: &mut Answered<'_>) {
        if !answered.outcome.scored {
            return;
        }
        self.decisions += 1;
        self.covered += u64::from(answered.outcome.pick.is_some());
        self.idle += u64::from(answered.outcome.next.ix() < cpus); // threads 0..cpus are the idle ones
        if answered.is_pick() {
            self.take_pick(answered);
        }
        if let Some(asked) = answered.told.asked {
            self.lead.push(answered.outcome.time.since(asked).0);
            self.foreseeable += u64::from(answered.outcome.foretold.is_some());
            self.take_forecast(answered.told, &answered.outcome);
        }
    }

    fn take_pick(&mut self, answered: &mut Answered<'_>) {
        let (real, decision) = (answered.real(), &answered.decision);
        let slices = slices_of(decision.candidates.len(), decision.prev_state);
        self.non_trivial += 1;
        self.covered_non_trivial += u64::from(real.is_some());
        for s in slices {
            self.slices[s] += 1;
        }
        for (seat, count) in self.pick.iter_mut().enumerate() {
            let Some((_, p)) = answered.picks.first(seat) else { continue };
            // Who gives nobody a chance has not named the first one.
            let rank = real.filter(|_| p > 0.0).map(|r| answered.picks.rank(seat, r));
            let hit = rank == Some(1);
            count.asked += 1;
            count.top1 += u64::from(hit);
            count.top3 += u64::from(rank.is_some_and(|r| r <= 3));
            count.reciprocal += rank.map_or(0.0, |r| 1.0 / r as f64);
            if let Some(real) = real {
                count.covered += 1;
                count.nll -= f64::from(answered.picks.p(seat)[real].max(1e-9)).ln();
            }
            let bin = ((p * ECE_BINS as f32).ceil() as usize).clamp(1, ECE_BINS) - 1;
            let bin = &mut count.bins[bin];
            *bin = (bin.0 + 1, bin.1 + f64::from(p), bin.2 + u64::from(hit));
            count.confidence.push(p, hit);
            for s in slices {
                count.slices[s] += u64::from(hit);
            }
        }
    }

    fn take_forecast(&mut self, told: &Foretold, outcome: &Outcome) {
        for (seat, count) in self.forecast.iter_mut().enumerate() {
            let Some((_, p)) = told.first(seat) else { continue };
            let rank = told.rank(seat, outcome);
            count.asked += 1;
            count.top1 += u64::from(rank == Some(1));
            count.top3 += u64::from(rank.is_some_and(|r| r <= 3));
            count.confidence.push(p, rank == Some(1));
        }
    }
}

/// Scores `predictors` on a whole trace. `None` when cancelled. `done` hears of events walked,
/// every few thousand.
pub fn score(
    trace: &Trace,
    predictors: &mut [Box<dyn Predictor>],
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Counts> {
    let mut counts = Counts::new(predictors.len());
    let mut watch = Watch::new(trace, Everybody(predictors));
    watch.walk(trace, cancel, done, |mut answered| counts.take(trace.cpus(), &mut answered))?;
    Some(counts)
}
