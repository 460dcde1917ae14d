//! Who waits where with which state. What waits does not change: so the state that a thread has
//! when it comes in was its state from when it was queued, and the one that it left with is its
//! state until it comes in. A first walk over a recording notes when each wait begins and ends; the
//! judge's walk goes through the notes.

use super::groups::Groups;
use super::state::State;
use crate::trace::truth::{Of, Value};
use crate::trace::{CpuId, Event, EventKind, ThreadIx, Trace};

/// A thread in the queue of a CPU.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// Who.
    pub thread: ThreadIx,
    /// Where.
    pub cpu: CpuId,
    /// With what; `None` where nothing tells.
    pub state: Option<State>,
    /// Levels above it, where known.
    pub depth: Option<i64>,
    /// It was placed by its wake-up: its deadline is a slice behind its virtual time.
    pub fresh: bool,
}

/// A note: at `event` a wait begins or ends.
#[derive(Clone, Copy, Debug)]
struct Note {
    event: u32,
    wait: u32,
    begins: bool,
}

/// All waits of a recording.
#[derive(Clone, Debug)]
pub struct Waits {
    all: Vec<Wait>,
    notes: Vec<Note>,
    /// Threads by group.
    pub groups: Groups,
}

/// Who waits where at a point of a walk.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// Per CPU: the waits that are open.
    cpus: Vec<Vec<u32>>,
    /// The note that comes next.
    at: usize,
}

/// What a thread does while waits are noted.
#[derive(Clone, Copy, Default)]
struct Doing {
    /// Its open wait.
    wait: Option<u32>,
    runs: bool,
}

/// The first walk.
struct Noting {
    all: Vec<Wait>,
    notes: Vec<Note>,
    groups: Groups,
    doing: Vec<Doing>,
}

impl Waits {
    /// Walks over the whole recording.
    pub fn of(trace: &Trace) -> Self {
        let threads = trace.tasks().thread_count().max(trace.cpus());
        let mut noting = Noting {
            all: Vec::new(),
            notes: Vec::new(),
            groups: Groups::new(threads),
            doing: vec![Doing::default(); threads],
        };
        let mut gaps = trace.gaps().iter().peekable();
        for i in 0..trace.len() {
            let Some(e) = trace.queue_event(i) else { continue };
            while let Some(gap) = gaps.next_if(|g| g.to <= e.time) {
                noting.forget(i, gap.cpu);
            }
            noting.take(trace, i, &e);
        }
        noting.groups.settle();
        let Noting { all, notes, groups, .. } = noting;
        Self { all, notes, groups }
    }

    /// A wait by its number.
    pub fn get(&self, wait: u32) -> Wait {
        self.all[wait as usize]
    }

    /// Takes a state for a wait whose state nothing told.
    pub fn found(&mut self, wait: u32, state: State) {
        self.all[wait as usize].state = Some(state);
    }
}

impl Open {
    /// Before the first event.
    pub fn new(cpus: usize) -> Self {
        Self { cpus: vec![Vec::new(); cpus], at: 0 }
    }

    /// Goes on to behind `event`, which is not before those of earlier calls.
    pub fn reach(&mut self, waits: &Waits, event: usize) {
        while let Some(note) = waits.notes.get(self.at).filter(|n| n.event as usize <= event) {
            self.at += 1;
            let Some(open) = self.cpus.get_mut(waits.get(note.wait).cpu.ix()) else { continue };
            if note.begins {
                open.push(note.wait);
            } else {
                open.retain(|w| *w != note.wait);
            }
        }
    }

    /// Those that wait on a CPU, but for `chosen`; each with its number.
    pub fn others(
        &self,
        waits: &Waits,
        cpu: CpuId,
        chosen: ThreadIx,
    ) -> impl Iterator<Item = (u32, Wait)> {
        let open = self.cpus.get(cpu.ix()).into_iter().flatten();
        open.map(|w| (*w, waits.get(*w))).filter(move |(_, w)| w.thread != chosen)
    }

    /// Ends the wait of a sleeper that the pick at hand took off the queue.
    pub fn drop_delayed(&mut self, waits: &Waits, cpu: CpuId, thread: ThreadIx) {
        if let Some(open) = self.cpus.get_mut(cpu.ix()) {
            open.retain(|w| waits.get(*w).thread != thread);
        }
    }
}

impl Noting {
    fn take(&mut self, trace: &Trace, i: usize, e: &Event) {
        if e.kind == EventKind::Switch {
            return self.switch(trace, i, e);
        }
        let thread = trace.tasks().thread_on(e.task, e.to_cpu);
        if trace.tasks().is_idle(thread) || self.doing.get(thread.ix()).is_none_or(|d| d.runs) {
            return;
        }
        let waits = self.doing[thread.ix()].wait.is_some();
        // A sleeper that is still queued is queued anew by its wake-up; a sleeper that moves is
        // not.
        let moves = e.kind == EventKind::Migrate;
        if moves && !waits {
            return;
        }
        let here = self.doing[thread.ix()].wait.map(|w| self.all[w as usize]);
        let again =
            !moves && here.is_some_and(|w| w.cpu == e.to_cpu && w.state.is_none_or(|s| !s.delayed));
        if !again {
            self.end(i, thread, None);
            let asleep = here.is_none();
            let fresh = asleep && e.kind == EventKind::Wakeup;
            self.begin(i, thread, Wait { thread, cpu: e.to_cpu, state: None, depth: None, fresh });
        }
    }

    fn switch(&mut self, trace: &Trace, i: usize, e: &Event) {
        let tasks = trace.tasks();
        let (prev, next) = (tasks.thread_on(e.task, e.cpu), tasks.thread_on(e.next, e.cpu));
        let row = trace.truth().and_then(|t| t.at(i));
        if let Some(row) = row {
            self.groups.learn(row, prev, next);
        }
        if !tasks.is_idle(prev) && prev.ix() < self.doing.len() {
            let state = row.and_then(|r| State::of(r, Of::Prev));
            let depth = row.and_then(|r| r.value(Of::Prev, Value::Depth));
            let on_queue = row.and_then(|r| r.value(Of::Prev, Value::OnRq)) == Some(1);
            self.end(i, prev, None);
            self.doing[prev.ix()].runs = false;
            let fair = e.prio >= super::FAIR;
            if fair && (e.state.is_runnable() || on_queue && state.is_some_and(|s| s.delayed)) {
                self.begin(i, prev, Wait { thread: prev, cpu: e.cpu, state, depth, fresh: false });
            }
        }
        if !tasks.is_idle(next) && next.ix() < self.doing.len() {
            let with = row.and_then(|r| {
                Some((State::of(r, Of::Next)?, r.value(Of::Next, Value::Depth), e.cpu))
            });
            self.end(i, next, with);
            self.doing[next.ix()].runs = true;
        }
    }

    fn begin(&mut self, event: usize, thread: ThreadIx, begun: Wait) {
        let wait = self.all.len() as u32;
        self.all.push(begun);
        self.notes.push(Note { event: event as u32, wait, begins: true });
        self.doing[thread.ix()].wait = Some(wait);
    }

    /// Ends the wait of a thread; `with` is the state that it comes in with, and where.
    fn end(&mut self, event: usize, thread: ThreadIx, with: Option<(State, Option<i64>, CpuId)>) {
        let Some(wait) = self.doing[thread.ix()].wait.take() else { return };
        self.notes.push(Note { event: event as u32, wait, begins: false });
        let wait = &mut self.all[wait as usize];
        if let Some((state, depth, cpu)) = with
            && wait.cpu == cpu
            && wait.state.is_none_or(|s| !s.delayed)
        {
            (wait.state, wait.depth) = (Some(state), depth);
        }
    }

    /// Nothing is known any more of who waits on a CPU.
    fn forget(&mut self, event: usize, cpu: CpuId) {
        for thread in (0..self.doing.len() as u32).map(ThreadIx) {
            if self.doing[thread.ix()].wait.is_some_and(|w| self.all[w as usize].cpu == cpu) {
                self.end(event, thread, None);
            }
        }
    }
}
