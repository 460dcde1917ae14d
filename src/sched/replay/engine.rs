//! The bookkeeping of the replay: which entity is on which queue, who runs, what a wake-up, a
//! migration and a switch do to that. The rules of the scheduling class (placement, pick, charge)
//! are in `eevdf` and `cfs`.

use super::correction::Correction;
use super::cpu::{Cpu, Open};
use super::entity::{Doing, Entity, Mask, NONE, Task, all, is_kernel_thread, lanes, weight, which};
use super::queue::{GROUPS, Queue};
use super::rules::{Order, Rules};
use crate::sched::state::Table;
use crate::trace::{CpuId, Event, EventKind, TaskId, TaskState, TaskTable, ThreadIx};

/// A task that leaves the CPU runnable and unasked after less than this has yielded.
const YIELD_NS: u64 = 2_000_000;

/// How an entity comes onto a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Wake,
    Fork,
    Move,
}

/// All queues and entities of the machine, in `N` lanes: one for each rule by which unexpected
/// picks are taken. A lane is what it would be alone.
#[derive(Clone, Debug)]
pub(super) struct Engine<const N: usize> {
    /// Those that are followed.
    pub rules: Rules,
    /// Length of a tick and the phase of the first one after the trace's start, ns.
    pub tick: (u64, u64),
    /// CPU of the event that is being taken: where a fork's parent runs.
    pub here: usize,
    pub slice: i64,
    /// How each lane takes unexpected picks.
    pub corrections: [Correction; N],
    /// Threads first, then group entities (CPU-major).
    pub ents: Table<Entity<N>>,
    /// Root queues first, then group queues (CPU-major).
    pub queues: Vec<Queue<N>>,
    pub cpus: Vec<Cpu<N>>,
    pub seq: u64,
    /// Share of certain yields among the switches in doubt of late, in 1/1024.
    pub habit: [i32; N],
}

impl<const N: usize> Engine<N> {
    /// All lanes.
    pub const ALL: Mask = all::<N>();

    pub fn new(
        rules: Rules,
        cpus: usize,
        threads: usize,
        slice: i64,
        corrections: [Correction; N],
    ) -> Self {
        let mut ents = Table::new(threads, Entity::new(slice));
        let mut queues = vec![Queue::new(NONE); cpus];
        for _ in 0..cpus * GROUPS {
            let mut group = Entity::new(slice);
            group.weight = (1024 / cpus as i64).max(2);
            group.owns = queues.len() as u32;
            group.task.known = true;
            queues.push(Queue::new(ents.len() as u32));
            ents.push(group);
        }
        Self {
            tick: (4_000_000, 0),
            here: 0,
            slice,
            rules,
            corrections,
            ents,
            queues,
            cpus: vec![Cpu::new(); cpus],
            seq: 0,
            habit: [0; N],
        }
    }

    /// A copy that shares the entities that neither changes afterwards.
    pub fn snapshot(&mut self) -> Self {
        let ents = self.ents.snapshot();
        Self { ents, queues: self.queues.clone(), cpus: self.cpus.clone(), ..*self }
    }

    pub fn task(&mut self, id: u32) -> &mut Task {
        &mut self.ents[id as usize].task
    }

    /// The thread behind `id` on `cpu` with its priority brought up to date; [`NONE`] for idle and
    /// unknown threads.
    pub fn thread(&mut self, id: TaskId, prio: i16, cpu: CpuId, tasks: &TaskTable) -> u32 {
        let t = tasks.thread_on(id, cpu);
        if !self.is_thread(t) {
            return NONE;
        }
        let e = &mut self.ents[t.ix()];
        if !e.task.known {
            e.task.known = true;
            if tasks.get(id).is_some_and(|task| is_kernel_thread(&task.name)) {
                e.task.group = 0;
            }
        }
        if e.task.prio != prio {
            self.reprioritise(t.0, prio);
        }
        t.0
    }

    fn reprioritise(&mut self, id: u32, prio: i16) {
        let real_time = prio < 100;
        let e = &self.ents[id as usize];
        // Who changes its class is not delayed any longer; who waits or runs changes it later.
        if e.on != 0 && e.on == e.delayed && real_time != e.task.real_time {
            self.dequeue(id, Self::ALL, true, true);
        }
        let e = &mut self.ents[id as usize];
        e.task.prio = prio;
        let w = weight(prio);
        if e.on != 0 && e.queue != NONE {
            self.queues[e.queue as usize].reweigh(e, w);
        } else {
            e.weight = w;
        }
        if e.on == 0 {
            e.task.real_time = real_time;
        }
    }

    /// A thread that the replay was told of, and not idle.
    pub fn is_thread(&self, t: ThreadIx) -> bool {
        (self.cpus.len()..self.ents.len() - self.cpus.len() * GROUPS).contains(&t.ix())
    }

    /// Queue of a thread on `cpu`.
    pub fn home(&self, id: u32, cpu: usize) -> usize {
        match self.ents[id as usize].task.group {
            _ if self.rules.flat => cpu,
            0 => cpu,
            g => self.cpus.len() + cpu * GROUPS + usize::from(g - 1).min(GROUPS - 1),
        }
    }

    /// Puts a thread on its queue on `cpu`, in the lanes of `set`.
    pub fn enqueue(&mut self, id: u32, cpu: usize, how: How, set: Mask) {
        let e = &mut self.ents[id as usize];
        e.task.cpu = cpu as u16;
        if e.task.real_time {
            e.on = Self::ALL;
            e.queue = NONE;
            let list = &mut self.cpus[cpu].real_time;
            if !list.contains(&id) {
                list.push(id);
            }
            return;
        }
        let q = self.home(id, cpu);
        self.put(id, q, how, set);
        let owner = self.queues[q].owner;
        if owner != NONE {
            let o = &self.ents[owner as usize];
            let (absent, delayed) = (set & !o.on, set & o.on & o.delayed);
            if absent != 0 {
                self.put(owner, cpu, How::Wake, absent);
            }
            if delayed != 0 {
                self.wake_delayed(owner, delayed);
            }
        }
    }

    /// Places an entity and adds it to queue `q`.
    fn put(&mut self, id: u32, q: usize, how: How, set: Mask) {
        self.place(id, q, how, set);
        self.seq += 1;
        self.queues[q].add(id, q as u32, &mut self.ents, self.seq, set);
    }

    /// `requeue_delayed_entity`: a wake-up finds the entity still on the queue. With `DELAY_ZERO`
    /// positive lag is lost.
    pub fn wake_delayed(&mut self, id: u32, set: Mask) {
        let q = self.ents[id as usize].queue as usize;
        let mut again = 0;
        for h in lanes(set) {
            if self.lag(id, q, h) > 0 {
                self.ents[id as usize].away.lag[h] = 0;
                again |= 1 << h;
            }
        }
        if again != 0 {
            self.queues[q].remove(id, &mut self.ents, again);
            self.put(id, q, How::Wake, again);
        }
        self.ents[id as usize].delayed &= !set;
    }

    /// Takes a thread or group off its queue, in those lanes of `set` in which it is there.
    /// `sleep`: it blocks (and may be delayed), else it moves. `special`: it stops or dies, which
    /// is never delayed.
    pub fn dequeue(&mut self, id: u32, set: Mask, sleep: bool, special: bool) {
        let e = &self.ents[id as usize];
        let mut set = set & e.on;
        if set == 0 {
            return;
        }
        if e.queue == NONE {
            let cpu = usize::from(e.task.cpu);
            self.ents[id as usize].on = 0;
            self.cpus[cpu].real_time.retain(|&x| x != id);
            return;
        }
        let (q, delayed) = (e.queue as usize, set & e.delayed);
        if sleep && !special {
            let stays = self.delays(id, q, set & !delayed);
            self.ents[id as usize].delayed |= stays;
            set &= !stays;
        }
        for h in lanes(set) {
            let lag = self.lag(id, q, h);
            let was_delayed = delayed >> h & 1 != 0;
            let order = self.rules.order;
            let e = &mut self.ents[id as usize];
            e.away.lag[h] = if was_delayed { lag.min(0) } else { lag }; // DELAY_ZERO
            if !sleep {
                e.away.relative[h] = match order {
                    Order::Times => lag.wrapping_neg(),
                    Order::Deadlines => e.deadline[h].wrapping_sub(e.v[h]),
                };
                e.away.moved |= 1 << h;
            } else if was_delayed {
                e.away.moved &= !(1 << h);
            }
        }
        self.ents[id as usize].delayed &= !set;
        self.queues[q].remove(id, &mut self.ents, set);
        if self.queues[q].curr == id {
            self.queues[q].curr_in &= !set;
        }
        if self.rules.order == Order::Times {
            self.cfs_left(id, q, set);
        }
        let queue = &self.queues[q];
        let owner = queue.owner;
        if owner != NONE {
            let hollow = set & which::<N>(|h| queue.load.count[h] == 0);
            self.dequeue(owner, hollow, sleep, false);
        }
    }

    /// `update_curr` of `cpu` at `now`.
    pub fn charge(&mut self, cpu: usize, now: u64, set: Mask) {
        let c = &mut self.cpus[cpu];
        let (mut delta, mut set) = ([0; N], set);
        for h in lanes(set) {
            delta[h] = now.saturating_sub(c.last[h]) as i64;
            c.last[h] = now;
            set &= !(Mask::from(delta[h] == 0) << h);
        }
        if c.curr == NONE || set == 0 || self.ents[c.curr as usize].task.real_time {
            return;
        }
        if self.rules.order == Order::Times {
            // Nearly always the same in all lanes.
            while set != 0 {
                let from = delta[set.trailing_zeros() as usize];
                let same = set & which::<N>(|h| delta[h] == from);
                self.cfs_charge(cpu, now - from as u64, now, same);
                set &= !same;
            }
            return;
        }
        let mut id = c.curr;
        while id != NONE && self.ents[id as usize].queue != NONE {
            set &= self.ents[id as usize].on;
            if set == 0 {
                return;
            }
            let q = self.ents[id as usize].queue as usize;
            self.cpus[cpu].resched |= self.run(id, q, &delta, set);
            id = self.queues[q].owner;
        }
    }

    /// The thread that executes an event is the one that runs there: catches what started before
    /// the recording.
    pub fn sync_actor(&mut self, e: &Event, tasks: &TaskTable) {
        let (t, c) = (e.actor, e.cpu.ix());
        if tasks.is_idle(t) || self.cpus[c].curr != NONE || !self.is_thread(t) {
            return;
        }
        if self.ents[t.ix()].task.doing == Doing::Running {
            return;
        }
        if !self.ents[t.ix()].task.known {
            self.ents[t.ix()].task.known = true;
            if is_kernel_thread(tasks.thread_name(t)) {
                self.ents[t.ix()].task.group = 0;
            }
        }
        self.set_running(t.0, c, e.time.0);
    }

    /// Makes a thread the running one of `cpu` wherever it was before.
    fn set_running(&mut self, id: u32, cpu: usize, now: u64) {
        let home = self.home(id, cpu) as u32;
        let e = &self.ents[id as usize];
        let elsewhere = usize::from(e.task.cpu) != cpu || (e.queue != NONE && e.queue != home);
        if elsewhere {
            self.dequeue(id, Self::ALL, false, true);
        }
        let e = &mut self.ents[id as usize];
        e.delayed = 0;
        let off = Self::ALL & !e.on;
        if off != 0 {
            self.enqueue(id, cpu, How::Wake, off);
        }
        let by_time = self.rules.order == Order::Times;
        let e = &mut self.ents[id as usize];
        e.task.doing = Doing::Running;
        e.task.cpu = cpu as u16;
        e.task.pending = 0;
        if e.task.real_time {
            self.cpus[cpu].real_time.retain(|&x| x != id);
        } else {
            e.protect = if by_time { e.v } else { e.deadline };
            let queue = &mut self.queues[e.queue as usize];
            (queue.curr, queue.curr_in) = (id, Self::ALL);
            if by_time {
                queue.forget(id, Self::ALL);
            }
            let owner = queue.owner;
            if owner != NONE {
                let e = &mut self.ents[owner as usize];
                e.protect = if by_time { e.v } else { e.deadline };
                (self.queues[cpu].curr, self.queues[cpu].curr_in) = (owner, Self::ALL);
            }
        }
        let c = &mut self.cpus[cpu];
        (c.curr, c.last, c.since) = (id, [now; N], now);
    }

    /// Attaches what the balancer pulled to `cpu`: `attach_tasks` takes the list from its tail.
    fn attach(&mut self, cpu: usize) {
        while let Some(id) = self.cpus[cpu].batch.pop() {
            let e = &self.ents[id as usize];
            if e.on == 0 && e.task.doing == Doing::Queued {
                self.enqueue(id, cpu, How::Move, Self::ALL);
                if self.rules.order == Order::Times {
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
        let runs = prev != NONE && e.state.is_runnable();
        self.charge_switch(cpu, now, runs);
        if prev != NONE && !runs {
            // Stopped, traced, parked and dead sleeps are never delayed (`DEQUEUE_SPECIAL`).
            let special =
                e.state.0 & !(TaskState::SLEEP.0 | TaskState::DISK.0 | TaskState::IDLE.0) != 0;
            self.dequeue(prev, Self::ALL, true, special);
            self.task(prev).doing = Doing::Asleep;
        } else if prev != NONE {
            self.attach(cpu);
            let c = &mut self.cpus[cpu];
            c.open.doubtful = 0;
            if !e.state.is_preempted() && now.saturating_sub(c.since) < YIELD_NS {
                let unasked = Self::ALL & !c.resched;
                self.maybe_yield(prev, cpu, unasked);
            }
            self.task(prev).doing = Doing::Queued;
        }
        self.attach(cpu);
        let pick = self.pick(cpu, prev);
        let c = &mut self.cpus[cpu];
        (c.open.prev, c.open.prev_runs, c.open.pick) = (prev, runs, pick);
        c.ranks.stale();
    }

    /// `prev` is not who the replay thought was running: events were lost.
    fn resync(&mut self, prev: u32, cpu: usize, now: u64) {
        let old = self.cpus[cpu].curr;
        if old != NONE {
            self.dequeue(old, Self::ALL, true, true);
            self.task(old).doing = Doing::Asleep;
            let pending = std::mem::take(&mut self.task(old).pending);
            if pending != 0 {
                self.enqueue(old, pending as usize - 1, How::Wake, Self::ALL);
                self.task(old).doing = Doing::Queued;
            }
        }
        self.cpus[cpu].curr = NONE;
        self.cpus[cpu].last = [now; N];
        if prev != NONE {
            self.set_running(prev, cpu, now);
        }
    }

    pub fn after_pick(
        &mut self,
        e: &Event,
        tasks: &TaskTable,
        candidates: &[ThreadIx],
        next: ThreadIx,
    ) {
        let (cpu, now) = (e.cpu.ix(), e.time.0);
        let id = match self.thread(e.next, e.next_prio, e.cpu, tasks) {
            id if id == next.0 => id,
            _ => NONE,
        };
        let Open { prev, prev_runs, pick, .. } = self.cpus[cpu].open;
        self.settle(prev, id, cpu);
        // Whoever waits without the replay's knowledge (its wake-up was lost) waits from now on.
        for t in candidates {
            if self.is_thread(*t) && *t != next && self.ents[t.ix()].task.doing == Doing::Asleep {
                self.dequeue(t.0, Self::ALL, true, true);
                self.enqueue(t.0, cpu, How::Wake, Self::ALL);
                self.ents[t.ix()].task.doing = Doing::Queued;
            }
        }
        if id != NONE {
            // A `prev` that could have stayed and did not is a loser too.
            let stayed = if prev_runs { prev } else { NONE };
            let wrong = which::<N>(|h| pick[h] != id || stayed != NONE);
            self.correct_groups(id, stayed, wrong);
            self.correct(id, stayed, candidates, wrong);
        }
        if prev != NONE {
            self.put_back(prev, prev_runs, cpu);
        }
        let c = &mut self.cpus[cpu];
        let clock = c.open.clock;
        (c.curr, c.last, c.since, c.resched, c.woken) = (NONE, clock, now, 0, false);
        c.open.prev = NONE;
        if id != NONE {
            self.set_running(id, cpu, now);
            self.cpus[cpu].last = clock;
        }
    }

    /// `put_prev_entity`: who ran is inserted anew.
    fn put_back(&mut self, prev: u32, runs: bool, cpu: usize) {
        let q = self.ents[prev as usize].queue;
        if q != NONE {
            let queue = &mut self.queues[q as usize];
            if queue.curr == prev {
                queue.curr_in = 0;
            }
            queue.stay += (if runs { 1024 } else { 0 } - queue.stay) / 32;
            self.queues[cpu].curr_in = 0;
        }
        self.seq += 1;
        self.ents[prev as usize].seq = [self.seq; N];
        if runs && self.ents[prev as usize].task.real_time {
            self.enqueue(prev, cpu, How::Wake, Self::ALL);
        }
    }
}
