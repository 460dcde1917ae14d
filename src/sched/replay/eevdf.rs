//! The rules of EEVDF (kernel 6.6 and later, `kernel/sched/fair.c`): lag, placement, charge, pick.
//! Nothing here knows events.

// The bodies must be part of the function that enables the instructions, or they are not compiled
// for them.
#![allow(clippy::inline_always)]

use super::correction::Correction;
use super::cpu::Doubt;
use super::engine::{Engine, How};
use super::entity::{Doing, Mask, NONE, lanes, virtual_time, which};
use super::rules::Order;
use crate::simd::longs::{add, choose, less};
use crate::simd::{Lanes, Work, dispatch};
use crate::trace::ThreadIx;

/// One tick at HZ=250: the least bound of a lag.
const TICK_NS: i64 = 4_000_000;
/// Above this share (of 1024) of certain yields, a switch in doubt is taken for a yield.
const YIELD_HABIT: i32 = 200;
/// Above this share (of 1024) of switches that leave `prev` runnable, lags are corrected instead of
/// deadlines.
const STAY_REGIME: i32 = 512;

impl<const N: usize> Engine<N> {
    /// `update_entity_lag`: average minus virtual time, within two slices or a tick of virtual
    /// time.
    pub(super) fn lag(&self, id: u32, q: usize, h: usize) -> i64 {
        let e = &self.ents[id as usize];
        if self.rules.order == Order::Times {
            return self.queues[q].min_v[h].wrapping_sub(e.v[h]);
        }
        let limit = virtual_time((2 * self.slice).max(TICK_NS), e.weight);
        self.queues[q].average(h).wrapping_sub(e.v[h]).clamp(-limit, limit)
    }

    /// `place_entity`: at the average minus its lag, the lag scaled by `(W + w) / W` so that it is
    /// the same after the entity itself has moved the average. A fork gets half a slice
    /// (`PLACE_DEADLINE_INITIAL`).
    pub(super) fn place(&mut self, id: u32, q: usize, how: How, set: Mask) {
        if self.rules.order == Order::Times {
            return self.cfs_place(id, q, how, set);
        }
        let queue = &self.queues[q];
        let e = &mut self.ents[id as usize];
        let slice = virtual_time(self.slice, e.weight);
        let slice = if how == How::Fork { slice / 2 } else { slice };
        for h in lanes(set) {
            let (load, mut lag) = (queue.load.weight[h], e.away.lag[h]);
            if load > 0 && lag != 0 {
                lag = lag.wrapping_mul(load + e.weight) / load;
            } else {
                lag = 0;
            }
            e.v[h] = queue.average(h).wrapping_sub(lag);
            let relative = if e.away.moved >> h & 1 != 0 { e.away.relative[h] } else { slice };
            e.deadline[h] = e.v[h].wrapping_add(relative);
        }
        e.away.moved &= !set;
    }

    /// `DELAY_DEQUEUE`: an entity that goes to sleep with negative lag stays until it is picked.
    /// Lanes in which it does.
    pub(super) fn delays(&self, id: u32, q: usize, set: Mask) -> Mask {
        if self.rules.order == Order::Times {
            return 0;
        }
        let (e, queue) = (&self.ents[id as usize], &self.queues[q]);
        lanes(set).fold(0, |stays, h| stays | Mask::from(!queue.eligible(e.v[h], h)) << h)
    }

    /// `update_curr` of one level: charges `delta` ns; lanes in which a reschedule follows.
    pub(super) fn run(&mut self, id: u32, q: usize, delta: &[i64; N], set: Mask) -> Mask {
        let (e, queue) = (&mut self.ents[id as usize], &mut self.queues[q]);
        let slice = virtual_time(self.slice, e.weight);
        let (mut real, mut ran, mut due) = (0, 0, 0);
        for h in lanes(set) {
            // Nearly always the same in all lanes, and a division.
            if delta[h] != real {
                (real, ran) = (delta[h], virtual_time(delta[h], e.weight));
            }
            queue.shift(e, h, e.v[h].wrapping_add(ran));
            let mut resched = e.v[h] >= e.protect[h];
            if e.v[h] >= e.deadline[h] {
                e.deadline[h] = e.v[h].wrapping_add(slice);
                resched = true;
            }
            due |= Mask::from(resched && queue.load.count[h] > 1) << h;
        }
        due
    }

    /// `yield_task_fair`: an eligible task that gives up the CPU forfeits the rest of its slice.
    /// Only if the replay would otherwise have kept it. When a wake-up came in between, a
    /// preemption is as likely: the thread's habit decides for now, and [`Self::settle`] once the
    /// outcome is known.
    pub(super) fn maybe_yield(&mut self, prev: u32, cpu: usize, set: Mask) {
        let e = &self.ents[prev as usize];
        let mut set = set & e.on;
        if e.task.real_time || e.queue == NONE || set == 0 {
            return;
        }
        let q = e.queue as usize;
        if self.rules.order == Order::Times {
            lanes(set).for_each(|h| self.queues[q].yielded[h] = prev);
            return;
        }
        let woken = self.cpus[cpu].woken;
        for h in lanes(set) {
            self.habit[h] += (if woken { 0 } else { 1024 } - self.habit[h]) / 16;
        }
        let best = self.best(q, &[NONE; N], set);
        let (e, queue) = (&mut self.ents[prev as usize], &mut self.queues[q]);
        for h in lanes(set) {
            if (queue.load.count[h] > 1 && best[h] != prev) || !queue.eligible(e.v[h], h) {
                set &= !(1 << h);
            }
        }
        for h in lanes(set) {
            let yielded = !woken || self.habit[h] >= YIELD_HABIT;
            let (v, deadline) = (e.v[h], e.deadline[h]);
            let gave = (deadline, deadline.wrapping_add(virtual_time(self.slice, e.weight)));
            self.cpus[cpu].open.doubts[h] = Doubt { kept: (v, deadline), gave, yielded };
            if yielded {
                queue.shift(e, h, gave.0);
                e.deadline[h] = gave.1;
            }
        }
        self.cpus[cpu].open.doubtful = set;
    }

    /// Settles a doubt by who came in: a thread woken during the stint says preemption, any other
    /// says yield.
    pub(super) fn settle(&mut self, prev: u32, next: u32, cpu: usize) {
        let doubtful = std::mem::take(&mut self.cpus[cpu].open.doubtful);
        let Some(e) = self.ents.get(prev as usize).filter(|e| e.queue != NONE && doubtful != 0)
        else {
            return;
        };
        let (q, on) = (e.queue as usize, e.on);
        let c = &self.cpus[cpu];
        let woken = c.woken && next != NONE && self.ents[next as usize].task.woken > c.since;
        let (e, queue) = (&mut self.ents[prev as usize], &mut self.queues[q]);
        for h in lanes(doubtful & on) {
            let doubt = &c.open.doubts[h];
            let yielded = !woken || self.habit[h] >= YIELD_HABIT;
            if yielded != doubt.yielded {
                let (v, deadline) = if yielded { doubt.gave } else { doubt.kept };
                queue.shift(e, h, v);
                e.deadline[h] = deadline;
            }
        }
    }

    /// `check_preempt_wakeup_fair`: the woken task preempts when it would be picked now.
    pub(super) fn wake_preempt(&mut self, id: u32, cpu: usize) {
        let curr = self.cpus[cpu].curr;
        if curr == NONE || self.ents[curr as usize].task.real_time {
            return;
        }
        let e = &self.ents[id as usize];
        let preempts = if e.task.real_time {
            Self::ALL
        } else if self.rules.order == Order::Times {
            self.cfs_preempts(id, curr, cpu)
        } else if e.queue == self.ents[curr as usize].queue {
            self.would_pick(e.queue as usize, id)
        } else {
            let owner = self.queues[e.queue as usize].owner;
            let at_root = if owner == NONE { id } else { owner };
            self.ents[at_root as usize].on & self.would_pick(cpu, at_root)
        };
        self.cpus[cpu].resched |= preempts;
    }

    fn would_pick(&self, q: usize, id: u32) -> Mask {
        let best = self.best(q, &[NONE; N], Self::ALL);
        which::<N>(|h| best[h] == id)
    }

    /// After an observed pick, in the lanes of `set`: an eligible loser with an earlier deadline
    /// was placed wrongly, and a winner that was thought not eligible is pulled until it just is.
    ///
    /// Which of a loser's two numbers is wrong depends on the regime. Where tasks mostly stay
    /// runnable (CPU-bound, yielding) the virtual time is: time was charged to the wrong one, so
    /// the loser goes to the average. Where they mostly sleep and wake (pipes, sockets) the
    /// deadline is, by a few microseconds of the placement. Or the winner's is, if the lane's rule
    /// says so.
    pub(super) fn correct(&mut self, winner: u32, prev: u32, candidates: &[ThreadIx], set: Mask) {
        let set = set & which::<N>(|h| self.corrections[h] != Correction::Nothing);
        let w = &self.ents[winner as usize];
        if set & w.on == 0 || w.queue == NONE || w.task.doing != Doing::Queued {
            return;
        }
        if self.rules.order == Order::Times {
            return self.cfs_correct(winner, prev, candidates, set);
        }
        let q = w.queue as usize;
        let set = set & w.on;
        let set = dispatch(Moved { engine: self, winner, prev, candidates, set });
        // Pulled to the average of the others it is just eligible.
        let (e, queue) = (&mut self.ents[winner as usize], &mut self.queues[q]);
        for h in lanes(set.losers | set.winner) {
            if !queue.eligible(e.v[h], h) {
                let v = queue.average_without(e, h).unwrap_or_else(|| queue.average(h));
                let d = e.v[h].wrapping_sub(v);
                queue.shift(e, h, v);
                e.deadline[h] = e.deadline[h].wrapping_sub(d);
            }
        }
    }

    /// Moves the winner before those that lost, in the lanes whose rule blames it.
    #[inline(always)]
    fn lower<V: Lanes>(
        &mut self,
        winner: u32,
        prev: u32,
        candidates: &[ThreadIx],
        set: Mask,
    ) -> Blamed {
        let w = &self.ents[winner as usize];
        let q = w.queue as usize;
        let queue = &self.queues[q];
        let asked = set & which::<N>(|h| self.corrections[h].may_blame_winner());
        let mut blamed = Blamed { winner: 0, losers: set };
        if asked == 0 || queue.stay > STAY_REGIME {
            return blamed;
        }
        let (mut lost, mut of, mut least) = ([0; N], [0; N], w.deadline);
        for id in candidates.iter().map(|t| t.0).chain(std::iter::once(prev)) {
            let Some(e) = self.ents.get(id as usize).filter(|e| id != winner && e.queue == w.queue)
            else {
                continue;
            };
            let may = e.on & asked & queue.eligible_in::<V>(&e.v);
            let sooner = may & less::<V, N>(&e.deadline, &w.deadline);
            of = add::<V, N>(&of, &choose::<V, N>(may, &[1; N], &[0; N]));
            lost = add::<V, N>(&lost, &choose::<V, N>(sooner, &[1; N], &[0; N]));
            let first = may & less::<V, N>(&e.deadline, &least);
            least = choose::<V, N>(first, &e.deadline, &least);
        }
        let (e, queue) = (&mut self.ents[winner as usize], &mut self.queues[q]);
        for h in lanes(asked) {
            let Correction::Deadlines { blame, winner_time, .. } = self.corrections[h] else {
                continue;
            };
            if blame.winner(lost[h] as usize, of[h] as usize) {
                blamed.winner |= 1 << h;
                blamed.losers &= !(1 << h);
                let d = e.deadline[h].wrapping_sub(least[h]).wrapping_add(1);
                e.deadline[h] = e.deadline[h].wrapping_sub(d);
                if winner_time {
                    queue.shift(e, h, e.v[h].wrapping_sub(d));
                }
            }
        }
        blamed
    }

    /// Moves those that lost behind the winner.
    #[inline(always)]
    fn raise<V: Lanes>(&mut self, winner: u32, prev: u32, candidates: &[ThreadIx], set: Mask) {
        let w = &self.ents[winner as usize];
        let (q, deadline) = (w.queue, w.deadline);
        let queue = &mut self.queues[q as usize];
        let staying = queue.stay > STAY_REGIME;
        let average = queue.averages();
        for id in candidates.iter().map(|t| t.0).chain(std::iter::once(prev)) {
            let Some(e) = self.ents.get(id as usize) else { continue };
            if id == winner || e.queue != q {
                continue;
            }
            let sooner = less::<V, N>(&e.deadline, &deadline);
            let lost = e.on & set & sooner & !less::<V, N>(&average, &e.v);
            if lost == 0 {
                continue;
            }
            let e = &mut self.ents[id as usize];
            for h in lanes(lost) {
                let Correction::Deadlines { loser_time, gap_ns, .. } = self.corrections[h] else {
                    continue;
                };
                let d = if staying {
                    average[h].wrapping_add(1).wrapping_sub(e.v[h])
                } else {
                    deadline[h].wrapping_add(gap_ns).wrapping_sub(e.deadline[h])
                };
                e.deadline[h] = e.deadline[h].wrapping_add(d);
                if staying || loser_time {
                    queue.shift(e, h, e.v[h].wrapping_add(d));
                }
            }
        }
    }
}

/// Moves whoever is to blame.
struct Moved<'a, const N: usize> {
    engine: &'a mut Engine<N>,
    winner: u32,
    prev: u32,
    candidates: &'a [ThreadIx],
    set: Mask,
}

impl<const N: usize> Work for Moved<'_, N> {
    type Out = Blamed;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Blamed {
        let Self { engine, winner, prev, candidates, set } = self;
        let blamed = engine.lower::<V>(winner, prev, candidates, set);
        engine.raise::<V>(winner, prev, candidates, blamed.losers);
        blamed
    }
}

/// Lanes by whose state was wrong.
struct Blamed {
    winner: Mask,
    losers: Mask,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::replay::Rules;
    use crate::trace::SchedClass;

    const SLICE: i64 = 1_400_000;

    /// One CPU with `n` threads (1..=n) of the same group queued at virtual time 0.
    fn engine(n: u32) -> (Engine<1>, usize) {
        let mut engine = Engine::new(
            Rules::of_class(SchedClass::Eevdf),
            1,
            n as usize + 2,
            SLICE,
            [Correction::all(SchedClass::Eevdf)[0]],
        );
        for id in 1..=n {
            engine.enqueue(id, 0, How::Wake, 1);
        }
        let q = engine.home(1, 0);
        (engine, q)
    }

    #[test]
    fn placement_gives_the_lag_back() {
        let (mut engine, q) = engine(3);
        engine.run(1, q, &[900_000], 1);
        engine.ents[4].away.lag[0] = 123_456;
        let before = engine.queues[q].average(0);
        engine.enqueue(4, 0, How::Wake, 1);
        // Scaled by (W + w) / W, the lag is what it was although the entity has moved the average.
        assert!((engine.lag(4, q, 0) - 123_456).abs() <= 1);
        assert!(engine.queues[q].average(0) < before);
        assert_eq!(engine.ents[4].deadline[0], engine.ents[4].v[0] + SLICE);
    }

    #[test]
    fn a_fork_gets_half_a_slice_and_weight_stretches_it() {
        let (mut engine, _) = engine(1);
        engine.enqueue(2, 0, How::Fork, 1);
        assert_eq!(engine.ents[2].deadline[0] - engine.ents[2].v[0], SLICE / 2);
        let (mut engine, _) = self::engine(1);
        engine.ents[2].weight = 512;
        engine.enqueue(2, 0, How::Wake, 1);
        assert_eq!(engine.ents[2].deadline[0] - engine.ents[2].v[0], SLICE * 2);
    }

    #[test]
    fn lag_is_bounded_by_two_slices_or_a_tick() {
        let (mut engine, q) = engine(2);
        engine.run(1, q, &[100_000_000], 1);
        assert_eq!(engine.lag(2, q, 0), TICK_NS);
        assert_eq!(engine.lag(1, q, 0), -TICK_NS);
    }

    #[test]
    fn the_earliest_deadline_among_the_eligible_wins() {
        let (mut engine, q) = engine(3);
        engine.ents[3].deadline[0] -= 10;
        assert_eq!(engine.best(q, &[NONE], 1)[0], 3);
        engine.run(3, q, &[30_000], 1); // no longer eligible: its deadline does not count
        assert!(!engine.queues[q].eligible(engine.ents[3].v[0], 0));
        assert_eq!(engine.best(q, &[NONE], 1)[0], 1);
        assert_eq!(engine.best(q, &[1], 1)[0], 2);
    }

    #[test]
    fn a_sleeper_with_negative_lag_stays_until_it_is_picked() {
        let (mut engine, q) = engine(2);
        engine.run(1, q, &[500_000], 1);
        engine.dequeue(1, 1, true, false);
        assert!(engine.ents[1].delayed & engine.ents[1].on == 1);
        engine.run(2, q, &[600_000], 1); // now the delayed one is eligible and due
        assert_eq!(engine.pick(0, NONE), [2]);
        assert!(engine.ents[1].on == 0);
        assert_eq!(engine.ents[1].away.lag[0], 0, "DELAY_ZERO");
    }

    #[test]
    fn after_the_correction_the_winner_would_have_been_picked() {
        for stay in [0, 1024] {
            let (mut engine, q) = engine(4);
            for id in 1..=4 {
                engine.ents[id].task.doing = Doing::Queued;
            }
            engine.run(4, q, &[700_000], 1);
            engine.queues[q].stay = stay;
            assert_ne!(engine.best(q, &[NONE], 1)[0], 4);
            engine.correct(4, NONE, &[1, 2, 3, 4].map(ThreadIx), 1);
            assert_eq!(engine.best(q, &[NONE], 1)[0], 4, "stay {stay}");
        }
    }

    #[test]
    fn a_switch_in_doubt_is_settled_by_who_comes_in() {
        // Thread 1 leaves soon and unasked after a wake-up: for now it counts as preempted.
        let doubtful = || {
            let (mut engine, q) = engine(3);
            engine.cpus[0].since = 100;
            engine.cpus[0].woken = true;
            engine.maybe_yield(1, 0, 1);
            assert_eq!((engine.ents[1].v[0], engine.ents[1].deadline[0]), (0, SLICE));
            assert!(engine.cpus[0].open.doubtful == 1);
            (engine, q)
        };
        let (mut engine, q) = doubtful();
        engine.ents[2].task.woken = 150;
        engine.settle(1, 2, 0);
        assert_eq!(
            (engine.ents[1].v[0], engine.ents[1].deadline[0]),
            (0, SLICE),
            "the one woken during the stint: preempted"
        );
        assert!(engine.cpus[0].open.doubtful == 0);
        assert_eq!(engine.queues[q].average(0), 0);
        let (mut engine, q) = doubtful();
        engine.ents[2].task.woken = 50;
        engine.settle(1, 2, 0);
        assert_eq!(
            (engine.ents[1].v[0], engine.ents[1].deadline[0]),
            (SLICE, 2 * SLICE),
            "one that waited before: it yielded"
        );
        assert_eq!(engine.queues[q].average(0), SLICE / 3);
    }
}
