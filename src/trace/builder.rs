//! Collects events in input order and turns them into a [`Trace`]: sorts by time, counts from the first event,
//! numbers threads and builds the per-CPU indices.

use super::columns::{Columns, Runtime};
use super::kind::Wakeups;
use super::machine::Machine;
use super::names::Names;
use super::truth::{Field, Truth};
use super::unknown::Unknown;
use super::{CpuId, Event, EventKind, Gap, Nanos, Pid, TaskId, TaskTable, ThreadIx, Trace, TraceMeta};

/// Accepts events with absolute clock values; [`Self::finish`] makes them relative to the first.
#[derive(Debug, Default)]
pub struct TraceBuilder {
    tasks: TaskTable,
    /// Actors are `common_pid`, or -1: they become [`Event::actor`] once threads are numbered.
    events: Columns<Pid>,
    gaps: Vec<Gap>,
    /// Losses by their place in the input: before event number `.0`, on this CPU, so many.
    losses: Vec<(usize, CpuId, u64)>,
    max_cpu: Option<u16>,
    /// See [`Self::in_any_order`].
    any_order: bool,
    /// Recently named tasks, by [`named_slot`]: most rows of a recording name the same few.
    recent: Vec<Named>,
}

/// A task as an event names it, and what it was interned as.
#[derive(Clone, Copy, Debug)]
struct Named {
    name: u128,
    pid: Pid,
    id: TaskId,
}

/// Slots of the memory for recent tasks; a power of two.
const NAMED: usize = 1 << 9;

/// The idle threads share a pid and differ at the end of their names.
fn named_slot(pid: Pid, name: u128) -> usize {
    let mixed = (pid.0 as u32 ^ (name >> 64) as u32).wrapping_mul(0x9e37_79b1);
    mixed as usize >> (32 - NAMED.trailing_zeros())
}

/// The bytes of a name that is no longer than the kernel's, and its length in the highest byte.
fn packed(name: &[u8]) -> Option<u128> {
    let length = name.len();
    let (low, high) = if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        // The halves meet or overlap.
        let both = if length > 8 { u64::from_le_bytes(*last) >> (8 * (16usize.checked_sub(length)?)) } else { 0 };
        (u64::from_le_bytes(*first), both)
    } else {
        (name.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0)
    };
    (length < 16).then_some(u128::from(low) | u128::from(high) << 64 | (length as u128) << 120)
}

/// Slots of the memory for recent pids; a power of two.
const RECENT: usize = 1 << 10;

fn recent_slot(pid: Pid) -> usize {
    (pid.0 as u32).wrapping_mul(0x9e37_79b1) as usize >> (32 - RECENT.trailing_zeros())
}

/// CPUs beyond this number are refused by readers: the per-CPU tables are dense.
pub const MAX_CPUS: u16 = 8192;

impl TraceBuilder {
    /// An empty builder with room for `events`.
    pub fn with_capacity(events: usize) -> Self {
        Self { events: Columns::with_capacity(events), ..Self::default() }
    }

    /// Interns a task by pid and raw name.
    pub fn task(&mut self, pid: Pid, name: &[u8]) -> TaskId {
        let Some(packed) = packed(name) else { return self.tasks.intern(pid, name) };
        if self.recent.is_empty() {
            // No name of length 0 looks like this one.
            self.recent = vec![Named { name: 1, pid, id: TaskId::NONE }; NAMED];
        }
        let slot = &mut self.recent[named_slot(pid, packed)];
        if (slot.name, slot.pid) != (packed, pid) {
            *slot = Named { name: packed, pid, id: self.tasks.intern(pid, name) };
        }
        slot.id
    }

    /// Number of events so far.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// True before the first event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Adds an event executed by the thread `actor` (`common_pid`; `Pid(-1)` when not known). `event.time` is the
    /// clock's own value, `event.actor` is not looked at, CPUs must be below [`MAX_CPUS`] or NONE.
    pub fn push(&mut self, event: Event, actor: Pid) {
        self.see(event.cpu);
        self.see(event.from_cpu);
        self.see(event.to_cpu);
        self.events.push(&event, actor);
    }

    /// [`Self::push`] for an [`EventKind::Runtime`].
    pub fn push_runtime(&mut self, event: Event, actor: Pid, runtime: Runtime) {
        self.events.runtimes.push((self.events.len() as u32, runtime));
        self.push(event, actor);
    }

    /// Says what the kernel knew at the event that was pushed last, a number for each of `fields`: the same in every call.
    pub fn truth(&mut self, fields: &[Field], values: impl IntoIterator<Item = Option<i64>>) {
        let at = self.events.len().saturating_sub(1);
        self.events.truth.get_or_insert_with(|| Box::new(Truth::new(fields.to_vec()))).push(at, values);
    }

    /// Adds a loss on `cpu`; times are clock values like those of events.
    pub fn gap(&mut self, gap: Gap) {
        self.see(gap.cpu);
        self.gaps.push(gap);
    }

    /// Adds a loss on `cpu` at this point of the input: it reaches from the last event of this CPU (or the start)
    /// to its next one (or the end). `lost` is how many events the kernel says it dropped, 0 when it does not say.
    pub fn loss(&mut self, cpu: CpuId, lost: u64) {
        self.see(cpu);
        self.losses.push((self.events.len(), cpu, lost));
    }

    /// Says that the input has an order of its own (CPU by CPU, say): that events must be sorted means nothing then.
    pub fn in_any_order(&mut self) {
        self.any_order = true;
    }

    /// Sum of what [`Self::loss`] was told so far.
    pub fn lost(&self) -> u64 {
        self.losses.iter().fold(0, |sum, loss| sum.saturating_add(loss.2))
    }

    /// Takes over all events of `other`, which were parsed from a later part of the same input.
    pub fn append(&mut self, other: Self) {
        let map: Vec<TaskId> = other.tasks.iter().map(|(_, t)| self.tasks.intern(t.pid, t.name.as_bytes())).collect();
        let look = |id: TaskId| map.get(id.0 as usize).copied().unwrap_or(TaskId::NONE);
        let before = self.events.len();
        self.losses.extend(other.losses.into_iter().map(|(at, cpu, lost)| (before + at, cpu, lost)));
        self.events.append(other.events, look);
        self.gaps.extend(other.gaps);
        self.any_order |= other.any_order;
        self.max_cpu = self.max_cpu.max(other.max_cpu);
    }

    fn see(&mut self, cpu: CpuId) {
        if cpu != CpuId::NONE {
            self.max_cpu = self.max_cpu.max(Some(cpu.0));
        }
    }

    /// Gives losses that are known by their place their two ends.
    fn place_losses(&mut self) {
        if self.losses.is_empty() {
            return;
        }
        let first = Nanos(self.events.time.iter().copied().min().unwrap_or_default());
        let last = Nanos(self.events.time.iter().copied().max().unwrap_or_default());
        let cpus = self.max_cpu.map_or(0, |c| usize::from(c) + 1);
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

    /// Builds the trace. `meta.start_ns` is set to the first event's clock value unless it is already set.
    pub fn finish(mut self, mut meta: TraceMeta) -> Trace {
        self.place_losses();
        let moved = self.events.sort();
        let reordered = if self.any_order { 0 } else { moved };
        let start = self.events.time.first().copied().unwrap_or(0);
        if meta.start_ns == 0 {
            meta.start_ns = start;
        }
        let cpus = self.max_cpu.map_or(0, |c| usize::from(c) + 1).max(usize::from(meta.cpus));
        meta.cpus = meta.cpus.max(cpus as u16);
        self.tasks.number_threads(cpus, &distinct(&self.events.actor));
        if meta.lost.is_empty() && !self.gaps.is_empty() {
            meta.lost = vec![0; cpus];
            for gap in &self.gaps {
                let sum = &mut meta.lost[gap.cpu.ix()];
                *sum = sum.saturating_add(gap.lost);
            }
        }

        let mut gaps = self.gaps;
        for gap in &mut gaps {
            gap.to = Nanos(gap.to.0.saturating_sub(start));
            // By a clock that went back it may end before it begins: then it is a moment.
            gap.from = Nanos(gap.from.0.saturating_sub(start)).min(gap.to);
        }
        gaps.sort_by_key(|g| (g.to, g.cpu));

        let (tasks, events) = (self.tasks, self.events);
        // Each pass reads what the other does not write: a long recording is finished on two cores.
        let (actors, (by_cpu, switches)) = rayon::join(|| actors(&events, &tasks), || indices(&events, cpus));
        let mut columns = events.with_actors(actors);
        columns.time.iter_mut().for_each(|t| *t -= start);
        columns.shrink();
        let ((names, wakeups), unknown) = rayon::join(
            || (Names::of(&columns, &tasks), Wakeups::of(&columns.kind)),
            || Unknown::of(&columns, &by_cpu, &gaps, &tasks),
        );
        let machine = Machine::of(&meta, by_cpu.len());
        let unwoken = wakeups == Wakeups::None && unwoken(&columns, &tasks);
        Trace { meta, tasks, columns, by_cpu, switches, gaps, names, unknown, machine, wakeups, unwoken, reordered }
    }
}

/// The thread that executed each event.
fn actors(events: &Columns<Pid>, tasks: &TaskTable) -> Vec<ThreadIx> {
    // Pid and thread of recent actors; idle is answered by the CPU and never kept.
    let mut recent = vec![(Pid(0), ThreadIx::NONE); RECENT];
    let thread = |(&actor, &cpu): (&Pid, &u16)| {
        let slot = &mut recent[recent_slot(actor)];
        if slot.0 != actor || actor.0 == 0 {
            *slot = (actor, tasks.thread_of_pid(actor, CpuId(cpu)));
        }
        slot.1
    };
    events.actor.iter().zip(&events.cpu).map(thread).collect()
}

/// Per CPU its events, and those that are switches.
fn indices(events: &Columns<Pid>, cpus: usize) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let (mut all, mut switches) = (vec![Vec::new(); cpus], vec![Vec::new(); cpus]);
    for (i, (&cpu, &kind)) in events.cpu.iter().zip(&events.kind).enumerate() {
        all[usize::from(cpu)].push(i as u32);
        if kind == EventKind::Switch {
            switches[usize::from(cpu)].push(i as u32);
        }
    }
    (all, switches)
}

/// Whether a task that had gone to sleep comes in, in a recording without wake-ups.
fn unwoken(columns: &Columns<ThreadIx>, tasks: &TaskTable) -> bool {
    let mut asleep = vec![false; tasks.thread_count()];
    (0..columns.len()).map(|i| columns.event(i)).filter(|e| e.kind == EventKind::Switch).any(|e| {
        let (prev, next) = (tasks.thread_on(e.task, e.cpu), tasks.thread_on(e.next, e.cpu));
        if let Some(asleep) = asleep.get_mut(prev.ix()).filter(|_| !tasks.is_idle(prev)) {
            *asleep = !e.state.is_runnable();
        }
        asleep.get(next.ix()).copied().unwrap_or(false)
    })
}

/// The pids in order of first appearance; one that comes back after others may be repeated.
fn distinct(actors: &[Pid]) -> Vec<Pid> {
    let mut recent = vec![Pid(-1); RECENT];
    let mut fresh = |pid: Pid| std::mem::replace(&mut recent[recent_slot(pid)], pid) != pid;
    actors.iter().copied().filter(|&pid| fresh(pid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switch(b: &mut TraceBuilder, t: u64, cpu: u16, prev: i32, next: i32) {
        let task = b.task(Pid(prev), format!("t{prev}").as_bytes());
        let next = b.task(Pid(next), format!("t{next}").as_bytes());
        b.push(Event { task, next, prio: 120, next_prio: 120, ..Event::blank(Nanos(t), CpuId(cpu)) }, Pid(prev));
    }

    #[test]
    fn sorts_counts_from_the_first_event_and_gives_each_cpu_its_idle_thread() {
        let mut b = TraceBuilder::default();
        switch(&mut b, 1_000, 0, 0, 7);
        switch(&mut b, 1_500, 1, 0, 8);
        switch(&mut b, 1_200, 0, 7, 0);
        let t = b.finish(TraceMeta::default());
        assert_eq!(t.times(), [0, 200, 500]);
        assert_eq!((t.reordered(), t.cpus(), t.meta().start_ns), (1, 2, 1_000));
        assert_eq!(t.cpu_switches(CpuId(0)), [0, 1]);
        let idle1 = t.tasks().thread_on(t.event(2).task, CpuId(1));
        assert_eq!(idle1, ThreadIx(1));
        assert!(t.tasks().is_idle(idle1));
        assert_eq!((t.event(1).actor, t.event(2).actor), (t.event(1).actor, ThreadIx(1)));
        assert_eq!(t.tasks().pid(t.event(1).actor), Pid(7));
        assert_eq!(t.tasks().pid(t.tasks().thread_on(t.event(2).next, CpuId(1))), Pid(8));
    }

    #[test]
    fn a_loss_reaches_from_event_to_event_of_its_cpu() {
        let (mut a, mut b) = (TraceBuilder::default(), TraceBuilder::default());
        a.loss(CpuId(1), 3);
        switch(&mut a, 1_000, 0, 0, 7);
        a.loss(CpuId(0), 5);
        switch(&mut b, 1_100, 1, 0, 8);
        switch(&mut b, 1_200, 0, 7, 0);
        b.loss(CpuId(1), 0);
        switch(&mut b, 1_300, 0, 0, 7);
        a.append(b);
        let t = a.finish(TraceMeta::default());
        let gaps: Vec<_> = t.gaps().iter().map(|g| (g.cpu.0, g.from.0, g.to.0, g.lost)).collect();
        assert_eq!(gaps, [(1, 0, 100, 3), (0, 0, 200, 5), (1, 100, 300, 0)]);
        assert_eq!(t.meta().lost, [5, 3]);
    }

    #[test]
    fn append_equals_one_builder() {
        let mut whole = TraceBuilder::default();
        let (mut a, mut b) = (TraceBuilder::default(), TraceBuilder::default());
        for (i, (p, n)) in [(0, 5), (5, 6), (6, 5), (5, 0)].into_iter().enumerate() {
            switch(&mut whole, 100 * i as u64, 0, p, n);
            switch(if i < 2 { &mut a } else { &mut b }, 100 * i as u64, 0, p, n);
        }
        a.append(b);
        let (x, y) = (whole.finish(TraceMeta::default()), a.finish(TraceMeta::default()));
        assert!(x.events().eq(y.events()));
    }
}
