//! Several corrected replays of one trace side by side, each with another [`Correction`]: as many hypotheses of what the
//! kernel was thinking. They are asked and told together.

use super::correction::{Correction, HYPOTHESES};
use super::{KernelReplay, View};
use crate::trace::{CpuId, Event, Machine, ThreadIx, Trace};

/// The replays of one trace, by the rules of [`Correction::all`] in their order: number 0 is the one that
/// [`KernelReplay::of`] gives when it is corrected.
#[derive(Clone, Debug)]
pub struct Hypotheses {
    replays: [KernelReplay; HYPOTHESES],
}

/// What each hypothesis believes about one thread: the columns of [`View`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Beliefs {
    /// [`View::lag_ns`], virtual ns.
    pub lag_ns: [i64; HYPOTHESES],
    /// [`View::deadline_gap_ns`], virtual ns.
    pub deadline_gap_ns: [i64; HYPOTHESES],
    /// [`View::rank`]: 255 when it is not eligible.
    pub rank: [u8; HYPOTHESES],
    /// [`View::eligible`].
    pub eligible: [bool; HYPOTHESES],
    /// [`View::picked`].
    pub picked: [bool; HYPOTHESES],
}

impl Beliefs {
    /// What hypothesis `h` believes.
    pub fn view(&self, h: usize) -> View {
        View {
            lag_ns: self.lag_ns[h],
            deadline_gap_ns: self.deadline_gap_ns[h],
            eligible: self.eligible[h],
            picked: self.picked[h],
            rank: self.rank[h],
        }
    }
}

impl Hypotheses {
    /// Replays of `trace` by what is known of its machine.
    pub fn of(trace: &Trace) -> Self {
        Self::on(trace, trace.machine())
    }

    /// Replays of `trace` as if it had been recorded on `machine`.
    pub fn on(trace: &Trace, machine: &Machine) -> Self {
        let rules = Correction::all(machine.class.value);
        Self { replays: rules.map(|rule| KernelReplay::by(trace, machine, rule)) }
    }

    /// A copy that shares with this one what neither changes afterwards.
    #[must_use]
    pub fn snapshot(&mut self) -> Self {
        Self { replays: self.replays.each_mut().map(KernelReplay::snapshot) }
    }

    /// Bytes that a snapshot adds to earlier ones.
    pub fn own_bytes(&self) -> usize {
        self.replays.iter().map(KernelReplay::own_bytes).sum()
    }

    /// Most bytes that a snapshot can add.
    pub fn most_bytes(&self) -> usize {
        self.replays.iter().map(KernelReplay::most_bytes).sum()
    }

    /// [`KernelReplay::event`] of each.
    pub fn event(&mut self, e: &Event, trace: &Trace) {
        self.replays.iter_mut().for_each(|r| r.event(e, trace));
    }

    /// [`KernelReplay::before_pick`] of each.
    pub fn before_pick(&mut self, e: &Event, trace: &Trace) {
        self.replays.iter_mut().for_each(|r| r.before_pick(e, trace));
    }

    /// [`KernelReplay::view`] of each of `threads` by each, into the row of `out` of the same number; valid between
    /// [`Self::before_pick`] and [`Self::after_pick`].
    pub fn views(&mut self, cpu: CpuId, threads: &[ThreadIx], out: &mut [Beliefs]) {
        for (row, thread) in out.iter_mut().zip(threads) {
            for (h, replay) in self.replays.iter_mut().enumerate() {
                let View { lag_ns, deadline_gap_ns, eligible, picked, rank } = replay.view(cpu, *thread);
                (row.lag_ns[h], row.deadline_gap_ns[h], row.rank[h]) = (lag_ns, deadline_gap_ns, rank);
                (row.eligible[h], row.picked[h]) = (eligible, picked);
            }
        }
    }

    /// [`KernelReplay::resched`] of each.
    pub fn resched(&self, cpu: CpuId) -> [bool; HYPOTHESES] {
        self.replays.each_ref().map(|r| r.resched(cpu))
    }

    /// [`KernelReplay::next_waiting`] of each.
    pub fn next_waiting(&mut self, cpu: CpuId, waiting: &[ThreadIx]) -> [Option<ThreadIx>; HYPOTHESES] {
        self.replays.each_mut().map(|r| r.next_waiting(cpu, waiting))
    }

    /// [`KernelReplay::standing`] of each.
    pub fn standing(&mut self, cpu: CpuId, thread: ThreadIx) -> Option<[(i64, i64); HYPOTHESES]> {
        let all = self.replays.each_mut().map(|r| r.standing(cpu, thread));
        all[0].is_some().then(|| all.map(Option::unwrap_or_default))
    }

    /// [`KernelReplay::after_pick`] of each.
    pub fn after_pick(&mut self, e: &Event, trace: &Trace, candidates: &[ThreadIx], next: ThreadIx) {
        self.replays.iter_mut().for_each(|r| r.after_pick(e, trace, candidates, next));
    }
}
