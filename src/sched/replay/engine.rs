//! The bookkeeping of the replay: which entity is on which queue, who runs, what a wake-up, a migration and a switch
//! do to that. The rules of the scheduling class (placement, pick, charge) are in `eevdf` and `cfs`.

use super::View;
use super::entity::{Doing, Entity, NONE, is_kernel_thread, weight};
use super::queue::Queue;
use crate::trace::{CpuId, Event, EventKind, SchedClass, TaskId, TaskState, TaskTable, ThreadIx};

/// Groups per CPU beside the root: 1 holds threads that were there before, 2 those forked during the recording.
const GROUPS: usize = 2;
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
    /// The replay's pick for the open decision.
    pub pick: u32,
    /// Deadlines (relative to their queue's average) of eligible waiting threads, ascending; filled by need.
    pub ranks: Vec<i64>,
    pub min_deadline: i64,
    pub ranked: bool,
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
    pub class: SchedClass,
    pub slice: i64,
    pub corrected: bool,
    /// Threads first, then group entities (CPU-major).
    pub ents: Vec<Entity>,
    /// Root queues first, then group queues (CPU-major).
    pub queues: Vec<Queue>,
    pub cpus: Vec<Cpu>,
    pub seq: u64,
}

impl Engine {
    pub fn new(class: SchedClass, cpus: usize, threads: usize, slice: i64, corrected: bool) -> Self {
        let mut ents = vec![Entity::new(slice); threads];
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
        Self { class, slice, corrected, ents, queues, cpus: vec![cpu; cpus], seq: 0 }
    }

    /// The thread behind `id` on `cpu` with its priority brought up to date; [`NONE`] for idle and unknown threads.
    fn thread(&mut self, id: TaskId, prio: i16, cpu: CpuId, tasks: &TaskTable) -> u32 {
        let t = tasks.thread_on(id, cpu);
        if t.ix() < self.cpus.len() || t.ix() >= self.ents.len() - self.cpus.len() * GROUPS {
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

    /// Queue of a thread on `cpu`.
    fn home(&self, id: u32, cpu: usize) -> usize {
        match self.ents[id as usize].group {
            0 => cpu,
            g => self.cpus.len() + cpu * GROUPS + usize::from(g - 1).min(GROUPS - 1),
        }
    }

    pub fn root(&self, q: usize) -> usize {
        if q < self.cpus.len() { q } else { (q - self.cpus.len()) / GROUPS }
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
    fn wake_delayed(&mut self, id: u32) {
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
            e.relative = (!sleep).then_some(e.deadline - e.v);
        } else {
            if sleep && !special && self.delays(id, q) {
                self.ents[id as usize].delayed = true;
                return;
            }
            let lag = self.lag(id, q);
            let e = &mut self.ents[id as usize];
            e.lag = lag;
            if !sleep {
                e.relative = Some(e.deadline - e.v);
            }
        }
        self.queues[q].remove(id, &mut self.ents);
        if self.queues[q].curr == id {
            self.queues[q].curr = NONE;
        }
        let owner = self.queues[q].owner;
        if owner != NONE && self.queues[q].list.is_empty() && self.ents[owner as usize].on_rq {
            self.dequeue(owner, sleep, false);
        }
    }

    /// `update_curr` of `cpu` at `now`.
    fn charge(&mut self, cpu: usize, now: u64) {
        let c = &mut self.cpus[cpu];
        let delta = now.saturating_sub(c.last) as i64;
        c.last = now;
        if c.curr == NONE || delta == 0 || self.ents[c.curr as usize].real_time {
            return;
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
        if t == ThreadIx::NONE || tasks.is_idle(t) || self.cpus[c].curr != NONE || t.ix() >= self.ents.len() {
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
        let e = &mut self.ents[id as usize];
        e.doing = Doing::Running;
        e.cpu = cpu as u16;
        e.pending = 0;
        if e.real_time {
            self.cpus[cpu].real_time.retain(|&x| x != id);
        } else {
            let (q, deadline) = (e.queue as usize, e.deadline);
            e.protect = deadline;
            self.queues[q].curr = id;
            let owner = self.queues[q].owner;
            if owner != NONE {
                self.ents[owner as usize].protect = self.ents[owner as usize].deadline;
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
            }
        }
    }

    /// Any event other than a further migration of the same balancing shows that it is over.
    fn attach_before(&mut self, e: &Event) {
        for cpu in [e.cpu, e.to_cpu, e.from_cpu] {
            let ours = cpu == e.cpu && e.kind == EventKind::Migrate && e.to_cpu == cpu;
            if cpu.ix() < self.cpus.len() && !ours && !self.cpus[cpu.ix()].batch.is_empty() {
                self.attach(cpu.ix());
            }
        }
    }

    pub fn wakeup(&mut self, e: &Event, tasks: &TaskTable) {
        let cpu = e.to_cpu.ix();
        if cpu >= self.cpus.len() {
            return;
        }
        self.attach_before(e);
        let id = self.thread(e.task, e.prio, e.to_cpu, tasks);
        if id == NONE {
            return;
        }
        self.cpus[cpu].woken = true;
        let fork = e.kind == EventKind::WakeupNew;
        if fork && self.ents[id as usize].group != 0 {
            self.ents[id as usize].group = 2;
        }
        match self.ents[id as usize].doing {
            Doing::Running => {
                self.ents[id as usize].pending = cpu as u32 + 1;
                return;
            }
            Doing::Queued if usize::from(self.ents[id as usize].cpu) == cpu => return,
            _ => {}
        }
        self.charge(cpu, e.time.0);
        let here = self.home(id, cpu) as u32;
        let en = self.ents[id as usize];
        if en.on_rq && en.delayed && en.queue == here {
            self.wake_delayed(id);
            self.ents[id as usize].cpu = cpu as u16;
        } else {
            if en.on_rq {
                self.charge(usize::from(en.cpu), e.time.0);
                self.dequeue(id, en.delayed, true);
                self.ents[id as usize].relative = None;
            }
            self.enqueue(id, cpu, if fork { How::Fork } else { How::Wake });
        }
        let en = &mut self.ents[id as usize];
        en.doing = Doing::Queued;
        en.pending = 0;
        self.wake_preempt(id, cpu);
    }

    pub fn migrate(&mut self, e: &Event, tasks: &TaskTable) {
        let cpu = e.to_cpu.ix();
        if cpu >= self.cpus.len() {
            return;
        }
        self.attach_before(e);
        let id = self.thread(e.task, e.prio, e.to_cpu, tasks);
        if id == NONE {
            return;
        }
        let en = self.ents[id as usize];
        let from = usize::from(en.cpu);
        match en.doing {
            Doing::Queued => {
                self.charge(from, e.time.0);
                self.charge(cpu, e.time.0);
                self.dequeue(id, false, true);
                self.ents[id as usize].cpu = cpu as u16;
                if cpu == e.cpu.ix() {
                    self.cpus[cpu].batch.push(id);
                } else {
                    self.enqueue(id, cpu, How::Move);
                }
            }
            Doing::Asleep if en.on_rq => {
                self.charge(from, e.time.0);
                self.dequeue(id, false, true);
            }
            _ => {}
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
            // Stopped, traced, parked, dead and idle-kthread sleeps are never delayed (`DEQUEUE_SPECIAL`).
            let special = e.state.0 & !(TaskState::SLEEP.0 | TaskState::DISK.0) != 0;
            self.dequeue(prev, true, special);
            self.ents[prev as usize].doing = Doing::Asleep;
        } else if prev != NONE {
            self.attach(cpu);
            let c = &self.cpus[cpu];
            let unasked = !c.resched && !c.woken && !e.state.is_preempted() && now.saturating_sub(c.since) < YIELD_NS;
            if unasked {
                self.maybe_yield(prev);
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
        if self.corrected && id != NONE && pick != id {
            self.correct(id, candidates);
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

    pub fn resched(&self, cpu: CpuId) -> bool {
        self.cpus.get(cpu.ix()).is_some_and(|c| c.resched)
    }

    pub fn view(&mut self, cpu: CpuId, thread: ThreadIx) -> View {
        let Some(e) = self.ents.get(thread.ix()).copied() else { return View::default() };
        let Some(c) = self.cpus.get(cpu.ix()) else { return View::default() };
        let picked = c.pick == thread.0;
        if e.real_time || thread.ix() < self.cpus.len() {
            return View { eligible: true, picked, ..View::default() };
        }
        if !c.ranked {
            self.rank(cpu.ix());
        }
        let q = match e.queue {
            NONE => self.home(thread.0, cpu.ix()),
            q => q as usize,
        };
        let average = self.queues[q].average();
        let lag_ns = average - e.v;
        let c = &self.cpus[cpu.ix()];
        let (eligible, key) = (lag_ns >= 0, e.deadline - average);
        let rank = if eligible { c.ranks.partition_point(|&d| d < key).min(254) as u8 } else { 255 };
        View { lag_ns, deadline_gap_ns: key - c.min_deadline, eligible, picked, rank }
    }

    /// Collects the deadlines of everyone waiting on `cpu`.
    fn rank(&mut self, cpu: usize) {
        let mut ranks = std::mem::take(&mut self.cpus[cpu].ranks);
        ranks.clear();
        let mut min = i64::MAX;
        let first = self.cpus.len() + cpu * GROUPS;
        for q in std::iter::once(cpu).chain(first..first + GROUPS) {
            let average = self.queues[q].average();
            for &id in &self.queues[q].list {
                let e = &self.ents[id as usize];
                if e.owns == NONE && e.doing == Doing::Queued && id != self.cpus[cpu].prev {
                    min = min.min(e.deadline - average);
                    if e.v <= average {
                        ranks.push(e.deadline - average);
                    }
                }
            }
        }
        ranks.sort_unstable();
        let c = &mut self.cpus[cpu];
        (c.ranks, c.ranked) = (ranks, true);
        c.min_deadline = if min == i64::MAX { 0 } else { min };
    }
}
