//! A replay that follows a recording beside its run queues: the order in which both take an event,
//! once for everybody.

use super::FAIR;
use super::replay::KernelReplay;
use super::runqueue::RunQueues;
use crate::trace::{Event, EventKind, ThreadIx, Trace};

/// Goes over the events of a recording in order.
#[derive(Clone, Debug)]
pub struct Follower {
    queues: RunQueues,
    replay: KernelReplay,
}

/// A switch in the moment of the pick: who leaves is queued again or gone, nobody has come in.
#[derive(Debug)]
pub struct Moment<'a> {
    /// The switch.
    pub e: Event,
    /// Who waits.
    pub queues: &'a RunQueues,
    /// What it holds of them.
    pub replay: &'a mut KernelReplay,
    /// Who comes in.
    pub next: ThreadIx,
}

impl Follower {
    /// Before the first event of `trace`.
    pub fn new(trace: &Trace, replay: KernelReplay) -> Self {
        Self { queues: RunQueues::of(trace), replay }
    }

    /// Takes event `i`, each once; of a switch `at` sees the moment of the pick.
    pub fn step(&mut self, trace: &Trace, i: usize, at: impl FnOnce(Moment<'_>)) {
        let Some(e) = trace.queue_event(i) else { return };
        self.queues.observe(&e, trace);
        if e.kind != EventKind::Switch {
            self.replay.event(&e, trace);
            self.queues.apply(&e, trace);
            return;
        }
        self.replay.before_pick(&e, trace);
        self.queues.begin_switch(&e, trace.tasks());
        let next = trace.tasks().thread_on(e.next, e.cpu);
        at(Moment { e, queues: &self.queues, replay: &mut self.replay, next });
        self.replay.after_pick(&e, trace, self.queues.queue(e.cpu), next);
        self.queues.finish_switch(&e, trace.tasks());
    }

    /// A copy that shares with this one what neither changes afterwards.
    #[must_use]
    pub fn snapshot(&mut self) -> Self {
        Self { queues: self.queues.snapshot(), replay: self.replay.snapshot() }
    }
}

/// Which threads are of a fair class, by what their last events said; before that all are.
#[derive(Clone, Debug)]
pub struct Fair(Vec<bool>);

impl Fair {
    /// Before the first event of `trace`.
    pub fn of(trace: &Trace) -> Self {
        Self(vec![true; trace.tasks().thread_count()])
    }

    /// Takes an event: a real-time thread is before all fair ones whatever the class.
    pub fn see(&mut self, trace: &Trace, e: &Event) {
        for (task, prio) in [(e.task, e.prio), (e.next, e.next_prio)] {
            if let Some(fair) = self.0.get_mut(trace.tasks().thread_on(task, e.cpu).ix()) {
                *fair = prio >= FAIR;
            }
        }
    }

    /// Whether all of them are.
    pub fn all(&self, threads: &[ThreadIx]) -> bool {
        threads.iter().all(|t| self.0.get(t.ix()).is_none_or(|fair| *fair))
    }
}
