//! The bookkeeping of the replay: which entity is on which queue, who runs, what a wake-up, a migration and a switch
//! do to that. The rules of the scheduling class (placement, pick, charge) are in `eevdf` and `cfs`.

use super::correction::Correction;
use super::entity::{Doing, Entity, NONE, is_kernel_thread, weight};
use super::queue::Queue;
use crate::sched::state::Table;
use crate::trace::{CpuId, Event, EventKind, SchedClass, TaskId, TaskState, TaskTable, ThreadIx};

/// Groups per CPU beside the root: 1 holds threads that were there before, 2 those forked during the recording.
pub(super) const GROUPS: usize = 2;
/// A task that leaves the CPU runnable and unasked after less than this has yielded.
const YIELD_NS: u64 = 2_000_000;

/// Per-CPU state.
#[derive(Clone, Debug, Default)]
pub(super) struct Cpu {
    /// Thread that runs, [`NONE`] for idle or not known.
    pub curr: u32,
    /// Up to when `curr` is charged.
    pub last: u64,
    /// When `curr` came in.
    pub since: u64,
    pub resched: bool,
    /// A wake-up came to this CPU since `curr` came in.
    pub woken: bool,
    /// Pulled here by this CPU's balancing, not yet attached.
    pub batch: Vec<u32>,
    /// Queued real-time threads.
    pub real_time: Vec<u32>,
    /// `prev` of the open decision and whether it stays runnable.
    pub prev: u32,
    pub prev_runs: bool,
    /// What `prev` did, if it is in doubt: its virtual time and deadline without and with a yield.
    pub doubt: Option<Doubt>,
    /// The replay's pick for the open decision.
    pub pick: u32,
    /// Deadlines (relative to their queue's average) of eligible waiting threads, ascending; filled by need.
    pub ranks: Vec<i64>,
    pub min_deadline: i64,
    pub ranked: bool,
}

/// A switch that may have been a yield or a preemption; settled once the outcome is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    /// (virtual time, deadline) if it was preempted.
    pub kept: (i64, i64),
    /// (virtual time, deadline) if it yielded while eligible.
    pub gave: (i64, i64),
    /// The guess that is in force.
    pub yielded: bool,
}

/// How an entity comes onto a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Wake,
    Fork,
    Move,
}

/// All queues and entities of the machine.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    /// CFS instead of EEVDF.
    pub cfs: bool,
    /// All threads are in the root's queue: autogroup is off.
    pub flat: bool,
    /// Length of a tick and the phase of the first one after the trace's start, ns.
    pub tick: (u64, u64),
    /// CPU of the event that is being taken: where a fork's parent runs.
    pub here: usize,
    pub slice: i64,
    pub rule: Correction,
    /// Threads first, then group entities (CPU-major).
    pub ents: Table<Entity>,
    /// Root queues first, then group queues (CPU-major).
    pub queues: Vec<Queue>,
    pub cpus: Vec<Cpu>,
    pub seq: u64,
    /// Share of certain yields among the switches in doubt of late, in 1/1024.
    pub habit: i32,
}

impl Engine {
    pub fn new(class: SchedClass, cpus: usize, threads: usize, slice: i64, rule: Correction) -> Self {
        let mut ents = Table::new(threads, Entity::new(slice));
        let mut queues = vec![Queue::new(NONE); cpus];
        for _ in 0..cpus * GROUPS {
            let mut group = Entity::new(slice);
            group.weight = (1024 / cpus as i64).max(2);
            group.owns = queues.len() as u32;
            group.known = true;
            queues.push(Queue::new(ents.len() as u32));
            ents.push(group);
        }
        let cpu = Cpu { curr: NONE, prev: NONE, pick: NONE, ..Cpu::default() };
        Self {
            cfs: class == SchedClass::Cfs,
            flat: false,
            tick: (4_000_000, 0),
            here: 0,
            slice,
            rule,
            ents,
            queues,
            cpus: vec![cpu; cpus],
            seq: 0,
            habit: 0,
        }
    }

    /// A copy that shares the entities that neither changes afterwards.
    pub fn snapshot(&mut self) -> Self {
        let ents = self.ents.snapshot();
        Self { ents, queues: self.queues.clone(), cpus: self.cpus.clone(), ..*self }
    }

    /// The thread behind `id` on `cpu` with its priority brought up to date; [`NONE`] for idle and unknown threads.
    pub fn thread(&mut self, id: TaskId, prio: i16, cpu: CpuId, tasks: &TaskTable) -> u32 {
        let t = tasks.thread_on(id, cpu);
        if !self.is_thread(t) {
            return NONE;
        }
        let e = &mut self.ents[t.ix()];
        if !e.known {
            e.known = true;
            if tasks.get(id).is_some_and(|task| is_kernel_thread(&task.name)) {
                e.group = 0;
            }
        }
        if e.prio != prio {
            e.prio = prio;
            let w = weight(prio);
            if e.on_rq && e.queue != NONE {
                self.queues[e.queue as usize].reweigh(e, w);
            } else {
                e.weight = w;
            }
            if !e.on_rq {
                e.real_time = prio < 100;
            }
        }
        t.0
    }

    /// A thread that the replay was told of, and not idle.
    pub fn is_thread(&self, t: ThreadIx) -> bool {
        (self.cpus.len()..self.ents.len() - self.cpus.len() * GROUPS).contains(&t.ix())
    }

    /// Queue of a thread on `cpu`.
    pub fn home(&self, id: u32, cpu: usize) -> usize {
        match self.ents[id as usize].group {
            _ if self.flat => cpu,
            0 => cpu,
            g => self.cpus.len() + cpu * GROUPS + usize::from(g - 1).min(GROUPS - 1),
        }
    }

    pub fn enqueue(&mut self, id: u32, cpu: usize, how: How) {
        let e = &mut self.ents[id as usize];
        e.cpu = cpu as u16;
        if e.real_time {
            e.on_rq = true;
            e.queue = NONE;
            let list = &mut self.cpus[cpu].real_time;
            if !list.contains(&id) {
                list.push(id);
            }
            return;
        }
        let q = self.home(id, cpu);
        self.put(id, q, how);
        let owner = self.queues[q].owner;
        if owner != NONE {
            let (on_rq, delayed) = (self.ents[owner as usize].on_rq, self.ents[owner as usize].delayed);
            if !on_rq {
                self.put(owner, cpu, How::Wake);
            } else if delayed {
                self.wake_delayed(owner);
            }
        }
    }

    /// Places an entity and adds it to queue `q`.
    fn put(&mut self, id: u32, q: usize, how: How) {
        self.place(id, q, how);
        self.seq += 1;
        self.queues[q].add(id, q as u32, &mut self.ents, self.seq);
    }

    /// `requeue_delayed_entity`: a wake-up finds the entity still on the queue. With `DELAY_ZERO` positive lag is lost.
    pub fn wake_delayed(&mut self, id: u32) {
        let q = self.ents[id as usize].queue as usize;
        let lag = self.lag(id, q);
        if lag > 0 {
            self.queues[q].remove(id, &mut self.ents);
            self.ents[id as usize].lag = 0;
            self.put(id, q, How::Wake);
        }
        self.ents[id as usize].delayed = false;
    }

    /// Takes a thread or group off its queue. `sleep`: it blocks (and may be delayed), else it moves. `special`: it
    /// stops or dies, which is never delayed.
    pub fn dequeue(&mut self, id: u32, sleep: bool, special: bool) {
        let e = self.ents[id as usize];
        if !e.on_rq {
            return;
        }
        if e.queue == NONE {
            self.ents[id as usize].on_rq = false;
            self.cpus[usize::from(e.cpu)].real_time.retain(|&x| x != id);
            return;
        }
        let q = e.queue as usize;
        if e.delayed {
            let lag = self.lag(id, q);
            let e = &mut self.ents[id as usize];
            e.delayed = false;
            e.lag = lag.min(0); // DELAY_ZERO
            e.relative = (!sleep).then_some(e.deadline.wrapping_sub(e.v));
        } else {
            let cfs = self.cfs;
            if sleep && !special && self.delays(id, q) {
                self.ents[id as usize].delayed = true;
                return;
            }
            let lag = self.lag(id, q);
            let e = &mut self.ents[id as usize];
            e.lag = lag;
            if !sleep {
                e.relative = Some(if cfs { lag.wrapping_neg() } else { e.deadline.wrapping_sub(e.v) });
            }
        }
        self.queues[q].remove(id, &mut self.ents);
        if self.queues[q].curr == id {
            self.queues[q].curr = NONE;
        }
        if self.cfs {
            self.cfs_left(id, q);
        }
        let owner = self.queues[q].owner;
        if owner != NONE && self.queues[q].list.is_empty() && self.ents[owner as usize].on_rq {
            self.dequeue(owner, sleep, false);
        }
    }

    /// `update_curr` of `cpu` at `now`.
    pub fn charge(&mut self, cpu: usize, now: u64) {
        let c = &mut self.cpus[cpu];
        let delta = now.saturating_sub(c.last) as i64;
        c.last = now;
        if c.curr == NONE || delta == 0 || self.ents[c.curr as usize].real_time {
            return;
        }
        if self.cfs {
            return self.cfs_charge(cpu, now - delta as u64, now);
        }
        let mut id = c.curr;
        while id != NONE && self.ents[id as usize].on_rq && self.ents[id as usize].queue != NONE {
            let q = self.ents[id as usize].queue as usize;
            if self.run(id, q, delta) {
                self.cpus[cpu].resched = true;
            }
            id = self.queues[q].owner;
        }
    }

    /// The thread that executes an event is the one that runs there: catches what started before the recording.
    pub fn sync_actor(&mut self, e: &Event, tasks: &TaskTable) {
        let (t, c) = (e.actor, e.cpu.ix());
        if tasks.is_idle(t) || self.cpus[c].curr != NONE || !self.is_thread(t) {
            return;
        }
        if self.ents[t.ix()].doing == Doing::Running {
            return;
        }
        if !self.ents[t.ix()].known {
            self.ents[t.ix()].known = true;
            if is_kernel_thread(tasks.thread_name(t)) {
                self.ents[t.ix()].group = 0;
            }
        }
        self.set_running(t.0, c, e.time.0);
    }

    /// Makes a thread the running one of `cpu` wherever it was before.
    fn set_running(&mut self, id: u32, cpu: usize, now: u64) {
        let e = self.ents[id as usize];
        if e.on_rq && usize::from(e.cpu) != cpu {
            self.dequeue(id, false, true);
        }
        self.ents[id as usize].delayed = false;
        if !self.ents[id as usize].on_rq {
            self.enqueue(id, cpu, How::Wake);
        }
        let cfs = self.cfs;
        let e = &mut self.ents[id as usize];
        e.doing = Doing::Running;
        e.cpu = cpu as u16;
        e.pending = 0;
        if e.real_time {
            self.cpus[cpu].real_time.retain(|&x| x != id);
        } else {
            let (q, deadline) = (e.queue as usize, e.deadline);
            e.protect = if cfs { e.v } else { deadline };
            let queue = &mut self.queues[q];
            queue.curr = id;
            // `clear_buddies`
            if queue.last == id {
                queue.last = NONE;
            }
            if queue.yielded == id {
                queue.yielded = NONE;
            }
            let owner = queue.owner;
            if owner != NONE {
                let e = &mut self.ents[owner as usize];
                e.protect = if cfs { e.v } else { e.deadline };
                self.queues[cpu].curr = owner;
            }
        }
        let c = &mut self.cpus[cpu];
        (c.curr, c.last, c.since) = (id, now, now);
    }

    /// Attaches what the balancer pulled to `cpu`: `attach_tasks` takes the list from its tail.
    fn attach(&mut self, cpu: usize) {
        while let Some(id) = self.cpus[cpu].batch.pop() {
            if !self.ents[id as usize].on_rq && self.ents[id as usize].doing == Doing::Queued {
                self.enqueue(id, cpu, How::Move);
                if self.cfs {
                    self.wake_preempt(id, cpu);
                }
            }
        }
    }

    /// Any event other than a further migration of the same balancing shows that it is over.
    pub fn attach_before(&mut self, e: &Event) {
        for cpu in [e.cpu, e.to_cpu, e.from_cpu] {
            let ours = cpu == e.cpu && e.kind == EventKind::Migrate && e.to_cpu == cpu;
            if cpu.ix() < self.cpus.len() && !ours && !self.cpus[cpu.ix()].batch.is_empty() {
                self.attach(cpu.ix());
            }
        }
    }

    pub fn before_pick(&mut self, e: &Event, tasks: &TaskTable) {
        let (cpu, now) = (e.cpu.ix(), e.time.0);
        let prev = self.thread(e.task, e.prio, e.cpu, tasks);
        for other in 0..self.cpus.len() {
            if other != cpu && !self.cpus[other].batch.is_empty() {
                self.attach(other);
            }
        }
        if self.cpus[cpu].curr != prev {
            self.resync(prev, cpu, now);
        }
        self.charge(cpu, now);
        let runs = prev != NONE && e.state.is_runnable();
        if prev != NONE && !runs {
            // Stopped, traced, parked and dead sleeps are never delayed (`DEQUEUE_SPECIAL`).
            let special = e.state.0 & !(TaskState::SLEEP.0 | TaskState::DISK.0 | TaskState::IDLE.0) != 0;
            self.dequeue(prev, true, special);
            self.ents[prev as usize].doing = Doing::Asleep;
        } else if prev != NONE {
            self.attach(cpu);
            self.cpus[cpu].doubt = None;
            let c = &self.cpus[cpu];
            let unasked = !c.resched && !e.state.is_preempted() && now.saturating_sub(c.since) < YIELD_NS;
            if unasked {
                self.maybe_yield(prev, cpu);
            }
            self.ents[prev as usize].doing = Doing::Queued;
        }
        self.attach(cpu);
        let pick = self.pick(cpu, prev);
        let c = &mut self.cpus[cpu];
        (c.prev, c.prev_runs, c.pick, c.ranked) = (prev, runs, pick, false);
    }

    /// `prev` is not who the replay thought was running: events were lost.
    fn resync(&mut self, prev: u32, cpu: usize, now: u64) {
        let old = self.cpus[cpu].curr;
        if old != NONE {
            self.dequeue(old, true, true);
            self.ents[old as usize].doing = Doing::Asleep;
            let pending = self.ents[old as usize].pending;
            if pending != 0 {
                self.ents[old as usize].pending = 0;
                self.enqueue(old, pending as usize - 1, How::Wake);
                self.ents[old as usize].doing = Doing::Queued;
            }
        }
        self.cpus[cpu].curr = NONE;
        self.cpus[cpu].last = now;
        if prev != NONE {
            self.set_running(prev, cpu, now);
        }
    }

    pub fn after_pick(&mut self, e: &Event, tasks: &TaskTable, candidates: &[ThreadIx], next: ThreadIx) {
        let (cpu, now) = (e.cpu.ix(), e.time.0);
        let id = match self.thread(e.next, e.next_prio, e.cpu, tasks) {
            id if id == next.0 => id,
            _ => NONE,
        };
        let (prev, pick) = (self.cpus[cpu].prev, self.cpus[cpu].pick);
        self.settle(prev, id, cpu);
        // Whoever waits without the replay's knowledge (its wake-up was lost) waits from now on.
        for t in candidates {
            if self.is_thread(*t) && *t != next && self.ents[t.ix()].doing == Doing::Asleep {
                self.dequeue(t.0, true, true);
                self.enqueue(t.0, cpu, How::Wake);
                self.ents[t.ix()].doing = Doing::Queued;
            }
        }
        if self.rule != Correction::Nothing && id != NONE {
            // A `prev` that could have stayed and did not is a loser too.
            let stayed = if self.cpus[cpu].prev_runs { prev } else { NONE };
            if pick != id || stayed != NONE {
                self.correct(id, stayed, candidates);
            }
        }
        if prev != NONE {
            let q = self.ents[prev as usize].queue;
            if q != NONE {
                let q = q as usize;
                if self.queues[q].curr == prev {
                    self.queues[q].curr = NONE;
                }
                self.queues[cpu].curr = NONE;
            }
            self.seq += 1;
            if q != NONE {
                let stay = &mut self.queues[q as usize].stay;
                *stay += (if self.cpus[cpu].prev_runs { 1024 } else { 0 } - *stay) / 32;
            }
            self.ents[prev as usize].seq = self.seq; // put_prev_entity inserts it anew
            if self.cpus[cpu].prev_runs && self.ents[prev as usize].real_time {
                self.enqueue(prev, cpu, How::Wake);
            }
        }
        let c = &mut self.cpus[cpu];
        (c.curr, c.last, c.since, c.resched, c.woken) = (NONE, now, now, false, false);
        c.prev = NONE;
        if id != NONE {
            self.set_running(id, cpu, now);
        }
    }
}
