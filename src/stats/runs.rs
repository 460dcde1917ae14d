//! Who had a CPU when. A CPU's time is cut at its switches; what [`Trace::unknown`] leaves of a cut
//! belongs to the thread that had come in, and is the beginning of the cut: once something is
//! missing, all is unknown up to the next switch.

use super::Window;
use crate::trace::{CpuId, EventKind, ThreadIx, Trace};

/// A thread on a CPU without a break, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stint {
    /// Who; one of the idle threads when the CPU was idle.
    pub thread: ThreadIx,
    /// When, ns since the start.
    pub from: u64,
    /// Until when; more than `from`.
    pub to: u64,
}

/// Where the time of a CPU went, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// Some thread had it.
    pub used: u64,
    /// None had.
    pub idle: u64,
    /// The recording does not say.
    pub unknown: u64,
}

impl CpuTime {
    /// Of a CPU in a window.
    pub fn of(trace: &Trace, cpu: CpuId, window: Window) -> Self {
        let mut sum = Self::default();
        for run in runs(trace, cpu, window) {
            let of = if trace.tasks().is_idle(run.thread) { &mut sum.idle } else { &mut sum.used };
            *of += run.to - run.from;
        }
        Self { unknown: window.ns() - sum.used - sum.idle, ..sum }
    }
}

/// The runs on a CPU that lie in a window, cut to it, by time. Costs two searches and the switches
/// in the window.
pub fn runs(trace: &Trace, cpu: CpuId, window: Window) -> impl Iterator<Item = Stint> + '_ {
    let switches = trace.cpu_switches(cpu);
    let unknown = trace.unknown(cpu);
    let end = window.to.min(trace.span().0);
    // Cut `k` ends with switch `k`; the last one with the recording.
    let mut k = switches.partition_point(|&i| trace.time(i as usize).0 <= window.from);
    let mut hole = unknown.partition_point(|s| s.1.0 <= window.from);
    std::iter::from_fn(move || {
        loop {
            if k > switches.len() {
                return None;
            }
            let (thread, from) = match k.checked_sub(1) {
                Some(before) => {
                    let e = trace.event(switches[before] as usize);
                    (trace.tasks().thread_on(e.next, cpu), e.time.0)
                }
                None => first(trace, cpu),
            };
            let to = switches.get(k).map_or(trace.span().0, |&i| trace.time(i as usize).0);
            k += 1;
            if from >= end && k > 1 {
                k = switches.len() + 1;
            }
            // Who is seen first may be seen after the first switch.
            while unknown.get(hole).is_some_and(|s| s.1.0 <= from.min(to)) {
                hole += 1;
            }
            let known = unknown.get(hole).map_or(to, |s| s.0.0.min(to));
            let (from, to) = (from.max(window.from), known.min(end));
            if thread != ThreadIx::NONE && from < to {
                return Some(Stint { thread, from, to });
            }
        }
    })
}

/// Who is the first to be seen on a CPU, and since when that is known.
fn first(trace: &Trace, cpu: CpuId) -> (ThreadIx, u64) {
    let seen =
        trace.cpu_events(cpu).iter().map(|&i| trace.event(i as usize)).map(|e| match e.kind {
            EventKind::Switch => trace.tasks().thread_on(e.task, cpu),
            _ => e.actor,
        });
    let thread = seen.into_iter().find(|t| *t != ThreadIx::NONE).unwrap_or(ThreadIx::NONE);
    let since = trace.unknown(cpu).first().filter(|s| s.0.0 == 0).map_or(0, |s| s.1.0);
    (thread, since)
}
