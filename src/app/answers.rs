//! The predictions of the open trace as they arrive, and what is summed up of them: misses, queue
//! lengths, the overview. Computes no prediction.

use super::train::live::LiveModel;
use crate::evaluate::overlay::{BASELINES, Chunk, Prediction, Stretch};
use crate::features::Extractor;
use crate::replay::levels::{Levels, Merge};
use crate::replay::load;
use crate::replay::lod::{LEAF, OVERVIEW};
use crate::stats::Window;
use crate::trace::{CpuId, ThreadIx, Trace};
use std::ops::Range;

/// Which predictor's answers the prediction row shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerRow {
    /// The model's pick at the switch.
    #[default]
    Pick,
    /// The model's forecast, made a stint earlier.
    Forecast,
    /// One of [`BASELINES`].
    Baseline(usize),
}

impl AnswerRow {
    /// The row after this one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Pick => Self::Forecast,
            Self::Forecast => Self::Baseline(0),
            Self::Baseline(i) if i + 1 < BASELINES.len() => Self::Baseline(i + 1),
            Self::Baseline(_) => Self::Pick,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pick => "pick",
            Self::Forecast => "forecast",
            Self::Baseline(i) => BASELINES.get(i).copied().unwrap_or("?"),
        }
    }

    /// Whom it named at this switch, and with which probability if it says one. `None`: it gave no
    /// answer (the first switch of a CPU has no forecast).
    pub fn guess(self, p: &Prediction) -> Option<(ThreadIx, Option<f32>)> {
        match self {
            Self::Pick if p.pick.thread == ThreadIx::NONE => None,
            Self::Pick => Some((p.pick.thread, Some(p.pick.p))),
            Self::Forecast if p.forecast.thread == ThreadIx::NONE => None,
            Self::Forecast => Some((p.forecast.thread, Some(p.forecast.p))),
            Self::Baseline(i) => {
                p.baselines.get(i).filter(|t| **t != ThreadIx::NONE).map(|&thread| (thread, None))
            }
        }
    }

    /// True when the answers in this row are the model's.
    pub fn is_model(self) -> bool {
        matches!(self, Self::Pick | Self::Forecast)
    }

    /// How the answer is judged.
    pub fn verdict(self, p: &Prediction) -> Verdict {
        let Some((thread, _)) = self.guess(p) else { return Verdict::NoAnswer };
        let hit = match self {
            Self::Pick => p.pick.rank == 1,
            Self::Forecast => p.forecast.rank == 1,
            Self::Baseline(_) => thread == p.real,
        };
        match (self, hit) {
            // A forecast is asked a stint ahead: an empty queue at the switch does not make it
            // trivial. Neither a hit nor a miss even when the real one was not known to be
            // runnable, as in the evaluation.
            (Self::Pick | Self::Baseline(_), _) if p.trivial => Verdict::Trivial,
            (_, true) => Verdict::Hit,
            (_, false) => Verdict::Miss,
        }
    }
}

/// How a prediction turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Right.
    Hit,
    /// Wrong.
    Miss,
    /// There was nothing to predict.
    Trivial,
    /// No prediction was asked for.
    NoAnswer,
}

/// Sums over a range of switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Decisions that count.
    pub counted: u32,
    /// Of those, wrong ones.
    pub missed: u32,
    /// Longest run queue.
    pub queue: u16,
    /// Somebody was asked where there was no choice.
    pub trivial: bool,
}

impl Score {
    /// Share of misses among the decisions that count.
    pub fn miss_share(self) -> Option<f32> {
        (self.counted > 0).then(|| self.missed as f32 / self.counted as f32)
    }

    fn of(row: AnswerRow, p: &Prediction) -> Self {
        let verdict = row.verdict(p);
        let counts = matches!(verdict, Verdict::Hit | Verdict::Miss);
        Self {
            counted: u32::from(counts),
            missed: u32::from(verdict == Verdict::Miss),
            queue: p.queue,
            trivial: verdict == Verdict::Trivial,
        }
    }
}

impl Merge for Score {
    fn merge(&mut self, other: &Self) {
        self.counted += other.counted;
        self.missed += other.missed;
        self.queue = self.queue.max(other.queue);
        self.trivial |= other.trivial;
    }
}

#[derive(Clone, Debug, Default)]
struct CpuAnswers {
    predictions: Vec<Prediction>,
    scores: Levels<Score>,
    /// The same by buckets of time ([`load`]); those that are complete.
    buckets: Levels<Score>,
    /// The next one.
    filling: Score,
}

impl CpuAnswers {
    fn score(&self, row: AnswerRow, switches: Range<usize>) -> Score {
        let mut sum = Score::default();
        let (from, to) = (switches.start, switches.end.min(self.predictions.len()));
        if from >= to {
            return sum;
        }
        let (a, b) = (from.div_ceil(LEAF), (to / LEAF).min(self.scores.len()));
        let mut single = |range: Range<usize>| {
            self.predictions[range].iter().for_each(|p| sum.merge(&Score::of(row, p)));
        };
        if a < b {
            single(from..a * LEAF);
            single(b * LEAF..to);
            self.scores.fold(a..b, |node| sum.merge(node));
        } else {
            single(from..to);
        }
        sum
    }

    /// Puts the predictions from `from` on into buckets.
    fn fill_buckets(&mut self, row: AnswerRow, trace: &Trace, cpu: CpuId, from: usize) {
        let (switches, span) = (trace.cpu_switches(cpu), trace.span().0);
        let n = load::buckets(switches.len());
        let turn = |lane: &mut Self, queue: u16| {
            // The queue that there was at its beginning counts in a bucket too.
            let next = Score { queue, ..Score::default() };
            let full = std::mem::replace(&mut lane.filling, next);
            lane.buckets.push(full);
        };
        let mut queue =
            from.checked_sub(1).and_then(|k| self.predictions.get(k)).map_or(0, |p| p.queue);
        for (k, event) in switches.iter().enumerate().take(self.predictions.len()).skip(from) {
            let at = load::bucket(trace.time(*event as usize).0, span, n);
            while self.buckets.len() < at {
                turn(self, queue);
            }
            let p = &self.predictions[k];
            self.filling.merge(&Score::of(row, p));
            queue = p.queue;
        }
        while self.predictions.len() == switches.len() && self.buckets.len() < n {
            turn(self, queue);
        }
    }

    fn extend_scores(&mut self, row: AnswerRow) {
        while (self.scores.len() + 1) * LEAF <= self.predictions.len() {
            let from = self.scores.len() * LEAF;
            let mut leaf = Score::default();
            self.predictions[from..from + LEAF].iter().for_each(|p| leaf.merge(&Score::of(row, p)));
            self.scores.push(leaf);
        }
    }
}

/// Predictions of a stretch by another model, shown in place of the others.
#[derive(Clone, Debug)]
struct Live {
    whose: LiveModel,
    /// Per CPU: its first switch, and what belongs to it and those after.
    lanes: Vec<(usize, CpuAnswers)>,
}

/// The first switch of a CPU that is scored: what comes before is context.
fn first_scored(trace: &Trace, cpu: usize) -> usize {
    let context = Extractor::context(trace);
    trace.cpu_switches(CpuId(cpu as u16)).partition_point(|event| (*event as usize) < context)
}

/// All predictions so far.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    lanes: Vec<CpuAnswers>,
    live: Option<Live>,
    /// What was answered about a stretch before the others get there, per CPU as in a [`Stretch`].
    early: Vec<(usize, Vec<Prediction>)>,
    row: AnswerRow,
    /// Longest run queue seen so far: the scale of the queue row.
    pub max_queue: u16,
    /// Per overview column.
    pub overview: Vec<Score>,
    /// Events that are done.
    pub events_done: usize,
    /// Why no more will come, if it went wrong.
    pub failed: Option<String>,
    /// Why there is no model; the baselines still answer.
    pub no_model: Option<String>,
}

impl Answers {
    /// None yet, for a trace with `cpus` CPUs.
    pub fn new(cpus: usize) -> Self {
        Self {
            lanes: vec![CpuAnswers::default(); cpus],
            overview: vec![Score::default(); OVERVIEW],
            ..Self::default()
        }
    }

    /// The row that is shown.
    pub fn row(&self) -> AnswerRow {
        self.row
    }

    /// True when the row that is shown needs a model and there is none.
    pub fn row_lacks_model(&self) -> bool {
        self.no_model.is_some() && self.row.is_model()
    }

    /// Shows another row. Sums are made anew: O(predictions), on a key press only.
    pub fn set_row(&mut self, row: AnswerRow, trace: &Trace) {
        self.row = row;
        self.overview.iter_mut().for_each(|s| *s = Score::default());
        for c in 0..self.lanes.len() {
            let lane = &mut self.lanes[c];
            lane.scores.clear();
            lane.extend_scores(row);
            (lane.buckets, lane.filling) = (Levels::default(), Score::default());
            lane.fill_buckets(row, trace, CpuId(c as u16), 0);
            self.add_to_overview(trace, c, 0);
        }
        for (_, lane) in self.live.iter_mut().flat_map(|l| &mut l.lanes) {
            lane.scores.clear();
            lane.extend_scores(row);
        }
    }

    /// Shows what another model says about a stretch, in place of the answers that are there.
    pub fn set_live(&mut self, whose: LiveModel, stretch: Stretch) {
        let row = self.row;
        let lane = |(from, predictions): (usize, Vec<Prediction>)| {
            let mut lane = CpuAnswers { predictions, ..CpuAnswers::default() };
            lane.extend_scores(row);
            (from, lane)
        };
        self.live = Some(Live { whose, lanes: stretch.per_cpu.into_iter().map(lane).collect() });
    }

    /// Shows the current model's answers everywhere again.
    pub fn drop_live(&mut self) {
        self.live = None;
    }

    /// Whose answers are shown in a stretch, if there is one.
    pub fn live(&self) -> Option<&str> {
        self.live.as_ref().map(|l| l.whose.label.as_str())
    }

    /// Whose answer at switch `k` of `cpu` is shown, when it is not the current model's.
    pub fn whose(&self, cpu: usize, k: usize) -> Option<&LiveModel> {
        let (_, covered) = self.live_lane(cpu)?;
        self.live.as_ref().map(|l| &l.whose).filter(|_| covered.contains(&k))
    }

    /// The other model's lane of a CPU, and the switches that it covers.
    fn live_lane(&self, cpu: usize) -> Option<(&CpuAnswers, Range<usize>)> {
        let (from, lane) = self.live.as_ref()?.lanes.get(cpu)?;
        Some((lane, *from..from + lane.predictions.len()))
            .filter(|(_, covered)| !covered.is_empty())
    }

    /// Takes what is answered about a stretch before the others get there, in place of another such
    /// stretch.
    pub fn set_early(&mut self, stretch: Stretch) {
        let queues = stretch.per_cpu.iter().flat_map(|(_, all)| all).map(|p| p.queue);
        self.max_queue = queues.max().unwrap_or(0).max(self.max_queue);
        self.early = stretch.per_cpu;
    }

    /// The early answers of a CPU that nothing has replaced, and the first switch that they are
    /// about.
    fn early_lane(&self, cpu: usize) -> (usize, &[Prediction]) {
        let Some((first, all)) = self.early.get(cpu) else { return (usize::MAX, &[]) };
        let replaced = self.known(cpu).saturating_sub(*first).min(all.len());
        (first + replaced, &all[replaced..])
    }

    /// Switch `k` of `cpu` has an answer.
    pub fn is_known(&self, cpu: usize, k: usize) -> bool {
        let (first, early) = self.early_lane(cpu);
        k < self.known(cpu) || (k >= first && k - first < early.len())
    }

    /// Some of what is seen comes from a walk that began near it.
    pub fn is_early(&self) -> bool {
        (0..self.early.len()).any(|cpu| !self.early_lane(cpu).1.is_empty())
    }

    /// Takes the next chunk.
    pub fn append(&mut self, chunk: Chunk, trace: &Trace) {
        for (c, new) in chunk.per_cpu.into_iter().enumerate().take(self.lanes.len()) {
            let from = self.lanes[c].predictions.len();
            let room = trace.cpu_switches(CpuId(c as u16)).len() - from;
            self.max_queue = new.iter().map(|p| p.queue).max().unwrap_or(0).max(self.max_queue);
            let lane = &mut self.lanes[c];
            lane.predictions.extend(new.into_iter().take(room));
            lane.extend_scores(self.row);
            lane.fill_buckets(self.row, trace, CpuId(c as u16), from);
            self.add_to_overview(trace, c, from);
        }
        self.events_done = chunk.end;
    }

    fn add_to_overview(&mut self, trace: &Trace, c: usize, from: usize) {
        let span = u128::from(trace.span().0) + 1;
        let switches = &trace.cpu_switches(CpuId(c as u16))[from..];
        for (p, &event) in self.lanes[c].predictions[from..].iter().zip(switches) {
            let col = u128::from(trace.time(event as usize).0) * OVERVIEW as u128 / span;
            self.overview[col as usize].merge(&Score::of(self.row, p));
        }
    }

    /// The predictions at switch `k` of `cpu`; `None` while they are pending.
    pub fn get(&self, cpu: usize, k: usize) -> Option<&Prediction> {
        match self.live_lane(cpu) {
            Some((lane, covered)) if covered.contains(&k) => {
                lane.predictions.get(k - covered.start)
            }
            _ => {
                let (first, early) = self.early_lane(cpu);
                self.lanes.get(cpu)?.predictions.get(k).or_else(|| early.get(k.checked_sub(first)?))
            }
        }
    }

    /// Number of switches of `cpu` that have predictions.
    pub fn known(&self, cpu: usize) -> usize {
        self.lanes.get(cpu).map_or(0, |l| l.predictions.len())
    }

    /// Per task that came in at switches of a window: how often the model's pick was right, and how
    /// often it was asked with at least two candidates, where decisions are scored. O(switches of
    /// the window).
    pub fn hits(&self, trace: &Trace, window: Window) -> Vec<[u32; 2]> {
        let mut hits = vec![[0, 0]; trace.tasks().len()];
        for (cpu, lane) in self.lanes.iter().enumerate() {
            let switches = trace.cpu_switches(CpuId(cpu as u16));
            let at = |time| switches.partition_point(|&event| trace.time(event as usize).0 < time);
            let from = at(window.from).max(first_scored(trace, cpu));
            let inside = from..at(window.to.saturating_add(1));
            for (p, event) in
                lane.predictions.iter().zip(switches).take(inside.end).skip(inside.start)
            {
                let hit = match AnswerRow::Pick.verdict(p) {
                    Verdict::Hit => 1,
                    Verdict::Miss => 0,
                    Verdict::Trivial | Verdict::NoAnswer => continue,
                };
                if let Some(of) = hits.get_mut(trace.event(*event as usize).next.0 as usize) {
                    *of = [of[0] + hit, of[1] + 1];
                }
            }
        }
        hits
    }

    /// Sums over all decisions that are scored, as far as they are known: those of an evaluation.
    pub fn total(&self, trace: &Trace) -> Score {
        let mut sum = Score::default();
        for c in 0..self.lanes.len() {
            sum.merge(&self.score(c, first_scored(trace, c)..self.known(c)));
        }
        sum
    }

    /// Sums over switches of `cpu`, as far as they are known. O(log switches).
    pub fn score(&self, cpu: usize, switches: Range<usize>) -> Score {
        let mut sum = self.settled(cpu, switches.clone());
        let (first, early) = self.early_lane(cpu);
        let within = |k: usize| k.saturating_sub(first).min(early.len());
        early[within(switches.start)..within(switches.end)]
            .iter()
            .for_each(|p| sum.merge(&Score::of(self.row, p)));
        sum
    }

    /// The same without early answers.
    fn settled(&self, cpu: usize, switches: Range<usize>) -> Score {
        let Some(lane) = self.lanes.get(cpu) else { return Score::default() };
        let Some((live, covered)) = self.live_lane(cpu) else {
            return lane.score(self.row, switches);
        };
        let cut =
            |range: Range<usize>| range.start.max(switches.start)..range.end.min(switches.end);
        let inside = cut(covered.clone());
        let mut sum = lane.score(self.row, cut(0..covered.start));
        sum.merge(&lane.score(self.row, cut(covered.end..usize::MAX)));
        let shift = |k: usize| k.saturating_sub(covered.start);
        sum.merge(&live.score(self.row, shift(inside.start)..shift(inside.end)));
        sum
    }

    /// Sums over buckets of time ([`load::buckets`]) of `cpu`, by the current model alone; `None`
    /// while they are pending.
    pub fn in_buckets(&self, cpu: usize, range: Range<usize>) -> Option<Score> {
        let lane = self.lanes.get(cpu).filter(|lane| range.start < lane.buckets.len())?;
        let mut sum = Score::default();
        lane.buckets.fold(range, |node| sum.merge(node));
        Some(sum)
    }

    /// The nearest miss on `cpu` after switch `from` (or before it); leaves without a miss are
    /// skipped whole.
    pub fn find_miss(&self, cpu: usize, from: Option<usize>, forward: bool) -> Option<usize> {
        let lane = self.lanes.get(cpu)?;
        let missed =
            |k: &usize| self.get(cpu, *k).is_some_and(|p| self.row.verdict(p) == Verdict::Miss);
        let n = lane.predictions.len();
        let (first, early) = self.early_lane(cpu);
        let early = first..first.saturating_add(early.len());
        let live = self.live_lane(cpu).map_or(0..0, |(_, covered)| covered);
        let leaf_has = |leaf: usize| {
            if leaf * LEAF < live.end && (leaf + 1) * LEAF > live.start {
                return true; // the sums there are those of the other model
            }
            let mut sum = Score::default();
            lane.scores.fold(leaf..leaf + 1, |node| sum.merge(node));
            leaf >= lane.scores.len() || sum.missed > 0
        };
        let leaf = |i: usize| (i * LEAF).min(n)..((i + 1) * LEAF).min(n);
        if forward {
            let start = from.map_or(0, |k| k + 1);
            (start / LEAF..n.div_ceil(LEAF))
                .filter(|&i| leaf_has(i))
                .find_map(|i| leaf(i).filter(|&k| k >= start).find(missed))
                .or_else(|| early.clone().filter(|&k| k >= start).find(missed))
        } else {
            let (before, end) = (from.unwrap_or(0), from.unwrap_or(0).min(n));
            early.rev().filter(|&k| k < before).find(missed).or_else(|| {
                (0..end.div_ceil(LEAF))
                    .rev()
                    .filter(|&i| leaf_has(i))
                    .find_map(|i| leaf(i).filter(|&k| k < end).rev().find(missed))
            })
        }
    }
}
