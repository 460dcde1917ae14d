//! One fair run queue (`struct cfs_rq`): its entities and the weighted average of their virtual times.
//! Nothing here decides who runs. Sums wrap, as the kernel's do: a recording may hold any times and priorities, and those
//! that wrap here mean nothing in any case.

use super::entity::{Entity, NONE};
use crate::sched::state::Table;

/// A queue of one level on one CPU. `curr` stays in the list while it runs, as in the kernel's sums.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    /// Reference point of the keys (`zero_vruntime`), so that products stay small.
    zero: i64,
    /// Sum of `weight * (v - zero)`.
    sum: i64,
    /// Sum of weights.
    pub load: i64,
    /// Average when the queue was last non-empty.
    base: i64,
    /// CFS: monotonic floor of the queue's virtual time.
    pub min_v: i64,
    pub curr: u32,
    /// CFS: the task that a wake-up preempted last (`last` buddy), and the one that yielded (`skip` buddy).
    pub last: u32,
    pub yielded: u32,
    /// Entity that stands for this queue one level up, [`NONE`] for the root.
    pub owner: u32,
    /// Share of switches that left `prev` runnable of late, in 1/1024.
    pub stay: i32,
    pub list: Vec<u32>,
}

/// Entities of a queue that the replay still follows. Each event looks at all of them; of a longer queue it has no opinion.
const CROWD: usize = 4_096;
/// Keys larger than this move the reference point.
const FAR: u64 = 1 << 33;

impl Queue {
    pub fn new(owner: u32) -> Self {
        Self {
            zero: 0,
            sum: 0,
            load: 0,
            base: 0,
            min_v: 0,
            curr: NONE,
            last: NONE,
            yielded: NONE,
            owner,
            stay: 0,
            list: Vec::new(),
        }
    }

    /// Too long to be followed.
    pub fn crowded(&self) -> bool {
        self.list.len() > CROWD
    }

    /// `avg_vruntime`: weighted mean of virtual times, rounded down.
    pub fn average(&mut self) -> i64 {
        if self.load > 0 {
            self.base = self.zero.wrapping_add(self.sum.div_euclid(self.load));
        }
        self.base
    }

    /// The average of all but `e`, which is on this queue; `None` when there is no other.
    pub fn average_without(&self, e: &Entity) -> Option<i64> {
        let load = self.load - e.weight;
        let sum = self.sum.wrapping_sub(self.key(e.v).wrapping_mul(e.weight));
        (load > 0).then(|| self.zero.wrapping_add(sum.div_euclid(load)))
    }

    /// `vruntime_eligible`: lag is not negative.
    pub fn eligible(&self, v: i64) -> bool {
        self.sum >= self.key(v).wrapping_mul(self.load)
    }

    /// A virtual time relative to the reference point.
    fn key(&self, v: i64) -> i64 {
        v.wrapping_sub(self.zero)
    }

    pub fn add(&mut self, id: u32, me: u32, ents: &mut Table<Entity>, seq: u64) {
        if self.list.is_empty() {
            self.zero = ents[id as usize].v;
            self.sum = 0;
        }
        let e = &mut ents[id as usize];
        self.sum = self.sum.wrapping_add(e.v.wrapping_sub(self.zero).wrapping_mul(e.weight));
        self.load += e.weight;
        e.queue = me;
        e.on_rq = true;
        e.seq = seq;
        e.pos = self.list.len() as u32;
        self.list.push(id);
        self.rebase();
    }

    pub fn remove(&mut self, id: u32, ents: &mut Table<Entity>) {
        self.average();
        let e = ents[id as usize];
        let pos = e.pos as usize;
        if self.list.get(pos) != Some(&id) {
            return;
        }
        self.sum = self.sum.wrapping_sub(self.key(e.v).wrapping_mul(e.weight));
        self.load -= e.weight;
        self.list.swap_remove(pos);
        if let Some(&moved) = self.list.get(pos) {
            ents[moved as usize].pos = pos as u32;
        }
        if self.list.is_empty() {
            self.sum = 0;
            self.load = 0;
            self.base = e.v;
        }
        ents[id as usize].on_rq = false;
    }

    /// Sets the virtual time of an entity that is on this queue.
    pub fn shift(&mut self, e: &mut Entity, v: i64) {
        self.sum = self.sum.wrapping_add(v.wrapping_sub(e.v).wrapping_mul(e.weight));
        e.v = v;
        if self.key(v).unsigned_abs() > FAR {
            self.rebase();
        }
    }

    pub fn reweigh(&mut self, e: &mut Entity, w: i64) {
        self.sum = self.sum.wrapping_add(self.key(e.v).wrapping_mul(w - e.weight));
        self.load += w - e.weight;
        e.weight = w;
    }

    fn rebase(&mut self) {
        if self.load > 0 && (self.sum / self.load).unsigned_abs() > FAR / 2 {
            let d = self.sum.div_euclid(self.load);
            self.zero = self.zero.wrapping_add(d);
            self.sum = self.sum.wrapping_sub(d.wrapping_mul(self.load));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_is_weighted_and_rounded_down() {
        let mut ents = Table::new(2, Entity::new(1));
        (ents[0].v, ents[0].weight, ents[1].v, ents[1].weight) = (10, 1, -1, 2);
        let mut q = Queue::new(NONE);
        q.add(0, 0, &mut ents, 0);
        q.add(1, 0, &mut ents, 1);
        assert_eq!(q.average(), 2); // (10 - 2) / 3 = 2.67
        assert!(q.eligible(2) && !q.eligible(3) && q.eligible(-1));
        q.remove(0, &mut ents);
        assert_eq!(q.average(), -1);
        assert_eq!(ents[1].pos, 0);
    }

    #[test]
    fn far_values_move_the_reference_and_nothing_else() {
        let mut ents = Table::new(2, Entity::new(1));
        let mut q = Queue::new(NONE);
        q.add(0, 0, &mut ents, 0);
        q.add(1, 0, &mut ents, 1);
        q.shift(&mut ents[0], 1 << 40);
        q.shift(&mut ents[1], (1 << 40) + 4);
        assert_eq!(q.average(), (1 << 40) + 2);
        assert!(q.zero != 0);
    }
}
