//! The rules of CFS (kernels before 6.6, `kernel/sched/fair.c` of 5.15 and 6.1): the smallest
//! virtual time runs next, sleepers get a bonus, wake-ups preempt by granularity. Nothing here
//! knows events.

use super::correction::Correction;
use super::engine::{Engine, How};
use super::entity::{Mask, NICE_0, NONE, lanes, virtual_time, which};
use super::queue::Queue;
use crate::trace::{Machine, ThreadIx};

/// `sysctl_sched_latency` for one CPU; all three grow with `1 + log2(cpus)`.
const LATENCY_NS: i64 = 6_000_000;
/// `sysctl_sched_min_granularity` for one CPU.
const MIN_GRANULARITY_NS: i64 = 750_000;
/// `sysctl_sched_wakeup_granularity` for one CPU.
const WAKEUP_GRANULARITY_NS: i64 = 1_000_000;
/// `sched_nr_latency`: from this many on, the period grows and the last buddy counts.
const NR_LATENCY: usize = 8;

impl<const N: usize> Engine<N> {
    fn scaled(&self, ns: i64) -> i64 {
        ns * (1 + i64::from(self.cpus.len().clamp(1, 8).ilog2()))
    }

    /// `sched_slice`: the entity's share of the period, real ns.
    fn share(&self, id: u32, q: usize) -> i64 {
        let queue = &self.queues[q];
        // Nobody is delayed: who is on the queue is the same in all lanes.
        let on_rq = self.ents[id as usize].on != 0;
        let n = queue.list.len() + usize::from(!on_rq);
        let least = self.scaled(MIN_GRANULARITY_NS);
        let period = if n > NR_LATENCY { n as i64 * least } else { self.scaled(LATENCY_NS) };
        let w = self.ents[id as usize].weight;
        let load = queue.load.weight[0] + if on_rq { 0 } else { w };
        (period * w / load.max(1)).max(least)
    }

    /// Takes in what is known of the machine. `start_ns`: the clock's value at the start of the
    /// trace, since ticks come at multiples of their distance.
    pub(super) fn learn(&mut self, machine: &Machine, start_ns: u64) {
        let tick = 1_000_000_000 / u64::from(machine.hz.value.clamp(10, 10_000));
        self.tick = (tick, start_ns % tick);
    }

    /// `place_entity`: a waking task at most half a latency before the queue's floor
    /// (`GENTLE_FAIR_SLEEPERS`), a new one a slice behind it (`START_DEBIT`), a migrated one as far
    /// from the floor as it was.
    pub(super) fn cfs_place(&mut self, id: u32, q: usize, how: How, set: Mask) {
        let e = &self.ents[id as usize];
        let (old, moved, weight, sleeper) =
            (e.queue, e.away.moved, e.weight, self.scaled(LATENCY_NS) / 2);
        // `task_fork_fair` places it beside its parent; `activate_task` carries the distance over
        // to its queue.
        let home = if how == How::Fork && self.here < self.cpus.len() {
            self.home(id, self.here)
        } else {
            q
        };
        let debit = if how == How::Fork { virtual_time(self.share(id, home), weight) } else { 0 };
        for h in lanes(set) {
            let floor = self.queues[q].min_v[h];
            let e = &self.ents[id as usize];
            let v = match how {
                How::Move if moved >> h & 1 != 0 => floor.wrapping_add(e.away.relative[h]),
                How::Fork => {
                    let queue = &self.queues[home];
                    let ahead =
                        |curr: u32| self.ents[curr as usize].v[h].wrapping_sub(queue.min_v[h]);
                    let parent = if queue.curr_in >> h & 1 != 0 { ahead(queue.curr) } else { 0 };
                    floor.wrapping_add(parent.max(debit))
                }
                // Never seen before: it slept long.
                _ if old == NONE => floor.wrapping_sub(sleeper),
                _ => {
                    // A sleeper that wakes elsewhere keeps its distance to the floor
                    // (`migrate_task_rq_fair`).
                    let moved = floor.wrapping_sub(self.queues[old as usize].min_v[h]);
                    let moved = if old as usize == q { 0 } else { moved };
                    e.v[h].wrapping_add(moved).max(floor.wrapping_sub(sleeper))
                }
            };
            self.ents[id as usize].v[h] = v;
        }
        self.ents[id as usize].away.moved &= !set;
    }

    /// `dequeue_entity` after the entity is off: it is no buddy any more, and the floor need not
    /// wait for it.
    pub(super) fn cfs_left(&mut self, id: u32, q: usize, set: Mask) {
        self.queues[q].forget(id, set);
        self.cfs_floor(q);
    }

    /// `update_curr` from `from` to `now`, and the tick between them (ticks are at multiples of
    /// their length), in the lanes of `set`.
    pub(super) fn cfs_charge(&mut self, cpu: usize, from: u64, now: u64, set: Mask) {
        let (tick, phase) = self.tick;
        let at = (now.saturating_add(phase) / tick * tick).saturating_sub(phase);
        if at <= from {
            return self.cfs_update(cpu, now - from, set);
        }
        self.cfs_update(cpu, at - from, set);
        self.cpus[cpu].resched |= self.cfs_tick(cpu, set);
        self.cfs_update(cpu, now - at, set);
    }

    fn cfs_update(&mut self, cpu: usize, delta: u64, set: Mask) {
        let mut id = self.cpus[cpu].curr;
        while id != NONE && self.ents[id as usize].on != 0 && self.ents[id as usize].queue != NONE {
            let q = self.ents[id as usize].queue as usize;
            let (e, queue) = (&mut self.ents[id as usize], &mut self.queues[q]);
            let ran = virtual_time(delta as i64, e.weight);
            for h in lanes(set) {
                queue.shift(e, h, e.v[h].wrapping_add(ran));
            }
            self.cfs_floor(q);
            id = self.queues[q].owner;
        }
    }

    /// `check_preempt_tick` of every level; lanes of `set` in which a reschedule follows.
    fn cfs_tick(&mut self, cpu: usize, set: Mask) -> Mask {
        let mut id = self.cpus[cpu].curr;
        let mut resched = 0;
        while id != NONE && self.ents[id as usize].on != 0 && self.ents[id as usize].queue != NONE {
            let q = self.ents[id as usize].queue as usize;
            let (share, least) = (self.share(id, q), self.scaled(MIN_GRANULARITY_NS));
            let left = self.leftmost(q, &[id; N], &[NONE; N]);
            let e = &self.ents[id as usize];
            for h in lanes(set).filter(|&h| left[h] != NONE) {
                // `protect` holds the virtual time at which the stint began.
                let ran = e.v[h].wrapping_sub(e.protect[h]).wrapping_mul(e.weight) / NICE_0;
                if ran > share {
                    resched |= 1 << h;
                    self.queues[q].forget(id, 1 << h);
                } else if ran >= least {
                    let ahead = e.v[h].wrapping_sub(self.ents[left[h] as usize].v[h]);
                    resched |= Mask::from(ahead > share) << h;
                }
            }
            id = self.queues[q].owner;
        }
        resched
    }

    /// `update_min_vruntime`: the floor never falls.
    pub(super) fn cfs_floor(&mut self, q: usize) {
        let queue = &mut self.queues[q];
        if queue.crowded() != 0 {
            return;
        }
        let Some(&first) = queue.list.first() else { return };
        let mut min = self.ents[first as usize].v;
        for &id in &queue.list[1..] {
            let v = &self.ents[id as usize].v;
            for h in 0..N {
                min[h] = min[h].min(v[h]);
            }
        }
        for (floor, min) in queue.min_v.iter_mut().zip(min) {
            *floor = (*floor).max(min);
        }
    }

    /// The leftmost but `skip` and `other`; of equals the one inserted first, and never the running
    /// one.
    fn leftmost(&self, q: usize, skip: &[u32; N], other: &[u32; N]) -> [u32; N] {
        let queue = &self.queues[q];
        let mut left = [NONE; N];
        if queue.crowded() != 0 {
            return left;
        }
        let mut least = [i64::MAX; N];
        let mut ties = [(true, u64::MAX); N];
        for &id in &queue.list {
            let e = &self.ents[id as usize];
            for h in 0..N {
                if e.v[h] > least[h] || id == skip[h] || id == other[h] {
                    continue;
                }
                let tie = (id == queue.curr && queue.curr_in >> h & 1 != 0, e.seq[h]);
                if e.v[h] < least[h] || tie < ties[h] {
                    (left[h], least[h], ties[h]) = (id, e.v[h], tie);
                }
            }
        }
        left
    }

    /// `wakeup_preempt_entity(a, b) < 1`: `a` is not too far behind `b`.
    fn close(&self, a: u32, b: u32, h: usize) -> bool {
        let (a, b) = (&self.ents[a as usize], &self.ents[b as usize]);
        let gran = virtual_time(self.scaled(WAKEUP_GRANULARITY_NS), b.weight);
        a.v[h].wrapping_sub(b.v[h]) <= gran
    }

    /// `pick_next_entity`: the leftmost, unless it has yielded or the last buddy is close enough.
    pub(super) fn cfs_best(&self, q: usize, skip: &[u32; N], set: Mask) -> [u32; N] {
        let queue = &self.queues[q];
        let left = self.leftmost(q, skip, &[NONE; N]);
        let mut best = left;
        let set = set & which::<N>(|h| left[h] != NONE);
        let yielded = set & which::<N>(|h| queue.yielded[h] == left[h]);
        if yielded != 0 {
            let second = self.leftmost(q, skip, &left);
            for h in
                lanes(yielded).filter(|&h| second[h] != NONE && self.close(second[h], left[h], h))
            {
                best[h] = second[h];
            }
        }
        for h in lanes(set) {
            let last = queue.last[h];
            let there = last != NONE && last != skip[h] && self.ents[last as usize].on != 0;
            if there && self.close(last, left[h], h) {
                best[h] = last;
            }
        }
        best
    }

    /// `check_preempt_wakeup`: lanes in which `woken` is far enough before `curr`; there `curr`
    /// becomes the last buddy.
    pub(super) fn cfs_preempts(&mut self, woken: u32, curr: u32, cpu: usize) -> Mask {
        let undecided = Self::ALL & !self.cpus[cpu].resched;
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
                return 0;
            }
        }
        let preempts = undecided & which::<N>(|h| !self.close(c, w, h));
        let q = self.ents[curr as usize].queue;
        if q != NONE && self.queues[q as usize].list.len() >= NR_LATENCY {
            lanes(preempts).for_each(|h| self.queues[q as usize].last[h] = curr);
        }
        preempts
    }

    /// After an observed pick, in the lanes of `set`: losers with a smaller virtual time than the
    /// winner's are raised to it. When they are many it is the winner's that is wrong: it is
    /// lowered to theirs.
    pub(super) fn cfs_correct(
        &mut self,
        winner: u32,
        prev: u32,
        candidates: &[ThreadIx],
        set: Mask,
    ) {
        let w = &self.ents[winner as usize];
        let (q, at, cpu) = (w.queue, w.v, usize::from(w.task.cpu));
        // Who was rightly passed over is no loser: the one that yielded, and all that wait when a
        // buddy came in.
        let right = which::<N>(|h| self.cpus[cpu].open.pick[h] == winner);
        let queue = &mut self.queues[q as usize];
        let others =
            candidates.iter().map(|t| t.0).chain(std::iter::once(prev)).filter(|&id| id != winner);
        let (mut below, mut of, mut least) = ([0; N], [0; N], at);
        for id in others.clone() {
            let Some(e) = self.ents.get(id as usize).filter(|e| e.on != 0 && e.queue == q) else {
                continue;
            };
            for h in lanes(set & !right).filter(|&h| id != queue.yielded[h]) {
                of[h] += 1;
                below[h] += usize::from(e.v[h] < at[h]);
                least[h] = least[h].min(e.v[h]);
            }
        }
        let blames = |h: usize| matches!(self.corrections[h], Correction::Times { blame } if blame.winner(below[h], of[h]));
        let lowered = set & !right & which::<N>(|h| below[h] > 0 && blames(h));
        let e = &mut self.ents[winner as usize];
        lanes(lowered).for_each(|h| queue.shift(e, h, least[h]));
        for id in others {
            if self.ents.get(id as usize).is_none_or(|e| e.on == 0 || e.queue != q) {
                continue;
            }
            let e = &mut self.ents[id as usize];
            for h in lanes(set & !lowered) {
                if id != queue.yielded[h] && e.v[h] < at[h] && (id == prev || right >> h & 1 == 0) {
                    queue.shift(e, h, at[h]);
                }
            }
        }
    }
}

impl<const N: usize> Queue<N> {
    /// `clear_buddies`, in the lanes of `set`.
    pub(super) fn forget(&mut self, id: u32, set: Mask) {
        for h in lanes(set) {
            for buddy in [&mut self.last[h], &mut self.yielded[h]] {
                if *buddy == id {
                    *buddy = NONE;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::replay::Correction;
    use crate::sched::replay::Rules;
    use crate::sched::replay::entity::Doing;
    use crate::trace::SchedClass;

    /// One CPU with `n` threads (1..=n) of the same group queued at the floor.
    fn engine(n: u32) -> (Engine<1>, usize) {
        let mut engine = Engine::new(
            Rules::of_class(SchedClass::Cfs),
            1,
            n as usize + 2,
            0,
            [Correction::all(SchedClass::Cfs)[0]],
        );
        for id in 1..=n {
            engine.enqueue(id, 0, How::Wake, 1);
            engine.ents[id as usize].task.doing = Doing::Queued;
        }
        let q = engine.home(1, 0);
        for id in 1..=n as usize {
            engine.queues[q].shift(&mut engine.ents[id], 0, 0);
        }
        (engine, q)
    }

    /// Charges a thread that is the running one for as long.
    fn ran(engine: &mut Engine<1>, id: u32, q: usize, ns: u64) {
        engine.cpus[0].curr = id;
        (engine.queues[q].curr, engine.queues[q].curr_in) = (id, 1);
        let group = engine.queues[q].owner;
        (engine.queues[0].curr, engine.queues[0].curr_in) = (group, 1);
        engine.cfs_update(0, ns, 1);
        (engine.cpus[0].curr, engine.queues[q].curr_in) = (NONE, 0);
    }

    #[test]
    fn sleepers_get_half_a_latency_and_forks_start_a_slice_behind() {
        let (mut engine, q) = engine(2);
        engine.dequeue(2, 1, true, false);
        ran(&mut engine, 1, q, 50_000_000);
        assert_eq!(engine.queues[q].min_v[0], 50_000_000);
        engine.enqueue(2, 0, How::Wake, 1);
        assert_eq!(engine.ents[2].v[0], 50_000_000 - LATENCY_NS / 2);
        engine.enqueue(3, 0, How::Fork, 1);
        assert_eq!(engine.ents[3].v[0], 50_000_000 + LATENCY_NS / 3);
    }

    #[test]
    fn the_leftmost_runs_and_a_wakeup_preempts_by_granularity() {
        let (mut engine, q) = engine(3);
        ran(&mut engine, 1, q, 900_000);
        ran(&mut engine, 2, q, 10);
        assert_eq!(engine.best(q, &[NONE], 1)[0], 3);
        assert!(engine.cfs_preempts(3, 1, 0) == 0);
        ran(&mut engine, 1, q, 200_000);
        assert_eq!(engine.cfs_preempts(3, 1, 0), 1);
        assert_eq!(engine.queues[q].last[0], NONE, "too few tasks for a last buddy");
    }

    #[test]
    fn losers_are_raised_to_the_winner() {
        let (mut engine, q) = engine(3);
        ran(&mut engine, 2, q, 5_000);
        engine.correct(2, NONE, &[1, 2, 3].map(ThreadIx), 1);
        assert_eq!([1, 2, 3].map(|id: usize| engine.ents[id].v[0]), [5_000; 3]);
    }

    #[test]
    fn a_winner_behind_many_losers_is_lowered_to_them() {
        let (mut engine, q) = engine(5);
        ran(&mut engine, 2, q, 5_000);
        engine.correct(2, NONE, &[1, 2, 3, 4, 5].map(ThreadIx), 1);
        assert_eq!([1, 2, 3, 4, 5].map(|id: usize| engine.ents[id].v[0]), [0; 5]);
    }

    #[test]
    fn who_yielded_is_passed_over_until_it_runs_or_leaves() {
        let (mut engine, q) = engine(3);
        ran(&mut engine, 2, q, 10);
        ran(&mut engine, 3, q, 20);
        engine.queues[q].yielded[0] = 1;
        assert_eq!(engine.best(q, &[NONE], 1)[0], 2);
        engine.correct(2, NONE, &[1, 2, 3].map(ThreadIx), 1);
        assert_eq!(engine.ents[1].v[0], 0, "no loser");
        ran(&mut engine, 2, q, 1_200_000);
        ran(&mut engine, 3, q, 1_200_000);
        assert_eq!(engine.best(q, &[NONE], 1)[0], 1, "the others are too far behind");
        engine.dequeue(1, 1, true, false);
        assert_eq!(engine.queues[q].yielded[0], NONE);
        assert_eq!(engine.queues[q].min_v[0], 1_200_010, "the floor does not wait for who left");
    }

    #[test]
    fn without_autogroup_everyone_is_in_one_queue_and_ticks_come_at_their_multiples() {
        let (mut engine, _) = engine(2);
        let kernel = "6.1.0".to_owned();
        let meta = crate::trace::TraceMeta {
            kernel,
            autogroup: Some(false),
            hz: 250,
            ..crate::trace::TraceMeta::default()
        };
        let machine = Machine::of(&meta, 1);
        engine.rules = Rules::of(&machine);
        engine.learn(&machine, 9_000_000);
        assert_eq!((engine.home(1, 0), engine.tick), (0, (4_000_000, 1_000_000)));
        engine.ents[2].task.group = 0;
        for id in [1, 2] {
            engine.dequeue(id, 1, true, false);
            engine.enqueue(id, 0, How::Wake, 1);
        }
        engine.cpus[0].curr = 1;
        (engine.queues[0].curr, engine.queues[0].curr_in) = (1, 1);
        engine.ents[1].protect[0] = engine.ents[1].v[0];
        // Ticks at 3, 7 and 11 ms: its share of 3 ms is over at the second.
        engine.cfs_charge(0, 1_000_000, 6_900_000, 1);
        assert!(engine.cpus[0].resched == 0);
        engine.cfs_charge(0, 6_900_000, 7_100_000, 1);
        assert_eq!(engine.cpus[0].resched, 1);
    }

    #[test]
    fn a_tick_preempts_who_ran_its_share_or_is_a_share_ahead() {
        // Of three the share is 2 ms; `protect` is where the stint began.
        let (mut engine, q) = engine(3);
        ran(&mut engine, 1, q, 1_900_000);
        engine.cpus[0].curr = 1;
        assert!(engine.cfs_tick(0, 1) == 0, "its share is not over");
        engine.cpus[0].curr = NONE;
        ran(&mut engine, 1, q, 200_000);
        engine.cpus[0].curr = 1;
        assert!(engine.cfs_tick(0, 1) == 1, "its share is over");
        // A new stint of 0.8 ms, but 2.9 ms ahead of the leftmost.
        engine.cpus[0].curr = NONE;
        engine.ents[1].protect[0] = engine.ents[1].v[0];
        ran(&mut engine, 1, q, 700_000);
        engine.cpus[0].curr = 1;
        assert!(engine.cfs_tick(0, 1) == 0, "less than the least granularity");
        engine.cpus[0].curr = NONE;
        ran(&mut engine, 1, q, 100_000);
        engine.cpus[0].curr = 1;
        assert!(engine.cfs_tick(0, 1) == 1, "ahead by more than a share");
    }

    #[test]
    fn who_wakes_on_another_cpu_keeps_its_distance_to_the_floor() {
        let mut engine = Engine::new(
            Rules::of_class(SchedClass::Cfs),
            2,
            6,
            0,
            [Correction::all(SchedClass::Cfs)[0]],
        );
        for (id, cpu) in [(2, 0), (3, 0), (4, 1)] {
            engine.enqueue(id, cpu, How::Wake, 1);
            engine.ents[id as usize].task.doing = Doing::Queued;
        }
        let queues = [engine.home(2, 0), engine.home(4, 1)];
        for (id, q, v) in [(2, 0, 10_000_000), (3, 0, 11_000_000), (4, 1, 90_000_000)] {
            engine.queues[queues[q]].shift(&mut engine.ents[id], 0, v);
        }
        for q in queues {
            engine.cfs_floor(q);
        }
        engine.dequeue(3, 1, true, false);
        engine.enqueue(3, 1, How::Wake, 1);
        assert_eq!(engine.ents[3].v[0], 91_000_000);
    }
}
