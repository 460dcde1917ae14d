//! Up to when the one that leaves is charged. A wake-up that asks for a switch has just read the
//! clock, and the switch that follows does not read it again (`rq_clock_skip_update` in
//! `check_preempt_curr`): so the one that leaves is charged up to the wake-up, and what is left
//! until the switch is charged to the one that comes in.

use super::engine::Engine;
use super::entity::Mask;
use super::rules::Order;

/// A wake-up longer ago than this did not ask for the switch, or something else has read the clock
/// since.
const FRESH_NS: u64 = 50_000;

impl<const N: usize> Engine<N> {
    /// `update_curr` in the switch of `cpu` at `now`. `runs`: the one that leaves could have
    /// stayed.
    pub(super) fn charge_switch(&mut self, cpu: usize, now: u64, runs: bool) {
        let c = &self.cpus[cpu];
        let mut early: Mask = 0;
        if runs && c.woken && now.saturating_sub(c.woken_at) < FRESH_NS {
            early = c.resched;
            // All lanes of CFS are charged together.
            if self.rules.order == Order::Times && early != Self::ALL {
                early = 0;
            }
        }
        let woken_at = c.woken_at;
        let c = &mut self.cpus[cpu];
        c.open.clock = [now; N];
        for h in (0..N).filter(|h| early >> h & 1 != 0) {
            c.open.clock[h] = woken_at.max(c.last[h]).min(now);
        }
        let clock = c.open.clock.iter().copied().min().unwrap_or(now);
        self.charge(cpu, clock, early);
        self.charge(cpu, now, Self::ALL & !early);
    }
}
