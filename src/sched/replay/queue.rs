//! One fair run queue (`struct cfs_rq`): its entities and the weighted average of their virtual
//! times. Nothing here decides who runs. Sums wrap, as the kernel's do: a recording may hold any
//! times and priorities, and those that wrap here mean nothing in any case.

// The body must be part of the function that enables the instructions, or it is not compiled for
// them.
#![allow(clippy::inline_always)]

use super::entity::{Entity, Mask, NONE, all, lanes, which};
use crate::sched::state::Table;
use crate::simd::Lanes;
use crate::simd::longs::{less, mul, sub};

/// Groups per CPU beside the root: 1 holds threads that were there before, 2 those forked during
/// the recording.
pub(super) const GROUPS: usize = 2;

/// A queue of one level on one CPU, in `N` lanes. `curr` stays in the list while it runs, as in the
/// kernel's sums.
#[derive(Clone, Debug)]
pub(super) struct Queue<const N: usize> {
    /// Who is on it.
    pub load: Load<N>,
    /// CFS: monotonic floor of the queue's virtual time.
    pub min_v: [i64; N],
    pub curr: u32,
    /// Lanes in which `curr` is on this queue.
    pub curr_in: Mask,
    /// CFS: the task that a wake-up preempted last (`last` buddy), and the one that yielded (`skip`
    /// buddy).
    pub last: [u32; N],
    pub yielded: [u32; N],
    /// Entity that stands for this queue one level up, [`NONE`] for the root.
    pub owner: u32,
    /// Share of switches that left `prev` runnable of late, in 1/1024.
    pub stay: i32,
    /// Everyone who is on it in some lane.
    pub list: Vec<u32>,
}

/// Sums over the entities of a queue.
#[derive(Clone, Debug)]
pub(super) struct Load<const N: usize> {
    /// Reference point of the keys (`zero_vruntime`), so that products stay small.
    zero: [i64; N],
    /// Sum of `weight * (v - zero)`.
    sum: [i64; N],
    /// Sum of weights.
    pub weight: [i64; N],
    /// Where the last one left.
    base: [i64; N],
    /// Number of entities.
    pub count: [u32; N],
}

/// Entities of a queue that the replay still follows. Each event looks at all of them; of a longer
/// queue it has no opinion.
const CROWD: usize = 4_096;
/// Keys larger than this move the reference point.
const FAR: u64 = 1 << 33;

impl<const N: usize> Queue<N> {
    pub fn new(owner: u32) -> Self {
        Self {
            load: Load { zero: [0; N], sum: [0; N], weight: [0; N], base: [0; N], count: [0; N] },
            min_v: [0; N],
            curr: NONE,
            curr_in: 0,
            last: [NONE; N],
            yielded: [NONE; N],
            owner,
            stay: 0,
            list: Vec::new(),
        }
    }

    /// Lanes in which it is too long to be followed.
    pub fn crowded(&self) -> Mask {
        if self.list.len() <= CROWD {
            0
        } else {
            which::<N>(|h| self.load.count[h] as usize > CROWD)
        }
    }

    /// `avg_vruntime`: weighted mean of virtual times, rounded down; of an empty queue where the
    /// last one left.
    pub fn average(&self, h: usize) -> i64 {
        let load = &self.load;
        match load.weight[h] {
            w if w > 0 => load.zero[h].wrapping_add(load.sum[h].div_euclid(w)),
            _ => load.base[h],
        }
    }

    /// [`Self::average`] of all lanes. Divided as floats, of which a processor divides several at
    /// once: rounded toward zero that is exact while sums are below 2^52, since a quotient that is
    /// no whole number is further from the next one than it is rounded.
    #[inline(always)]
    pub fn averages(&self) -> [i64; N] {
        let load = &self.load;
        let most = load.sum.iter().fold(0, |most, sum| most | sum.unsigned_abs());
        if most >= 1 << 52 {
            return std::array::from_fn(|h| self.average(h));
        }
        let mut averages = load.base;
        for (h, average) in averages.iter_mut().enumerate() {
            let (sum, w) = (load.sum[h], load.weight[h].max(1));
            let quotient = (sum as f64 / w as f64) as i64;
            // Rounded down.
            let quotient = quotient - i64::from(quotient * w > sum);
            let found = load.zero[h].wrapping_add(quotient);
            *average = if load.weight[h] > 0 { found } else { *average };
        }
        averages
    }

    /// The average of all but `e`, which is on this queue; `None` when there is no other.
    pub fn average_without(&self, e: &Entity<N>, h: usize) -> Option<i64> {
        let weight = self.load.weight[h] - e.weight;
        let sum = self.load.sum[h].wrapping_sub(self.key(e.v[h], h).wrapping_mul(e.weight));
        (weight > 0).then(|| self.load.zero[h].wrapping_add(sum.div_euclid(weight)))
    }

    /// `vruntime_eligible`: lag is not negative.
    #[inline]
    pub fn eligible(&self, v: i64, h: usize) -> bool {
        self.load.sum[h] >= self.key(v, h).wrapping_mul(self.load.weight[h])
    }

    /// [`Self::eligible`] of each lane.
    #[inline(always)]
    pub fn eligible_in<V: Lanes>(&self, v: &[i64; N]) -> Mask {
        let load = &self.load;
        let needed = mul::<V, N>(&sub::<V, N>(v, &load.zero), &load.weight);
        all::<N>() & !less::<V, N>(&load.sum, &needed)
    }

    /// A virtual time relative to the reference point.
    #[inline]
    fn key(&self, v: i64, h: usize) -> i64 {
        v.wrapping_sub(self.load.zero[h])
    }

    /// Adds an entity in the lanes of `set`, in which it is on no queue.
    pub fn add(&mut self, id: u32, me: u32, ents: &mut Table<Entity<N>>, seq: u64, set: Mask) {
        let e = &mut ents[id as usize];
        for h in lanes(set) {
            let load = &mut self.load;
            if load.count[h] == 0 {
                (load.zero[h], load.sum[h]) = (e.v[h], 0);
            }
            load.sum[h] =
                load.sum[h].wrapping_add(e.v[h].wrapping_sub(load.zero[h]).wrapping_mul(e.weight));
            load.weight[h] += e.weight;
            load.count[h] += 1;
            e.seq[h] = seq;
            self.rebase(h);
        }
        e.queue = me;
        if e.on == 0 {
            e.pos = self.list.len() as u32;
            self.list.push(id);
        }
        e.on |= set;
    }

    /// Takes an entity off in the lanes of `set`, in which it is on this queue.
    pub fn remove(&mut self, id: u32, ents: &mut Table<Entity<N>>, set: Mask) {
        let e = &mut ents[id as usize];
        let pos = e.pos as usize;
        if self.list.get(pos) != Some(&id) {
            return;
        }
        for h in lanes(set) {
            let key = self.key(e.v[h], h).wrapping_mul(e.weight);
            let load = &mut self.load;
            load.sum[h] = load.sum[h].wrapping_sub(key);
            load.weight[h] -= e.weight;
            load.count[h] -= 1;
            if load.count[h] == 0 {
                (load.sum[h], load.weight[h], load.base[h]) = (0, 0, e.v[h]);
            }
        }
        e.on &= !set;
        if e.on == 0 {
            self.list.swap_remove(pos);
            if let Some(&moved) = self.list.get(pos) {
                ents[moved as usize].pos = pos as u32;
            }
        }
    }

    /// Sets the virtual time of an entity that is on this queue.
    #[inline]
    pub fn shift(&mut self, e: &mut Entity<N>, h: usize, v: i64) {
        let d = v.wrapping_sub(e.v[h]).wrapping_mul(e.weight);
        self.load.sum[h] = self.load.sum[h].wrapping_add(d);
        e.v[h] = v;
        if self.key(v, h).unsigned_abs() > FAR {
            self.rebase(h);
        }
    }

    pub fn reweigh(&mut self, e: &mut Entity<N>, w: i64) {
        for h in lanes(e.on) {
            let d = self.key(e.v[h], h).wrapping_mul(w - e.weight);
            self.load.sum[h] = self.load.sum[h].wrapping_add(d);
            self.load.weight[h] += w - e.weight;
        }
        e.weight = w;
    }

    fn rebase(&mut self, h: usize) {
        let load = &mut self.load;
        let w = load.weight[h];
        if w > 0 && load.sum[h].unsigned_abs() > (FAR / 2).saturating_mul(w.unsigned_abs()) {
            let d = load.sum[h].div_euclid(w);
            load.zero[h] = load.zero[h].wrapping_add(d);
            load.sum[h] = load.sum[h].wrapping_sub(d.wrapping_mul(w));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_is_weighted_and_rounded_down() {
        let mut ents = Table::new(2, Entity::<1>::new(1));
        (ents[0].v, ents[0].weight, ents[1].v, ents[1].weight) = ([10], 1, [-1], 2);
        let mut q = Queue::new(NONE);
        q.add(0, 0, &mut ents, 0, 1);
        q.add(1, 0, &mut ents, 1, 1);
        assert_eq!(q.average(0), 2); // (10 - 2) / 3 = 2.67
        assert!(q.eligible(2, 0) && !q.eligible(3, 0) && q.eligible(-1, 0));
        q.remove(0, &mut ents, 1);
        assert_eq!(q.average(0), -1);
        assert_eq!(ents[1].pos, 0);
    }

    #[test]
    fn averages_of_floats_are_those_of_whole_numbers() {
        let mut q = Queue::<3>::new(NONE);
        q.load.base = [5, 6, 7];
        let sums =
            [0, 1, -1, 1_023, -1_025, 1 << 33, -(1 << 51), (1 << 52) - 1, 1 << 52, i64::MIN + 9];
        for (sum, w) in sums.into_iter().flat_map(|sum| [0, 1, 3, 1_024, 88_761].map(|w| (sum, w)))
        {
            (q.load.sum, q.load.weight) = ([sum, sum / 2, sum / 3 * 3], [w, w * 7, 3]);
            assert_eq!(q.averages(), [0, 1, 2].map(|h| q.average(h)), "{sum} over {w}");
        }
    }

    #[test]
    fn far_values_move_the_reference_and_nothing_else() {
        let mut ents = Table::new(2, Entity::<1>::new(1));
        let mut q = Queue::new(NONE);
        q.add(0, 0, &mut ents, 0, 1);
        q.add(1, 0, &mut ents, 1, 1);
        q.shift(&mut ents[0], 0, 1 << 40);
        q.shift(&mut ents[1], 0, (1 << 40) + 4);
        assert_eq!(q.average(0), (1 << 40) + 2);
        assert!(q.load.zero[0] != 0);
    }

    #[test]
    fn each_lane_has_its_own_members() {
        let mut ents = Table::new(2, Entity::<2>::new(1));
        (ents[0].v, ents[1].v) = ([10, 20], [30, 40]);
        let mut q = Queue::new(NONE);
        q.add(0, 0, &mut ents, 0, 0b11);
        q.add(1, 0, &mut ents, 1, 0b10);
        assert_eq!(
            ([0, 1].map(|h| q.average(h)), q.load.count, q.list.len()),
            ([10, 30], [1, 2], 2)
        );
        q.remove(0, &mut ents, 0b10);
        assert_eq!(([0, 1].map(|h| q.average(h)), q.list.len(), ents[0].on), ([10, 40], 2, 0b01));
        q.remove(0, &mut ents, 0b01);
        assert_eq!(([0, 1].map(|h| q.average(h)), &q.list[..]), ([10, 40], &[1][..]));
    }
}
