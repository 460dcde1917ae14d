//! One fair run queue (`struct cfs_rq`): its entities and the weighted average of their virtual times.
//! Nothing here decides who runs.

use super::entity::{Entity, NONE};

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
    /// Entity that stands for this queue one level up, [`NONE`] for the root.
    pub owner: u32,
    pub list: Vec<u32>,
}

/// Keys larger than this move the reference point.
const FAR: i64 = 1 << 33;

impl Queue {
    pub fn new(owner: u32) -> Self {
        Self { zero: 0, sum: 0, load: 0, base: 0, min_v: 0, curr: NONE, owner, list: Vec::new() }
    }

    /// `avg_vruntime`: weighted mean of virtual times, rounded down.
    pub fn average(&mut self) -> i64 {
        if self.load > 0 {
            self.base = self.zero + self.sum.div_euclid(self.load);
        }
        self.base
    }

    /// `vruntime_eligible`: lag is not negative.
    pub fn eligible(&self, v: i64) -> bool {
        self.sum >= (v - self.zero) * self.load
    }

    pub fn add(&mut self, id: u32, me: u32, ents: &mut [Entity], seq: u64) {
        if self.list.is_empty() {
            self.zero = ents[id as usize].v;
            self.sum = 0;
        }
        let e = &mut ents[id as usize];
        self.sum += e.weight * (e.v - self.zero);
        self.load += e.weight;
        e.queue = me;
        e.on_rq = true;
        e.seq = seq;
        e.pos = self.list.len() as u32;
        self.list.push(id);
        self.rebase();
    }

    pub fn remove(&mut self, id: u32, ents: &mut [Entity]) {
        self.average();
        let e = ents[id as usize];
        let pos = e.pos as usize;
        if self.list.get(pos) != Some(&id) {
            return;
        }
        self.sum -= e.weight * (e.v - self.zero);
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
        self.sum += e.weight * (v - e.v);
        e.v = v;
        if (v - self.zero).abs() > FAR {
            self.rebase();
        }
    }

    pub fn reweigh(&mut self, e: &mut Entity, w: i64) {
        self.sum += (w - e.weight) * (e.v - self.zero);
        self.load += w - e.weight;
        e.weight = w;
    }

    fn rebase(&mut self) {
        if self.load > 0 && (self.sum / self.load).abs() > FAR / 2 {
            let d = self.sum.div_euclid(self.load);
            self.zero += d;
            self.sum -= d * self.load;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_is_weighted_and_rounded_down() {
        let mut ents = vec![Entity::new(1), Entity::new(1)];
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
        let mut ents = vec![Entity::new(1), Entity::new(1)];
        let mut q = Queue::new(NONE);
        q.add(0, 0, &mut ents, 0);
        q.add(1, 0, &mut ents, 1);
        q.shift(&mut ents[0], 1 << 40);
        q.shift(&mut ents[1], (1 << 40) + 4);
        assert_eq!(q.average(), (1 << 40) + 2);
        assert!(q.zero != 0);
    }
}
