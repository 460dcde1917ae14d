//! Several corrected replays of one trace side by side, each with another [`Correction`]: as many
//! hypotheses of what the kernel was thinking. They are asked and told together.

#[cfg(doc)]
use super::KernelReplay;
use super::Replays;
use super::correction::{Correction, HYPOTHESES};
use super::rules::Rules;
use super::side_by_side::SideBySide;
use crate::trace::{CpuId, Machine, ThreadIx, Trace};

/// The replays of one trace, by the rules of [`Correction::all`] in their order: number 0 is the
/// one that [`KernelReplay::of`] gives when it is corrected.
pub type Hypotheses = Replays<HYPOTHESES>;

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
}
