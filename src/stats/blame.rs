//! Who is to blame for a wait: who had the CPU instead, which CPUs were idle meanwhile, and the
//! chain of wake-ups that led to it. Answers are bounded; a wait costs what happened while it
//! lasted.

use super::idle::home;
use super::states::Cause;
use super::waits::Table;
use super::{Window, runs};
use crate::trace::{CpuId, Nanos, ThreadIx, Trace};
use std::collections::HashMap;

/// Who had a CPU in a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instead {
    /// The longest first, ns; an idle thread stands for the idle CPU.
    pub ran: Vec<(ThreadIx, u64)>,
    /// Threads that are not among them, and their ns.
    pub rest: (u64, u64),
    /// Ns of which the recording says nothing.
    pub unknown: u64,
}

/// Who had `cpu` in a window; at most `most` threads by name.
pub fn instead(trace: &Trace, cpu: CpuId, window: Window, most: usize) -> Instead {
    let mut sums: HashMap<ThreadIx, u64> = HashMap::new();
    for run in runs(trace, cpu, window) {
        *sums.entry(run.thread).or_default() += run.to - run.from;
    }
    let mut ran: Vec<_> = sums.into_iter().collect();
    ran.sort_unstable_by_key(|(thread, ns)| (std::cmp::Reverse(*ns), *thread));
    let rest = ran.split_off(most.min(ran.len()));
    let known: u64 = ran.iter().chain(&rest).map(|r| r.1).sum();
    Instead {
        ran,
        rest: (rest.len() as u64, rest.iter().map(|r| r.1).sum()),
        unknown: window.ns() - known,
    }
}

/// Who had `cpu` longest without a break in each of `count` equal parts of a window;
/// [`ThreadIx::NONE`] where nothing is known. Of a window of no length there are no parts.
pub fn in_parts(trace: &Trace, cpu: CpuId, window: Window, count: usize) -> Vec<ThreadIx> {
    let (ns, parts) = (u128::from(window.ns()), count as u128);
    if ns == 0 {
        return Vec::new();
    }
    let edge = |k: usize| window.from + (ns * k as u128 / parts) as u64;
    let mut longest = vec![(0, ThreadIx::NONE); count];
    for run in runs(trace, cpu, window) {
        let first = (u128::from(run.from - window.from) * parts / ns) as usize;
        for (k, part) in
            longest.iter_mut().enumerate().skip(first).take_while(|(k, _)| edge(*k) < run.to)
        {
            let inside = run.to.min(edge(k + 1)).saturating_sub(run.from.max(edge(k)));
            if inside > part.0 {
                *part = (inside, run.thread);
            }
        }
    }
    longest.into_iter().map(|(_, thread)| thread).collect()
}

/// A CPU that was idle while somebody waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Which.
    pub cpu: CpuId,
    /// For how long, ns.
    pub ns: u64,
    /// The thread comes in there some time in the recording, so that it may run there; which others
    /// it may use, no event says.
    pub allowed: bool,
}

/// The CPUs that were idle for some of a wait, the longest first, at most `most`.
pub fn idle_cpus(t: &Table, row: usize, most: usize) -> Vec<Idle> {
    let (trace, wait) = (&t.trace, t.waits.get(row));
    let window = Window { from: wait.from, to: wait.to };
    let mut found: Vec<(u64, CpuId)> = Vec::new();
    for cpu in (0..trace.cpus()).map(|c| CpuId(c as u16)) {
        let idle = runs(trace, cpu, window).filter(|run| trace.tasks().is_idle(run.thread));
        let ns: u64 = idle.map(|run| run.to - run.from).sum();
        if ns > 0 {
            found.push((ns, cpu));
        }
    }
    found.sort_unstable_by_key(|(ns, cpu)| (std::cmp::Reverse(*ns), *cpu));
    found.truncate(most);
    let homes = home(t, wait.thread);
    found.into_iter().map(|(ns, cpu)| Idle { cpu, ns, allowed: homes.contains(&cpu) }).collect()
}

/// A wake-up on the way to a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Who woke.
    pub waker: ThreadIx,
    /// Where.
    pub cpu: CpuId,
    /// When, ns.
    pub at: Nanos,
    /// The event.
    pub event: u32,
    /// The wait after which the waker ran, if it was one that began with a wake-up: where the chain
    /// goes on.
    pub row: Option<usize>,
}

/// Preemptions that are gone back over to the wake-up before them.
const PREEMPTIONS: usize = 64;

/// The wake-ups that led to a wait, the latest first, at most `most`. It ends where a CPU was idle
/// (an interrupt woke), where nobody is known to have woken, and where the recording begins.
pub fn chain(t: &Table, row: usize, most: usize) -> Vec<Link> {
    let mut links = Vec::new();
    let mut next = woken(t, Some(row));
    while let Some(row) = next.filter(|_| links.len() < most) {
        let wait = t.waits.get(row);
        if wait.waker == ThreadIx::NONE {
            break;
        }
        next = woken(t, t.waits.before(wait.waker, wait.from));
        let (waker, cpu, at) = (wait.waker, wait.waker_cpu, Nanos(wait.from));
        links.push(Link { waker, cpu, at, event: wait.first, row: next });
    }
    links
}

/// This wait of a thread, or the last one before it that began with a wake-up.
fn woken(t: &Table, row: Option<usize>) -> Option<usize> {
    let row = row?;
    let rows = t.waits.of_thread(t.waits.thread(row));
    let place = rows.partition_point(|r| (*r as usize) < row);
    let back = rows[..=place.min(rows.len() - 1)].iter().rev().take(PREEMPTIONS);
    back.map(|r| *r as usize).find(|r| matches!(t.waits.get(*r).began, Cause::Wakeup | Cause::New))
}

/// Threads that ran instead, idle CPUs, and wake-ups of a chain, that are told of one wait.
const INSTEAD: usize = 8;
const IDLE: usize = 16;
const CHAIN: usize = 8;
/// Equal parts of it of which is told who had the CPU.
const PARTS: usize = 160;

/// All that is told of one wait beside its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blame {
    /// Who had its CPU.
    pub instead: Instead,
    /// Who had it in each of equal parts of the wait.
    pub parts: Vec<ThreadIx>,
    /// Which CPUs were idle meanwhile.
    pub idle: Vec<Idle>,
    /// Which wake-ups led to it.
    pub chain: Vec<Link>,
}

impl Blame {
    /// Of a wait. Costs what happened on all CPUs while it lasted.
    pub fn of(t: &Table, row: usize) -> Self {
        let wait = t.waits.get(row);
        Self {
            instead: had_the_cpu(t, row, INSTEAD),
            parts: in_parts(&t.trace, wait.cpu, Window { from: wait.from, to: wait.to }, PARTS),
            idle: idle_cpus(t, row, IDLE),
            chain: chain(t, row, CHAIN),
        }
    }
}

/// Who had the CPU of a wait while it lasted; at most `most` threads by name.
pub fn had_the_cpu(t: &Table, row: usize, most: usize) -> Instead {
    let wait = t.waits.get(row);
    instead(&t.trace, wait.cpu, Window { from: wait.from, to: wait.to }, most)
}
