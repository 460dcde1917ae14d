//! Who ran in a window, on one CPU and on all of them, and what was idle then.

use super::{Window, runs};
use crate::trace::{CpuId, ThreadIx, Trace};
use std::collections::HashMap;

/// How long a thread ran, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Who; never an idle thread.
    pub thread: ThreadIx,
    /// On the CPU that was asked about.
    pub here: u64,
    /// On all of them.
    pub all: u64,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// Who ran longest on the CPU that was asked about, equals on all of them.
    pub ran: Vec<Ran>,
    /// Threads that are not among them, and the ns that they ran here and on all CPUs.
    pub rest: (u64, u64, u64),
    /// The ns in which a CPU was idle, of those that were, the longest first.
    pub idle: Vec<(CpuId, u64)>,
    /// Ns of which the recording says nothing, of the CPU that was asked about and of all.
    pub unknown: (u64, u64),
}

/// What happened in a window, with so many threads by name. Costs what happened in it on all CPUs.
pub fn between(trace: &Trace, cpu: CpuId, window: Window, most: usize) -> Between {
    let mut sums: HashMap<ThreadIx, (u64, u64)> = HashMap::new();
    let (mut idle, mut unknown) = (Vec::new(), (0, 0));
    for c in (0..trace.cpus()).map(|c| CpuId(c as u16)) {
        let (mut known, mut none) = (0, 0);
        for run in runs(trace, c, window) {
            let ns = run.to - run.from;
            known += ns;
            if trace.tasks().is_idle(run.thread) {
                none += ns;
                continue;
            }
            let (here, all) = sums.entry(run.thread).or_default();
            *all += ns;
            *here += if c == cpu { ns } else { 0 };
        }
        let missing = window.ns().saturating_sub(known);
        unknown = (unknown.0 + if c == cpu { missing } else { 0 }, unknown.1 + missing);
        idle.extend((none > 0).then_some((c, none)));
    }
    idle.sort_unstable_by_key(|(cpu, ns)| (std::cmp::Reverse(*ns), *cpu));
    let mut ran: Vec<Ran> =
        sums.into_iter().map(|(thread, (here, all))| Ran { thread, here, all }).collect();
    ran.sort_unstable_by_key(|r| (std::cmp::Reverse((r.here, r.all)), r.thread));
    let rest = ran.split_off(most.min(ran.len()));
    let sum = |of: fn(&Ran) -> u64| rest.iter().map(of).sum();
    Between { ran, rest: (rest.len() as u64, sum(|r| r.here), sum(|r| r.all)), idle, unknown }
}
