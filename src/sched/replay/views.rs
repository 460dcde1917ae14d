//! What an open decision looks like from outside: lag, deadline gap, rank. Reads the queues, changes nothing in them.

use super::View;
use super::engine::{Engine, GROUPS};
use super::entity::{Doing, Entity, NONE};
use crate::trace::{CpuId, ThreadIx};

impl Engine {
    pub fn resched(&self, cpu: CpuId) -> bool {
        self.cpus.get(cpu.ix()).is_some_and(|c| c.resched)
    }

    pub fn picks(&self, cpu: CpuId, thread: ThreadIx) -> bool {
        self.cpus.get(cpu.ix()).is_some_and(|c| c.pick == thread.0)
    }

    pub fn view(&mut self, cpu: CpuId, thread: ThreadIx) -> View {
        let Some(e) = self.ents.get(thread.ix()).copied() else { return View::default() };
        let Some(c) = self.cpus.get(cpu.ix()) else { return View::default() };
        let picked = c.pick == thread.0;
        if e.real_time || !self.is_thread(thread) {
            return View { eligible: true, picked, ..View::default() };
        }
        if !c.ranked {
            self.rank(cpu.ix());
        }
        let q = match e.queue {
            NONE => self.home(thread.0, cpu.ix()),
            q => q as usize,
        };
        let (lag_ns, key) = self.standing(&e, q);
        let c = &self.cpus[cpu.ix()];
        let eligible = self.cfs || lag_ns >= 0;
        let rank = if eligible { c.ranks.partition_point(|&d| d < key).min(254) as u8 } else { 255 };
        View { lag_ns, deadline_gap_ns: key.wrapping_sub(c.min_deadline), eligible, picked, rank }
    }

    /// The eligible thread with the earliest key, a real-time one before all; without any, the one that is owed most.
    pub fn next_waiting(&mut self, cpu: CpuId, waiting: &[ThreadIx]) -> Option<ThreadIx> {
        let mut best: Option<((bool, bool, i64), ThreadIx)> = None;
        for &thread in waiting {
            let Some(e) = self.ents.get(thread.ix()).copied().filter(|_| self.is_thread(thread)) else { continue };
            let rank = if e.real_time {
                (false, false, i64::from(e.prio))
            } else {
                let q = if e.queue == NONE { self.home(thread.0, cpu.ix()) } else { e.queue as usize };
                let (lag, key) = self.standing(&e, q);
                let eligible = self.cfs || lag >= 0;
                (true, !eligible, if eligible { key } else { lag.wrapping_neg() })
            };
            if best.is_none_or(|(b, _)| rank < b) {
                best = Some((rank, thread));
            }
        }
        best.map(|(_, thread)| thread)
    }

    /// [`Self::standing`] of a waiting fair thread.
    pub fn standing_of(&mut self, cpu: CpuId, thread: ThreadIx) -> Option<(i64, i64)> {
        let e = self.ents.get(thread.ix()).copied().filter(|e| !e.real_time && self.is_thread(thread))?;
        let q = if e.queue == NONE { self.home(thread.0, cpu.ix()) } else { e.queue as usize };
        Some(self.standing(&e, q))
    }

    /// Lag and the key that orders the queue: deadline (CFS: virtual time), both relative to the queue.
    fn standing(&mut self, e: &Entity, q: usize) -> (i64, i64) {
        if self.cfs {
            let lag = self.queues[q].min_v.wrapping_sub(e.v);
            return (lag, lag.wrapping_neg());
        }
        let average = self.queues[q].average();
        (average.wrapping_sub(e.v), e.deadline.wrapping_sub(average))
    }

    /// Collects the deadlines of everyone waiting on `cpu`.
    fn rank(&mut self, cpu: usize) {
        let mut ranks = std::mem::take(&mut self.cpus[cpu].ranks);
        ranks.clear();
        let mut min = i64::MAX;
        let first = self.cpus.len() + cpu * GROUPS;
        for q in std::iter::once(cpu).chain(first..first + GROUPS) {
            let followed = if self.queues[q].crowded() { 0 } else { self.queues[q].list.len() };
            for i in 0..followed {
                let id = self.queues[q].list[i];
                let e = self.ents[id as usize];
                if e.owns == NONE && e.doing == Doing::Queued && id != self.cpus[cpu].prev {
                    let (lag, key) = self.standing(&e, q);
                    min = min.min(key);
                    if self.cfs || lag >= 0 {
                        ranks.push(key);
                    }
                }
            }
        }
        ranks.sort_unstable();
        let c = &mut self.cpus[cpu];
        (c.ranks, c.ranked) = (ranks, true);
        c.min_deadline = if min == i64::MAX { 0 } else { min };
    }
}
