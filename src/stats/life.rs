//! What a few threads did when, kept so that any window of it can be shown: their pieces by time
//! with running sums, and who woke them.

use super::states::{Cause, Doing, Piece, Sink, Wait, walk};
use crate::trace::{CpuId, ThreadIx, Trace};

/// A thread doing one thing, on or for a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// When, ns since the start.
    pub from: u64,
    /// Until when; more than `from`.
    pub to: u64,
    /// What.
    pub doing: Doing,
    /// Where it runs, or whose queue it is in.
    pub cpu: CpuId,
    /// It runs on another CPU than the time before.
    pub moved: bool,
    /// Ns that it ran and waited before.
    before: (u64, u64),
}

/// A wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// When, ns since the start.
    pub at: u64,
    /// Who ran where it was woken; [`ThreadIx::NONE`]: not known.
    pub by: ThreadIx,
    /// Where that was.
    pub cpu: CpuId,
}

/// How long a thread did what in a stretch of time, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// It ran.
    pub running: u64,
    /// It waited for a CPU.
    pub runnable: u64,
}

/// All that is known of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// What it did, by time, without overlaps.
    pub parts: Vec<Part>,
    /// Its wake-ups, by time.
    pub wakes: Vec<Wake>,
}

impl Life {
    /// Indices of the parts of which something lies in `[from, to)`.
    pub fn within(&self, from: u64, to: u64) -> std::ops::Range<usize> {
        let first = self.parts.partition_point(|p| p.to <= from);
        first..self.parts.partition_point(|p| p.from < to).max(first)
    }

    /// What it does at this time.
    pub fn at(&self, t: u64) -> Option<&Part> {
        self.parts.get(self.parts.partition_point(|p| p.to <= t)).filter(|p| p.from <= t)
    }

    fn before(&self, t: u64) -> Spent {
        let at = self.parts.partition_point(|p| p.to <= t);
        let Some(part) = self.parts.get(at).or(self.parts.last()) else { return Spent::default() };
        let (running, runnable) = part.before;
        let ns = t.min(part.to).saturating_sub(part.from);
        match part.doing {
            Doing::Running => Spent { running: running + ns, runnable },
            Doing::Runnable => Spent { running, runnable: runnable + ns },
            _ => Spent { running, runnable },
        }
    }

    /// How it spent `[from, to)`. Two searches.
    pub fn spent(&self, from: u64, to: u64) -> Spent {
        let (a, b) = (self.before(from), self.before(to.max(from)));
        Spent { running: b.running - a.running, runnable: b.runnable - a.runnable }
    }

    /// The next time that it runs, beginning after `t`; or the last time that began before.
    pub fn stint(&self, t: u64, forward: bool) -> Option<&Part> {
        let runs = |p: &&Part| p.doing == Doing::Running;
        if forward {
            self.parts[self.parts.partition_point(|p| p.from <= t)..].iter().find(runs)
        } else {
            self.parts[..self.parts.partition_point(|p| p.from < t)].iter().rev().find(runs)
        }
    }

    /// Its last wake-up at or before `t`.
    pub fn woken(&self, t: u64) -> Option<&Wake> {
        self.wakes[..self.wakes.partition_point(|w| w.at <= t)].last()
    }
}

struct Lives<'a> {
    threads: &'a [ThreadIx],
    of: Vec<Life>,
    /// Where each ran last.
    ran_on: Vec<CpuId>,
}

impl Lives<'_> {
    fn of(&self, thread: ThreadIx) -> Option<usize> {
        self.threads.iter().position(|&t| t == thread)
    }
}

impl Sink for Lives<'_> {
    fn piece(&mut self, p: &Piece) {
        let Some(i) = self.of(p.thread) else { return };
        let mut moved = false;
        if p.doing == Doing::Running {
            let was = std::mem::replace(&mut self.ran_on[i], p.cpu);
            moved = was != CpuId::NONE && was != p.cpu;
        }
        let parts = &mut self.of[i].parts;
        let before = parts.last().map_or((0, 0), |last| {
            let (running, runnable) = last.before;
            match last.doing {
                Doing::Running => (running + (last.to - last.from), runnable),
                Doing::Runnable => (running, runnable + (last.to - last.from)),
                _ => last.before,
            }
        });
        parts.push(Part { from: p.from, to: p.to, doing: p.doing, cpu: p.cpu, moved, before });
    }

    fn waited(&mut self, w: &Wait) {
        if let Some(i) = self.of(w.thread).filter(|_| matches!(w.began, Cause::Wakeup | Cause::New))
        {
            self.of[i].wakes.push(Wake { at: w.from, by: w.waker, cpu: w.waker_cpu });
        }
    }
}

/// Follows these threads through a recording, in one pass; what is known of each, in their order.
pub fn follow(trace: &Trace, threads: &[ThreadIx]) -> Vec<Life> {
    let n = threads.len();
    let mut lives = Lives { threads, of: vec![Life::default(); n], ran_on: vec![CpuId::NONE; n] };
    walk(trace, &mut lives);
    lives.of
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_life_has_the_sums_of_its_parts() {
        let trace =
            crate::ingest::open(Path::new("traces/hackbench-pipe-2g_run0.csv.zst")).unwrap().trace;
        let threads: Vec<ThreadIx> =
            (2..trace.tasks().thread_count()).map(|t| ThreadIx(t as u32)).collect();
        let lives = follow(&trace, &threads[..5]);
        let span = trace.span().0;
        for life in &lives {
            assert!(life.parts.windows(2).all(|w| w[0].to <= w[1].from), "by time");
            for (from, to) in [
                (0, span),
                (span / 3, span / 2),
                (span / 7, span / 7 + 1_000),
                (5, 5),
                (span, span + 9),
            ] {
                let mut sum = Spent::default();
                for part in &life.parts[life.within(from, to)] {
                    let ns = part.to.min(to).saturating_sub(part.from.max(from));
                    match part.doing {
                        Doing::Running => sum.running += ns,
                        Doing::Runnable => sum.runnable += ns,
                        _ => {}
                    }
                }
                assert_eq!(life.spent(from, to), sum, "{from}..{to}");
            }
            let mut at = 0;
            let mut n = 0;
            while let Some(part) = life.stint(at, true) {
                assert!(part.doing == Doing::Running && part.from > at);
                (at, n) = (part.from, n + 1);
            }
            let all = life.parts.iter().filter(|p| p.doing == Doing::Running && p.from > 0).count();
            assert_eq!(n, all, "every stint is found one after the other");
            assert_eq!(life.stint(at, false).map_or(0, |p| p.from) < at, n > 0);
        }
        assert!(lives.iter().any(|l| !l.wakes.is_empty()));
    }
}
