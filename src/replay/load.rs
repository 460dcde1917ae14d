//! How busy a CPU was in each column of a window, for many CPUs at once: cheaper than
//! [`super::lod`], which also says who ran. Time is cut into buckets once; columns that are wider
//! than a few of them are sums of buckets.

use super::columns::column_time;
use super::levels::{Levels, Merge};
use crate::trace::{CpuId, ThreadIx, Trace};
use std::ops::Range;

/// Buckets of a CPU at most.
const MOST: usize = 4096;
/// Stints that are walked for a column on average, at most.
const WALKED: usize = 32;

/// So many buckets of time a CPU with so many switches has.
pub fn buckets(switches: usize) -> usize {
    (switches / 4).next_power_of_two().clamp(64, MOST)
}

/// The bucket of `n` in which a time of a recording of `span` ns lies.
pub fn bucket(t: u64, span: u64, n: usize) -> usize {
    let at = u128::from(t) * n as u128 / (u128::from(span) + 1);
    (at as usize).min(n.saturating_sub(1))
}

/// The buckets that the column `[t0, t1)` is made of, if it is wide enough for that.
pub fn covered((t0, t1): (u64, u64), span: u64, n: usize) -> Option<Range<usize>> {
    let wide = u128::from(t1.saturating_sub(t0)) * n as u128 >= 2 * (u128::from(span) + 1);
    let from = bucket(t0, span, n);
    wide.then(|| from..bucket(t1, span, n).max(from + 1))
}

/// What a CPU did in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Known ns in which it was not idle.
    pub busy: f32,
    /// Ns of which the recording says something.
    pub known: f32,
}

impl Merge for Load {
    fn merge(&mut self, other: &Self) {
        self.busy += other.busy;
        self.known += other.known;
    }
}

impl Load {
    /// Share of the known time in which it was busy, 0..1.
    pub fn share(self) -> Option<f32> {
        (self.known > 0.0).then(|| (self.busy / self.known).min(1.0))
    }

    fn take(&mut self, ns: u64, busy: bool) {
        self.known += ns as f32;
        self.busy += if busy { ns as f32 } else { 0.0 };
    }
}

/// The buckets of one CPU in the making; stretches come by time.
#[derive(Debug)]
pub(super) struct Filler {
    span: u64,
    n: usize,
    end: u64,
    load: Load,
    done: Levels<Load>,
}

impl Filler {
    pub(super) fn new(span: u64, switches: usize) -> Self {
        let n = buckets(switches);
        Self {
            span,
            n,
            end: column_time(0, span.saturating_add(1), 1, n),
            load: Load::default(),
            done: Levels::default(),
        }
    }

    fn turn(&mut self) {
        self.done.push(std::mem::take(&mut self.load));
        self.end = column_time(0, self.span.saturating_add(1), self.done.len() + 1, self.n);
    }

    /// Known time in which the CPU was busy, or not.
    pub(super) fn add(&mut self, mut from: u64, to: u64, busy: bool) {
        while from < to && self.done.len() < self.n {
            let till = to.min(self.end).max(from);
            self.load.take(till - from, busy);
            from = till;
            if from >= self.end {
                self.turn();
            }
        }
    }

    pub(super) fn finish(mut self) -> Levels<Load> {
        while self.done.len() < self.n {
            self.turn();
        }
        self.done
    }
}

/// The buckets of every CPU.
#[derive(Clone, Debug, Default)]
pub(super) struct Loads(pub(super) Vec<Levels<Load>>);

/// A column of one CPU.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// How busy it was.
    pub load: Load,
    /// Its switches in it; empty and without meaning when it was made of buckets.
    pub switches: Range<usize>,
    /// The buckets that it was made of.
    pub buckets: Option<Range<usize>>,
    /// It lies outside the recording.
    pub outside: bool,
}

impl Loads {
    /// What this stretch of buckets sums up to.
    fn sum(&self, cpu: CpuId, range: Range<usize>) -> Load {
        let mut load = Load::default();
        if let Some(levels) = self.0.get(cpu.ix()) {
            levels.fold(range, |node| load.merge(node));
        }
        load
    }

    /// Calls `each` with the columns of a window in order, when they are wide enough to be made of
    /// buckets or hold few enough stints to be walked. False, before the first one, when they are
    /// not. Of the CPU: the thread of every stint, the time of every switch.
    pub(super) fn columns(
        &self,
        (trace, cpu): (&Trace, CpuId),
        (threads, switches): (&[ThreadIx], &[u64]),
        (start, width, cols): (u64, u64, usize),
        mut each: impl FnMut(usize, Column),
    ) -> bool {
        let (span, n) = (trace.span().0, self.0.get(cpu.ix()).map_or(0, Levels::len));
        let times =
            |col| (column_time(start, width, col, cols), column_time(start, width, col + 1, cols));
        let outside = |t0: u64| t0 >= span.max(1);
        if n == 0 {
            (0..cols).for_each(|col| {
                each(col, Column { outside: outside(times(col).0), ..Column::default() });
            });
            return true;
        }
        if covered((0, width / cols.max(1) as u64), span, n).is_some() {
            let mut from = bucket(start, span, n);
            for col in 0..cols {
                let (t0, t1) = times(col);
                let till = if t1 > span { n } else { bucket(t1, span, n).max(from) };
                let range = from..till.max(from + 1);
                from = till;
                let load = self.sum(cpu, range.clone());
                each(
                    col,
                    Column {
                        load,
                        buckets: Some(range),
                        outside: outside(t0),
                        ..Column::default()
                    },
                );
            }
            return true;
        }
        let first = switches.partition_point(|&at| at < start);
        let end = start.saturating_add(width);
        if switches[first..].partition_point(|&at| at < end) > WALKED * cols {
            return false;
        }
        Walk::new((trace, cpu), (threads, switches), first).columns(cols, times, each);
        true
    }
}

/// Goes from stint to stint through a window.
struct Walk<'a> {
    trace: &'a Trace,
    /// Of every stint, and when the switches between them were.
    threads: &'a [ThreadIx],
    switches: &'a [u64],
    stint: usize,
    end: u64,
    busy: bool,
    unknown: &'a [(crate::trace::Nanos, crate::trace::Nanos)],
}

impl<'a> Walk<'a> {
    fn new(
        (trace, cpu): (&'a Trace, CpuId),
        (threads, switches): (&'a [ThreadIx], &'a [u64]),
        stint: usize,
    ) -> Self {
        let unknown = trace.unknown(cpu);
        let mut walk = Self { trace, threads, switches, stint, end: 0, busy: false, unknown };
        walk.look();
        walk
    }

    fn look(&mut self) {
        self.end = self.switches.get(self.stint).copied().unwrap_or(self.trace.span().0);
        // Idle threads come first in the numbering, one per CPU.
        self.busy =
            self.threads.get(self.stint).is_some_and(|thread| thread.ix() >= self.trace.cpus());
    }

    fn columns(
        mut self,
        cols: usize,
        times: impl Fn(usize) -> (u64, u64),
        mut each: impl FnMut(usize, Column),
    ) {
        let span = self.trace.span().0;
        for col in 0..cols {
            let (t0, t1) = times(col);
            let mut column = Column { outside: t0 >= span.max(1), ..Column::default() };
            let (mut from, to, first) = (t0, t1.min(span), self.stint);
            loop {
                let till = to.min(self.end).max(from);
                if till > from {
                    self.known(from, till, &mut column.load);
                    from = till;
                }
                // What happens with the last nanosecond belongs to the column that reaches behind
                // it.
                if self.end >= t1 || self.stint >= self.switches.len() {
                    break;
                }
                self.stint += 1;
                self.look();
            }
            column.switches = first..self.stint;
            each(col, column);
        }
    }

    fn known(&mut self, from: u64, to: u64, load: &mut Load) {
        let all = self.unknown;
        let next = all.partition_point(|s| s.1.0 <= from);
        let unseen: u64 = all[next..]
            .iter()
            .take_while(|s| s.0.0 < to)
            .map(|s| s.1.0.min(to) - s.0.0.max(from))
            .sum();
        load.take(to - from - unseen, self.busy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::lod::Pyramid;
    use crate::replay::lod::{stint_span, stint_thread};
    use crate::replay::made::trace;
    use crate::trace::Nanos;

    proptest::proptest! {
        #[test]
        fn columns_say_what_cells_say(
            stints in proptest::collection::vec((1_u64..50, 0_i32..3, proptest::bool::weighted(0.1)), 1..900),
            start in 0_u64..3_000, width in 1_u64..30_000, cols in 1_usize..40,
        ) {
            let trace = trace(&stints);
            let pyramid = Pyramid::build(&trace);
            let cells = pyramid.cells(&trace, CpuId(0), start, width, cols);
            let (mut all, mut seen) = (Load::default(), 0);
            pyramid.columns(&trace, CpuId(0), (start, width, cols), |col, column| {
                assert_eq!((col, column.outside), (seen, cells[col].outside));
                seen += 1;
                all.merge(&column.load);
                let time = column_time(start, width, col + 1, cols) - column_time(start, width, col, cols);
                if column.buckets.is_none() && !column.outside && time > 0 {
                    assert_eq!(column.switches, cells[col].first..cells[col].end);
                    let share = column.load.share().unwrap_or(0.0);
                    assert!((share - cells[col].busy).abs() < 1e-3, "{share} {}", cells[col].busy);
                }
            });
            proptest::prop_assert!(seen == 0 || seen == cols);
            // Buckets at both ends may stick out of the window by one each.
            let to = (start + width).min(trace.span().0).max(start);
            let one = cells_sum(&trace, start, to);
            let bucket = 2.0 * trace.span().0 as f32 / buckets(stints.len()) as f32 + 2.0;
            proptest::prop_assert!(seen == 0 || (all.busy - one).abs() <= bucket + 0.001 * one, "{} {one}", all.busy);
        }
    }

    /// Busy ns in `[from, to)`, stint by stint.
    fn cells_sum(trace: &Trace, from: u64, to: u64) -> f32 {
        let mut busy = 0;
        for i in 0..=trace.cpu_switches(CpuId(0)).len() {
            let (a, b) = stint_span(trace, CpuId(0), i);
            let (a, b) = (a.0.max(from), b.0.min(to));
            if b > a && !trace.tasks().is_idle(stint_thread(trace, CpuId(0), i)) {
                busy += b - a - trace.unknown_within(CpuId(0), Nanos(a), Nanos(b)).0;
            }
        }
        busy as f32
    }
}
