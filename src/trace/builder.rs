//! Collects events in input order; [`TraceBuilder::finish`] turns them into a [`super::Trace`].

use super::columns::{Columns, Runtime};
use super::recent::{Recent, packed};
use super::truth::{Field, Truth};
use super::{CpuId, Event, Gap, Pid, TaskId, TaskTable, ThreadIx};

/// Accepts events with absolute clock values; [`Self::finish`] makes them relative to the first.
#[derive(Debug, Default)]
pub struct TraceBuilder {
    pub(super) tasks: TaskTable,
    /// Actors are `common_pid`, or -1: they become [`Event::actor`] once threads are numbered.
    pub(super) events: Columns<Pid>,
    /// The events after those, with the actor's pid in the place of its thread: a row is pushed at
    /// once, and a column takes many at a time.
    rows: Vec<Event>,
    pub(super) gaps: Vec<Gap>,
    /// Losses by their place in the input: before event number `.0`, on this CPU, so many.
    pub(super) losses: Vec<(usize, CpuId, u64)>,
    /// The highest CPU that is mentioned outside of rows that wait, plus one.
    pub(super) cpus: u16,
    /// See [`Self::in_any_order`].
    pub(super) any_order: bool,
    recent: Recent,
    /// What the builder into which this one was drained calls its tasks, the first ones first.
    known: Vec<TaskId>,
}

/// So many rows wait for the columns.
const WAITING: usize = 4096;
/// A builder that is filled again keeps no more tasks than this.
const KEPT_TASKS: usize = 1024;

/// CPUs beyond this number are refused by readers: the per-CPU tables are dense.
pub const MAX_CPUS: u16 = 8192;

impl TraceBuilder {
    /// An empty builder with room for `events`.
    pub fn with_capacity(events: usize) -> Self {
        Self { events: Columns::with_capacity(events), ..Self::default() }
    }

    /// Interns a task by pid and raw name.
    pub fn task(&mut self, pid: Pid, name: &[u8]) -> TaskId {
        self.task_written(pid, name, |_| None)
    }

    /// [`Self::task`] where `read` tells the name from what is written, if it is another. For one
    /// builder `read` must always say the same.
    pub(crate) fn task_written(
        &mut self,
        pid: Pid,
        written: &[u8],
        read: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    ) -> TaskId {
        let tasks = &mut self.tasks;
        let intern = || match read(written) {
            Some(name) => tasks.intern(pid, &name),
            None => tasks.intern(pid, written),
        };
        match packed(written) {
            Some(packed) => self.recent.task(pid, packed, intern),
            None => intern(),
        }
    }

    /// Makes room for so many events in all.
    pub(crate) fn reserve(&mut self, events: usize) {
        self.events.reserve(events.saturating_sub(self.events.len()));
    }

    /// Number of events so far.
    pub fn len(&self) -> usize {
        self.events.len() + self.rows.len()
    }

    /// True before the first event.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an event executed by the thread `actor` (`common_pid`; `Pid(-1)` when not known).
    /// `event.time` is the clock's own value, `event.actor` is not looked at, CPUs must be below
    /// [`MAX_CPUS`] or NONE.
    pub fn push(&mut self, event: Event, actor: Pid) {
        if self.rows.len() >= WAITING {
            self.settle();
        }
        self.rows.push(Event { actor: ThreadIx(actor.0 as u32), ..event });
    }

    /// [`Self::push`] for an `EventKind::Runtime`.
    pub fn push_runtime(&mut self, event: Event, actor: Pid, runtime: Runtime) {
        self.events.runtimes.push((self.len() as u32, runtime));
        self.push(event, actor);
    }

    /// Says what the kernel knew at the event that was pushed last, a number for each of `fields`:
    /// the same in every call.
    pub fn truth(&mut self, fields: &[Field], values: impl IntoIterator<Item = Option<i64>>) {
        let at = self.len().saturating_sub(1);
        self.events
            .truth
            .get_or_insert_with(|| Box::new(Truth::new(fields.to_vec())))
            .push(at, values);
    }

    /// Adds a loss on `cpu`; times are clock values like those of events.
    pub fn gap(&mut self, gap: Gap) {
        self.see(gap.cpu);
        self.gaps.push(gap);
    }

    /// Adds a loss on `cpu` at this point of the input: it reaches from the last event of this CPU
    /// (or the start) to its next one (or the end). `lost` is how many events the kernel says it
    /// dropped, 0 when it does not say.
    pub fn loss(&mut self, cpu: CpuId, lost: u64) {
        self.see(cpu);
        self.losses.push((self.len(), cpu, lost));
    }

    /// Says that the input has an order of its own (CPU by CPU, say): that events must be sorted
    /// means nothing then.
    pub fn in_any_order(&mut self) {
        self.any_order = true;
    }

    /// Sum of what [`Self::loss`] was told so far.
    pub fn lost(&self) -> u64 {
        self.losses.iter().fold(0, |sum, loss| sum.saturating_add(loss.2))
    }

    /// Takes over all events of `other`, which were parsed from a later part of the same input.
    pub fn append(&mut self, mut other: Self) {
        other.known.clear();
        self.drain(&mut other);
    }

    /// [`Self::append`] which leaves `other` empty, to be filled from a still later part. It may
    /// only be drained into this builder: tasks that it named before are known here, and are not
    /// looked up again.
    pub(crate) fn drain(&mut self, other: &mut Self) {
        self.settle();
        let (tasks, known) = (&mut self.tasks, &mut other.known);
        let fresh = other.tasks.iter().skip(known.len());
        known.extend(fresh.map(|(_, t)| tasks.intern(t.pid, t.name.as_bytes())));
        let look = |id: TaskId| known.get(id.0 as usize).copied().unwrap_or(TaskId::NONE);
        let before = self.events.len();
        self.losses.extend(other.losses.drain(..).map(|(at, cpu, lost)| (before + at, cpu, lost)));
        let runtimes = other.events.runtimes.drain(..);
        self.events.runtimes.extend(runtimes.map(|(i, r)| (before as u32 + i, r)));
        if let Some(rows) = other.events.truth.take() {
            let new = || Box::new(Truth::new(rows.fields().to_vec()));
            self.events.truth.get_or_insert_with(new).append(&rows, before);
        }
        self.cpus = self.cpus.max(other.cpus);
        for from in (0..other.events.len()).step_by(WAITING) {
            let settled = from..other.events.len().min(from + WAITING);
            let rows: Vec<Event> = settled.map(|i| other.events.row(i)).collect();
            self.cpus = self.cpus.max(self.events.extend(&rows, look));
        }
        self.cpus = self.cpus.max(self.events.extend(&other.rows, look));
        self.gaps.append(&mut other.gaps);
        self.any_order |= other.any_order;
        other.rows.clear();
        other.events = Columns::default();
        (other.cpus, other.any_order) = (0, false);
        if other.tasks.len() > KEPT_TASKS {
            (other.tasks, other.recent) = Default::default();
            other.known.clear();
        }
    }

    /// Puts the rows that wait to the columns.
    pub(super) fn settle(&mut self) {
        self.cpus = self.cpus.max(self.events.extend(&self.rows, |task| task));
        self.rows.clear();
    }

    fn see(&mut self, cpu: CpuId) {
        // NONE becomes 0.
        self.cpus = self.cpus.max(cpu.0.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Nanos, TraceMeta};
    use super::*;

    fn switch(b: &mut TraceBuilder, t: u64, cpu: u16, prev: i32, next: i32) {
        let task = b.task(Pid(prev), format!("t{prev}").as_bytes());
        let next = b.task(Pid(next), format!("t{next}").as_bytes());
        b.push(
            Event { task, next, prio: 120, next_prio: 120, ..Event::blank(Nanos(t), CpuId(cpu)) },
            Pid(prev),
        );
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

    #[test]
    fn the_kernels_state_stays_with_its_switch() {
        let (mut a, mut b) = (TraceBuilder::default(), TraceBuilder::default());
        let fields: Vec<Field> = Field::all().take(1).collect();
        switch(&mut a, 900, 0, 0, 7);
        switch(&mut a, 700, 0, 7, 0);
        a.truth(&fields, [Some(-7)]);
        switch(&mut b, 800, 0, 0, 7);
        b.truth(&fields, [Some(-8)]);
        switch(&mut b, 1_000, 0, 7, 0);
        a.append(b);
        let t = a.finish(TraceMeta::default());
        assert_eq!(t.times(), [0, 100, 200, 300]);
        let told: Vec<_> = t.truth().unwrap().rows().map(|(i, r)| (i, r.get(fields[0]))).collect();
        assert_eq!(told, [(0, Some(-7)), (1, Some(-8))]);
    }

    #[test]
    fn a_part_that_is_filled_again_equals_one_builder() {
        let (mut whole, mut joined, mut part) =
            (TraceBuilder::default(), TraceBuilder::default(), TraceBuilder::default());
        // Few tasks, so many that the part forgets them, and more rows than wait; each time some
        // that were there before.
        for (round, tasks) in [5, 7, 2 * KEPT_TASKS as i32, 6, 9].into_iter().enumerate() {
            for i in 0..(WAITING as u64 + 10) * (round as u64 % 2 + 1) {
                let (prev, next) = (1 + i as i32 % tasks, 1 + (i as i32 + 1) % tasks);
                switch(&mut whole, i + 100_000 * round as u64, round as u16, prev, next);
                switch(&mut part, i + 100_000 * round as u64, round as u16, prev, next);
            }
            joined.drain(&mut part);
            assert!(part.is_empty());
        }
        let (x, y) = (whole.finish(TraceMeta::default()), joined.finish(TraceMeta::default()));
        assert_eq!(x.cpus(), 5);
        assert!(x.events().eq(y.events()) && x.tasks().iter().eq(y.tasks().iter()));
        assert!((0..5).all(|cpu| x.cpu_switches(CpuId(cpu)) == y.cpu_switches(CpuId(cpu))));
    }
}
