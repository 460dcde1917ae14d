//! How many tasks wait on each CPU, told whenever it changes. The same queues as those that
//! predictions are made from.

use super::runqueue::RunQueues;
use crate::trace::{CpuId, Event, EventKind, ThreadIx, Trace};

/// Walks a trace event by event.
#[derive(Clone, Debug)]
pub struct Lengths {
    queues: RunQueues,
    /// By CPU, as it was told last.
    told: Vec<usize>,
    /// Losses that were passed.
    gaps: usize,
}

impl Lengths {
    /// Before the first event: nobody waits.
    pub fn of(trace: &Trace) -> Self {
        Self { queues: RunQueues::of(trace), told: vec![0; trace.cpus()], gaps: 0 }
    }

    /// Takes event `i` (in order, each once) and tells the CPUs whose queue has another length now.
    /// At a switch, what is told first is the queue that is chosen from, and then what the choice
    /// leaves.
    pub fn step(&mut self, trace: &Trace, i: usize, mut tell: impl FnMut(CpuId, usize)) {
        let Some(e) = trace.queue_event(i) else { return };
        let threads = self.concerned(&e, trace);
        let before = threads.map(|t| self.cpu_of(t));
        let gaps = &trace.gaps()[self.gaps..];
        let passed = gaps.iter().take_while(|g| g.to <= e.time).count();
        self.gaps += passed;
        self.queues.observe(&e, trace);
        if e.kind == EventKind::Switch {
            self.queues.begin_switch(&e, trace.tasks());
            self.compare(e.cpu, &mut tell);
            self.queues.finish_switch(&e, trace.tasks());
        } else {
            self.queues.apply(&e, trace);
        }
        if passed > 0 {
            // Whoever ran on a CPU that lost events may have gone to the queue of any other.
            (0..self.told.len()).for_each(|cpu| self.compare(CpuId(cpu as u16), &mut tell));
            return;
        }
        let after = threads.map(|t| self.cpu_of(t));
        for cpu in before.into_iter().chain(after).chain([e.cpu, e.to_cpu, e.from_cpu]) {
            self.compare(cpu, &mut tell);
        }
    }

    /// The threads that an event can bring into a queue or take out of one.
    fn concerned(&self, e: &Event, trace: &Trace) -> [ThreadIx; 5] {
        let tasks = trace.tasks();
        let task = tasks.thread_on(e.task, e.cpu);
        let beside = self.queues.current(self.cpu_of(task));
        [task, tasks.thread_on(e.next, e.cpu), e.actor, self.queues.current(e.cpu), beside]
    }

    /// Where a thread is, or was last.
    fn cpu_of(&self, thread: ThreadIx) -> CpuId {
        if thread == ThreadIx::NONE { CpuId::NONE } else { self.queues.entry(thread).cpu }
    }

    fn compare(&mut self, cpu: CpuId, tell: &mut impl FnMut(CpuId, usize)) {
        let length = self.queues.queue(cpu).len();
        if let Some(told) = self.told.get_mut(cpu.ix()).filter(|told| **told != length) {
            *told = length;
            tell(cpu, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn no_change_is_missed() {
        for name in ["hackbench-pipe-2g_run3", "cpu-bound-4p_run3"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("traces")
                .join(format!("{name}.csv.zst"));
            let trace = crate::ingest::open(&path).unwrap().trace;
            let (mut lengths, mut told) = (Lengths::of(&trace), vec![0; trace.cpus()]);
            for i in 0..trace.len() {
                lengths.step(&trace, i, |cpu, length| told[cpu.ix()] = length);
                let all =
                    (0..trace.cpus()).map(|cpu| lengths.queues.queue(CpuId(cpu as u16)).len());
                assert!(all.eq(told.iter().copied()), "{name}, event {i}");
            }
            assert!(trace.len() > 1_000);
        }
    }
}
