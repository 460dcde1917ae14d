//! The rules of EEVDF (kernel 6.6 and later, `kernel/sched/fair.c`): lag, placement, charge, pick.
//! Nothing here knows events.

use super::engine::{Engine, How};
use super::entity::{Doing, NONE, virtual_time};
use crate::trace::ThreadIx;

/// One tick at HZ=250: the least bound of a lag.
const TICK_NS: i64 = 4_000_000;
/// Delayed entities that one pick may drop before it gives up.
const MAX_ROUNDS: usize = 300;

impl Engine {
    /// `update_entity_lag`: average minus virtual time, within two slices or a tick of virtual time.
    pub(super) fn lag(&mut self, id: u32, q: usize) -> i64 {
        let e = self.ents[id as usize];
        let limit = virtual_time((2 * self.slice).max(TICK_NS), e.weight);
        (self.queues[q].average() - e.v).clamp(-limit, limit)
    }

    /// `place_entity`: at the average minus its lag, the lag scaled by `(W + w) / W` so that it is the same after
    /// the entity itself has moved the average. A fork gets half a slice (`PLACE_DEADLINE_INITIAL`).
    pub(super) fn place(&mut self, id: u32, q: usize, how: How) {
        let queue = &mut self.queues[q];
        let (average, load) = (queue.average(), queue.load);
        let e = &mut self.ents[id as usize];
        let mut lag = 0;
        if load > 0 && e.lag != 0 {
            lag = e.lag * (load + e.weight) / load;
        }
        e.v = average - lag;
        if let Some(relative) = e.relative.take() {
            e.deadline = e.v + relative;
            return;
        }
        let slice = virtual_time(self.slice, e.weight);
        e.deadline = e.v + if how == How::Fork { slice / 2 } else { slice };
    }

    /// `DELAY_DEQUEUE`: an entity that goes to sleep with negative lag stays until it is picked.
    pub(super) fn delays(&self, id: u32, q: usize) -> bool {
        !self.queues[q].eligible(self.ents[id as usize].v)
    }

    /// `update_curr` of one level: charges `delta` ns; true when a reschedule follows.
    pub(super) fn run(&mut self, id: u32, q: usize, delta: i64) -> bool {
        let e = &mut self.ents[id as usize];
        let v = e.v + virtual_time(delta, e.weight);
        self.queues[q].shift(e, v);
        let mut resched = e.v >= e.protect;
        if e.v >= e.deadline {
            e.deadline = e.v + virtual_time(self.slice, e.weight);
            resched = true;
        }
        resched && self.queues[q].list.len() > 1
    }

    /// `pick_eevdf` on one queue: a protected `curr` stays (`RUN_TO_PARITY`), else the earliest deadline among the
    /// eligible; ties by insertion. `skip` is never chosen.
    pub(super) fn best(&mut self, q: usize, skip: u32) -> u32 {
        let average = self.queues[q].average();
        let queue = &self.queues[q];
        if let [only] = queue.list[..] {
            return if only == skip { NONE } else { only };
        }
        let curr = queue.curr;
        if curr != NONE && curr != skip {
            let c = &self.ents[curr as usize];
            if c.on_rq && c.v <= average && c.v < c.protect {
                return curr;
            }
        }
        let mut best = NONE;
        let mut key = (i64::MAX, true, u64::MAX);
        for &id in &queue.list {
            let e = &self.ents[id as usize];
            if e.v <= average && id != skip {
                // curr wins only with a strictly earlier deadline.
                let k = (e.deadline, id == curr, e.seq);
                if k < key {
                    (best, key) = (id, k);
                }
            }
        }
        best
    }

    /// `pick_task_fair` (and real-time before it): the thread that comes in when `prev` does not stay.
    pub(super) fn pick(&mut self, cpu: usize, prev: u32) -> u32 {
        if let Some(&rt) = self.cpus[cpu].real_time.iter().min_by_key(|&&t| self.ents[t as usize].prio) {
            return rt;
        }
        let mut q = cpu;
        let mut skip = NONE;
        for _ in 0..MAX_ROUNDS {
            let mut id = self.best(q, skip);
            if id == NONE {
                // Nothing eligible besides the skipped one: the smallest virtual time comes closest.
                let rest = self.queues[q].list.iter().copied().filter(|&x| x != skip);
                id = rest.min_by_key(|&x| self.ents[x as usize].v).unwrap_or(NONE);
                if id == NONE {
                    return NONE;
                }
            }
            let e = &self.ents[id as usize];
            if e.delayed {
                self.dequeue(id, true, true);
                (q, skip) = (cpu, NONE);
            } else if id == prev {
                if self.queues[q].list.len() == 1 {
                    return NONE;
                }
                skip = prev;
            } else if e.owns == NONE {
                return id;
            } else {
                let inner = &self.queues[e.owns as usize].list;
                let hollow = inner.iter().all(|&x| x == prev || self.ents[x as usize].delayed);
                if hollow && self.queues[cpu].list.len() > 1 && skip != id {
                    skip = id;
                } else {
                    (q, skip) = (e.owns as usize, NONE);
                }
            }
        }
        NONE
    }

    /// `yield_task_fair`: an eligible task that gives up the CPU forfeits the rest of its slice. Only if the replay
    /// would otherwise have kept it.
    pub(super) fn maybe_yield(&mut self, prev: u32) {
        let e = self.ents[prev as usize];
        if e.real_time || e.queue == NONE || !e.on_rq {
            return;
        }
        let q = e.queue as usize;
        if self.queues[q].list.len() > 1 && self.best(q, NONE) != prev {
            return;
        }
        if self.queues[q].eligible(e.v) {
            let e = &mut self.ents[prev as usize];
            let deadline = e.deadline;
            self.queues[q].shift(e, deadline);
            e.deadline += virtual_time(self.slice, e.weight);
        }
    }

    /// `check_preempt_wakeup_fair`: the woken task preempts when it would be picked now.
    pub(super) fn wake_preempt(&mut self, id: u32, cpu: usize) {
        let curr = self.cpus[cpu].curr;
        if curr == NONE || self.ents[curr as usize].real_time {
            return;
        }
        let e = self.ents[id as usize];
        let preempts = if e.real_time {
            true
        } else if e.queue == self.ents[curr as usize].queue {
            self.best(e.queue as usize, NONE) == id
        } else {
            let owner = self.queues[e.queue as usize].owner;
            let at_root = if owner == NONE { id } else { owner };
            self.ents[at_root as usize].on_rq && self.best(cpu, NONE) == at_root
        };
        if preempts {
            self.cpus[cpu].resched = true;
        }
    }

    /// After an observed pick: eligible losers with an earlier deadline are moved to the winner's, and a winner that
    /// was thought not eligible is pulled to the average.
    pub(super) fn correct(&mut self, winner: u32, candidates: &[ThreadIx]) {
        let w = self.ents[winner as usize];
        if w.queue == NONE || !w.on_rq || w.doing != Doing::Queued {
            return;
        }
        let q = w.queue as usize;
        let average = self.queues[q].average();
        for t in candidates {
            let Some(e) = self.ents.get_mut(t.ix()) else { continue };
            if t.0 != winner && e.queue == w.queue && e.on_rq && e.v <= average && e.deadline < w.deadline {
                let d = w.deadline - e.deadline;
                let v = e.v + d;
                self.queues[q].shift(e, v);
                e.deadline += d;
            }
        }
        let average = self.queues[q].average();
        let e = &mut self.ents[winner as usize];
        if e.v > average {
            let d = e.v - average;
            self.queues[q].shift(e, average);
            e.deadline -= d;
        }
    }
}
