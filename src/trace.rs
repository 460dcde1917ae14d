//! The domain core: one recording as an immutable, columnar [`Trace`], and the words for what is in
//! it. Nothing here reads a file, draws, or knows what a prediction is.
//!
//! A trace is sorted by time. An event takes 34 bytes in the columns and 4 in its CPU's index (8 if
//! it is a switch).

mod builder;
mod caveats;
mod columns;
mod cut;
mod finish;
mod kind;
mod machine;
mod meta;
mod names;
mod recent;
mod state;
mod tasks;
pub mod truth;
mod unknown;

pub use builder::{MAX_CPUS, TraceBuilder};
pub use columns::Runtime;
pub use kind::{EventKind, Wakeups};
pub use machine::{Fact, Machine, Origin, USUAL_HZ, usual_slice};
pub use meta::{SchedClass, TraceMeta, TruthMeta, machine_name, series, told_apart, with_paths};
pub use state::TaskState;
pub use tasks::{Task, TaskTable};
pub use truth::Truth;

use columns::Columns;
use names::Names;
use unknown::Unknown;

/// A point in time or a duration in nanoseconds; points count from the first event of the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// Duration since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    /// The same time in seconds, for display.
    pub fn secs(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// A CPU by its kernel number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuId(pub u16);

impl CpuId {
    /// "No CPU": the field does not apply to this kind of event.
    pub const NONE: Self = Self(u16::MAX);

    /// As an index into per-CPU tables.
    pub fn ix(self) -> usize {
        self.0 as usize
    }
}

/// A kernel thread id (what ftrace calls `pid`). 0 is idle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub i32);

/// An interned (pid, name) pair; see [`TaskTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u32);

impl TaskId {
    /// "No task": the field does not apply, or the recording does not say.
    pub const NONE: Self = Self(u32::MAX);
}

/// A thread as the scheduler model knows it: dense, one per pid whatever its names, and one idle
/// thread per CPU (threads `0..cpus` are the idle threads, in CPU order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadIx(pub u32);

impl ThreadIx {
    /// "No thread": the recording does not say.
    pub const NONE: Self = Self(u32::MAX);

    /// As an index into per-thread tables.
    pub fn ix(self) -> usize {
        self.0 as usize
    }
}

/// One event, as read out of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, since the start of the trace.
    pub time: Nanos,
    /// The CPU that executed the tracepoint.
    pub cpu: CpuId,
    /// Which tracepoint.
    pub kind: EventKind,
    /// The thread that was executing on `cpu` (ftrace's line head, `common_pid`), or
    /// [`ThreadIx::NONE`].
    pub actor: ThreadIx,
    /// Whom it is about; [`EventKind`] says in which part.
    pub task: TaskId,
    /// Kernel priority of `task` (100..=139 fair, below 100 real-time).
    pub prio: i16,
    /// `prev_state` of a switch; [`TaskState::RUNNING`] otherwise.
    pub state: TaskState,
    /// `next` of a switch, the child of a fork, the new name of a rename; [`TaskId::NONE`]
    /// otherwise.
    pub next: TaskId,
    /// Kernel priority of `next`; 0 otherwise.
    pub next_prio: i16,
    /// Origin of a migration; [`CpuId::NONE`] otherwise.
    pub from_cpu: CpuId,
    /// Target of a wake-up or a migration; [`CpuId::NONE`] otherwise.
    pub to_cpu: CpuId,
}

impl Event {
    /// An event of which only time and CPU are known yet: what a reader fills in, field by field.
    #[must_use]
    pub fn blank(time: Nanos, cpu: CpuId) -> Self {
        Self {
            time,
            cpu,
            kind: EventKind::Switch,
            actor: ThreadIx::NONE,
            task: TaskId::NONE,
            prio: 0,
            state: TaskState::RUNNING,
            next: TaskId::NONE,
            next_prio: 0,
            from_cpu: CpuId::NONE,
            to_cpu: CpuId::NONE,
        }
    }
}

/// A stretch of one CPU's time in which events were lost (overrun ring buffer). Drawn as a gap,
/// never as idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The CPU whose buffer overran.
    pub cpu: CpuId,
    /// Last event before the loss (or 0).
    pub from: Nanos,
    /// First event after the loss.
    pub to: Nanos,
    /// How many events the kernel says it dropped; 0 when it does not say.
    pub lost: u64,
}

/// One recording. Immutable once built by [`TraceBuilder::finish`].
#[derive(Clone, Debug)]
pub struct Trace {
    meta: TraceMeta,
    tasks: TaskTable,
    columns: Columns<ThreadIx>,
    /// Per CPU: indices of the events it executed, in time order.
    by_cpu: Vec<Vec<u32>>,
    /// Per CPU: indices of its switches, in time order.
    switches: Vec<Vec<u32>>,
    gaps: Vec<Gap>,
    names: Names,
    unknown: Unknown,
    machine: Machine,
    wakeups: Wakeups,
    /// Sleepers came in and nothing had woken them.
    unwoken: bool,
    reordered: u64,
}

impl Trace {
    /// What is known about the recording.
    pub fn meta(&self) -> &TraceMeta {
        &self.meta
    }

    /// All tasks that appear in the trace.
    pub fn tasks(&self) -> &TaskTable {
        &self.tasks
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// True when there is no event.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Number of CPUs: the highest that is mentioned, plus one. At least as many as the metadata
    /// say.
    pub fn cpus(&self) -> usize {
        self.by_cpu.len()
    }

    /// Event `i` in time order, `i < len()`.
    pub fn event(&self, i: usize) -> Event {
        Event { actor: self.columns.actor[i], ..self.columns.event(i) }
    }

    /// What a [`EventKind::Runtime`] says of its task; `None` for other events.
    pub fn runtime(&self, i: usize) -> Option<Runtime> {
        self.columns.runtime(i)
    }

    /// True when there is any [`EventKind::Runtime`].
    pub fn has_runtimes(&self) -> bool {
        !self.columns.runtimes.is_empty()
    }

    /// The kernel's own state at switches, where the recording has it.
    pub fn truth(&self) -> Option<&Truth> {
        self.columns.truth.as_deref()
    }

    /// The same recording with these rows, whose events are indices of its switches.
    #[must_use]
    pub fn with_truth(mut self, truth: Truth) -> Self {
        self.columns.truth = (!truth.is_empty()).then(|| Box::new(truth));
        self
    }

    /// Event `i` as the run queues take it: `None` when it moves no task. Where a recording has no
    /// wake-ups but wakings, those are the wake-ups.
    pub fn queue_event(&self, i: usize) -> Option<Event> {
        match self.columns.kind[i] {
            kind if kind.moves_tasks() => Some(self.event(i)),
            EventKind::Waking if self.wakeups == Wakeups::Waking => {
                Some(Event { kind: EventKind::Wakeup, ..self.event(i) })
            }
            _ => None,
        }
    }

    /// Metadata that whoever opens the recording knows better.
    #[must_use]
    pub fn with_meta(mut self, change: impl FnOnce(&mut TraceMeta)) -> Self {
        change(&mut self.meta);
        self
    }

    /// What is known of the machine's scheduler.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Takes other facts of the machine than the metadata's: told, or inferred. Before anybody
    /// walks the trace.
    pub fn suppose(&mut self, machine: Machine) {
        self.machine = machine;
    }

    /// What tells that a task became runnable.
    pub fn wakeups(&self) -> Wakeups {
        self.wakeups
    }

    /// Whether run queues can be known: false when there are neither wake-ups nor wakings and yet
    /// tasks came in that had gone to sleep, or three and more went to sleep. A short stretch of
    /// CPU-bound loops may need no wake-up.
    pub fn knows_queues(&self) -> bool {
        self.wakeups != Wakeups::None || !self.unwoken
    }

    /// Number of events of each kind, in the order of [`EventKind::ALL`].
    pub fn kinds(&self) -> [u64; EventKind::ALL.len()] {
        let mut counts = [0; EventKind::ALL.len()];
        self.columns.kind.iter().for_each(|k| counts[*k as usize] += 1);
        counts
    }

    /// What a thread is called at event `i`: the name that the event itself uses, else the last one
    /// before it, else its first. [`TaskId::NONE`] for idle threads and for those that no event
    /// names.
    pub fn task_at(&self, thread: ThreadIx, i: usize) -> TaskId {
        self.names.at(thread, i, self.tasks.first_name(thread))
    }

    /// [`Self::task_at`] as text: `idle` for idle threads, `?` when no event names it.
    pub fn name_at(&self, thread: ThreadIx, i: usize) -> &str {
        match self.tasks.get(self.task_at(thread, i)) {
            Some(task) => &task.name,
            None => self.tasks.thread_name(thread),
        }
    }

    /// `name:pid` of a thread at event `i`; `idle`, or `?` for no thread.
    pub fn label_at(&self, thread: ThreadIx, i: usize) -> String {
        match thread {
            ThreadIx::NONE => "?".into(),
            thread if self.tasks.is_idle(thread) => "idle".into(),
            thread => format!("{}:{}", self.name_at(thread, i), self.tasks.pid(thread).0),
        }
    }

    /// The threads with more than one name: from which event on each has which, ascending.
    pub fn renamed(&self) -> impl Iterator<Item = (ThreadIx, &[(u32, TaskId)])> {
        self.names.all()
    }

    /// The same of one thread; empty where it has one name only.
    pub fn names_of(&self, thread: ThreadIx) -> &[(u32, TaskId)] {
        self.names.changes(thread)
    }

    /// Stretches `[from, to)` of a CPU's time of which the recording says nothing, by time and
    /// apart from each other.
    pub fn unknown(&self, cpu: CpuId) -> &[(Nanos, Nanos)] {
        self.unknown.stretches.get(cpu.ix()).map_or(&[], Vec::as_slice)
    }

    /// How much of `[from, to)` is unknown on a CPU.
    pub fn unknown_within(&self, cpu: CpuId, from: Nanos, to: Nanos) -> Nanos {
        self.unknown.within(cpu, from, to)
    }

    /// True when some time before switch `i` and after the switch of its CPU before is unknown: who
    /// could come in, and who was expected, cannot be told.
    pub fn follows_unknown(&self, i: usize) -> bool {
        self.unknown.switches.binary_search(&(i as u32)).is_ok()
    }

    /// At how many switches another thread leaves than the one that had come in before, of all at
    /// which both are known.
    pub fn contradictions(&self) -> (u64, u64) {
        (self.unknown.contradictions, self.unknown.pairs)
    }

    /// All events in time order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event> + '_ {
        (0..self.len()).map(|i| self.event(i))
    }

    /// Time of event `i`.
    pub fn time(&self, i: usize) -> Nanos {
        Nanos(self.columns.time[i])
    }

    /// Time column, ns since start, ascending.
    pub fn times(&self) -> &[u64] {
        &self.columns.time
    }

    /// Indices of the events executed by `cpu`, in time order.
    pub fn cpu_events(&self, cpu: CpuId) -> &[u32] {
        self.by_cpu.get(cpu.ix()).map_or(&[], Vec::as_slice)
    }

    /// Indices of the switches on `cpu`, in time order.
    pub fn cpu_switches(&self, cpu: CpuId) -> &[u32] {
        self.switches.get(cpu.ix()).map_or(&[], Vec::as_slice)
    }

    /// Number of switches on all CPUs.
    pub fn switch_count(&self) -> usize {
        self.switches.iter().map(Vec::len).sum()
    }

    /// Losses, by time.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Time from the first to the last event.
    pub fn span(&self) -> Nanos {
        Nanos(self.columns.time.last().copied().unwrap_or(0))
    }

    /// Events that had to be moved because time ran backwards in the input.
    pub fn reordered(&self) -> u64 {
        self.reordered
    }

    /// Index of the first event at or after `t` (may be `len()`).
    pub fn seek(&self, t: Nanos) -> usize {
        self.columns.time.partition_point(|&x| x < t.0)
    }

    /// Heap bytes of columns and indices, without names.
    pub fn heap_bytes(&self) -> usize {
        let per_cpu: usize =
            self.by_cpu.iter().chain(&self.switches).map(|v| v.capacity() * 4).sum();
        self.columns.heap_bytes() + per_cpu
    }
}
