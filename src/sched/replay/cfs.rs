//! The rules of CFS (kernels before 6.6, `kernel/sched/fair.c` of 5.15 and 6.1): the smallest virtual time runs next,
//! sleepers get a bonus, wake-ups preempt by granularity. Nothing here knows events.

use super::engine::{Engine, How};
use super::entity::{Doing, NONE, virtual_time};
use crate::trace::ThreadIx;

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

    /// `place_entity`: a waking task at most half a latency before the queue's floor (`GENTLE_FAIR_SLEEPERS`), a new
    /// one a slice behind it (`START_DEBIT`), a migrated one as far from the floor as it was.
    pub(super) fn cfs_place(&mut self, id: u32, q: usize, how: How) {
        let floor = self.queues[q].min_v;
        let e = self.ents[id as usize];
        let v = match (how, e.relative) {
            (How::Move, Some(relative)) => floor + relative,
            (How::Fork, _) => {
                let debit = virtual_time(self.share(id, q), e.weight);
                let curr = self.queues[q].curr;
                let parent = if curr == NONE { floor } else { self.ents[curr as usize].v };
                parent.max(floor + debit)
            }
            _ if e.queue == NONE => floor,
            _ => {
                // A sleeper that wakes elsewhere keeps its distance to the floor (`migrate_task_rq_fair`).
                let moved = if e.queue as usize == q { 0 } else { floor - self.queues[e.queue as usize].min_v };
                (e.v + moved).max(floor - self.scaled(LATENCY_NS) / 2)
            }
        };
        let e = &mut self.ents[id as usize];
        e.v = v;
        e.relative = None;
    }

    /// `update_curr` and `check_preempt_tick` of one level; true when a reschedule follows.
    pub(super) fn cfs_run(&mut self, id: u32, q: usize, delta: i64) -> bool {
        let share = self.share(id, q);
        let e = &mut self.ents[id as usize];
        let v = e.v + virtual_time(delta, e.weight);
        self.queues[q].shift(e, v);
        // `protect` holds the virtual time at which the stint began.
        let ran = v - e.protect;
        let wall = virtual_time(share, e.weight);
        let left = self.leftmost(q, id);
        self.cfs_floor(q);
        left != NONE && (ran > wall || v - self.ents[left as usize].v > share)
    }

    /// `update_min_vruntime`: the floor never falls.
    pub(super) fn cfs_floor(&mut self, q: usize) {
        let min = self.queues[q].list.iter().map(|&x| self.ents[x as usize].v).min();
        let queue = &mut self.queues[q];
        queue.min_v = queue.min_v.max(min.unwrap_or(queue.min_v));
    }

    fn leftmost(&self, q: usize, skip: u32) -> u32 {
        let waiting = self.queues[q].list.iter().copied().filter(|&x| x != skip);
        waiting.min_by_key(|&x| (self.ents[x as usize].v, self.ents[x as usize].seq)).unwrap_or(NONE)
    }

    /// `wakeup_preempt_entity(second, left) < 1`: `a` is not too far behind `b`.
    fn close(&self, a: u32, b: u32) -> bool {
        let gran = virtual_time(self.scaled(WAKEUP_GRANULARITY_NS), self.ents[b as usize].weight);
        self.ents[a as usize].v - self.ents[b as usize].v <= gran
    }

    /// `pick_next_entity`: the leftmost, unless it has just yielded or the last buddy is close enough.
    pub(super) fn cfs_best(&self, q: usize, skip: u32) -> u32 {
        let queue = &self.queues[q];
        let left = self.leftmost(q, skip);
        if left == NONE {
            return NONE;
        }
        let mut best = left;
        if queue.yielded == left {
            let second = queue.list.iter().copied().filter(|&x| x != skip && x != left);
            let second = second.min_by_key(|&x| (self.ents[x as usize].v, self.ents[x as usize].seq));
            best = second.filter(|&s| self.close(s, left)).unwrap_or(left);
        }
        let last = queue.last;
        if last != NONE && last != skip && self.ents[last as usize].on_rq && self.close(last, left) {
            best = last;
        }
        best
    }

    /// `check_preempt_wakeup`: true when `woken` is far enough before `curr`; then `curr` becomes the last buddy.
    pub(super) fn cfs_preempts(&mut self, woken: u32, curr: u32, q: usize) -> bool {
        if self.close(curr, woken) {
            return false;
        }
        if self.queues[q].list.len() >= NR_LATENCY {
            self.queues[q].last = curr;
        }
        true
    }

    /// After an observed pick: losers with a smaller virtual time than the winner's are raised to it.
    pub(super) fn cfs_correct(&mut self, winner: u32, prev: u32, candidates: &[ThreadIx]) {
        let w = self.ents[winner as usize];
        if w.queue == NONE || !w.on_rq || w.doing != Doing::Queued {
            return;
        }
        for t in candidates.iter().copied().chain(std::iter::once(ThreadIx(prev))) {
            let Some(e) = self.ents.get_mut(t.ix()) else { continue };
            if t.0 != winner && e.on_rq && e.queue == w.queue && e.v < w.v {
                self.queues[w.queue as usize].shift(e, w.v);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::SchedClass;

    /// One CPU with `n` threads (1..=n) of the same group queued at the floor.
    fn engine(n: u32) -> (Engine, usize) {
        let mut engine = Engine::new(SchedClass::Cfs, 1, n as usize + 2, 0, true);
        for id in 1..=n {
            engine.enqueue(id, 0, How::Wake);
            engine.ents[id as usize].doing = Doing::Queued;
        }
        let q = engine.home(1, 0);
        (engine, q)
    }

    #[test]
    fn sleepers_get_half_a_latency_and_forks_start_a_slice_behind() {
        let (mut engine, q) = engine(2);
        engine.dequeue(2, true, false);
        engine.run(1, q, 50_000_000);
        assert_eq!(engine.queues[q].min_v, 50_000_000);
        engine.enqueue(2, 0, How::Wake);
        assert_eq!(engine.ents[2].v, 50_000_000 - LATENCY_NS / 2);
        engine.enqueue(3, 0, How::Fork);
        assert_eq!(engine.ents[3].v, 50_000_000 + LATENCY_NS / 3);
    }

    #[test]
    fn the_leftmost_runs_and_a_wakeup_preempts_by_granularity() {
        let (mut engine, q) = engine(3);
        engine.run(1, q, 900_000);
        engine.run(2, q, 10);
        assert_eq!(engine.best(q, NONE), 3);
        assert!(!engine.cfs_preempts(3, 1, q));
        engine.run(1, q, 200_000);
        assert!(engine.cfs_preempts(3, 1, q));
        assert_eq!(engine.queues[q].last, NONE, "too few tasks for a last buddy");
    }

    #[test]
    fn losers_are_raised_to_the_winner() {
        let (mut engine, q) = engine(3);
        engine.run(2, q, 5_000);
        engine.correct(2, NONE, &[1, 2, 3].map(ThreadIx));
        assert_eq!([1, 2, 3].map(|id: usize| engine.ents[id].v), [5_000; 3]);
    }
}
