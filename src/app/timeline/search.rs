//! Looking for tasks by name or pid, and going from one of their stints to the next.

use super::Timeline;
use crate::trace::{CpuId, TaskId, ThreadIx, Trace};

/// A search and the tasks it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What was typed.
    pub query: String,
    /// Threads under the names that fit, sorted.
    pub tasks: Vec<TaskId>,
    /// How many threads those are.
    pub threads: usize,
    /// When one of them ran, by CPU: begin and end in ns, and the switch that brought it in.
    stints: Vec<Vec<(u64, u64, usize)>>,
}

impl Found {
    fn new(trace: &Trace, query: &str) -> Self {
        let needle = query.to_lowercase();
        let fits = |pid: i32, name: &str| {
            pid != 0 && format!("{name}:{pid}").to_lowercase().contains(&needle)
        };
        let found = trace.tasks().iter().filter(|(_, t)| fits(t.pid.0, &t.name));
        // In the order of the numbers, which is that of the table.
        let (tasks, mut threads): (Vec<TaskId>, Vec<ThreadIx>) =
            found.map(|(id, t)| (id, t.thread)).unzip();
        threads.sort_unstable();
        threads.dedup();
        let mut found =
            Self { query: query.into(), tasks, threads: threads.len(), stints: Vec::new() };
        if !found.tasks.is_empty() {
            found.stints =
                (0..trace.cpus()).map(|c| found.stints_on(trace, CpuId(c as u16))).collect();
        }
        found
    }

    fn stints_on(&self, trace: &Trace, cpu: CpuId) -> Vec<(u64, u64, usize)> {
        let switches = trace.cpu_switches(cpu);
        let comes_in = |&(_, &e): &(usize, &u32)| {
            self.tasks.binary_search(&trace.event(e as usize).next).is_ok()
        };
        let stint = |(k, &e): (usize, &u32)| {
            let end = switches.get(k + 1).map_or(trace.span(), |&e| trace.time(e as usize));
            (trace.time(e as usize).0, end.0, k)
        };
        switches.iter().enumerate().filter(comes_in).map(stint).collect()
    }

    /// True when one of them ran on this CPU in `[from, to)`.
    pub fn ran(&self, cpu: usize, from: u64, to: u64) -> bool {
        let Some(stints) = self.stints.get(cpu) else { return false };
        let next = stints.partition_point(|s| s.1 <= from);
        stints.get(next).is_some_and(|s| s.0 < to)
    }
}

impl Timeline {
    /// Searches names and pids; goes to the first stint after the playhead. The number of threads
    /// found.
    pub fn find(&mut self, query: &str) -> usize {
        let found = Found::new(self.trace(), query);
        let n = found.threads;
        self.looks.found = Some(found);
        if n > 0 && !self.jump_to_found(true) {
            self.jump_to_found(false);
        }
        n
    }

    /// Goes to the nearest stint, on any CPU, of a task that was found. False when there is none
    /// that way.
    pub fn jump_to_found(&mut self, forward: bool) -> bool {
        let Some(found) = &self.looks.found else { return false };
        let trace = self.trace();
        let here = (self.cursor.pos().0, self.event().unwrap_or(0));
        let mut best: Option<((u64, usize), usize, usize)> = None;
        for (c, stints) in found.stints.iter().enumerate() {
            let switches = trace.cpu_switches(CpuId(c as u16));
            let key = |s: &(u64, u64, usize)| (s.0, switches[s.2] as usize);
            let near = if forward {
                stints.get(stints.partition_point(|s| key(s) <= here))
            } else {
                stints.partition_point(|s| key(s) < here).checked_sub(1).map(|at| &stints[at])
            };
            if let Some(stint) = near {
                let better = best
                    .is_none_or(|(t, ..)| if forward { key(stint) < t } else { key(stint) > t });
                if better {
                    best = Some((key(stint), c, stint.2));
                }
            }
        }
        let Some((_, c, k)) = best else { return false };
        self.stand_on(c);
        self.select(k);
        true
    }
}
