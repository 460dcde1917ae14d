//! Time of which a recording says nothing: before a CPU's first event, across a loss, and where an
//! event shows that somebody else was running than the one who came in last. Never idle, never use,
//! never scored.
//!
//! ```text
//! events of CPU 0        switch to a      wake-up by a      switch from b to c
//! known to run     ???   a ............... a  ????????????? b|c ...
//! ```
//!
//! The last proof that `a` ran is the wake-up that it executed; when it left and who followed was
//! not recorded. Once a CPU's story has a hole, it is unknown up to the next switch, even if some
//! event in between tells who executed it: stints begin and end at switches.

use super::columns::Columns;
use super::{CpuId, EventKind, Gap, Nanos, TaskTable, ThreadIx};

/// What is not known of each CPU.
#[derive(Clone, Debug, Default)]
pub(super) struct Unknown {
    /// Per CPU: stretches `[from, to)` in ns, by time, apart from each other.
    pub stretches: Vec<Vec<(Nanos, Nanos)>>,
    /// Switches that follow unknown time: there was some since the switch of their CPU before.
    /// Ascending.
    pub switches: Vec<u32>,
    /// How often the thread that left was not the one that had come in.
    pub contradictions: u64,
}

impl Unknown {
    /// Walks each CPU's events once.
    pub fn of(
        columns: &Columns<ThreadIx>,
        by_cpu: &[Vec<u32>],
        gaps: &[Gap],
        tasks: &TaskTable,
    ) -> Self {
        let mut all = Self { stretches: vec![Vec::new(); by_cpu.len()], ..Self::default() };
        let mut lost = vec![Vec::new(); by_cpu.len()];
        for gap in gaps.iter().filter(|g| g.cpu.ix() < by_cpu.len()) {
            lost[gap.cpu.ix()].push((gap.from, gap.to));
        }
        for (cpu, events) in by_cpu.iter().enumerate() {
            all.walk(columns, CpuId(cpu as u16), events, &lost[cpu], tasks);
        }
        all.switches.sort_unstable();
        all
    }

    fn walk(
        &mut self,
        columns: &Columns<ThreadIx>,
        cpu: CpuId,
        events: &[u32],
        lost: &[(Nanos, Nanos)],
        tasks: &TaskTable,
    ) {
        let mut stretches = Stretches::default();
        // Who runs, as far as the events so far say, and the last event that proves it.
        let (mut running, mut proof) = (None, Nanos(0));
        let mut losses = lost.iter().peekable();
        // The story has a hole since the last switch; there is unknown time since then.
        let (mut hole, mut unsure) = (false, true);
        for &i in events {
            let i = i as usize;
            let time = Nanos(columns.time[i]);
            while let Some(&(from, to)) = losses.next_if(|l| l.1 <= time) {
                if hole || running.is_none() {
                    stretches.add(proof, from);
                }
                stretches.add(from, to);
                (running, proof, hole, unsure) = (None, to, true, true);
            }
            let is_switch = columns.kind[i] == EventKind::Switch;
            let seen =
                if is_switch { tasks.thread_on(columns.task[i], cpu) } else { columns.actor[i] };
            if seen != ThreadIx::NONE {
                let other = running.is_some_and(|r| r != seen);
                self.contradictions += u64::from(other);
                hole |= other;
                if hole || running.is_none() {
                    stretches.add(proof, time);
                    unsure = true;
                }
                (running, proof) = (Some(seen), time);
            } else if is_switch {
                // The recording does not say who left.
                stretches.add(proof, time);
                unsure = true;
            }
            if is_switch {
                if unsure {
                    self.switches.push(i as u32);
                }
                (hole, unsure) = (false, false);
                (running, proof) = (Some(tasks.thread_on(columns.next[i], cpu)), time);
            }
        }
        for &(from, to) in losses {
            if hole || running.is_none() {
                stretches.add(proof, from);
            }
            stretches.add(from, to);
            (running, proof, hole) = (None, to, true);
        }
        // Where the story has a hole, or nobody was ever seen, no switch ends what is unknown.
        if hole || running.is_none_or(|r| r == ThreadIx::NONE) {
            let end = columns.time.last().copied().unwrap_or(0);
            stretches.add(proof, Nanos(end));
        }
        self.stretches[cpu.ix()] = stretches.0;
    }

    /// How much of `[from, to)` is unknown, in ns.
    pub fn within(&self, cpu: CpuId, from: Nanos, to: Nanos) -> Nanos {
        let all = self.stretches.get(cpu.ix()).map_or(&[][..], Vec::as_slice);
        let first = all.partition_point(|s| s.1 <= from);
        let part = |s: &(Nanos, Nanos)| s.1.min(to).since(s.0.max(from)).0;
        Nanos(all[first..].iter().take_while(|s| s.0 < to).map(part).sum())
    }
}

/// Stretches that come roughly by time.
#[derive(Default)]
struct Stretches(Vec<(Nanos, Nanos)>);

impl Stretches {
    /// Adds `[from, to)`; what it has in common with the ones before is there once.
    fn add(&mut self, mut from: Nanos, mut to: Nanos) {
        if from >= to {
            return;
        }
        while let Some(&(before, end)) = self.0.last().filter(|last| last.1 >= from) {
            (from, to) = (from.min(before), to.max(end));
            self.0.pop();
        }
        self.0.push((from, to));
    }
}
