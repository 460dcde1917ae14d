//! What an open decision looks like from outside: lag, deadline gap, rank. Reads the queues,
//! changes nothing in them.

use super::Beliefs;
use super::engine::{Engine, GROUPS};
use super::entity::{Doing, Entity, NONE};
use super::rules::Order;
use crate::trace::{CpuId, ThreadIx};

/// Up to this many waiting threads a rank is found by counting; among more by searching in what was
/// sorted once.
const COUNTED: usize = 24;

/// The keys of everyone who waits for an open decision; filled by need.
#[derive(Clone, Debug)]
pub(super) struct Ranks<const N: usize> {
    /// By thread: its key, the largest number where it is not eligible.
    keys: Vec<[i64; N]>,
    /// By lane: the same, ascending. Only of many.
    sorted: Vec<i64>,
    least: [i64; N],
    /// What the virtual times of the CPU's queues are measured from: of its root, and of each
    /// group.
    bases: [[i64; N]; 1 + GROUPS],
    fresh: bool,
}

impl<const N: usize> Ranks<N> {
    pub fn new() -> Self {
        Self {
            keys: Vec::new(),
            sorted: Vec::new(),
            least: [0; N],
            bases: [[0; N]; 1 + GROUPS],
            fresh: false,
        }
    }

    /// Another decision.
    pub fn stale(&mut self) {
        self.fresh = false;
    }

    fn sort(&mut self) {
        self.sorted.clear();
        if self.keys.len() <= COUNTED {
            return;
        }
        for h in 0..N {
            let from = self.sorted.len();
            self.sorted.extend(self.keys.iter().map(|keys| keys[h]));
            self.sorted[from..].sort_unstable();
        }
    }

    /// How many are before each key.
    fn before(&self, key: &[i64; N]) -> [usize; N] {
        let mut before = [0; N];
        if self.sorted.is_empty() {
            for other in &self.keys {
                for h in 0..N {
                    before[h] += usize::from(other[h] < key[h]);
                }
            }
            return before;
        }
        for (h, sorted) in self.sorted.chunks_exact(self.keys.len()).enumerate().take(N) {
            before[h] = sorted.partition_point(|other| *other < key[h]);
        }
        before
    }
}

impl<const N: usize> Engine<N> {
    pub fn view(&mut self, cpu: CpuId, thread: ThreadIx) -> Beliefs<N> {
        let mut seen = Beliefs::default();
        let known = self.ents.get(thread.ix()).is_some();
        let Some(c) = self.cpus.get(cpu.ix()).filter(|_| known) else { return seen };
        for h in 0..N {
            seen.picked[h] = c.open.pick[h] == thread.0;
        }
        if self.ents[thread.ix()].task.real_time || !self.is_thread(thread) {
            seen.eligible = [true; N];
            return seen;
        }
        if !c.ranks.fresh {
            self.rank(cpu.ix());
        }
        let ranks = &self.cpus[cpu.ix()].ranks;
        let e = &self.ents[thread.ix()];
        let q = self.queue_of(e, thread, cpu);
        let mut key = [0; N];
        let first = self.first_group(cpu.ix());
        let base = match q {
            q if q == cpu.ix() => ranks.bases[0],
            q if (first..first + GROUPS).contains(&q) => ranks.bases[1 + q - first],
            q => self.base(q),
        };
        for h in 0..N {
            (seen.lag_ns[h], key[h]) = self.standing(e, base[h], h);
        }
        let before = ranks.before(&key);
        for h in 0..N {
            seen.eligible[h] = self.rules.eligible(seen.lag_ns[h]);
            seen.rank[h] = if seen.eligible[h] { before[h].min(254) as u8 } else { 255 };
            seen.deadline_gap_ns[h] = key[h].wrapping_sub(ranks.least[h]);
        }
        seen
    }

    /// The queue that a thread is on, or was last on, or would be on.
    fn queue_of(&self, e: &Entity<N>, thread: ThreadIx, cpu: CpuId) -> usize {
        if e.queue == NONE { self.home(thread.0, cpu.ix()) } else { e.queue as usize }
    }

    /// The eligible thread with the earliest key, a real-time one before all; without any, the one
    /// that is owed most.
    pub fn next_waiting(&self, cpu: CpuId, waiting: &[ThreadIx]) -> [Option<ThreadIx>; N] {
        let mut best = [None; N];
        let mut least = [(true, true, i64::MAX); N];
        // Most are on one queue.
        let (mut at, mut base) = (usize::MAX, [0; N]);
        for &thread in waiting {
            let Some(e) = self.ents.get(thread.ix()).filter(|_| self.is_thread(thread)) else {
                continue;
            };
            let real_time = e.task.real_time;
            if !real_time {
                let q = self.queue_of(e, thread, cpu);
                if q != at {
                    (at, base) = (q, self.base(q));
                }
            }
            for h in 0..N {
                let rank = if real_time {
                    (false, false, i64::from(e.task.prio))
                } else {
                    let (lag, key) = self.standing(e, base[h], h);
                    let eligible = self.rules.eligible(lag);
                    (true, !eligible, if eligible { key } else { lag.wrapping_neg() })
                };
                if best[h].is_none() || rank < least[h] {
                    (best[h], least[h]) = (Some(thread), rank);
                }
            }
        }
        best
    }

    /// [`Self::standing`] of a waiting fair thread, in the first lane.
    pub fn standing_of(&self, cpu: CpuId, thread: ThreadIx) -> Option<(i64, i64)> {
        let e =
            self.ents.get(thread.ix()).filter(|e| !e.task.real_time && self.is_thread(thread))?;
        let queue = &self.queues[self.queue_of(e, thread, cpu)];
        let base = match self.rules.order {
            Order::Times => queue.min_v[0],
            Order::Deadlines => queue.average(0),
        };
        Some(self.standing(e, base, 0))
    }

    /// What the virtual times of a queue are measured from: their average (CFS: their floor).
    fn base(&self, q: usize) -> [i64; N] {
        let queue = &self.queues[q];
        match self.rules.order {
            Order::Times => queue.min_v,
            Order::Deadlines => std::array::from_fn(|h| queue.average(h)),
        }
    }

    /// The first of the queues of a CPU's groups.
    fn first_group(&self, cpu: usize) -> usize {
        self.cpus.len() + cpu * GROUPS
    }

    /// Lag and the key that orders the queue: deadline (CFS: virtual time), both relative to the
    /// queue.
    fn standing(&self, e: &Entity<N>, base: i64, h: usize) -> (i64, i64) {
        let lag = base.wrapping_sub(e.v[h]);
        let key = match self.rules.order {
            Order::Times => lag.wrapping_neg(),
            Order::Deadlines => e.deadline[h].wrapping_sub(base),
        };
        (lag, key)
    }

    /// Collects the keys of everyone waiting on `cpu`.
    fn rank(&mut self, cpu: usize) {
        let mut ranks = std::mem::replace(&mut self.cpus[cpu].ranks, Ranks::new());
        ranks.keys.clear();
        let (mut min, prev) = ([i64::MAX; N], self.cpus[cpu].open.prev);
        let first = self.first_group(cpu);
        for (i, q) in std::iter::once(cpu).chain(first..first + GROUPS).enumerate() {
            let queue = &self.queues[q];
            let crowded = queue.crowded();
            let base = self.base(q);
            ranks.bases[i] = base;
            for &id in &queue.list {
                let e = &self.ents[id as usize];
                if e.owns != NONE || e.task.doing != Doing::Queued || id == prev {
                    continue;
                }
                let mut keys = [i64::MAX; N];
                for h in 0..N {
                    if e.on & !crowded & 1 << h != 0 {
                        let (lag, key) = self.standing(e, base[h], h);
                        min[h] = min[h].min(key);
                        if self.rules.eligible(lag) {
                            keys[h] = key;
                        }
                    }
                }
                ranks.keys.push(keys);
            }
        }
        ranks.least = min.map(|min| if min == i64::MAX { 0 } else { min });
        ranks.sort();
        ranks.fresh = true;
        self.cpus[cpu].ranks = ranks;
    }
}
