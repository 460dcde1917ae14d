//! Several corrected replays of one trace side by side, each with another [`Correction`]: as many
//! hypotheses of what the kernel was thinking. They are asked and told together.

#[cfg(doc)]
use super::KernelReplay;
use super::correction::{Correction, HYPOTHESES};
use super::rules::Rules;
use super::side_by_side::{Beliefs, SideBySide};
use crate::trace::{CpuId, Event, Machine, ThreadIx, Trace};

/// The replays of one trace, by the rules of [`Correction::all`] in their order: number 0 is the
/// one that [`KernelReplay::of`] gives when it is corrected.
#[derive(Clone, Debug)]
pub struct Hypotheses {
    all: SideBySide<HYPOTHESES>,
}

impl Hypotheses {
    /// Replays of `trace` by what is known of its machine.
    pub fn of(trace: &Trace) -> Self {
        Self::on(trace, trace.machine())
    }

    /// Replays of `trace` as if it had been recorded on `machine`.
    pub fn on(trace: &Trace, machine: &Machine) -> Self {
        let all = Correction::all(machine.class.value);
        Self { all: SideBySide::on(trace, machine, Rules::of(machine), all) }
    }

    /// A copy that shares with this one what neither changes afterwards.
    #[must_use]
    pub fn snapshot(&mut self) -> Self {
        Self { all: self.all.snapshot() }
    }

    /// Bytes that a snapshot adds to earlier ones.
    pub fn own_bytes(&self) -> usize {
        self.all.engine.ents.own_bytes()
    }

    /// Most bytes that a snapshot can add.
    pub fn most_bytes(&self) -> usize {
        self.all.engine.ents.most_bytes()
    }

    /// [`KernelReplay::event`] of each.
    pub fn event(&mut self, e: &Event, trace: &Trace) {
        self.all.event(e, trace);
    }

    /// [`KernelReplay::before_pick`] of each.
    pub fn before_pick(&mut self, e: &Event, trace: &Trace) {
        self.all.before_pick(e, trace);
    }

    /// [`KernelReplay::view`] of each of `threads` by each, into the row of `out` of the same
    /// number; valid between [`Self::before_pick`] and [`Self::after_pick`].
    pub fn views(&mut self, cpu: CpuId, threads: &[ThreadIx], out: &mut [Beliefs]) {
        self.all.engine.views(cpu, threads, out);
    }

    /// [`KernelReplay::resched`] of each.
    pub fn resched(&self, cpu: CpuId) -> [bool; HYPOTHESES] {
        self.all.resched(cpu)
    }

    /// [`KernelReplay::next_waiting`] of each.
    pub fn next_waiting(
        &mut self,
        cpu: CpuId,
        waiting: &[ThreadIx],
    ) -> [Option<ThreadIx>; HYPOTHESES] {
        self.all.engine.next_waiting(cpu, waiting)
    }

    /// [`KernelReplay::standing`] of the first.
    pub fn standing(&mut self, cpu: CpuId, thread: ThreadIx) -> Option<(i64, i64)> {
        self.all.engine.standing_of(cpu, thread)
    }

    /// [`KernelReplay::after_pick`] of each.
    pub fn after_pick(
        &mut self,
        e: &Event,
        trace: &Trace,
        candidates: &[ThreadIx],
        next: ThreadIx,
    ) {
        self.all.after_pick(e, trace, candidates, next);
    }
}
