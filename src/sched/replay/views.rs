//! What an open decision looks like from outside: lag, deadline gap, rank. Reads the queues,
//! changes nothing in them. All lanes are looked at together, in the widest registers that there
//! are.

// The bodies must be part of the function that enables the instructions, or they are not compiled
// for them.
#![allow(clippy::inline_always)]

use super::Beliefs;
use super::engine::Engine;
use super::entity::{Doing, Entity, Mask, NONE};
use super::queue::GROUPS;
use super::rules::Order;
use crate::simd::longs::{choose, less, same, sub};
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
            engine.rank::<V>(cpu.ix());
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
        self.engine.first_of::<V>(self.cpu, self.waiting)
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
        seen.picked = same::<V, N>(&c.open.pick, thread.0);
        let e = &self.ents[thread.ix()];
        if e.task.real_time || !self.is_thread(thread) {
            seen.eligible = Self::ALL;
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
        let (lag, key) = self.standings::<V>(e, &base);
        seen.lag_ns = lag;
        seen.eligible = self.eligible::<V>(&lag);
        seen.before = ranks.before::<V>(&key);
        seen.deadline_gap_ns = sub::<V, N>(&key, &ranks.least);
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
    fn first_of<V: Lanes>(&self, cpu: CpuId, waiting: &[ThreadIx]) -> [Option<ThreadIx>; N] {
        /// Ranks of real-time threads, of eligible ones, of the others.
        const CLASSES: [i64; 3] = [0, 1, 2];
        const NOBODY: i64 = ThreadIx::NONE.0 as i64;
        let mut best = [NOBODY; N];
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
                let (lag, key) = self.standings::<V>(e, &base);
                let eligible = self.eligible::<V>(&lag);
                mine = choose::<V, N>(eligible, &[CLASSES[1]; N], &[CLASSES[2]; N]);
                rank = choose::<V, N>(eligible, &key, &sub::<V, N>(&[0; N], &lag));
            }
            // Without a branch, so that the lanes go side by side.
            let equal = !less::<V, N>(&class, &mine);
            let before = less::<V, N>(&mine, &class) | equal & less::<V, N>(&rank, &least);
            best = choose::<V, N>(before, &[i64::from(thread.0); N], &best);
            class = choose::<V, N>(before, &mine, &class);
            least = choose::<V, N>(before, &rank, &least);
        }
        best.map(|thread| Some(ThreadIx(thread as u32)).filter(|thread| *thread != ThreadIx::NONE))
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
    fn standings<V: Lanes>(&self, e: &Entity<N>, base: &[i64; N]) -> ([i64; N], [i64; N]) {
        let lag = sub::<V, N>(base, &e.v);
        let key = match self.rules.order {
            Order::Times => sub::<V, N>(&[0; N], &lag),
            Order::Deadlines => sub::<V, N>(&e.deadline, base),
        };
        (lag, key)
    }

    /// Lanes in which one with these lags may be taken.
    #[inline(always)]
    fn eligible<V: Lanes>(&self, lag: &[i64; N]) -> Mask {
        match self.rules.order {
            Order::Times => Self::ALL,
            Order::Deadlines => Self::ALL & !less::<V, N>(lag, &[0; N]),
        }
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
    fn rank<V: Lanes>(&mut self, cpu: usize) {
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
                let (lag, key) = self.standings::<V>(e, &base);
                let on = e.on & !crowded;
                let less = on & less::<V, N>(&key, &min);
                min = choose::<V, N>(less, &key, &min);
                let eligible = on & self.eligible::<V>(&lag);
                all.push(choose::<V, N>(eligible, &key, &[i64::MAX; N]));
            }
        }
        let ranks = &mut self.cpus[cpu].ranks;
        ranks.least = min.map(|min| if min == i64::MAX { 0 } else { min });
        ranks.keys = all;
        ranks.sort();
        ranks.fresh = true;
    }
}
