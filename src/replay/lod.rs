//! Level of detail: what one CPU did in each column of a window, at a cost that depends on the
//! number of columns and not on the number of events between them. Never draws.
//!
//! A CPU's time is cut into stints at its switches: stint 0 runs from the start of the trace to
//! switch 0 (the task that switch puts out), stint i from switch i-1 to switch i, the last one to
//! the end of the trace. Runs of [`LEAF`] whole stints are summed once, in a pyramid ([`Levels`]).

mod longest;

pub use super::columns::column_time;
pub use longest::Longest;

use super::levels::{Levels, Merge};
use super::load::{Column, Filler, Loads};
use super::stretches::Stretches;
use crate::trace::{CpuId, Nanos, ThreadIx, Trace};

/// Stints in one leaf of the pyramid.
pub const LEAF: usize = 16;
/// Threads whose time a summary keeps.
const TOP: usize = 6;
/// Columns of the ready-made overview of the whole trace.
pub const OVERVIEW: usize = 512;

/// Who ran how long: exact for up to [`TOP`] threads. Beyond that the Misra-Gries rule applies: a
/// thread that had more than 1/7 of the time is always there, and no time is overestimated.
#[derive(Clone, Debug)]
struct Runs {
    top: [(ThreadIx, u64); TOP],
    busy: u64,
    /// Of nobody: the recording does not say. In `top` it competes as [`ThreadIx::NONE`].
    unknown: u64,
}

impl Default for Runs {
    fn default() -> Self {
        Self { top: [(ThreadIx::NONE, 0); TOP], busy: 0, unknown: 0 }
    }
}

impl Runs {
    fn add(&mut self, thread: ThreadIx, ns: u64, idle: bool) {
        if !idle {
            self.busy += ns;
        }
        self.count(thread, ns);
    }

    fn add_unknown(&mut self, ns: u64) {
        self.unknown += ns;
        self.count(ThreadIx::NONE, ns);
    }

    fn count(&mut self, thread: ThreadIx, ns: u64) {
        if let Some(slot) = self.top.iter_mut().find(|s| s.0 == thread && s.1 > 0) {
            slot.1 += ns;
            return;
        }
        let least = self.top.iter().map(|s| s.1).min().unwrap_or(0).min(ns);
        self.top.iter_mut().for_each(|s| s.1 -= least);
        if let Some(slot) = self.top.iter_mut().find(|s| s.1 == 0).filter(|_| ns > least) {
            *slot = (thread, ns - least);
        }
    }

    fn longest(&self) -> ThreadIx {
        // The first of equals, so that a cell does not change its mind between frames.
        let best = self.top.iter().rev().max_by_key(|s| s.1);
        best.filter(|s| s.1 > 0).map_or(ThreadIx::NONE, |s| s.0)
    }
}

impl Merge for Runs {
    fn merge(&mut self, other: &Self) {
        self.busy += other.busy;
        self.unknown += other.unknown;
        for &(thread, ns) in other.top.iter().filter(|s| s.1 > 0) {
            self.count(thread, ns);
        }
    }
}

/// What one CPU did in one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Thread that ran longest; [`ThreadIx::NONE`] when nothing is known (outside the trace, CPU
    /// without switches) or most of the column is unknown.
    pub thread: ThreadIx,
    /// Share of the column's known time in which the CPU was not idle, 0..1.
    pub busy: f32,
    /// Switches `first..end` of this CPU (indices into `trace.cpu_switches`) lie in the column.
    pub first: usize,
    /// End of the switches in this column.
    pub end: usize,
    /// The stint that has most of the column when at most one switch is in it: stint `i` begins at
    /// switch `i - 1`.
    pub stint: Option<usize>,
    /// Share of the column in which events were lost, 0..1.
    pub gap: f32,
    /// Share of the column of which the recording says nothing, losses included, 0..1.
    pub unknown: f32,
    /// The column lies outside the recording.
    pub outside: bool,
}

impl Cell {
    /// Number of switches in the column.
    pub fn switches(&self) -> usize {
        self.end - self.first
    }

    /// Most of the column is unknown.
    pub fn is_unknown(&self) -> bool {
        self.unknown >= 0.5
    }
}

#[derive(Clone, Debug, Default)]
struct CpuLevels {
    runs: Levels<Runs>,
    /// Thread of every stint: a column's ragged ends are walked, and that must not touch the event
    /// columns.
    threads: Vec<ThreadIx>,
    /// Time of every switch, for the same reason: among hundreds of CPUs each one's events lie far
    /// apart.
    times: Vec<u64>,
    /// Losses on this CPU, by time.
    gaps: Vec<(u64, u64)>,
    /// Unknown time, by time.
    unknown: Stretches,
}

/// The level-of-detail index of one trace. Built in O(events).
#[derive(Clone, Debug, Default)]
pub struct Pyramid {
    lanes: Vec<CpuLevels>,
    /// Per overview column: share of the CPUs' known time that was not idle.
    pub overview: Vec<f32>,
    /// How busy each CPU was, for many of them at once.
    loads: Loads,
}

/// Time of switch `k` on a CPU whose switches have these times.
fn at(times: &[u64], span: u64, k: usize) -> u64 {
    times.get(k).copied().unwrap_or(span)
}

/// The thread that runs in stint `i`.
pub fn stint_thread(trace: &Trace, cpu: CpuId, i: usize) -> ThreadIx {
    let switches = trace.cpu_switches(cpu);
    let task = match (i.checked_sub(1).and_then(|k| switches.get(k)), switches.first()) {
        (Some(&e), _) => trace.event(e as usize).next,
        (None, Some(&e)) if i == 0 => trace.event(e as usize).task,
        _ => return ThreadIx::NONE,
    };
    trace.tasks().thread_on(task, cpu)
}

/// Start and end of stint `i`.
pub fn stint_span(trace: &Trace, cpu: CpuId, i: usize) -> (Nanos, Nanos) {
    let switches = trace.cpu_switches(cpu);
    let at = |k: usize| switches.get(k).map_or(trace.span(), |&e| trace.time(e as usize));
    (i.checked_sub(1).map_or(Nanos(0), at), at(i))
}

/// Number of switches on `cpu` before `t`.
pub fn switches_before(trace: &Trace, cpu: CpuId, t: u64) -> usize {
    trace.cpu_switches(cpu).partition_point(|&e| trace.time(e as usize).0 < t)
}

impl Pyramid {
    /// Builds the index.
    pub fn build(trace: &Trace) -> Self {
        let span = trace.span().0;
        let (mut busy, mut hidden) = (vec![0_u64; OVERVIEW], vec![0_u64; OVERVIEW]);
        let mut lanes = Vec::with_capacity(trace.cpus());
        let mut loads = Loads::default();
        for cpu in (0..trace.cpus()).map(|c| CpuId(c as u16)) {
            let switches = trace.cpu_switches(cpu);
            let mut runs = Levels::default();
            let mut threads = Vec::with_capacity(switches.len() + 1);
            let times: Vec<u64> = switches.iter().map(|&e| trace.time(e as usize).0).collect();
            let mut leaf = Runs::default();
            let mut load = Filler::new(span, switches.len());
            let unknown = Stretches::of(trace, cpu);
            let mut from = 0;
            let stints = if switches.is_empty() { 0 } else { switches.len() + 1 };
            for i in 0..stints {
                let to = at(&times, span, i);
                let thread = stint_thread(trace, cpu, i);
                let idle = trace.tasks().is_idle(thread);
                threads.push(thread);
                let unseen = unknown.within(from, to);
                leaf.add(thread, to - from - unseen, idle);
                leaf.add_unknown(unseen);
                unknown.known(from, to, |from, to| {
                    load.add(from, to, !idle);
                    if !idle {
                        spread(&mut busy, span, from, to);
                    }
                });
                if (i + 1) % LEAF == 0 {
                    runs.push(std::mem::take(&mut leaf));
                }
                from = to;
            }
            let gaps =
                trace.gaps().iter().filter(|g| g.cpu == cpu).map(|g| (g.from.0, g.to.0)).collect();
            if stints > 0 {
                unknown.each(0, span, |from, to| spread(&mut hidden, span, from, to));
            }
            loads.0.push(if stints > 0 { load.finish() } else { Levels::default() });
            lanes.push(CpuLevels { runs, threads, times, gaps, unknown });
        }
        let seen = (0..trace.cpus())
            .filter(|&c| !trace.cpu_switches(CpuId(c as u16)).is_empty())
            .count()
            .max(1);
        let column = (span as f64 / OVERVIEW as f64 * seen as f64).max(1.0);
        let share = |(&ns, &unseen): (&u64, &u64)| {
            (ns as f64 / (column - unseen as f64).max(1.0)).min(1.0) as f32
        };
        let overview = busy.iter().zip(&hidden).map(share).collect();
        Self { lanes, overview, loads }
    }

    /// The columns of `cpu` in the window `[start, start + width)`, cut into `cols`.
    pub fn cells(
        &self,
        trace: &Trace,
        cpu: CpuId,
        start: u64,
        width: u64,
        cols: usize,
    ) -> Vec<Cell> {
        let times = self.lanes.get(cpu.ix()).map_or(&[][..], |lane| &lane.times);
        let mut first = times.partition_point(|&at| at < start);
        (0..cols)
            .map(|col| {
                let (t0, t1) = (
                    column_time(start, width, col, cols),
                    column_time(start, width, col + 1, cols),
                );
                let end = first + times[first..].partition_point(|&at| at < t1);
                let cell = self.cell(trace, cpu, (t0, t1), (first, end));
                first = end;
                cell
            })
            .collect()
    }

    fn cell(
        &self,
        trace: &Trace,
        cpu: CpuId,
        (t0, t1): (u64, u64),
        (first, end): (usize, usize),
    ) -> Cell {
        let span = trace.span().0;
        let outside = t0 >= span.max(1);
        let mut cell = Cell {
            thread: ThreadIx::NONE,
            busy: 0.0,
            first,
            end,
            stint: None,
            gap: 0.0,
            unknown: 0.0,
            outside,
        };
        let Some(lane) = self.lanes.get(cpu.ix()) else { return cell };
        if outside || lane.times.is_empty() {
            return cell;
        }
        let to = t1.min(span).max(t0 + 1);
        let runs = lane.runs(trace, (t0, to), (first, end));
        if first == end {
            cell.stint = Some(first);
        } else if end == first + 1 {
            let at = at(&lane.times, span, first);
            cell.stint = Some(if at - t0 > to.saturating_sub(at) { first } else { end });
        }
        cell.thread = cell.stint.map_or_else(|| runs.longest(), |i| stint_thread(trace, cpu, i));
        cell.unknown = (runs.unknown as f64 / (to - t0) as f64).min(1.0) as f32;
        if cell.is_unknown() {
            cell.thread = ThreadIx::NONE;
        }
        cell.busy = (runs.busy as f64 / (to - t0).saturating_sub(runs.unknown).max(1) as f64)
            .min(1.0) as f32;
        cell.gap = lane.lost_share(t0, to);
        cell
    }

    /// How busy `cpu` was in each column of a window (start, width, columns), if that is cheap;
    /// false if not.
    pub fn columns(
        &self,
        trace: &Trace,
        cpu: CpuId,
        window: (u64, u64, usize),
        each: impl FnMut(usize, Column),
    ) -> bool {
        let lane = self
            .lanes
            .get(cpu.ix())
            .map_or((&[][..], &[][..]), |lane| (&lane.threads, &lane.times));
        self.loads.columns((trace, cpu), lane, window, each)
    }
}

impl CpuLevels {
    /// Switches before `t`.
    fn before(&self, t: u64) -> usize {
        self.times.partition_point(|&at| at < t)
    }

    /// Who ran how long in `[t0, to)`, which has the switches `first..end` of this CPU in it.
    fn runs(&self, trace: &Trace, (t0, to): (u64, u64), (first, end): (usize, usize)) -> Runs {
        let mut runs = Runs::default();
        // Part `[from, to)` of stint `i`.
        let add = |runs: &mut Runs, i: usize, from: u64, to: u64| {
            let thread = self.threads.get(i).copied().unwrap_or(ThreadIx::NONE);
            let unseen = self.unknown.within(from, to);
            // Idle threads come first in the numbering, one per CPU.
            runs.add(thread, to.saturating_sub(from) - unseen, thread.ix() < trace.cpus());
            runs.add_unknown(unseen);
        };
        if first == end {
            add(&mut runs, first, t0, to);
            return runs;
        }
        let at = |k| at(&self.times, trace.span().0, k);
        let (begin, last) = (at(first), at(end - 1));
        let tail = to.saturating_sub(last);
        add(&mut runs, first, t0, begin);
        // Whole stints first+1..end: leaves where they fill one, single steps at both ends.
        let (from, till) = (first + 1, end);
        let (a, b) = (from.div_ceil(LEAF), (till / LEAF).min(self.runs.len()));
        let single = |runs: &mut Runs, i: usize| add(runs, i, at(i - 1), at(i));
        if a < b {
            (from..a * LEAF).for_each(|i| single(&mut runs, i));
            self.runs.fold(a..b, |node| runs.merge(node));
            (b * LEAF..till).for_each(|i| single(&mut runs, i));
        } else {
            (from..till).for_each(|i| single(&mut runs, i));
        }
        add(&mut runs, end, last, last + tail);
        runs
    }
}

impl CpuLevels {
    fn lost_share(&self, t0: u64, t1: u64) -> f32 {
        let first = self.gaps.partition_point(|g| g.1 <= t0);
        let lost: u64 = self.gaps[first..]
            .iter()
            .take_while(|g| g.0 < t1)
            .take(64) // a column with more losses than this is all loss
            .map(|g| g.1.min(t1).saturating_sub(g.0.max(t0)))
            .fold(0, u64::saturating_add);
        (lost as f64 / (t1 - t0).max(1) as f64).min(1.0) as f32
    }
}

/// Adds the time `[from, to)` to the overview columns it lies in.
fn spread(columns: &mut [u64], span: u64, from: u64, to: u64) {
    let n = columns.len();
    if span == 0 || to <= from {
        return;
    }
    let mut col = (u128::from(from) * n as u128 / u128::from(span)) as usize;
    let mut t = from;
    while t < to && col < n {
        let end = column_time(0, span, col + 1, n).min(to);
        // The CPUs of a recording that spans centuries add up to more.
        columns[col] = columns[col].saturating_add(end.saturating_sub(t));
        t = end.max(t);
        col += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::made::trace;
    use crate::trace::{Event, EventKind, Pid, TaskState, TraceBuilder, TraceMeta};
    use std::collections::HashMap;

    /// What a cell must say, by walking every stint.
    fn naive(trace: &Trace, t0: u64, t1: u64) -> (HashMap<ThreadIx, u64>, u64) {
        let (mut by, mut busy) = (HashMap::new(), 0);
        for i in 0..=trace.cpu_switches(CpuId(0)).len() {
            let (a, b) = stint_span(trace, CpuId(0), i);
            let (a, b) = (a.0.max(t0), b.0.min(t1));
            let unknown = trace.unknown_within(CpuId(0), Nanos(a), Nanos(b.max(a))).0;
            let ns = b.saturating_sub(a) - unknown;
            let thread = stint_thread(trace, CpuId(0), i);
            *by.entry(thread).or_default() += ns;
            *by.entry(ThreadIx::NONE).or_default() += unknown;
            if !trace.tasks().is_idle(thread) {
                busy += ns;
            }
        }
        (by, busy)
    }

    proptest::proptest! {
        #[test]
        fn cells_equal_a_walk_over_all_stints(
            stints in proptest::collection::vec((0_u64..50, 0_i32..5, proptest::bool::weighted(0.1)), 1..400),
            start in 0_u64..3_000, width in 1_u64..9_000, cols in 1_usize..40,
        ) {
            let trace = trace(&stints);
            let cells = Pyramid::build(&trace).cells(&trace, CpuId(0), start, width, cols);
            for (col, cell) in cells.iter().enumerate() {
                let (t0, t1) = (column_time(start, width, col, cols), column_time(start, width, col + 1, cols));
                if t1 == t0 || t1 > trace.span().0 { continue; }
                let (by, busy) = naive(&trace, t0, t1);
                let unknown = by.get(&ThreadIx::NONE).copied().unwrap_or(0);
                let share = busy as f32 / (t1 - t0 - unknown).max(1) as f32;
                proptest::prop_assert!((cell.unknown - unknown as f32 / (t1 - t0) as f32).abs() < 1e-4);
                proptest::prop_assert!((cell.busy - share).abs() < 1e-4, "{} {}", cell.busy, share);
                // Five threads and unknown time at most: the summary is exact, so nobody ran longer
                // than the one shown.
                let longest = by.values().max().copied().unwrap_or(0);
                if cell.stint.is_none() && !cell.is_unknown() {
                    proptest::prop_assert_eq!(by.get(&cell.thread).copied().unwrap_or(0), longest);
                }
                let n = trace.times().iter().filter(|&&t| t >= t0 && t < t1).count();
                proptest::prop_assert_eq!(cell.switches(), n);
            }
        }
    }

    #[test]
    fn losses_and_the_end_are_not_idle() {
        let mut b = TraceBuilder::default();
        let task = b.task(Pid(4), b"x");
        for t in [100, 300] {
            let event = Event {
                time: Nanos(t),
                cpu: CpuId(0),
                kind: EventKind::Switch,
                actor: ThreadIx::NONE,
                task,
                prio: 120,
                state: TaskState::SLEEP,
                next: task,
                next_prio: 120,
                from_cpu: CpuId::NONE,
                to_cpu: CpuId::NONE,
            };
            b.push(event, Pid(-1));
        }
        b.gap(crate::trace::Gap { cpu: CpuId(0), from: Nanos(150), to: Nanos(250), lost: 9 });
        let trace = b.finish(TraceMeta::default());
        let cells = Pyramid::build(&trace).cells(&trace, CpuId(0), 0, 400, 8);
        let gaps: Vec<f32> = cells.iter().map(|c| c.gap).collect();
        assert_eq!(gaps, [0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        // Who ran behind the loss is not known before the next switch.
        assert!(
            cells[0].busy > 0.9 && cells[3].is_unknown() && cells[4].outside && cells[7].outside
        );
    }

    #[test]
    fn no_switch_at_all_is_nothing_known() {
        let trace = TraceBuilder::default().finish(TraceMeta { cpus: 2, ..TraceMeta::default() });
        let cells = Pyramid::build(&trace).cells(&trace, CpuId(1), 0, 100, 3);
        assert!(cells.iter().all(|c| c.thread == ThreadIx::NONE && c.busy == 0.0));
    }
}
