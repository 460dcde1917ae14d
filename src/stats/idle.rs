//! For how long of each wait a CPU was idle on which the thread may run. Which ones it may use no
//! event says: those on which it comes in some time in the recording are taken.

use super::waits::Table;
use super::{Window, runs};
use crate::trace::{CpuId, ThreadIx, Trace};
use rayon::prelude::*;

/// The stretches in which one CPU was idle, by time, with the ns before each of them.
#[derive(Debug, Default)]
struct Idle {
    spans: Vec<(u64, u64)>,
    before: Vec<u64>,
}

impl Idle {
    fn of(trace: &Trace, cpu: CpuId) -> Self {
        let mut idle = Self::default();
        let mut sum = 0;
        for run in
            runs(trace, cpu, Window::all(trace)).filter(|run| trace.tasks().is_idle(run.thread))
        {
            idle.spans.push((run.from, run.to));
            idle.before.push(sum);
            sum += run.to - run.from;
        }
        idle
    }

    /// Ns before `t`.
    fn until(&self, t: u64) -> u64 {
        match self.spans.partition_point(|s| s.0 < t).checked_sub(1) {
            Some(last) => self.before[last] + self.spans[last].1.min(t) - self.spans[last].0,
            None => 0,
        }
    }

    /// Its stretches in `from..to`, cut to it.
    fn within(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let first = self.spans.partition_point(|s| s.1 <= from);
        self.spans[first..]
            .iter()
            .take_while(move |s| s.0 < to)
            .map(move |s| (s.0.max(from), s.1.min(to)))
    }
}

/// Ns that these stretches cover together.
fn covered(mut spans: Vec<(u64, u64)>) -> u64 {
    spans.sort_unstable();
    let (mut sum, mut end) = (0, 0);
    for (from, to) in spans {
        sum += to.saturating_sub(from.max(end));
        end = end.max(to);
    }
    sum
}

/// The CPUs on which each thread comes in, by its number.
fn homes(t: &Table) -> Vec<Vec<CpuId>> {
    (0..t.trace.tasks().thread_count())
        .into_par_iter()
        .map(|thread| home(t, ThreadIx(thread as u32)))
        .collect()
}

/// The CPUs on which a thread comes in, ascending.
pub fn home(t: &Table, thread: ThreadIx) -> Vec<CpuId> {
    let came_in = t
        .waits
        .of_thread(thread)
        .iter()
        .map(|row| *row as usize)
        .filter(|row| !t.waits.is_open(*row));
    let mut seen = vec![false; t.trace.cpus()];
    came_in.for_each(|row| {
        if let Some(seen) = seen.get_mut(t.waits.cpu(row).ix()) {
            *seen = true;
        }
    });
    (0..t.trace.cpus()).filter(|cpu| seen[*cpu]).map(|cpu| CpuId(cpu as u16)).collect()
}

impl Table {
    /// Of every wait, the ns of it in which a CPU was idle on which the thread may run
    /// ([`times`]). Found when it is first asked for.
    pub fn idle(&self) -> &[u64] {
        self.idle.get_or_init(|| times(self))
    }
}

/// Of every wait, the ns of it in which such a CPU was idle. On all cores; most waits cost two
/// searches for each CPU.
pub fn times(t: &Table) -> Vec<u64> {
    let idle: Vec<Idle> =
        (0..t.trace.cpus()).into_par_iter().map(|c| Idle::of(&t.trace, CpuId(c as u16))).collect();
    let homes = homes(t);
    let one = |row: usize| {
        let (from, to) = (t.waits.from(row), t.waits.to(row));
        let cpus = &homes[t.waits.thread(row).ix()];
        let some: Vec<(&Idle, u64)> = cpus
            .iter()
            .map(|cpu| &idle[cpu.ix()])
            .map(|idle| (idle, idle.until(to) - idle.until(from)))
            .filter(|(_, ns)| *ns > 0)
            .collect();
        match some[..] {
            [] => 0,
            [(_, ns)] => ns,
            _ if some.iter().any(|(_, ns)| *ns == to - from) => to - from,
            _ => covered(some.iter().flat_map(|(idle, _)| idle.within(from, to)).collect()),
        }
    };
    (0..t.waits.len()).into_par_iter().map(one).collect()
}

/// The same of one wait alone. Costs what happened on its CPUs while it lasted.
pub fn time(t: &Table, row: usize) -> u64 {
    let wait = t.waits.get(row);
    let window = Window { from: wait.from, to: wait.to };
    let idle = |cpu| runs(&t.trace, cpu, window).filter(|run| t.trace.tasks().is_idle(run.thread));
    covered(home(t, wait.thread).into_iter().flat_map(idle).map(|run| (run.from, run.to)).collect())
}
