//! Time of which the recording says nothing, such that how much of it lies in a window costs two
//! searches.

use crate::trace::{CpuId, Nanos, Trace};

/// The unknown time of one CPU, with its running sum: how much lies in a window costs two searches.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretches {
    /// Begin, end, and ns of the ones before.
    all: Vec<(u64, u64, u64)>,
}

impl Stretches {
    pub(super) fn of(trace: &Trace, cpu: CpuId) -> Self {
        let mut before = 0;
        let with_sum = |&(from, to): &(Nanos, Nanos)| {
            let stretch = (from.0, to.0, before);
            before += to.0 - from.0;
            stretch
        };
        Self { all: trace.unknown(cpu).iter().map(with_sum).collect() }
    }

    /// Ns of unknown time before `t`.
    fn before(&self, t: u64) -> u64 {
        match self.all[..self.all.partition_point(|s| s.0 < t)].last() {
            Some((from, to, before)) => before + (t.min(*to) - from),
            None => 0,
        }
    }

    pub(super) fn within(&self, from: u64, to: u64) -> u64 {
        if self.all.is_empty() { 0 } else { self.before(to.max(from)) - self.before(from) }
    }

    /// Calls `visit` with each unknown part of `[from, to)`.
    pub(super) fn each(&self, from: u64, to: u64, mut visit: impl FnMut(u64, u64)) {
        let first = self.all.partition_point(|s| s.1 <= from);
        let inside = self.all[first..].iter().take_while(|s| s.0 < to);
        inside.for_each(|s| visit(s.0.max(from), s.1.min(to)));
    }

    /// Calls `visit` with each known part of `[from, to)`.
    pub(super) fn known(&self, mut from: u64, to: u64, mut visit: impl FnMut(u64, u64)) {
        self.each(from, to, |a, b| {
            visit(from, a);
            from = b;
        });
        visit(from, to);
    }
}
