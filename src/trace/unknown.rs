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
    /// Switches at which both are known: who leaves, and who came in at the switch of their CPU
    /// before, without a loss between.
    pub pairs: u64,
    /// Those of them at which another thread leaves than the one that had come in.
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
        let mut story = Story { unsure: true, ..Story::default() };
        let mut losses = lost.iter().peekable();
        for &i in events {
            let i = i as usize;
            let time = Nanos(columns.time[i]);
            while let Some(&(from, to)) = losses.next_if(|l| l.1 <= time) {
                story.lose(from, to);
            }
            let is_switch = columns.kind[i] == EventKind::Switch;
            let seen =
                if is_switch { tasks.thread_on(columns.task[i], cpu) } else { columns.actor[i] };
            if is_switch && let Some(came) = story.came.filter(|_| seen != ThreadIx::NONE) {
                self.pairs += 1;
                self.contradictions += u64::from(came != seen);
            }
            if seen != ThreadIx::NONE {
                story.sees(seen, time);
            } else if is_switch {
                // The recording does not say who left.
                story.stretches.add(story.proof, time);
                story.unsure = true;
            }
            if is_switch {
                if story.unsure {
                    self.switches.push(i as u32);
                }
                story.comes_in(tasks.thread_on(columns.next[i], cpu), time);
            }
        }
        for &(from, to) in losses {
            story.lose(from, to);
        }
        // Where the story has a hole, or nobody was ever seen, no switch ends what is unknown.
        if story.hole || story.running.is_none_or(|r| r == ThreadIx::NONE) {
            let end = columns.time.last().copied().unwrap_or(0);
            story.stretches.add(story.proof, Nanos(end));
        }
        self.stretches[cpu.ix()] = story.stretches.0;
    }

    /// How much of `[from, to)` is unknown, in ns.
    pub fn within(&self, cpu: CpuId, from: Nanos, to: Nanos) -> Nanos {
        let all = self.stretches.get(cpu.ix()).map_or(&[][..], Vec::as_slice);
        let first = all.partition_point(|s| s.1 <= from);
        let part = |s: &(Nanos, Nanos)| s.1.min(to).since(s.0.max(from)).0;
        Nanos(all[first..].iter().take_while(|s| s.0 < to).map(part).sum())
    }
}

/// What is known of a CPU, as far as its events were walked.
#[derive(Default)]
struct Story {
    stretches: Stretches,
    /// Who runs, as far as the events so far say.
    running: Option<ThreadIx>,
    /// Who came in at the last switch; none where nothing is known of it, or was lost since.
    came: Option<ThreadIx>,
    /// When the last event was that proves it.
    proof: Nanos,
    /// The story has a hole since the last switch.
    hole: bool,
    /// There is unknown time since then.
    unsure: bool,
}

impl Story {
    /// Events of `[from, to)` were lost.
    fn lose(&mut self, from: Nanos, to: Nanos) {
        if self.hole || self.running.is_none() {
            self.stretches.add(self.proof, from);
        }
        self.stretches.add(from, to);
        (self.running, self.proof, self.hole, self.unsure) = (None, to, true, true);
        self.came = None;
    }

    /// An event shows who runs. If that is somebody else than was believed, the story has a hole.
    fn sees(&mut self, seen: ThreadIx, time: Nanos) {
        self.hole |= self.running.is_some_and(|r| r != seen);
        if self.hole || self.running.is_none() {
            self.stretches.add(self.proof, time);
            self.unsure = true;
        }
        (self.running, self.proof) = (Some(seen), time);
    }

    /// A switch begins the story anew.
    fn comes_in(&mut self, next: ThreadIx, time: Nanos) {
        (self.hole, self.unsure) = (false, false);
        self.came = Some(next).filter(|next| *next != ThreadIx::NONE);
        (self.running, self.proof) = (Some(next), time);
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
