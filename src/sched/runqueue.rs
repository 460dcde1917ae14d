//! Run queues rebuilt from events: who is queued where, in the order of enqueueing, who runs, who
//! sleeps. Knows no features and no predictions; never looks at `next` of a switch before
//! [`RunQueues::finish_switch`].
//!
//! The rules:
//!
//! ```text
//! wakeup, wakeup_new   adds to queue[target]; a running thread only gets a pending wake
//! migrate              moves a queued thread, ignores a sleeping one
//! switch               prev in R or R+ is queued AFTER the decision, else it leaves; next leaves every queue
//! resync               the CPU turns out to run somebody else: the thread we believed in left unseen: to the
//!                      queue if it has a pending wake, else asleep; the one that does run leaves all queues
//! candidates           the queue; idle when it is empty, and only then
//! bound                a queue of 16,384 threads forgets the oldest when another one enters
//! ```

use super::state::Table;
use crate::trace::{CpuId, Event, EventKind, Nanos, TaskTable, ThreadIx, Trace};

/// Threads in one queue at most; of a longer one the oldest are taken for gone. No machine waits
/// like that, and it bounds what one event costs.
const MOST_QUEUED: usize = 1 << 14;

/// What a thread is believed to be doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThreadState {
    /// Not runnable, or never seen.
    #[default]
    Asleep,
    /// In the queue of its CPU.
    Queued,
    /// On its CPU.
    Running,
}

/// Why a thread was put into a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// It woke up.
    #[default]
    Wake,
    /// It was just forked.
    New,
    /// It was moved from another CPU.
    Migrate,
    /// It left a CPU still runnable.
    Preempted,
}

/// What is known about one thread.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it does.
    pub run: ThreadState,
    /// The CPU of its queue, or the one it runs or last ran on.
    pub cpu: CpuId,
    /// When it was put into its present (or last) queue.
    pub enqueued: Nanos,
    /// Why.
    pub cause: Cause,
    /// Who ran on the CPU that woke it; [`ThreadIx::NONE`] when not known or not woken.
    pub waker: ThreadIx,
    /// The wake-up or migration was executed on the CPU whose queue it entered.
    pub local: bool,
    /// Number of times it was enqueued: changes exactly when the present wait is a new one.
    pub serial: u32,
    /// Target of a wake-up that came while it was believed running; [`CpuId::NONE`] when there is
    /// none.
    pending: CpuId,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            run: ThreadState::Asleep,
            cpu: CpuId::NONE,
            enqueued: Nanos(0),
            cause: Cause::Wake,
            waker: ThreadIx::NONE,
            local: false,
            serial: 0,
            pending: CpuId::NONE,
        }
    }
}

#[derive(Clone, Debug)]
struct Cpu {
    /// Queued threads, oldest first.
    queue: Vec<ThreadIx>,
    /// Who runs; [`ThreadIx::NONE`] before that is known and after a loss.
    current: ThreadIx,
    /// Since when, if that was seen.
    since: Option<Nanos>,
    /// Wake-ups that targeted this CPU since the last switch, and the time of the latest.
    wakes: u32,
    last_wake: Nanos,
    /// What a decision offers when the queue is empty.
    idle: [ThreadIx; 1],
}

/// What an event other than a switch did to the queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Nothing,
    /// `thread` entered the queue of `cpu` by a wake-up.
    Woken {
        /// Whose queue.
        cpu: CpuId,
        /// Who.
        thread: ThreadIx,
    },
    /// `thread` moved between queues.
    Moved {
        /// Old queue.
        from: CpuId,
        /// New queue.
        to: CpuId,
        /// Who.
        thread: ThreadIx,
    },
}

/// The first half of a switch: who leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// Who leaves the CPU.
    pub prev: ThreadIx,
    /// How long it ran; `None` when nobody saw it come in.
    pub stint: Option<Nanos>,
}

/// All run queues of a machine.
#[derive(Clone, Debug)]
pub struct RunQueues {
    cpus: Vec<Cpu>,
    threads: Table<Entry>,
    /// Losses that were already acted on.
    gaps_seen: usize,
    resyncs: u64,
}

impl RunQueues {
    /// Nothing known yet about `cpus` CPUs and `threads` threads, of which the first `cpus` are the
    /// idle ones.
    pub fn new(cpus: usize, threads: usize) -> Self {
        let cpu = |i: usize| Cpu {
            queue: Vec::with_capacity(64),
            current: ThreadIx::NONE,
            since: None,
            wakes: 0,
            last_wake: Nanos(0),
            idle: [ThreadIx(i as u32)],
        };
        let threads = Table::new(threads.max(cpus), Entry::default());
        Self { cpus: (0..cpus).map(cpu).collect(), threads, gaps_seen: 0, resyncs: 0 }
    }

    /// A copy that shares with this one what neither changes afterwards.
    #[must_use]
    pub fn snapshot(&mut self) -> Self {
        let threads = self.threads.snapshot();
        Self { cpus: self.cpus.clone(), threads, ..*self }
    }

    /// Bytes that a snapshot adds to earlier ones.
    pub fn own_bytes(&self) -> usize {
        self.threads.own_bytes()
    }

    /// Most bytes that a snapshot can add.
    pub fn most_bytes(&self) -> usize {
        self.threads.most_bytes()
    }

    /// State for `trace` before its first event.
    pub fn of(trace: &Trace) -> Self {
        Self::new(trace.cpus(), trace.tasks().thread_count())
    }

    /// Threads queued on `cpu`, oldest first.
    pub fn queue(&self, cpu: CpuId) -> &[ThreadIx] {
        self.cpus.get(cpu.ix()).map_or(&[], |c| &c.queue)
    }

    /// Who could come in on `cpu`: its queue, or just its idle thread when that is empty.
    pub fn candidates(&self, cpu: CpuId) -> &[ThreadIx] {
        match self.cpus.get(cpu.ix()) {
            Some(c) if c.queue.is_empty() => &c.idle,
            Some(c) => &c.queue,
            None => &[],
        }
    }

    /// Who runs on `cpu`; [`ThreadIx::NONE`] when not known.
    pub fn current(&self, cpu: CpuId) -> ThreadIx {
        self.cpus.get(cpu.ix()).map_or(ThreadIx::NONE, |c| c.current)
    }

    /// Wake-ups that targeted `cpu` since its last switch, and the time since the latest of them at
    /// `now`.
    pub fn wakes(&self, cpu: CpuId, now: Nanos) -> (u32, Nanos) {
        self.cpus.get(cpu.ix()).map_or((0, Nanos(0)), |c| (c.wakes, now.since(c.last_wake)))
    }

    /// When the running thread of `cpu` came in, if that was seen.
    pub fn since(&self, cpu: CpuId) -> Option<Nanos> {
        self.cpus.get(cpu.ix()).and_then(|c| c.since)
    }

    /// What is known about a thread.
    pub fn entry(&self, thread: ThreadIx) -> &Entry {
        &self.threads[thread.ix()]
    }

    /// True for the idle threads.
    pub fn is_idle(&self, thread: ThreadIx) -> bool {
        is_idle(thread, &self.cpus)
    }

    /// How often a CPU turned out to run somebody else than believed.
    pub fn resyncs(&self) -> u64 {
        self.resyncs
    }

    /// To be called first for every event: forgets who runs on CPUs whose events were lost before
    /// it, and learns from the event's actor who runs on its CPU.
    pub fn observe(&mut self, e: &Event, trace: &Trace) {
        while let Some(gap) = trace.gaps().get(self.gaps_seen).filter(|g| g.to <= e.time) {
            self.gaps_seen += 1;
            self.leave_unseen(gap.cpu, gap.to);
        }
        if e.kind != EventKind::Switch {
            self.learn_current(e.cpu, e.actor, e.time);
        }
    }

    /// A wake-up or a migration.
    pub fn apply(&mut self, e: &Event, trace: &Trace) -> Change {
        let thread = trace.tasks().thread_on(e.task, e.to_cpu);
        let to = e.to_cpu;
        if thread == ThreadIx::NONE || is_idle(thread, &self.cpus) || to.ix() >= self.cpus.len() {
            return Change::Nothing;
        }
        match e.kind {
            EventKind::Wakeup | EventKind::WakeupNew => self.wake(e, thread, to),
            EventKind::Migrate => self.migrate(e, thread, to),
            _ => Change::Nothing,
        }
    }

    fn wake(&mut self, e: &Event, thread: ThreadIx, to: CpuId) -> Change {
        let new = e.kind == EventKind::WakeupNew;
        let cpu = &mut self.cpus[to.ix()];
        cpu.wakes += 1;
        cpu.last_wake = e.time;
        let at = self.threads[thread.ix()];
        match at.run {
            // A fork under the pid of a thread whose end was not seen.
            ThreadState::Running if new => self.leave_unseen(at.cpu, e.time),
            ThreadState::Running => {
                self.threads[thread.ix()].pending = to;
                return Change::Nothing;
            }
            ThreadState::Queued if at.cpu == to && !new => return Change::Nothing,
            _ => {}
        }
        self.unqueue(thread);
        let cause = if new { Cause::New } else { Cause::Wake };
        self.enqueue(thread, to, e.time, cause, self.current(e.cpu), e.cpu == to);
        Change::Woken { cpu: to, thread }
    }

    fn migrate(&mut self, e: &Event, thread: ThreadIx, to: CpuId) -> Change {
        let from = self.threads[thread.ix()].cpu;
        if self.threads[thread.ix()].run != ThreadState::Queued {
            return Change::Nothing;
        }
        self.unqueue(thread);
        let waker = self.threads[thread.ix()].waker;
        self.enqueue(thread, to, e.time, Cause::Migrate, waker, e.cpu == to);
        Change::Moved { from, to, thread }
    }

    /// First half of a switch: `prev` is the CPU's current thread and in no queue. Looks at nothing
    /// about `next`.
    pub fn begin_switch(&mut self, e: &Event, tasks: &TaskTable) -> Leaving {
        let prev = tasks.thread_on(e.task, e.cpu);
        self.learn_current(e.cpu, prev, e.time);
        let stint = self.cpus[e.cpu.ix()].since.map(|t| e.time.since(t));
        Leaving { prev, stint }
    }

    /// Second half: `prev` goes back to the queue if it is runnable, `next` comes in.
    pub fn finish_switch(&mut self, e: &Event, tasks: &TaskTable) -> ThreadIx {
        let (prev, next) = (tasks.thread_on(e.task, e.cpu), tasks.thread_on(e.next, e.cpu));
        if prev != ThreadIx::NONE && prev != next && !is_idle(prev, &self.cpus) {
            if e.state.is_runnable() {
                self.enqueue(prev, e.cpu, e.time, Cause::Preempted, ThreadIx::NONE, false);
            } else {
                self.threads[prev.ix()].run = ThreadState::Asleep;
            }
        }
        if next != ThreadIx::NONE {
            self.take_out(next, e.cpu);
        }
        let cpu = &mut self.cpus[e.cpu.ix()];
        cpu.current = next;
        cpu.since = Some(e.time);
        cpu.wakes = 0;
        next
    }

    /// `thread` runs on `cpu` now, says the recording. If we believed in another one, that one left
    /// unseen.
    fn learn_current(&mut self, cpu: CpuId, thread: ThreadIx, now: Nanos) {
        let known = self.cpus[cpu.ix()].current;
        if thread == ThreadIx::NONE || thread == known {
            return;
        }
        self.resyncs += u64::from(known != ThreadIx::NONE);
        self.leave_unseen(cpu, now);
        self.take_out(thread, cpu);
        self.cpus[cpu.ix()].current = thread;
    }

    /// Whoever was believed to run on `cpu` is not there any more.
    fn leave_unseen(&mut self, cpu: CpuId, now: Nanos) {
        let Some(c) = self.cpus.get_mut(cpu.ix()) else { return };
        let old = std::mem::replace(&mut c.current, ThreadIx::NONE);
        c.since = None;
        if old == ThreadIx::NONE || is_idle(old, &self.cpus) {
            return;
        }
        let entry = &mut self.threads[old.ix()];
        entry.run = ThreadState::Asleep;
        let pending = std::mem::replace(&mut entry.pending, CpuId::NONE);
        if pending != CpuId::NONE {
            self.enqueue(old, pending, now, Cause::Wake, ThreadIx::NONE, false);
        }
    }

    /// `thread` is on `cpu`: out of any queue, off any other CPU.
    fn take_out(&mut self, thread: ThreadIx, cpu: CpuId) {
        let at = self.threads[thread.ix()];
        match at.run {
            ThreadState::Queued => self.unqueue(thread),
            ThreadState::Running if at.cpu != cpu => {
                let other = &mut self.cpus[at.cpu.ix()];
                if other.current == thread {
                    other.current = ThreadIx::NONE;
                    other.since = None;
                }
            }
            _ => {}
        }
        let entry = &mut self.threads[thread.ix()];
        (entry.run, entry.cpu, entry.pending) = (ThreadState::Running, cpu, CpuId::NONE);
    }

    fn enqueue(
        &mut self,
        thread: ThreadIx,
        cpu: CpuId,
        now: Nanos,
        cause: Cause,
        waker: ThreadIx,
        local: bool,
    ) {
        let serial = self.threads[thread.ix()].serial.wrapping_add(1);
        let pending = CpuId::NONE;
        self.threads[thread.ix()] = Entry {
            run: ThreadState::Queued,
            cpu,
            enqueued: now,
            cause,
            waker,
            local,
            serial,
            pending,
        };
        let queue = &mut self.cpus[cpu.ix()].queue;
        if queue.len() >= MOST_QUEUED {
            let oldest = queue.remove(0);
            self.threads[oldest.ix()].run = ThreadState::Asleep;
        }
        queue.push(thread);
    }

    fn unqueue(&mut self, thread: ThreadIx) {
        let entry = &mut self.threads[thread.ix()];
        if entry.run == ThreadState::Queued {
            entry.run = ThreadState::Asleep;
            let queue = &mut self.cpus[entry.cpu.ix()].queue;
            if let Some(at) = queue.iter().position(|&t| t == thread) {
                queue.remove(at);
            }
        }
    }
}

fn is_idle(thread: ThreadIx, cpus: &[Cpu]) -> bool {
    thread.ix() < cpus.len()
}
