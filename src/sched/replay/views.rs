//! What an open decision looks like from outside: lag, deadline gap, rank. Reads the queues,
//! changes nothing in them. All lanes are looked at together, in the widest registers that there
//! are.

// The bodies must be part of the function that enables the instructions, or they are not compiled
// for them.
#![allow(clippy::inline_always)]

use super::Beliefs;
use super::engine::Engine;
use super::entity::{Doing, Entity, NONE};
use super::queue::GROUPS;
use super::rules::Order;
use crate::simd::{Lanes, Work, dispatch};
use crate::trace::{CpuId, ThreadIx};

/// What is believed of some threads of a CPU.
struct Views<'a, const N: usize> {
    engine: &'a mut Engine<N>,
    cpu: CpuId,
    threads: &'a [ThreadIx],
    out: &'a mut [Beliefs<N>],
}

impl<const N: usize> Work for Views<'_, N> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { engine, cpu, threads, out } = self;
        if engine.cpus.get(cpu.ix()).is_some_and(|c| !c.ranks.fresh) {
            engine.rank(cpu.ix());
        }
        for (seen, thread) in out.iter_mut().zip(threads) {
            *seen = engine.believed::<V>(cpu, *thread);
        }
    }
}

/// Whom each lane would take next.
struct Next<'a, const N: usize> {
    engine: &'a Engine<N>,
    cpu: CpuId,
    waiting: &'a [ThreadIx],
}

impl<const N: usize> Work for Next<'_, N> {
    type Out = [Option<ThreadIx>; N];

    #[inline(always)]
    fn run<V: Lanes>(self) -> Self::Out {
        self.engine.first_of(self.cpu, self.waiting)
    }
}

impl<const N: usize> Engine<N> {
    /// What is believed of each of `threads`, into the row of `out` of the same number.
    pub fn views(&mut self, cpu: CpuId, threads: &[ThreadIx], out: &mut [Beliefs<N>]) {
        dispatch(Views { engine: self, cpu, threads, out });
    }

    #[inline(always)]
    fn believed<V: Lanes>(&self, cpu: CpuId, thread: ThreadIx) -> Beliefs<N> {
        let mut seen = Beliefs::default();
        let known = self.ents.get(thread.ix()).is_some();
        let Some(c) = self.cpus.get(cpu.ix()).filter(|_| known) else { return seen };
        for h in 0..N {
            seen.picked[h] = c.open.pick[h] == thread.0;
        }
        let e = &self.ents[thread.ix()];
        if e.task.real_time || !self.is_thread(thread) {
            seen.eligible = [true; N];
            return seen;
        }
        let ranks = &c.ranks;
        let q = self.queue_of(e, thread, cpu);
        let first = self.first_group(cpu.ix());
        // Only those are known that somebody waits on.
        let base = match q {
            q if self.queues[q].list.is_empty() => self.base(q),
            q if q == cpu.ix() => ranks.bases[0],
            q if (first..first + GROUPS).contains(&q) => ranks.bases[1 + q - first],
            q => self.base(q),
        };
        let (lag, key) = self.standings(e, &base);
        let before = ranks.before::<V>(&key);
        for h in 0..N {
            seen.lag_ns[h] = lag[h];
            seen.eligible[h] = self.rules.eligible(lag[h]);
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
        dispatch(Next { engine: self, cpu, waiting })
    }

    #[inline(always)]
    fn first_of(&self, cpu: CpuId, waiting: &[ThreadIx]) -> [Option<ThreadIx>; N] {
        /// Ranks of real-time threads, of eligible ones, of the others.
        const CLASSES: [i64; 3] = [0, 1, 2];
        let mut best = [ThreadIx::NONE.0; N];
        let (mut class, mut least) = ([i64::MAX; N], [i64::MAX; N]);
        // Most are on one queue.
        let (mut at, mut base) = (usize::MAX, [0; N]);
        for &thread in waiting {
            let Some(e) = self.ents.get(thread.ix()).filter(|_| self.is_thread(thread)) else {
                continue;
            };
            let (mut mine, mut rank) = ([CLASSES[0]; N], [i64::from(e.task.prio); N]);
            if !e.task.real_time {
                let q = self.queue_of(e, thread, cpu);
                if q != at {
                    (at, base) = (q, self.base(q));
                }
                let (lag, key) = self.standings(e, &base);
                for h in 0..N {
                    let eligible = self.rules.eligible(lag[h]);
                    mine[h] = if eligible { CLASSES[1] } else { CLASSES[2] };
                    rank[h] = if eligible { key[h] } else { lag[h].wrapping_neg() };
                }
            }
            for h in 0..N {
                // Without a branch, so that the lanes go side by side.
                let before = (mine[h], rank[h]) < (class[h], least[h]);
                best[h] = if before { thread.0 } else { best[h] };
                class[h] = if before { mine[h] } else { class[h] };
                least[h] = if before { rank[h] } else { least[h] };
            }
        }
        best.map(|thread| Some(ThreadIx(thread)).filter(|thread| *thread != ThreadIx::NONE))
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

    /// [`Self::standing`] in all lanes.
    #[inline(always)]
    fn standings(&self, e: &Entity<N>, base: &[i64; N]) -> ([i64; N], [i64; N]) {
        let (mut lag, mut key) = ([0; N], [0; N]);
        let by_time = self.rules.order == Order::Times;
        for h in 0..N {
            lag[h] = base[h].wrapping_sub(e.v[h]);
            let left = e.deadline[h].wrapping_sub(base[h]);
            key[h] = if by_time { lag[h].wrapping_neg() } else { left };
        }
        (lag, key)
    }

    /// What the virtual times of a queue are measured from: their average (CFS: their floor).
    #[inline(always)]
    fn base(&self, q: usize) -> [i64; N] {
        let queue = &self.queues[q];
        match self.rules.order {
            Order::Times => queue.min_v,
            Order::Deadlines => queue.averages(),
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
    #[inline(always)]
    fn rank(&mut self, cpu: usize) {
        let mut all = std::mem::take(&mut self.cpus[cpu].ranks.keys);
        all.clear();
        let (mut min, prev) = ([i64::MAX; N], self.cpus[cpu].open.prev);
        let first = self.first_group(cpu);
        for (i, q) in std::iter::once(cpu).chain(first..first + GROUPS).enumerate() {
            let queue = &self.queues[q];
            if queue.list.is_empty() {
                continue;
            }
            let crowded = queue.crowded();
            let base = self.base(q);
            self.cpus[cpu].ranks.bases[i] = base;
            for &id in &queue.list {
                let e = &self.ents[id as usize];
                if e.owns != NONE || e.task.doing != Doing::Queued || id == prev {
                    continue;
                }
                let (lag, key) = self.standings(e, &base);
                let on = e.on & !crowded;
                let mut keys = [i64::MAX; N];
                for h in 0..N {
                    let on = on >> h & 1 != 0;
                    min[h] = min[h].min(if on { key[h] } else { i64::MAX });
                    keys[h] = if on & self.rules.eligible(lag[h]) { key[h] } else { i64::MAX };
                }
                all.push(keys);
            }
        }
        let ranks = &mut self.cpus[cpu].ranks;
        ranks.least = min.map(|min| if min == i64::MAX { 0 } else { min });
        ranks.keys = all;
        ranks.sort();
        ranks.fresh = true;
    }
}
