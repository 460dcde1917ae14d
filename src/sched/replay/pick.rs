//! Who comes in: the walk from a CPU's root queue down to a thread. All lanes are walked together
//! as long as they take the same way, so that a queue is read once.

// The body must be part of the function that enables the instructions, or it is not compiled for
// them.
#![allow(clippy::inline_always)]

use super::engine::Engine;
use super::entity::{Mask, NONE, lanes};
use super::queue::Queue;
use super::rules::Order;
use crate::simd::longs::{add, choose, less, same};
use crate::simd::{Lanes, Work, dispatch};

/// Delayed entities that one pick may drop before it gives up.
const MAX_ROUNDS: usize = 300;

/// Where the lanes of a pick stand.
struct Walk<const N: usize> {
    /// Lanes that have not arrived.
    open: Mask,
    /// Queue that is looked at.
    at: [usize; N],
    /// Entity that is not taken there.
    skip: [u32; N],
    /// Who comes in.
    found: [u32; N],
}

/// [`Engine::earliest`].
struct Earliest<'a, const N: usize> {
    engine: &'a Engine<N>,
    queue: &'a Queue<N>,
    skip: &'a [u32; N],
    set: Mask,
    best: &'a mut [u32; N],
}

impl<const N: usize> Work for Earliest<'_, N> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        /// What is added to the insertion order of `curr`, which wins only with a strictly earlier
        /// deadline.
        const LAST: i64 = 1 << 62;
        let Self { engine, queue, skip, set, best } = self;
        let (mut least, mut ties) = ([i64::MAX; N], [i64::MAX; N]);
        let mut found = [i64::from(NONE); N];
        // Who is alone is taken even when it is not eligible.
        let alone = same::<V, N>(&queue.load.count, 1);
        for &id in &queue.list {
            let e = &engine.ents[id as usize];
            let eligible = alone | queue.eligible_in::<V>(&e.v);
            let may = set & e.on & eligible & !same::<V, N>(skip, id);
            let curr = if id == queue.curr { queue.curr_in } else { 0 };
            let seq = e.seq.map(|seq| seq as i64);
            let tie = choose::<V, N>(curr, &add::<V, N>(&seq, &[LAST; N]), &seq);
            let later = less::<V, N>(&least, &e.deadline);
            let sooner = less::<V, N>(&e.deadline, &least);
            let better = may & !later & (sooner | less::<V, N>(&tie, &ties));
            found = choose::<V, N>(better, &[i64::from(id); N], &found);
            least = choose::<V, N>(better, &e.deadline, &least);
            ties = choose::<V, N>(better, &tie, &ties);
        }
        for (best, found) in best.iter_mut().zip(found) {
            *best = if found == i64::from(NONE) { *best } else { found as u32 };
        }
    }
}

impl<const N: usize> Engine<N> {
    /// `pick_eevdf` on one queue, in the lanes of `set`: a protected `curr` stays
    /// (`RUN_TO_PARITY`), else the earliest deadline among the eligible; ties by insertion. `skip`
    /// is never chosen. Of a crowded queue nobody is.
    pub(super) fn best(&self, q: usize, skip: &[u32; N], set: Mask) -> [u32; N] {
        if self.rules.order == Order::Times {
            return self.cfs_best(q, skip, set);
        }
        let queue = &self.queues[q];
        let mut best = [NONE; N];
        if let [only] = queue.list[..] {
            for h in lanes(set & self.ents[only as usize].on) {
                best[h] = if only == skip[h] { NONE } else { only };
            }
            return best;
        }
        let mut set = set & !queue.crowded();
        if set & queue.curr_in != 0 {
            let c = &self.ents[queue.curr as usize];
            for h in lanes(set & queue.curr_in & c.on) {
                if queue.curr != skip[h] && c.v[h] < c.protect[h] && queue.eligible(c.v[h], h) {
                    best[h] = queue.curr;
                    set &= !(1 << h);
                }
            }
        }
        if set != 0 {
            self.earliest(q, skip, set, &mut best);
        }
        best
    }

    /// The earliest deadline among the eligible, into `best`.
    fn earliest(&self, q: usize, skip: &[u32; N], set: Mask, best: &mut [u32; N]) {
        dispatch(Earliest { engine: self, queue: &self.queues[q], skip, set, best });
    }

    /// Nothing eligible besides the skipped one: the smallest virtual time comes closest, of equals
    /// the one inserted first.
    fn closest(&self, q: usize, skip: u32, h: usize) -> u32 {
        let queue = &self.queues[q];
        if queue.crowded() >> h & 1 != 0 {
            return NONE;
        }
        let key = |&x: &u32| (self.ents[x as usize].v[h], self.ents[x as usize].seq[h]);
        let rest = queue
            .list
            .iter()
            .copied()
            .filter(|&x| x != skip && self.ents[x as usize].on >> h & 1 != 0);
        rest.min_by_key(key).unwrap_or(NONE)
    }

    /// `pick_task_fair` (and real-time before it): the thread that comes in when `prev` does not
    /// stay.
    pub(super) fn pick(&mut self, cpu: usize, prev: u32) -> [u32; N] {
        let real_time = &self.cpus[cpu].real_time;
        if let Some(&id) = real_time.iter().min_by_key(|&&t| self.ents[t as usize].task.prio) {
            return [id; N];
        }
        let mut walk = Walk { open: Self::ALL, at: [cpu; N], skip: [NONE; N], found: [NONE; N] };
        for _ in 0..MAX_ROUNDS {
            let mut todo = walk.open;
            while todo != 0 {
                let q = walk.at[todo.trailing_zeros() as usize];
                let here = lanes(todo).fold(0, |set, h| set | Mask::from(walk.at[h] == q) << h);
                todo &= !here;
                let mut best = self.best(q, &walk.skip, here);
                for h in lanes(here) {
                    if best[h] == NONE {
                        best[h] = self.closest(q, walk.skip[h], h);
                    }
                }
                let mut rest = here;
                while rest != 0 {
                    let id = best[rest.trailing_zeros() as usize];
                    let same = lanes(rest).fold(0, |set, h| set | Mask::from(best[h] == id) << h);
                    rest &= !same;
                    self.step(&mut walk, id, prev, cpu, same);
                }
            }
            if walk.open == 0 {
                break;
            }
        }
        walk.found
    }

    /// Goes on from a queue on which `id` is best, in the lanes of `set`.
    fn step(&mut self, walk: &mut Walk<N>, id: u32, prev: u32, cpu: usize, set: Mask) {
        if id == NONE {
            walk.open &= !set;
            return;
        }
        let e = &self.ents[id as usize];
        let (delayed, owns, q) = (set & e.delayed, e.owns, e.queue as usize);
        if delayed != 0 {
            self.dequeue(id, delayed, true, true);
            for h in lanes(delayed) {
                (walk.at[h], walk.skip[h]) = (cpu, NONE);
            }
        }
        let set = set & !delayed;
        if id == prev {
            for h in lanes(set) {
                walk.skip[h] = prev;
                walk.open &= !(Mask::from(self.queues[q].load.count[h] == 1) << h);
            }
        } else if owns == NONE {
            lanes(set).for_each(|h| walk.found[h] = id);
            walk.open &= !set;
        } else if set != 0 {
            let hollow = self.hollow(owns as usize, prev, set);
            for h in lanes(set) {
                if hollow >> h & 1 != 0 && self.queues[cpu].load.count[h] > 1 && walk.skip[h] != id
                {
                    walk.skip[h] = id;
                } else {
                    (walk.at[h], walk.skip[h]) = (owns as usize, NONE);
                }
            }
        }
    }

    /// Lanes in which nobody but `prev` and sleepers is on a queue.
    pub(super) fn hollow(&self, q: usize, prev: u32, set: Mask) -> Mask {
        let queue = &self.queues[q];
        let mut hollow = set & !queue.crowded();
        for &id in &queue.list {
            if hollow == 0 {
                break;
            }
            let e = &self.ents[id as usize];
            if id != prev {
                hollow &= !e.on | e.delayed;
            }
        }
        hollow
    }
}
