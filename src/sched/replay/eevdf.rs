//! The rules of EEVDF (kernel 6.6 and later, `kernel/sched/fair.c`): lag, placement, charge, pick.
//! Nothing here knows events.

use super::correction::{Blame, Correction};
use super::engine::{Doubt, Engine, How};
use super::entity::{Doing, Entity, NONE, virtual_time};
use crate::trace::ThreadIx;

/// One tick at HZ=250: the least bound of a lag.
const TICK_NS: i64 = 4_000_000;
/// Above this share (of 1024) of certain yields, a switch in doubt is taken for a yield.
const YIELD_HABIT: i32 = 200;
/// Above this share (of 1024) of switches that leave `prev` runnable, lags are corrected instead of deadlines.
const STAY_REGIME: i32 = 512;
/// Delayed entities that one pick may drop before it gives up.
const MAX_ROUNDS: usize = 300;

impl Engine {
    /// `update_entity_lag`: average minus virtual time, within two slices or a tick of virtual time.
    pub(super) fn lag(&mut self, id: u32, q: usize) -> i64 {
        let e = self.ents[id as usize];
        if self.cfs {
            return self.queues[q].min_v.wrapping_sub(e.v);
        }
        let limit = virtual_time((2 * self.slice).max(TICK_NS), e.weight);
        self.queues[q].average().wrapping_sub(e.v).clamp(-limit, limit)
    }

    /// `place_entity`: at the average minus its lag, the lag scaled by `(W + w) / W` so that it is the same after
    /// the entity itself has moved the average. A fork gets half a slice (`PLACE_DEADLINE_INITIAL`).
    pub(super) fn place(&mut self, id: u32, q: usize, how: How) {
        if self.cfs {
            return self.cfs_place(id, q, how);
        }
        let queue = &mut self.queues[q];
        let (average, load) = (queue.average(), queue.load);
        let e = &mut self.ents[id as usize];
        let mut lag = 0;
        if load > 0 && e.lag != 0 {
            lag = e.lag.wrapping_mul(load + e.weight) / load;
        }
        e.v = average.wrapping_sub(lag);
        if let Some(relative) = e.relative.take() {
            e.deadline = e.v.wrapping_add(relative);
            return;
        }
        let slice = virtual_time(self.slice, e.weight);
        e.deadline = e.v.wrapping_add(if how == How::Fork { slice / 2 } else { slice });
    }

    /// `DELAY_DEQUEUE`: an entity that goes to sleep with negative lag stays until it is picked.
    pub(super) fn delays(&self, id: u32, q: usize) -> bool {
        !self.cfs && !self.queues[q].eligible(self.ents[id as usize].v)
    }

    /// `update_curr` of one level: charges `delta` ns; true when a reschedule follows.
    pub(super) fn run(&mut self, id: u32, q: usize, delta: i64) -> bool {
        let e = &mut self.ents[id as usize];
        let v = e.v.wrapping_add(virtual_time(delta, e.weight));
        self.queues[q].shift(e, v);
        let mut resched = e.v >= e.protect;
        if e.v >= e.deadline {
            e.deadline = e.v.wrapping_add(virtual_time(self.slice, e.weight));
            resched = true;
        }
        resched && self.queues[q].list.len() > 1
    }

    /// `pick_eevdf` on one queue: a protected `curr` stays (`RUN_TO_PARITY`), else the earliest deadline among the
    /// eligible; ties by insertion. `skip` is never chosen.
    pub(super) fn best(&mut self, q: usize, skip: u32) -> u32 {
        if self.cfs {
            return self.cfs_best(q, skip);
        }
        let average = self.queues[q].average();
        let queue = &self.queues[q];
        if queue.crowded() {
            return NONE;
        }
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
            if self.queues[q].crowded() {
                return NONE;
            }
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
                let inner = &self.queues[e.owns as usize];
                let hollow = !inner.crowded() && inner.list.iter().all(|&x| x == prev || self.ents[x as usize].delayed);
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
    /// would otherwise have kept it. When a wake-up came in between, a preemption is as likely: the thread's habit
    /// decides for now, and [`Self::settle`] once the outcome is known.
    pub(super) fn maybe_yield(&mut self, prev: u32, cpu: usize) {
        let e = self.ents[prev as usize];
        if e.real_time || e.queue == NONE || !e.on_rq {
            return;
        }
        let q = e.queue as usize;
        if self.cfs {
            self.queues[q].yielded = prev;
            return;
        }
        let woken = self.cpus[cpu].woken;
        self.habit += (if woken { 0 } else { 1024 } - self.habit) / 16;
        if self.queues[q].list.len() > 1 && self.best(q, NONE) != prev {
            return;
        }
        if self.queues[q].eligible(e.v) {
            let yielded = !woken || self.habit >= YIELD_HABIT;
            let doubt = Doubt {
                kept: (e.v, e.deadline),
                gave: (e.deadline, e.deadline.wrapping_add(virtual_time(self.slice, e.weight))),
                yielded,
            };
            self.cpus[cpu].doubt = Some(doubt);
            if yielded {
                self.set(prev, q, doubt.gave);
            }
        }
    }

    fn set(&mut self, id: u32, q: usize, (v, deadline): (i64, i64)) {
        let e = &mut self.ents[id as usize];
        self.queues[q].shift(e, v);
        e.deadline = deadline;
    }

    /// Settles a doubt by who came in: a thread woken during the stint says preemption, any other says yield.
    pub(super) fn settle(&mut self, prev: u32, next: u32, cpu: usize) {
        let Some(doubt) = self.cpus[cpu].doubt.take() else { return };
        let e = self.ents[prev as usize];
        if e.queue == NONE || !e.on_rq {
            return;
        }
        let woken = next != NONE && self.ents[next as usize].woken > self.cpus[cpu].since;
        let yielded = !(self.cpus[cpu].woken && woken) || self.habit >= YIELD_HABIT;
        if yielded != doubt.yielded {
            self.set(prev, e.queue as usize, if yielded { doubt.gave } else { doubt.kept });
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
        } else if self.cfs {
            self.cfs_preempts(id, curr, cpu)
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

    /// After an observed pick: an eligible loser with an earlier deadline was placed wrongly, and a winner that was
    /// thought not eligible is pulled until it just is.
    ///
    /// Which of a loser's two numbers is wrong depends on the regime. Where tasks mostly stay runnable (CPU-bound,
    /// yielding) the virtual time is: time was charged to the wrong one, so the loser goes to the average. Where they
    /// mostly sleep and wake (pipes, sockets) the deadline is, by a few microseconds of the placement.
    pub(super) fn correct(&mut self, winner: u32, prev: u32, candidates: &[ThreadIx]) {
        let rule = match self.rule {
            Correction::Nothing => return,
            Correction::Times { blame } => return self.cfs_correct(blame, winner, prev, candidates),
            Correction::Deadlines { .. } => self.rule,
        };
        let w = self.ents[winner as usize];
        if w.queue == NONE || !w.on_rq || w.doing != Doing::Queued {
            return;
        }
        let q = w.queue as usize;
        let average = self.queues[q].average();
        self.part(rule, winner, average, candidates.iter().map(|t| t.0).chain(std::iter::once(prev)));
        // Pulled to the average of the others it is just eligible.
        let average = self.queues[q].average();
        let e = &mut self.ents[winner as usize];
        if e.v > average {
            let v = self.queues[q].average_without(e).unwrap_or(average);
            let d = e.v.wrapping_sub(v);
            self.queues[q].shift(e, v);
            e.deadline = e.deadline.wrapping_sub(d);
        }
    }

    /// Parts the winner from the eligible with an earlier deadline: moves them behind it, or it before them.
    fn part(&mut self, rule: Correction, winner: u32, average: i64, others: impl Iterator<Item = u32> + Clone) {
        let Correction::Deadlines { blame, winner_time, loser_time, gap_ns } = rule else { return };
        let w = self.ents[winner as usize];
        let q = w.queue as usize;
        let staying = self.queues[q].stay > STAY_REGIME;
        let eligible = |e: &Entity| e.queue == w.queue && e.on_rq && e.v <= average;
        if !staying && blame != Blame::Losers {
            let (mut lost, mut of, mut least) = (0, 0, w.deadline);
            for id in others.clone() {
                if let Some(e) = self.ents.get(id as usize).filter(|e| id != winner && eligible(e)) {
                    of += 1;
                    lost += usize::from(e.deadline < w.deadline);
                    least = least.min(e.deadline);
                }
            }
            if blame.winner(lost, of) {
                let d = w.deadline.wrapping_sub(least).wrapping_add(1);
                return self.advance(winner, d, winner_time);
            }
        }
        for id in others {
            let Some(e) = self.ents.get(id as usize) else { continue };
            if id == winner || !eligible(e) || e.deadline >= w.deadline {
                continue;
            }
            if staying {
                let d = average.wrapping_add(1).wrapping_sub(e.v);
                self.advance(id, d.wrapping_neg(), true);
            } else {
                let d = w.deadline.wrapping_add(gap_ns).wrapping_sub(e.deadline);
                self.advance(id, d.wrapping_neg(), loser_time);
            }
        }
    }

    /// Makes a deadline earlier by `ns` (later when negative), and the virtual time if `time`.
    fn advance(&mut self, id: u32, ns: i64, time: bool) {
        let e = &mut self.ents[id as usize];
        e.deadline = e.deadline.wrapping_sub(ns);
        if time {
            let v = e.v.wrapping_sub(ns);
            self.queues[e.queue as usize].shift(e, v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::SchedClass;

    const SLICE: i64 = 1_400_000;

    /// One CPU with `n` threads (1..=n) of the same group queued at virtual time 0.
    fn engine(n: u32) -> (Engine, usize) {
        let mut engine =
            Engine::new(SchedClass::Eevdf, 1, n as usize + 2, SLICE, Correction::all(SchedClass::Eevdf)[0]);
        for id in 1..=n {
            engine.enqueue(id, 0, How::Wake);
        }
        let q = engine.home(1, 0);
        (engine, q)
    }

    #[test]
    fn placement_gives_the_lag_back() {
        let (mut engine, q) = engine(3);
        engine.run(1, q, 900_000);
        engine.ents[4].lag = 123_456;
        let before = engine.queues[q].average();
        engine.enqueue(4, 0, How::Wake);
        // Scaled by (W + w) / W, the lag is what it was although the entity has moved the average.
        assert!((engine.lag(4, q) - 123_456).abs() <= 1);
        assert!(engine.queues[q].average() < before);
        assert_eq!(engine.ents[4].deadline, engine.ents[4].v + SLICE);
    }

    #[test]
    fn a_fork_gets_half_a_slice_and_weight_stretches_it() {
        let (mut engine, _) = engine(1);
        engine.enqueue(2, 0, How::Fork);
        assert_eq!(engine.ents[2].deadline - engine.ents[2].v, SLICE / 2);
        let (mut engine, _) = self::engine(1);
        engine.ents[2].weight = 512;
        engine.enqueue(2, 0, How::Wake);
        assert_eq!(engine.ents[2].deadline - engine.ents[2].v, SLICE * 2);
    }

    #[test]
    fn lag_is_bounded_by_two_slices_or_a_tick() {
        let (mut engine, q) = engine(2);
        engine.run(1, q, 100_000_000);
        assert_eq!(engine.lag(2, q), TICK_NS);
        assert_eq!(engine.lag(1, q), -TICK_NS);
    }

    #[test]
    fn the_earliest_deadline_among_the_eligible_wins() {
        let (mut engine, q) = engine(3);
        engine.ents[3].deadline -= 10;
        assert_eq!(engine.best(q, NONE), 3);
        engine.run(3, q, 30_000); // no longer eligible: its deadline does not count
        assert!(!engine.queues[q].eligible(engine.ents[3].v));
        assert_eq!(engine.best(q, NONE), 1);
        assert_eq!(engine.best(q, 1), 2);
    }

    #[test]
    fn a_sleeper_with_negative_lag_stays_until_it_is_picked() {
        let (mut engine, q) = engine(2);
        engine.run(1, q, 500_000);
        engine.dequeue(1, true, false);
        assert!(engine.ents[1].delayed && engine.ents[1].on_rq);
        engine.run(2, q, 600_000); // now the delayed one is eligible and due
        assert_eq!(engine.pick(0, NONE), 2);
        assert!(!engine.ents[1].on_rq);
        assert_eq!(engine.ents[1].lag, 0, "DELAY_ZERO");
    }

    #[test]
    fn after_the_correction_the_winner_would_have_been_picked() {
        for stay in [0, 1024] {
            let (mut engine, q) = engine(4);
            for id in 1..=4 {
                engine.ents[id].doing = Doing::Queued;
            }
            engine.run(4, q, 700_000);
            engine.queues[q].stay = stay;
            assert_ne!(engine.best(q, NONE), 4);
            engine.correct(4, NONE, &[1, 2, 3, 4].map(ThreadIx));
            assert_eq!(engine.best(q, NONE), 4, "stay {stay}");
        }
    }

    #[test]
    fn a_switch_in_doubt_is_settled_by_who_comes_in() {
        // Thread 1 leaves soon and unasked after a wake-up: for now it counts as preempted.
        let doubtful = || {
            let (mut engine, q) = engine(3);
            engine.cpus[0].since = 100;
            engine.cpus[0].woken = true;
            engine.maybe_yield(1, 0);
            assert_eq!((engine.ents[1].v, engine.ents[1].deadline), (0, SLICE));
            assert!(engine.cpus[0].doubt.is_some());
            (engine, q)
        };
        let (mut engine, q) = doubtful();
        engine.ents[2].woken = 150;
        engine.settle(1, 2, 0);
        assert_eq!(
            (engine.ents[1].v, engine.ents[1].deadline),
            (0, SLICE),
            "the one woken during the stint: preempted"
        );
        assert!(engine.cpus[0].doubt.is_none());
        assert_eq!(engine.queues[q].average(), 0);
        let (mut engine, q) = doubtful();
        engine.ents[2].woken = 50;
        engine.settle(1, 2, 0);
        assert_eq!(
            (engine.ents[1].v, engine.ents[1].deadline),
            (SLICE, 2 * SLICE),
            "one that waited before: it yielded"
        );
        assert_eq!(engine.queues[q].average(), SLICE / 3);
    }
}
