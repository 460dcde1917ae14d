//! What makes a [`Trace`] of collected events: sorts by time, counts from the first event, numbers
//! threads and builds the per-CPU indices. Passes that need nothing of each other run on two
//! threads.

use super::columns::Columns;
use super::kind::Wakeups;
use super::machine::Machine;
use super::names::Names;
use super::unknown::Unknown;
use super::{
    CpuId, EventKind, Gap, Nanos, Pid, TaskTable, ThreadIx, Trace, TraceBuilder, TraceMeta,
};

/// Slots of the memory for recent pids; a power of two.
const RECENT: usize = 1 << 10;

fn recent_slot(pid: Pid) -> usize {
    (pid.0 as u32).wrapping_mul(0x9e37_79b1) as usize >> (32 - RECENT.trailing_zeros())
}

impl TraceBuilder {
    /// Builds the trace. `meta.start_ns` is set to the first event's clock value unless it is
    /// already set.
    pub fn finish(mut self, mut meta: TraceMeta) -> Trace {
        self.settle();
        self.place_losses();
        let moved = self.events.sort();
        let reordered = if self.any_order { 0 } else { moved };
        let start = self.events.time.first().copied().unwrap_or(0);
        if meta.start_ns == 0 {
            meta.start_ns = start;
        }
        let cpus = usize::from(self.cpus.max(meta.cpus));
        meta.cpus = cpus as u16;
        if meta.lost.is_empty() && !self.gaps.is_empty() {
            meta.lost = vec![0; cpus];
            for gap in &self.gaps {
                let sum = &mut meta.lost[gap.cpu.ix()];
                *sum = sum.saturating_add(gap.lost);
            }
        }
        let gaps = since(start, self.gaps);

        let (mut tasks, mut events) = (self.tasks, self.events);
        let acted = std::mem::take(&mut events.actor);
        let (actors, (by_cpu, switches)) = rayon::join(
            || {
                tasks.number_threads(cpus, &distinct(&acted));
                actors(acted, &events.cpu, &tasks)
            },
            || indices(&events.cpu, &events.kind, cpus),
        );
        let mut columns = events.with_actors(actors);
        columns.time.iter_mut().for_each(|t| *t -= start);
        columns.shrink();
        let ((names, wakeups), unknown) = rayon::join(
            || (Names::of(&columns, &tasks), Wakeups::of(&columns.kind)),
            || Unknown::of(&columns, &by_cpu, &gaps, &tasks),
        );
        let machine = Machine::of(&meta, by_cpu.len());
        let unwoken = wakeups == Wakeups::None && unwoken(&columns, &tasks);
        Trace {
            meta,
            tasks,
            columns,
            by_cpu,
            switches,
            gaps,
            names,
            unknown,
            machine,
            wakeups,
            unwoken,
            reordered,
        }
    }

    /// Gives losses that are known by their place their two ends.
    fn place_losses(&mut self) {
        if self.losses.is_empty() {
            return;
        }
        let first = Nanos(self.events.time.iter().copied().min().unwrap_or_default());
        let last = Nanos(self.events.time.iter().copied().max().unwrap_or_default());
        let cpus = usize::from(self.cpus);
        let mut seen = vec![first; cpus];
        // Per CPU: its gaps that no event has ended yet.
        let mut open: Vec<Vec<usize>> = vec![Vec::new(); cpus];
        let mut losses = std::mem::take(&mut self.losses).into_iter().peekable();
        for i in 0..=self.events.len() {
            while let Some((_, cpu, lost)) = losses.next_if(|l| l.0 == i) {
                open[cpu.ix()].push(self.gaps.len());
                self.gaps.push(Gap { cpu, from: seen[cpu.ix()], to: last, lost });
            }
            if let Some(&cpu) = self.events.cpu.get(i) {
                let (cpu, time) = (usize::from(cpu), Nanos(self.events.time[i]));
                seen[cpu] = time;
                for gap in open[cpu].drain(..) {
                    self.gaps[gap].to = time;
                }
            }
        }
    }
}

/// Losses by time, counted from the first event.
fn since(start: u64, mut gaps: Vec<Gap>) -> Vec<Gap> {
    for gap in &mut gaps {
        gap.to = Nanos(gap.to.0.saturating_sub(start));
        // By a clock that went back it may end before it begins: then it is a moment.
        gap.from = Nanos(gap.from.0.saturating_sub(start)).min(gap.to);
    }
    gaps.sort_by_key(|g| (g.to, g.cpu));
    gaps
}

/// The thread that executed each event, in the memory of its pid.
fn actors(acted: Vec<Pid>, cpus: &[u16], tasks: &TaskTable) -> Vec<ThreadIx> {
    // Pid and thread of recent actors; idle is answered by the CPU and never kept.
    let mut recent = vec![(Pid(0), ThreadIx::NONE); RECENT];
    let thread = |(actor, &cpu): (Pid, &u16)| {
        let slot = &mut recent[recent_slot(actor)];
        if slot.0 != actor || actor.0 == 0 {
            *slot = (actor, tasks.thread_of_pid(actor, CpuId(cpu)));
        }
        slot.1
    };
    acted.into_iter().zip(cpus).map(thread).collect()
}

/// Per CPU its events, and those that are switches.
fn indices(of_cpu: &[u16], kinds: &[EventKind], cpus: usize) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    // Counted first: what grows is copied, and takes twice its room.
    let mut counts = vec![(0, 0); cpus];
    for (&cpu, &kind) in of_cpu.iter().zip(kinds) {
        let (all, switches) = &mut counts[usize::from(cpu)];
        *all += 1;
        *switches += usize::from(kind == EventKind::Switch);
    }
    let (mut all, mut switches): (Vec<_>, Vec<_>) = counts
        .iter()
        .map(|(all, switches)| (Vec::with_capacity(*all), Vec::with_capacity(*switches)))
        .unzip();
    for (i, (&cpu, &kind)) in of_cpu.iter().zip(kinds).enumerate() {
        all[usize::from(cpu)].push(i as u32);
        if kind == EventKind::Switch {
            switches[usize::from(cpu)].push(i as u32);
        }
    }
    (all, switches)
}

/// Where so many tasks go to sleep and nobody is ever woken, no wake-ups were recorded: in a
/// machine at work about one wakes for each that goes to sleep. Of fewer the stretch may be too
/// short.
const UNWOKEN_SLEEPS: usize = 3;

/// Whether a recording without wake-ups lacks them: a task that had gone to sleep comes in, or too
/// many go to sleep.
fn unwoken(columns: &Columns<ThreadIx>, tasks: &TaskTable) -> bool {
    let mut sleeps = 0;
    let mut asleep = vec![false; tasks.thread_count()];
    (0..columns.len()).map(|i| columns.event(i)).filter(|e| e.kind == EventKind::Switch).any(|e| {
        let (prev, next) = (tasks.thread_on(e.task, e.cpu), tasks.thread_on(e.next, e.cpu));
        if let Some(asleep) = asleep.get_mut(prev.ix()).filter(|_| !tasks.is_idle(prev)) {
            *asleep = !e.state.is_runnable();
            sleeps += usize::from(e.state.is_asleep());
        }
        sleeps >= UNWOKEN_SLEEPS || asleep.get(next.ix()).copied().unwrap_or(false)
    })
}

/// The pids in order of first appearance; one that comes back after others may be repeated.
fn distinct(actors: &[Pid]) -> Vec<Pid> {
    let mut recent = vec![Pid(-1); RECENT];
    let mut fresh = |pid: Pid| std::mem::replace(&mut recent[recent_slot(pid)], pid) != pid;
    actors.iter().copied().filter(|&pid| fresh(pid)).collect()
}
