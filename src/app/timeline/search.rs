//! Looking for tasks by name or pid, and going from one of their stints to the next.

use super::Timeline;
use crate::trace::{CpuId, TaskId, ThreadIx};

/// A search and the tasks it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What was typed.
    pub query: String,
    /// Threads under the names that fit, sorted.
    pub tasks: Vec<TaskId>,
    /// How many threads those are.
    pub threads: usize,
}

impl Timeline {
    /// Searches names and pids; goes to the first stint after the playhead. The number of threads found.
    pub fn find(&mut self, query: &str) -> usize {
        let tasks = self.trace().tasks();
        let needle = query.to_lowercase();
        let fits = |pid: i32, name: &str| pid != 0 && format!("{name}:{pid}").to_lowercase().contains(&needle);
        let found = tasks.iter().filter(|(_, t)| fits(t.pid.0, &t.name));
        // In the order of the numbers, which is that of the table.
        let (tasks, mut threads): (Vec<TaskId>, Vec<ThreadIx>) = found.map(|(id, t)| (id, t.thread)).unzip();
        threads.sort_unstable();
        threads.dedup();
        let n = threads.len();
        self.found = Some(Found { query: query.into(), tasks, threads: n });
        if n > 0 && !self.jump_to_found(true) {
            self.jump_to_found(false);
        }
        n
    }

    /// Goes to the nearest stint, on any CPU, of a task that was found. False when there is none that way.
    pub fn jump_to_found(&mut self, forward: bool) -> bool {
        let Some(found) = &self.found else { return false };
        let trace = self.trace();
        let here = (self.cursor.pos().0, self.event().unwrap_or(0));
        let mut best: Option<((u64, usize), usize, usize)> = None;
        for c in 0..trace.cpus() {
            let cpu = CpuId(c as u16);
            let switches = trace.cpu_switches(cpu);
            let hit = |k: &usize| found.tasks.binary_search(&trace.event(switches[*k] as usize).next).is_ok();
            let key = |k: usize| (trace.time(switches[k] as usize).0, switches[k] as usize);
            let near = if forward {
                let from = switches.partition_point(|&e| (trace.time(e as usize).0, e as usize) <= here);
                (from..switches.len()).find(hit)
            } else {
                let to = switches.partition_point(|&e| (trace.time(e as usize).0, e as usize) < here);
                (0..to).rev().find(hit)
            };
            if let Some(k) = near {
                let better = best.is_none_or(|(t, ..)| if forward { key(k) < t } else { key(k) > t });
                if better {
                    best = Some((key(k), c, k));
                }
            }
        }
        let Some((_, c, k)) = best else { return false };
        self.cpu = c;
        self.select(k);
        true
    }
}
