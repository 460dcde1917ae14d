//! The pass over the events that tells a [`Sink`] what each thread did.

use super::{Cause, Doing, NO_EVENT, Piece, Sink, Wait};
use crate::trace::{CpuId, Event, EventKind, TaskState, ThreadIx, Trace, Wakeups};

/// A wake-up: who ran where.
type Waker = (ThreadIx, CpuId);
const NOBODY: Waker = (ThreadIx::NONE, CpuId::NONE);

#[derive(Clone, Copy)]
struct State {
    /// `None`: absent.
    doing: Option<Doing>,
    /// Of the piece in the making.
    cpu: CpuId,
    since: u64,
    first: u32,
    /// Of a wait.
    began: Cause,
    kind: Cause,
    waker: Waker,
    /// Who was about to wake it, since it came in or was woken.
    waking: Waker,
    /// It was woken while it ran.
    pending: bool,
    /// Where it last came in.
    ran_on: CpuId,
}

impl State {
    const ABSENT: Self = Self {
        doing: None,
        cpu: CpuId::NONE,
        since: 0,
        first: 0,
        began: Cause::Wakeup,
        kind: Cause::Wakeup,
        waker: NOBODY,
        waking: NOBODY,
        pending: false,
        ran_on: CpuId::NONE,
    };
}

#[derive(Clone)]
struct Cpu {
    /// Who runs, as far as the events say.
    current: ThreadIx,
    /// Whose waking was this CPU's last event.
    waking: ThreadIx,
    /// Its losses, by their ends.
    losses: Vec<(u64, u64)>,
}

/// Walks all events once.
pub fn walk(trace: &Trace, sink: &mut impl Sink) {
    let cpu = Cpu { current: ThreadIx::NONE, waking: ThreadIx::NONE, losses: Vec::new() };
    let mut cpus = vec![cpu; trace.cpus()];
    for gap in trace.gaps() {
        if let Some(cpu) = cpus.get_mut(gap.cpu.ix()) {
            cpu.losses.push((gap.from.0, gap.to.0));
        }
    }
    let threads = vec![State::ABSENT; trace.tasks().thread_count()];
    let mut walk = Walk { trace, cpus, threads, sink, now: 0, event: 0 };
    for i in 0..trace.len() {
        walk.step(i);
    }
    walk.end();
}

struct Walk<'a, S> {
    trace: &'a Trace,
    cpus: Vec<Cpu>,
    threads: Vec<State>,
    sink: &'a mut S,
    now: u64,
    /// The event in hand.
    event: u32,
}

impl<S: Sink> Walk<'_, S> {
    fn step(&mut self, i: usize) {
        let e = self.trace.event(i);
        (self.now, self.event) = (e.time.0, i as u32);
        if e.kind == EventKind::Switch {
            self.switch(&e);
            return;
        }
        self.observe(&e);
        let last_waking = std::mem::replace(&mut self.cpus[e.cpu.ix()].waking, ThreadIx::NONE);
        let tasks = self.trace.tasks();
        let thread =
            tasks.thread_on(e.task, if e.to_cpu == CpuId::NONE { e.cpu } else { e.to_cpu });
        match e.kind {
            EventKind::Wakeup => self.wake(thread, &e, false),
            EventKind::WakeupNew => self.wake(thread, &e, true),
            EventKind::Waking if self.trace.wakeups() == Wakeups::Waking => {
                self.wake(thread, &e, false);
                self.cpus[e.cpu.ix()].waking = thread;
            }
            EventKind::Waking => {
                let waker = self.waker(&e);
                if self.name(thread) {
                    self.threads[thread.ix()].waking = waker;
                }
            }
            // Who is woken is given its new CPU first, right after the waking: that is no move of
            // somebody who waits. (One that the waker's CPU pulls over before anything else happens
            // there looks the same.)
            EventKind::Migrate => self.migrate(thread, &e, last_waking == thread),
            _ => {
                self.name(thread);
                self.name(tasks.thread_on(e.next, e.cpu));
            }
        }
    }

    /// True for threads that are counted.
    fn counts(&self, thread: ThreadIx) -> bool {
        thread.ix() >= self.cpus.len() && thread.ix() < self.threads.len()
    }

    /// An event names a thread: from here on it has a span. True when it is one that is counted.
    fn name(&mut self, thread: ThreadIx) -> bool {
        if !self.counts(thread) {
            return false;
        }
        if self.threads[thread.ix()].doing.is_none() {
            self.begin(thread, Doing::Unknown, CpuId::NONE, self.now);
        }
        true
    }

    fn begin(&mut self, thread: ThreadIx, doing: Doing, cpu: CpuId, at: u64) {
        let (first, state) = (self.event, &mut self.threads[thread.ix()]);
        (state.doing, state.cpu, state.since, state.first) = (Some(doing), cpu, at, first);
    }

    /// What a thread did since its last change was this, until `to`.
    fn close(&mut self, thread: ThreadIx, doing: Doing, to: u64) {
        let (state, last) = (self.threads[thread.ix()], self.event);
        if state.doing.is_some() && to > state.since {
            self.sink.piece(&Piece { thread, doing, cpu: state.cpu, from: state.since, to, last });
        }
    }

    /// A thread that was runnable is not any more, or not known to be.
    fn waited(&mut self, thread: ThreadIx, cpu: CpuId, to: u64, last: u32) {
        let State { since: from, first, began, kind, waker: (waker, waker_cpu), .. } =
            self.threads[thread.ix()];
        self.sink.waited(&Wait {
            thread,
            cpu,
            from,
            to,
            first,
            last,
            began,
            kind,
            waker,
            waker_cpu,
        });
    }

    /// From when on somebody who waits for a CPU may have come in there unseen: nobody knows who
    /// ran. Until the first switch it was who left then.
    fn unseen_from(&self, cpu: CpuId, since: u64) -> Option<u64> {
        let unknown = if cpu == CpuId::NONE { &[] } else { self.trace.unknown(cpu) };
        let after = &unknown[unknown.partition_point(|s| s.1.0 <= since)..];
        after.iter().find(|s| s.0.0 > 0).map(|s| s.0.0.max(since))
    }

    /// Ends what has become unknown before now.
    fn settle(&mut self, thread: ThreadIx) {
        let State { doing, cpu, since, .. } = self.threads[thread.ix()];
        let lost = match doing {
            None | Some(Doing::Unknown) => return,
            Some(Doing::Running) => {
                let unknown = self.trace.unknown(cpu);
                unknown.get(unknown.partition_point(|s| s.1.0 <= since)).map(|s| s.0.0)
            }
            Some(_) => self.cpus.get(cpu.ix()).and_then(|c| {
                let next = c.losses.partition_point(|l| l.1 <= since);
                c.losses.get(next).map(|l| l.0)
            }),
        };
        if let (Some(lost), Some(doing)) = (lost.filter(|at| *at < self.now), doing) {
            self.lose(thread, doing, lost.max(since));
        }
    }

    /// From `at` on nothing is known of a thread.
    fn lose(&mut self, thread: ThreadIx, doing: Doing, at: u64) {
        self.close(thread, doing, at);
        if doing == Doing::Runnable {
            self.waited(thread, self.threads[thread.ix()].cpu, at, NO_EVENT);
        }
        self.begin(thread, Doing::Unknown, CpuId::NONE, at);
        self.threads[thread.ix()].pending = false;
    }

    /// Whoever was believed to run on a CPU left unseen.
    fn drop_current(&mut self, cpu: CpuId) {
        let old = std::mem::replace(&mut self.cpus[cpu.ix()].current, ThreadIx::NONE);
        if !self.counts(old) {
            return;
        }
        self.settle(old);
        let state = self.threads[old.ix()];
        if state.doing == Some(Doing::Running) && state.cpu == cpu {
            self.lose(old, Doing::Running, self.now);
        }
    }

    /// Ends a piece of a thread that is seen to run; what cannot have been is unknown.
    fn close_as_seen(&mut self, thread: ThreadIx) {
        self.settle(thread);
        match self.threads[thread.ix()].doing {
            Some(Doing::Running) => self.close(thread, Doing::Running, self.now),
            _ => self.close(thread, Doing::Unknown, self.now),
        }
    }

    /// Learns from who executed an event.
    fn observe(&mut self, e: &Event) {
        let (cpu, actor) = (e.cpu, e.actor);
        let current = self.cpus[cpu.ix()].current;
        if actor == ThreadIx::NONE || actor == current {
            self.name(actor);
            return;
        }
        if current != ThreadIx::NONE {
            self.drop_current(cpu);
        }
        let unknown = self.trace.unknown(cpu);
        let now = self.now;
        let next = unknown.partition_point(|s| s.1.0 <= now);
        let known = unknown.get(next).is_none_or(|s| s.0.0 > now);
        if known {
            self.cpus[cpu.ix()].current = actor;
        }
        if self.counts(actor) {
            self.close_as_seen(actor);
            self.begin(actor, if known { Doing::Running } else { Doing::Unknown }, cpu, now);
        }
    }

    fn waker(&self, e: &Event) -> Waker {
        let who = if e.actor == ThreadIx::NONE { self.cpus[e.cpu.ix()].current } else { e.actor };
        if who == ThreadIx::NONE { NOBODY } else { (who, e.cpu) }
    }

    fn wake(&mut self, thread: ThreadIx, e: &Event, new: bool) {
        let waker = self.waker(e);
        if !self.name(thread) {
            return;
        }
        self.settle(thread);
        let state = &mut self.threads[thread.ix()];
        let told = std::mem::replace(&mut state.waking, NOBODY);
        match state.doing {
            Some(Doing::Running) if !new => {
                (state.pending, state.waker) = (true, waker);
                return;
            }
            // It was preempted on its way to sleep.
            Some(Doing::Runnable) if !new && state.began == Cause::Preempted => {
                state.cpu = e.to_cpu;
                return;
            }
            // A fork under the pid of a thread whose end was not seen.
            Some(Doing::Running) => self.close(thread, Doing::Running, self.now),
            // That, or it came in unseen: nobody is woken twice without having run in between.
            Some(Doing::Runnable) => self.close(thread, Doing::Unknown, self.now),
            Some(doing) => self.close(thread, doing, self.now),
            None => {}
        }
        self.begin(thread, Doing::Runnable, e.to_cpu, self.now);
        let cause = if new { Cause::New } else { Cause::Wakeup };
        let state = &mut self.threads[thread.ix()];
        (state.began, state.kind, state.pending) = (cause, cause, false);
        state.waker = if told == NOBODY { waker } else { told };
        let by = state.waker.0;
        self.sink.woken(thread, by, self.event);
    }

    fn migrate(&mut self, thread: ThreadIx, e: &Event, placed: bool) {
        if !self.name(thread) {
            return;
        }
        self.settle(thread);
        let state = &mut self.threads[thread.ix()];
        match state.doing {
            Some(Doing::Running) => {}
            Some(Doing::Runnable) => {
                state.cpu = e.to_cpu;
                if !placed {
                    state.kind = Cause::Migrated;
                }
            }
            _ => state.cpu = e.to_cpu,
        }
    }

    fn switch(&mut self, e: &Event) {
        let tasks = self.trace.tasks();
        let (prev, next) = (tasks.thread_on(e.task, e.cpu), tasks.thread_on(e.next, e.cpu));
        self.cpus[e.cpu.ix()].waking = ThreadIx::NONE;
        if self.cpus[e.cpu.ix()].current != prev {
            self.drop_current(e.cpu);
        }
        self.cpus[e.cpu.ix()].current = next;
        if prev == next {
            if self.counts(prev) && self.threads[prev.ix()].doing != Some(Doing::Running) {
                self.close_as_seen(prev);
                self.begin(prev, Doing::Running, e.cpu, self.now);
            }
            return;
        }
        if self.counts(prev) {
            self.leave(prev, e.cpu, e.state);
        }
        if self.counts(next) {
            self.come_in(next, e.cpu);
        }
    }

    fn leave(&mut self, thread: ThreadIx, cpu: CpuId, to: TaskState) {
        self.close_as_seen(thread);
        let dead = to.0 & (TaskState::DEAD.0 | TaskState::ZOMBIE.0) != 0;
        let doing = match to {
            _ if to.is_runnable() => Doing::Runnable,
            _ if to.0 & TaskState::DISK.0 != 0 => Doing::Blocked,
            _ => Doing::Sleeping,
        };
        self.begin(thread, doing, cpu, self.now);
        let state = &mut self.threads[thread.ix()];
        if doing == Doing::Runnable {
            (state.began, state.kind) = (Cause::Preempted, Cause::Preempted);
            (state.waker, state.pending) = (NOBODY, false);
        } else if dead {
            (state.doing, state.pending) = (None, false);
        }
        self.sink.left(thread, doing == Doing::Runnable, self.event);
    }

    fn come_in(&mut self, thread: ThreadIx, cpu: CpuId) {
        self.settle(thread);
        let state = &mut self.threads[thread.ix()];
        match state.doing {
            Some(Doing::Runnable) => {
                state.cpu = cpu;
                self.close(thread, Doing::Runnable, self.now);
                self.waited(thread, cpu, self.now, self.event);
            }
            Some(Doing::Sleeping | Doing::Blocked) if state.pending => {
                // Woken on its way out: it never slept.
                (state.began, state.kind) = (Cause::Wakeup, Cause::Wakeup);
                state.cpu = cpu;
                self.close(thread, Doing::Runnable, self.now);
                self.waited(thread, cpu, self.now, self.event);
            }
            // Nobody is on two CPUs: it left the other one unseen, a moment ago by another clock.
            Some(Doing::Running) => self.close(thread, Doing::Running, self.now),
            _ => self.close(thread, Doing::Unknown, self.now),
        }
        self.begin(thread, Doing::Running, cpu, self.now);
        let state = &mut self.threads[thread.ix()];
        (state.pending, state.waking) = (false, NOBODY);
        let before = std::mem::replace(&mut state.ran_on, cpu);
        let moved = before != CpuId::NONE && before != cpu;
        self.sink.came_in(thread, cpu, moved, self.event);
    }

    /// The recording ends.
    fn end(&mut self) {
        self.now = self.trace.span().0;
        for thread in (self.cpus.len()..self.threads.len()).map(|t| ThreadIx(t as u32)) {
            self.settle(thread);
            let State { doing, cpu, since, .. } = self.threads[thread.ix()];
            let Some(doing) = doing else { continue };
            // Who was never seen to come in may have done so where nobody knows any more who ran.
            let unseen = self.unseen_from(cpu, since).filter(|at| *at < self.now);
            if let (Doing::Runnable, Some(at)) = (doing, unseen) {
                self.lose(thread, doing, at);
                self.close(thread, Doing::Unknown, self.now);
                continue;
            }
            self.close(thread, doing, self.now);
            if doing == Doing::Runnable {
                self.waited(thread, cpu, self.now, NO_EVENT);
            }
        }
    }
}
