//! Who ran longest in a window, on all CPUs together: counted stint by stint where there are few,
//! else by the pyramid.

use super::{CpuLevels, Pyramid, TOP, at};
use crate::trace::{ThreadIx, Trace};
use std::collections::HashMap;

/// Stints that are counted one by one for [`Pyramid::longest`], at most.
const COUNTED: usize = 60_000;

/// Who ran longest in a window.
#[derive(Clone, Debug, Default)]
pub struct Longest {
    /// Threads and how many ns each ran at least; in no order, idle ones left out.
    pub threads: Vec<(ThreadIx, u64)>,
    /// How many more each may have run.
    pub missing: u64,
    /// Known ns of all CPUs.
    pub known: u64,
}

impl Pyramid {
    /// Who ran longest in the window `[start, start + width)` on all CPUs together.
    pub fn longest(&self, trace: &Trace, start: u64, width: u64) -> Longest {
        let (span, mut known, mut missing, mut by) =
            (trace.span().0, 0, 0, HashMap::<ThreadIx, u64>::new());
        let end = start.saturating_add(width);
        let stints = |lane: &CpuLevels| (lane.before(start), lane.before(end));
        let all: usize = self.lanes.iter().map(stints).map(|(first, end)| end - first).sum();
        let exact = all <= COUNTED;
        for lane in &self.lanes {
            let to = end.min(span);
            if lane.times.is_empty() || start >= to {
                continue;
            }
            if exact {
                known += lane.count(trace, (start, to), stints(lane), &mut by);
                continue;
            }
            let runs = lane.runs(trace, (start, to), stints(lane));
            let counted: u64 = runs.top.iter().map(|s| s.1).sum();
            // Whoever is summed up may have had a seventh of what fell out.
            missing += (to - start).saturating_sub(counted) / (TOP as u64 + 1);
            known += (to - start) - runs.unknown.min(to - start);
            for &(thread, ns) in runs.top.iter().filter(|s| s.1 > 0 && s.0.ix() >= trace.cpus()) {
                if thread != ThreadIx::NONE {
                    *by.entry(thread).or_default() += ns;
                }
            }
        }
        Longest { threads: by.into_iter().collect(), missing, known }
    }
}

impl CpuLevels {
    /// Adds who ran how long in `[t0, to)`, stint by stint. The known time.
    fn count(
        &self,
        trace: &Trace,
        (t0, to): (u64, u64),
        (first, end): (usize, usize),
        by: &mut HashMap<ThreadIx, u64>,
    ) -> u64 {
        let (mut known, mut from) = (0, t0);
        for i in first..=end {
            let till = if i == end { to } else { at(&self.times, to, i).clamp(from, to) };
            let ns = till - from - self.unknown.within(from, till);
            known += ns;
            // Idle threads come first in the numbering, one per CPU.
            match self.threads.get(i) {
                Some(&thread)
                    if ns > 0 && thread.ix() >= trace.cpus() && thread != ThreadIx::NONE =>
                {
                    *by.entry(thread).or_default() += ns;
                }
                _ => {}
            }
            from = till;
        }
        known
    }
}
