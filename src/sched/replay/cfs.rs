//! The rules of CFS (kernels before 6.6, `kernel/sched/fair.c` of 5.15 and 6.1): the smallest virtual time runs next,
//! sleepers get a bonus, wake-ups preempt by granularity. Nothing here knows events.

use super::correction::Blame;
use super::engine::{Engine, How};
use super::entity::{Doing, Entity, NICE_0, NONE, virtual_time};
use crate::trace::{Machine, ThreadIx};

/// `sysctl_sched_latency` for one CPU; all three grow with `1 + log2(cpus)`.
const LATENCY_NS: i64 = 6_000_000;
/// `sysctl_sched_min_granularity` for one CPU.
const MIN_GRANULARITY_NS: i64 = 750_000;
/// `sysctl_sched_wakeup_granularity` for one CPU.
const WAKEUP_GRANULARITY_NS: i64 = 1_000_000;
/// `sched_nr_latency`: from this many on, the period grows and the last buddy counts.
const NR_LATENCY: usize = 8;

impl Engine {
    fn scaled(&self, ns: i64) -> i64 {
        ns * (1 + i64::from(self.cpus.len().clamp(1, 8).ilog2()))
    }

    /// `sched_slice`: the entity's share of the period, real ns.
    fn share(&self, id: u32, q: usize) -> i64 {
        let queue = &self.queues[q];
        let on_rq = self.ents[id as usize].on_rq;
        let n = queue.list.len() + usize::from(!on_rq);
        let least = self.scaled(MIN_GRANULARITY_NS);
        let period = if n > NR_LATENCY { n as i64 * least } else { self.scaled(LATENCY_NS) };
        let w = self.ents[id as usize].weight;
        let load = queue.load + if on_rq { 0 } else { w };
        (period * w / load.max(1)).max(least)
    }

    /// Takes in what is known of the machine. `start_ns`: the clock's value at the start of the trace, since ticks come at
    /// multiples of their distance.
    pub(super) fn learn(&mut self, machine: &Machine, start_ns: u64) {
        if !self.cfs {
            return;
        }
        self.flat = !machine.autogroup.value;
        let tick = 1_000_000_000 / u64::from(machine.hz.value.clamp(10, 10_000));
        self.tick = (tick, start_ns % tick);
    }

    /// `place_entity`: a waking task at most half a latency before the queue's floor (`GENTLE_FAIR_SLEEPERS`), a new
    /// one a slice behind it (`START_DEBIT`), a migrated one as far from the floor as it was.
    pub(super) fn cfs_place(&mut self, id: u32, q: usize, how: How) {
        let floor = self.queues[q].min_v;
        let e = self.ents[id as usize];
        let v = match (how, e.relative) {
            (How::Move, Some(relative)) => floor.wrapping_add(relative),
            (How::Fork, _) => {
                // `task_fork_fair` places it beside its parent; `activate_task` carries the distance over to its queue.
                let home = if self.here < self.cpus.len() { self.home(id, self.here) } else { q };
                let debit = virtual_time(self.share(id, home), e.weight);
                let (curr, begin) = (self.queues[home].curr, self.queues[home].min_v);
                let parent = if curr == NONE { 0 } else { self.ents[curr as usize].v.wrapping_sub(begin) };
                floor.wrapping_add(parent.max(debit))
            }
            // Never seen before: it slept long.
            _ if e.queue == NONE => floor.wrapping_sub(self.scaled(LATENCY_NS) / 2),
            _ => {
                // A sleeper that wakes elsewhere keeps its distance to the floor (`migrate_task_rq_fair`).
                let old = e.queue as usize;
                let moved = if old == q { 0 } else { floor.wrapping_sub(self.queues[old].min_v) };
                e.v.wrapping_add(moved).max(floor.wrapping_sub(self.scaled(LATENCY_NS) / 2))
            }
        };
        let e = &mut self.ents[id as usize];
        e.v = v;
        e.relative = None;
    }

    /// `dequeue_entity` after the entity is off: it is no buddy any more, and the floor need not wait for it.
    pub(super) fn cfs_left(&mut self, id: u32, q: usize) {
        self.cfs_forget(id, q);
        self.cfs_floor(q);
    }

    /// `update_curr` from `from` to `now`, and the tick between them (ticks are at multiples of their length).
    pub(super) fn cfs_charge(&mut self, cpu: usize, from: u64, now: u64) {
        let (tick, phase) = self.tick;
        let at = (now.saturating_add(phase) / tick * tick).saturating_sub(phase);
        if at <= from {
            return self.cfs_update(cpu, now - from);
        }
        self.cfs_update(cpu, at - from);
        if self.cfs_tick(cpu) {
            self.cpus[cpu].resched = true;
        }
        self.cfs_update(cpu, now - at);
    }

    fn cfs_update(&mut self, cpu: usize, delta: u64) {
        let mut id = self.cpus[cpu].curr;
        while id != NONE && self.ents[id as usize].on_rq && self.ents[id as usize].queue != NONE {
            let q = self.ents[id as usize].queue as usize;
            let e = &mut self.ents[id as usize];
            let v = e.v.wrapping_add(virtual_time(delta as i64, e.weight));
            self.queues[q].shift(e, v);
            self.cfs_floor(q);
            id = self.queues[q].owner;
        }
    }

    /// `check_preempt_tick` of every level; true when a reschedule follows.
    fn cfs_tick(&mut self, cpu: usize) -> bool {
        let mut id = self.cpus[cpu].curr;
        let mut resched = false;
        while id != NONE && self.ents[id as usize].on_rq && self.ents[id as usize].queue != NONE {
            let e = self.ents[id as usize];
            let q = e.queue as usize;
            let share = self.share(id, q);
            // `protect` holds the virtual time at which the stint began.
            let ran = e.v.wrapping_sub(e.protect).wrapping_mul(e.weight) / NICE_0;
            let left = self.leftmost(q, id);
            if left != NONE && ran > share {
                resched = true;
                self.cfs_forget(id, q);
            } else if left != NONE && ran >= self.scaled(MIN_GRANULARITY_NS) {
                resched |= e.v.wrapping_sub(self.ents[left as usize].v) > share;
            }
            id = self.queues[q].owner;
        }
        resched
    }

    /// `clear_buddies`.
    fn cfs_forget(&mut self, id: u32, q: usize) {
        let queue = &mut self.queues[q];
        for buddy in [&mut queue.last, &mut queue.yielded] {
            if *buddy == id {
                *buddy = NONE;
            }
        }
    }

    /// `update_min_vruntime`: the floor never falls.
    pub(super) fn cfs_floor(&mut self, q: usize) {
        if self.queues[q].crowded() {
            return;
        }
        let min = self.queues[q].list.iter().map(|&x| self.ents[x as usize].v).min();
        let queue = &mut self.queues[q];
        queue.min_v = queue.min_v.max(min.unwrap_or(queue.min_v));
    }

    /// The leftmost but `skip`; of equals the one inserted first, and never the running one.
    fn leftmost(&self, q: usize, skip: u32) -> u32 {
        let queue = &self.queues[q];
        if queue.crowded() {
            return NONE;
        }
        let waiting = queue.list.iter().copied().filter(|&x| x != skip);
        let key = |&x: &u32| (self.ents[x as usize].v, x == queue.curr, self.ents[x as usize].seq);
        waiting.min_by_key(key).unwrap_or(NONE)
    }

    /// `wakeup_preempt_entity(a, b) < 1`: `a` is not too far behind `b`.
    fn close(&self, a: u32, b: u32) -> bool {
        let gran = virtual_time(self.scaled(WAKEUP_GRANULARITY_NS), self.ents[b as usize].weight);
        self.ents[a as usize].v.wrapping_sub(self.ents[b as usize].v) <= gran
    }

    /// `pick_next_entity`: the leftmost, unless it has yielded or the last buddy is close enough.
    pub(super) fn cfs_best(&self, q: usize, skip: u32) -> u32 {
        let queue = &self.queues[q];
        let left = self.leftmost(q, skip);
        if left == NONE {
            return NONE;
        }
        let mut best = left;
        if queue.yielded == left {
            let key = |&x: &u32| (self.ents[x as usize].v, x == queue.curr, self.ents[x as usize].seq);
            let second = queue.list.iter().copied().filter(|&x| x != skip && x != left).min_by_key(key);
            best = second.filter(|&s| self.close(s, left)).unwrap_or(left);
        }
        let last = queue.last;
        if last != NONE && last != skip && self.ents[last as usize].on_rq && self.close(last, left) {
            best = last;
        }
        best
    }

    /// `check_preempt_wakeup`: true when `woken` is far enough before `curr`; then `curr` becomes the last buddy.
    pub(super) fn cfs_preempts(&mut self, woken: u32, curr: u32, cpu: usize) -> bool {
        if self.cpus[cpu].resched {
            return false;
        }
        // Both on one level: that of the thread, or of the groups.
        let (mut w, mut c) = (woken, curr);
        if self.ents[w as usize].queue != self.ents[c as usize].queue {
            let root = |e: &Self, id: u32| match e.ents[id as usize].queue {
                NONE => NONE,
                q => match e.queues[q as usize].owner {
                    NONE => id,
                    owner => owner,
                },
            };
            (w, c) = (root(self, woken), root(self, curr));
            if w == NONE || c == NONE || w == c {
                return false;
            }
        }
        if self.close(c, w) {
            return false;
        }
        let q = self.ents[curr as usize].queue;
        if q != NONE && self.queues[q as usize].list.len() >= NR_LATENCY {
            self.queues[q as usize].last = curr;
        }
        true
    }

    /// After an observed pick: losers with a smaller virtual time than the winner's are raised to it. When they are
    /// many it is the winner's that is wrong: it is lowered to theirs.
    pub(super) fn cfs_correct(&mut self, blame: Blame, winner: u32, prev: u32, candidates: &[ThreadIx]) {
        let w = self.ents[winner as usize];
        if w.queue == NONE || !w.on_rq || w.doing != Doing::Queued {
            return;
        }
        let queue = &self.queues[w.queue as usize];
        // Who was rightly passed over is no loser: the one that yielded, and all that wait when a buddy came in.
        let (right, yielded) = (self.cpus[usize::from(w.cpu)].pick == winner, queue.yielded);
        let with = |e: &Entity| e.on_rq && e.queue == w.queue;
        let before = |e: &Entity| with(e) && e.v < w.v;
        let (mut below, mut of, mut least) = (0, 0, w.v);
        for t in candidates.iter().copied().chain(std::iter::once(ThreadIx(prev))) {
            if let Some(e) = self.ents.get(t.ix()).filter(|e| ![yielded, winner].contains(&t.0) && with(e)) {
                of += 1;
                below += usize::from(before(e));
                least = least.min(e.v);
            }
        }
        if !right && below > 0 && blame.winner(below, of) {
            let e = &mut self.ents[winner as usize];
            return self.queues[w.queue as usize].shift(e, least);
        }
        for t in candidates.iter().copied().chain(std::iter::once(ThreadIx(prev))) {
            let Some(e) = self.ents.get_mut(t.ix()) else { continue };
            if t.0 != winner && t.0 != yielded && before(e) && (!right || t.0 == prev) {
                self.queues[w.queue as usize].shift(e, w.v);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::replay::Correction;
    use crate::trace::SchedClass;

    /// One CPU with `n` threads (1..=n) of the same group queued at the floor.
    fn engine(n: u32) -> (Engine, usize) {
        let mut engine = Engine::new(SchedClass::Cfs, 1, n as usize + 2, 0, Correction::all(SchedClass::Cfs)[0]);
        for id in 1..=n {
            engine.enqueue(id, 0, How::Wake);
            engine.ents[id as usize].doing = Doing::Queued;
        }
        let q = engine.home(1, 0);
        for id in 1..=n as usize {
            engine.queues[q].shift(&mut engine.ents[id], 0);
        }
        (engine, q)
    }

    /// Charges a thread that is the running one for as long.
    fn ran(engine: &mut Engine, id: u32, q: usize, ns: u64) {
        engine.cpus[0].curr = id;
        engine.queues[q].curr = id;
        let group = engine.queues[q].owner;
        engine.queues[0].curr = group;
        engine.cfs_update(0, ns);
        (engine.cpus[0].curr, engine.queues[q].curr) = (NONE, NONE);
    }

    #[test]
    fn sleepers_get_half_a_latency_and_forks_start_a_slice_behind() {
        let (mut engine, q) = engine(2);
        engine.dequeue(2, true, false);
        ran(&mut engine, 1, q, 50_000_000);
        assert_eq!(engine.queues[q].min_v, 50_000_000);
        engine.enqueue(2, 0, How::Wake);
        assert_eq!(engine.ents[2].v, 50_000_000 - LATENCY_NS / 2);
        engine.enqueue(3, 0, How::Fork);
        assert_eq!(engine.ents[3].v, 50_000_000 + LATENCY_NS / 3);
    }

    #[test]
    fn the_leftmost_runs_and_a_wakeup_preempts_by_granularity() {
        let (mut engine, q) = engine(3);
        ran(&mut engine, 1, q, 900_000);
        ran(&mut engine, 2, q, 10);
        assert_eq!(engine.best(q, NONE), 3);
        assert!(!engine.cfs_preempts(3, 1, 0));
        ran(&mut engine, 1, q, 200_000);
        assert!(engine.cfs_preempts(3, 1, 0));
        assert_eq!(engine.queues[q].last, NONE, "too few tasks for a last buddy");
    }

    #[test]
    fn losers_are_raised_to_the_winner() {
        let (mut engine, q) = engine(3);
        ran(&mut engine, 2, q, 5_000);
        engine.correct(2, NONE, &[1, 2, 3].map(ThreadIx));
        assert_eq!([1, 2, 3].map(|id: usize| engine.ents[id].v), [5_000; 3]);
    }

    #[test]
    fn a_winner_behind_many_losers_is_lowered_to_them() {
        let (mut engine, q) = engine(5);
        ran(&mut engine, 2, q, 5_000);
        engine.correct(2, NONE, &[1, 2, 3, 4, 5].map(ThreadIx));
        assert_eq!([1, 2, 3, 4, 5].map(|id: usize| engine.ents[id].v), [0; 5]);
    }

    #[test]
    fn who_yielded_is_passed_over_until_it_runs_or_leaves() {
        let (mut engine, q) = engine(3);
        ran(&mut engine, 2, q, 10);
        ran(&mut engine, 3, q, 20);
        engine.queues[q].yielded = 1;
        assert_eq!(engine.best(q, NONE), 2);
        engine.correct(2, NONE, &[1, 2, 3].map(ThreadIx));
        assert_eq!(engine.ents[1].v, 0, "no loser");
        ran(&mut engine, 2, q, 1_200_000);
        ran(&mut engine, 3, q, 1_200_000);
        assert_eq!(engine.best(q, NONE), 1, "the others are too far behind");
        engine.dequeue(1, true, false);
        assert_eq!(engine.queues[q].yielded, NONE);
        assert_eq!(engine.queues[q].min_v, 1_200_010, "the floor does not wait for who left");
    }

    #[test]
    fn without_autogroup_everyone_is_in_one_queue_and_ticks_come_at_their_multiples() {
        let (mut engine, _) = engine(2);
        let meta = crate::trace::TraceMeta { autogroup: Some(false), hz: 250, ..crate::trace::TraceMeta::default() };
        engine.learn(&Machine::of(&meta, 1), 9_000_000);
        assert_eq!((engine.home(1, 0), engine.tick), (0, (4_000_000, 1_000_000)));
        engine.ents[2].group = 0;
        for id in [1, 2] {
            engine.dequeue(id, true, false);
            engine.enqueue(id, 0, How::Wake);
        }
        engine.cpus[0].curr = 1;
        engine.queues[0].curr = 1;
        engine.ents[1].protect = engine.ents[1].v;
        // Ticks at 3, 7 and 11 ms: its share of 3 ms is over at the second.
        engine.cfs_charge(0, 1_000_000, 6_900_000);
        assert!(!engine.cpus[0].resched);
        engine.cfs_charge(0, 6_900_000, 7_100_000);
        assert!(engine.cpus[0].resched);
    }

    #[test]
    fn a_tick_preempts_who_ran_its_share_or_is_a_share_ahead() {
        // Of three the share is 2 ms; `protect` is where the stint began.
        let (mut engine, q) = engine(3);
        ran(&mut engine, 1, q, 1_900_000);
        engine.cpus[0].curr = 1;
        assert!(!engine.cfs_tick(0), "its share is not over");
        engine.cpus[0].curr = NONE;
        ran(&mut engine, 1, q, 200_000);
        engine.cpus[0].curr = 1;
        assert!(engine.cfs_tick(0), "its share is over");
        // A new stint of 0.8 ms, but 2.9 ms ahead of the leftmost.
        engine.cpus[0].curr = NONE;
        engine.ents[1].protect = engine.ents[1].v;
        ran(&mut engine, 1, q, 700_000);
        engine.cpus[0].curr = 1;
        assert!(!engine.cfs_tick(0), "less than the least granularity");
        engine.cpus[0].curr = NONE;
        ran(&mut engine, 1, q, 100_000);
        engine.cpus[0].curr = 1;
        assert!(engine.cfs_tick(0), "ahead by more than a share");
    }

    #[test]
    fn who_wakes_on_another_cpu_keeps_its_distance_to_the_floor() {
        let mut engine = Engine::new(SchedClass::Cfs, 2, 6, 0, Correction::all(SchedClass::Cfs)[0]);
        for (id, cpu) in [(2, 0), (3, 0), (4, 1)] {
            engine.enqueue(id, cpu, How::Wake);
            engine.ents[id as usize].doing = Doing::Queued;
        }
        let queues = [engine.home(2, 0), engine.home(4, 1)];
        for (id, q, v) in [(2, 0, 10_000_000), (3, 0, 11_000_000), (4, 1, 90_000_000)] {
            engine.queues[queues[q]].shift(&mut engine.ents[id], v);
        }
        for q in queues {
            engine.cfs_floor(q);
        }
        engine.dequeue(3, true, false);
        engine.enqueue(3, 1, How::Wake);
        assert_eq!(engine.ents[3].v, 91_000_000);
    }
}
