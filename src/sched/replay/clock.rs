//! Up to when the one that leaves is charged. A wake-up that asks for a switch has just read the
//! clock, and the switch that follows does not read it again (`rq_clock_skip_update` in
//! `check_preempt_curr`): so the one that leaves is charged up to the wake-up, and what is left
//! until the switch is charged to the one that comes in.

use super::engine::Engine;
use super::entity::{lanes, which};

/// A wake-up longer ago than this did not ask for the switch, or something else has read the clock
/// since.
const FRESH_NS: u64 = 50_000;

impl<const N: usize> Engine<N> {
    /// `update_curr` in the switch of `cpu` at `now`. `runs`: the one that leaves could have
    /// stayed.
    pub(super) fn charge_switch(&mut self, cpu: usize, now: u64, runs: bool) {
        let c = &self.cpus[cpu];
        let fresh = c.woken && now.saturating_sub(c.woken_at) < FRESH_NS;
        let early = if runs && fresh && !self.rules.plain { c.resched } else { 0 };
        let woken_at = c.woken_at.min(now);
        let c = &mut self.cpus[cpu];
        c.open.clock = [now; N];
        for h in lanes(early) {
            c.open.clock[h] = woken_at.max(c.last[h]).min(now);
        }
        let before = early & which::<N>(|h| self.cpus[cpu].last[h] < woken_at);
        self.charge(cpu, woken_at, before);
        self.charge(cpu, now, Self::ALL & !early);
    }
}
