//! The extractor itself: walks the events, keeps the histories, and hands each finished piece to
//! the sink. Nothing allocates per event once the queues and tables have their size.

use super::candidates::{Asked, Board, Scene};
use super::contexts::{Contexts, Seen};
use super::expected::{self, Expected};
use super::history::{CpuHistory, Idents, NEVER, Names, ThreadHistory};
use super::tokens::{self, Subject};
use super::{Decision, Forecast, MOST_EXPECTED, Outcome, Sink, offered};
use crate::sched::replay::{HYPOTHESES, Hypotheses, UNCORRECTED};
use crate::sched::runqueue::{Change, RunQueues};
use crate::sched::state::Table;
use crate::trace::{CpuId, Event, EventKind, Nanos, ThreadIx, Trace};

/// Walks a trace once; see the room's documentation. A clone goes on from the same state;
/// [`Extractor::snapshot`] makes one that takes little memory.
#[derive(Clone, Debug)]
pub struct Extractor {
    queues: RunQueues,
    /// The kernel's algorithm, corrected by each observed pick in several ways, and left alone.
    hypotheses: Hypotheses,
    past: Table<ThreadHistory>,
    lanes: Vec<CpuHistory>,
    idents: Idents,
    names: Names,
    board: Board,
    /// Room for the part of a long queue that is offered.
    line: Vec<ThreadIx>,
    expected: Expected,
    /// What followed the contexts of decisions, of forecasts.
    contexts: [Contexts; 2],
    /// Per CPU.
    open: Vec<Open>,
    slice_ns: f32,
    /// Events before this one are context only.
    warm: usize,
}

/// The forecast that was asked last on a CPU: its candidates and contexts.
#[derive(Clone, Debug)]
struct Open {
    threads: Vec<ThreadIx>,
    seen: Option<Seen>,
}

impl Open {
    fn new() -> Self {
        Self { threads: Vec::with_capacity(MOST_EXPECTED), seen: None }
    }
}

impl Extractor {
    /// Events at the start of a trace that are context only: at most this many, and at most a tenth
    /// of the trace.
    pub const WARM_UP: usize = 2_000;

    /// So many first events of a recording are context: no decision at them is scored.
    pub fn context(trace: &Trace) -> usize {
        Self::WARM_UP.min(trace.len() / 10)
    }

    /// State for a trace before its first event.
    pub fn new(trace: &Trace) -> Self {
        let (cpus, threads) = (trace.cpus(), trace.tasks().thread_count().max(trace.cpus()));
        let mut past = Table::new(threads, ThreadHistory::NEW);
        (0..cpus).for_each(|idle| past[idle].kthread = true);
        let idents = Idents::new(cpus, &mut past);
        Self {
            queues: RunQueues::of(trace),
            hypotheses: Hypotheses::of(trace),
            past,
            lanes: vec![CpuHistory::NEW; cpus],
            idents,
            names: Names::new(trace.tasks()),
            board: Board::new(threads),
            line: Vec::new(),
            expected: Expected::new(),
            contexts: [Contexts::new(0.3), Contexts::new(0.2)],
            open: vec![Open::new(); cpus],
            slice_ns: trace.machine().slice_ns.value as f32,
            warm: Self::context(trace),
        }
    }

    /// A copy that shares with this one what neither changes afterwards: many of them along a trace
    /// take memory for what happened between them, not for all threads each time.
    #[must_use]
    pub fn snapshot(&mut self) -> Self {
        Self {
            queues: self.queues.snapshot(),
            hypotheses: self.hypotheses.snapshot(),
            past: self.past.snapshot(),
            lanes: self.lanes.clone(),
            idents: self.idents.snapshot(),
            names: self.names.clone(),
            board: self.board.snapshot(),
            line: Vec::new(),
            expected: Expected::new(),
            contexts: self.contexts.clone(),
            open: self.open.clone(),
            ..*self
        }
    }

    /// Bytes that a snapshot taken now would add to earlier ones, tables of bounded size left out.
    pub fn own_bytes(&self) -> usize {
        self.queues.own_bytes()
            + self.hypotheses.own_bytes()
            + self.past.own_bytes()
            + self.idents.own_bytes()
            + self.board.own_bytes()
    }

    /// Most bytes that a snapshot can add.
    pub fn most_bytes(&self) -> usize {
        self.queues.most_bytes()
            + self.hypotheses.most_bytes()
            + self.past.most_bytes()
            + self.idents.most_bytes()
            + self.board.most_bytes()
    }

    /// The run queues as they are after the events so far.
    pub fn queues(&self) -> &RunQueues {
        &self.queues
    }

    /// What was asked at the switch that was taken last.
    pub fn decision(&self) -> Decision<'_> {
        self.board.decision()
    }

    /// Takes event `i` (in order, each once) and tells `sink` what follows from it.
    pub fn step<S: Sink>(&mut self, trace: &Trace, i: usize, sink: &mut S) {
        let Some(e) = trace.queue_event(i) else { return };
        self.queues.observe(&e, trace);
        if e.kind == EventKind::Switch {
            self.switch(trace, i, &e, sink);
        } else {
            self.other(trace, &e, sink);
        }
    }

    fn other<S: Sink>(&mut self, trace: &Trace, e: &Event, sink: &mut S) {
        self.hypotheses.event(e, trace);
        match self.queues.apply(e, trace) {
            Change::Nothing => {}
            Change::Woken { cpu, thread } => {
                let new = e.kind == EventKind::WakeupNew;
                let past = &mut self.past[thread.ix()];
                if new {
                    past.reborn();
                }
                past.describe(e.task, e.prio, &self.names);
                let (waker, woken) = (self.queues.entry(thread).waker, past.ident);
                let slept = past.wake(e.time, waker);
                if let Some(by) = self.past.get_mut(waker.ix()) {
                    by.wakes.add(woken);
                }
                self.tell(if new { 2 } else { 1 }, e, cpu, thread, slept, sink);
            }
            Change::Moved { from, to, thread } => {
                self.past[thread.ix()].describe(e.task, e.prio, &self.names);
                self.tell(4, e, from, thread, 0, sink);
                self.tell(3, e, to, thread, 0, sink);
            }
        }
    }

    fn tell<S: Sink>(
        &mut self,
        kind: u8,
        e: &Event,
        cpu: CpuId,
        thread: ThreadIx,
        slept: u64,
        sink: &mut S,
    ) {
        let subject = Subject {
            thread,
            idle: false,
            past: &self.past[thread.ix()],
            lane: &self.lanes[cpu.ix()],
            queue_len: self.queues.queue(cpu).len(),
        };
        let token = tokens::other(kind, e, cpu, &subject, slept);
        self.lanes[cpu.ix()].token = Some(e.time);
        sink.token(cpu, &token);
    }

    fn switch<S: Sink>(&mut self, trace: &Trace, i: usize, e: &Event, sink: &mut S) {
        let event = i as u32;
        // Until the outcome, nothing of `next` may be seen: the decision is made from an event
        // without it.
        let blind = Event { next: crate::trace::TaskId::NONE, next_prio: 0, ..*e };
        let (prev, stint) = self.ask(trace, &blind);
        let (cpu, time, prev_state) = (e.cpu, e.time, e.state);
        self.board.asked =
            Asked { event, cpu, time, prev, prev_state, stint: stint.unwrap_or_default() };
        sink.decision(&self.board.decision());

        let next = trace.tasks().thread_on(e.next, e.cpu);
        let place = self.board.place(next);
        let unknown = trace.follows_unknown(i);
        sink.outcome(&Outcome {
            event,
            cpu: e.cpu,
            time: e.time,
            next,
            pick: place.map(|p| p as u32),
            foretold: self.open[e.cpu.ix()]
                .threads
                .iter()
                .position(|t| *t == next)
                .map(|p| p as u32),
            scored: i >= self.warm && !unknown,
            unknown,
            no_pick: !trace.knows_queues(),
        });
        self.learn(trace, e, prev, next, stint, sink);

        self.foretell(event, e, next, sink);
    }

    /// Asks who will be next, now that `running` has come in.
    fn foretell<S: Sink>(&mut self, event: u32, e: &Event, running: ThreadIx, sink: &mut S) {
        let queue = offered(self.queues.queue(e.cpu), &mut self.line);
        let mut next = self.hypotheses.next_waiting(e.cpu, queue);
        // The replay that is left alone comes first.
        next.rotate_right(HYPOTHESES - UNCORRECTED);
        let scene = expected::Scene {
            cpu: e.cpu,
            now: e.time,
            running,
            queues: &self.queues,
            past: &self.past,
            lane: &self.lanes[e.cpu.ix()],
            contexts: &self.contexts[1],
            idents: &self.idents,
            next: &next,
            slice_ns: self.slice_ns,
        };
        let fix = &mut self.hypotheses;
        self.expected.fill(&scene, &mut |t| fix.standing(e.cpu, t));
        let Expected { threads, ranked, rows, query, seen, .. } = &self.expected;
        let open = &mut self.open[e.cpu.ix()];
        open.threads.clone_from(threads);
        open.seen = Some(*seen);
        sink.forecast(&Forecast {
            event,
            cpu: e.cpu,
            time: e.time,
            running,
            candidates: threads,
            ranked: *ranked,
            queue,
            query,
            features: rows,
        });
    }

    /// Fills the board for the decision at switch `e`, which must not say who comes in.
    fn ask(&mut self, trace: &Trace, e: &Event) -> (ThreadIx, Option<Nanos>) {
        let leaving = self.queues.begin_switch(e, trace.tasks());
        let prev = leaving.prev;
        if let Some(past) = self.past.get_mut(prev.ix()) {
            if !self.queues.is_idle(prev) {
                past.describe(e.task, e.prio, &self.names);
            }
            let who = self.idents.of(prev, &mut self.past);
            self.lanes[e.cpu.ix()].history.push(who);
        }
        let candidates = offered(self.queues.candidates(e.cpu), &mut self.line);
        self.board.gather(candidates);
        // What lies far away is fetched while the replays think.
        let lane = &self.lanes[e.cpu.ix()];
        self.board.foresee(&self.past, prev, lane, &self.contexts[0]);
        self.hypotheses.before_pick(e, trace);
        // The idle thread waits for nothing, and nobody waits beside it.
        if !candidates.first().is_some_and(|t| self.queues.is_idle(*t)) {
            self.hypotheses.views(e.cpu, candidates, &mut self.board.beliefs);
        }
        let Board { views, beliefs, .. } = &mut self.board;
        views.extend(beliefs.iter().map(|all| [all.view(UNCORRECTED), all.view(0)]));
        let resched = self.hypotheses.resched(e.cpu);
        self.board.fill(&Scene {
            event: e,
            prev,
            stint: leaving.stint.unwrap_or_default(),
            queues: &self.queues,
            past: &self.past,
            lane: &self.lanes[e.cpu.ix()],
            contexts: &self.contexts[0],
            slice_ns: self.slice_ns,
            resched: [resched[UNCORRECTED], resched[0]],
        });
        (prev, leaving.stint)
    }

    /// Takes in the outcome of the decision on the board.
    fn learn<S: Sink>(
        &mut self,
        trace: &Trace,
        e: &Event,
        prev: ThreadIx,
        next: ThreadIx,
        stint: Option<Nanos>,
        sink: &mut S,
    ) {
        let place = self.board.place(next);
        let waiting = offered(self.queues.queue(e.cpu), &mut self.line);
        self.hypotheses.after_pick(e, trace, waiting, next);
        if let (Some(p), true) = (place, waiting.len() > 1) {
            self.lanes[e.cpu.ix()].score(self.board.views[p].map(|v| v.picked));
        }
        if let Some(picked) = place.filter(|_| !waiting.is_empty()) {
            self.pass_over(picked);
        }
        self.queues.finish_switch(e, trace.tasks());
        if let Some(past) = self.past.get_mut(next.ix()) {
            past.passed_total = 0;
            if !self.queues.is_idle(next) {
                past.describe(e.next, e.next_prio, &self.names);
            }
        }
        // The token tells whether `next` was the last follower, so it is made before followers are
        // counted.
        let token = tokens::switch(
            e,
            &Subject {
                thread: next,
                idle: self.queues.is_idle(next),
                past: self.past.get(next.ix()).unwrap_or(ThreadHistory::ABSENT),
                lane: &self.lanes[e.cpu.ix()],
                queue_len: self.queues.queue(e.cpu).len(),
            },
            stint.unwrap_or_default(),
            &self.board,
            place,
            self.past.get(prev.ix()).unwrap_or(ThreadHistory::ABSENT),
        );
        let who = self.idents.of(next, &mut self.past);
        let lane = &mut self.lanes[e.cpu.ix()];
        if self.board.threads.len() > 1 {
            self.contexts[0].add(&self.board.seen, who);
        }
        if let Some(seen) = &self.open[e.cpu.ix()].seen {
            self.contexts[1].add(seen, who);
        }
        lane.history.push(who);
        lane.bring_forward(next);
        lane.token = Some(e.time);
        if let Some(past) = self.past.get_mut(prev.ix()) {
            past.followers.add(who);
            if let Some(stint) = stint {
                past.ran(stint.0, e.time, e.cpu.0);
            } else {
                (past.left, past.last_cpu) = (e.time.0, e.cpu.0);
            }
            past.asleep = if e.state.is_runnable() { NEVER } else { e.time.0 };
        }
        // What lies far away is fetched while others take the token.
        let lane = &self.lanes[e.cpu.ix()];
        let running = self.past.get(next.ix()).unwrap_or(ThreadHistory::ABSENT);
        let queue = self.queues.queue(e.cpu);
        self.expected.foresee(&self.past, running, queue, lane, &self.contexts[1]);
        sink.token(e.cpu, &token);
    }

    /// Counts, for all candidates but the picked one, that they were passed over.
    fn pass_over(&mut self, picked: usize) {
        for (i, thread) in self.board.threads.iter().enumerate().filter(|(i, _)| *i != picked) {
            let past = &mut self.past[thread.ix()];
            past.waits(self.queues.entry(*thread).serial);
            past.passed += 1;
            past.passed_total += 1;
            past.passed_later += u32::from(i < picked);
        }
    }
}
