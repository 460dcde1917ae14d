//! How crowded the machine was, bucket by bucket: rows for an overview.

use super::waits::Waits;
use super::{Window, runs};
use crate::trace::{CpuId, Trace};

/// A window in equal parts.
#[derive(Clone, Copy, Debug)]
struct Buckets {
    window: Window,
    count: usize,
}

impl Buckets {
    /// Where part `k` begins.
    fn edge(self, k: usize) -> u64 {
        self.window.from
            + (u128::from(self.window.ns()) * k as u128 / self.count.max(1) as u128) as u64
    }
}

/// In each of `count` equal parts of a window, the most threads that waited for one CPU at a time.
/// A wait counts for the CPU where it ended. Costs the waits that touch the window.
pub fn longest_queues(trace: &Trace, waits: &Waits, window: Window, count: usize) -> Vec<u32> {
    let mut steps: Vec<(u64, i8, CpuId)> = Vec::new();
    for row in (0..waits.len()).filter(|r| waits.from(*r) < window.to && waits.to(*r) > window.from)
    {
        steps.push((waits.from(row).max(window.from), 1, waits.cpu(row)));
        steps.push((waits.to(row), -1, waits.cpu(row)));
    }
    // Ends before beginnings: who comes in makes room.
    steps.sort_unstable();
    let (buckets, mut lengths) = (Buckets { window, count }, vec![0_u32; trace.cpus() + 1]);
    let mut steps = steps.into_iter().peekable();
    let part = |k: usize| {
        let mut most = lengths.iter().copied().max().unwrap_or(0);
        while let Some((_, step, cpu)) = steps.next_if(|s| s.0 < buckets.edge(k + 1)) {
            let length = &mut lengths[cpu.ix().min(trace.cpus())];
            *length = length.saturating_add_signed(i32::from(step));
            most = most.max(*length);
        }
        most
    };
    (0..count).map(part).collect()
}

/// In each of `count` equal parts of a window, the ns in which some CPU was idle while some thread
/// waited.
pub fn idle_while_waited(trace: &Trace, waits: &Waits, window: Window, count: usize) -> Vec<u64> {
    // Time, threads more or less that wait, CPUs more or less that are idle.
    let mut steps: Vec<(u64, i32, i32)> = Vec::new();
    for row in (0..waits.len()).filter(|r| waits.from(*r) < window.to && waits.to(*r) > window.from)
    {
        steps.push((waits.from(row).max(window.from), 1, 0));
        steps.push((waits.to(row).min(window.to), -1, 0));
    }
    for cpu in (0..trace.cpus()).map(|c| CpuId(c as u16)) {
        for run in runs(trace, cpu, window).filter(|run| trace.tasks().is_idle(run.thread)) {
            steps.push((run.from, 0, 1));
            steps.push((run.to, 0, -1));
        }
    }
    steps.sort_unstable();
    let (buckets, mut sums) = (Buckets { window, count }, vec![0; count]);
    let (mut at, mut waiting, mut idle, mut k) = (window.from, 0, 0, 0);
    for (time, threads, cpus) in steps {
        while at < time && k < count {
            let to = time.min(buckets.edge(k + 1));
            if waiting > 0 && idle > 0 {
                sums[k] += to - at;
            }
            at = to;
            if at >= buckets.edge(k + 1) {
                k += 1;
            }
        }
        waiting += threads;
        idle += cpus;
    }
    sums
}
