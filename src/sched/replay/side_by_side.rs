//! Replays of one trace that differ only in how they take unexpected picks, told and asked
//! together. One alone is a [`KernelReplay`](super::KernelReplay), all of them are
//! [`Hypotheses`](super::Hypotheses).

use super::correction::{Correction, HYPOTHESES};
use super::engine::Engine;
use super::rules::Rules;
use super::{MOST_SLICE_NS, View};
use crate::trace::{CpuId, Event, EventKind, Machine, ThreadIx, Trace, usual_slice};

/// What each of `N` replays believes about one thread: the columns of [`View`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beliefs<const N: usize = HYPOTHESES> {
    /// [`View::lag_ns`], virtual ns.
    pub lag_ns: [i64; N],
    /// [`View::deadline_gap_ns`], virtual ns.
    pub deadline_gap_ns: [i64; N],
    /// How many are before it: [`View::rank`] of those that are eligible.
    pub before: [i64; N],
    /// [`View::eligible`], bit `h` of replay `h`.
    pub eligible: u8,
    /// [`View::picked`], likewise.
    pub picked: u8,
}

impl<const N: usize> Default for Beliefs<N> {
    fn default() -> Self {
        Self { lag_ns: [0; N], deadline_gap_ns: [0; N], before: [0; N], eligible: 0, picked: 0 }
    }
}

impl<const N: usize> Beliefs<N> {
    /// What replay `h` believes.
    pub fn view(&self, h: usize) -> View {
        View {
            lag_ns: self.lag_ns[h],
            deadline_gap_ns: self.deadline_gap_ns[h],
            eligible: self.is_eligible(h),
            picked: self.is_picked(h),
            rank: self.rank(h),
        }
    }

    /// [`View::eligible`] of replay `h`.
    pub fn is_eligible(&self, h: usize) -> bool {
        self.eligible >> h & 1 != 0
    }

    /// [`View::picked`] of replay `h`.
    pub fn is_picked(&self, h: usize) -> bool {
        self.picked >> h & 1 != 0
    }

    /// [`View::rank`] of replay `h`: 255 when it is not eligible.
    pub fn rank(&self, h: usize) -> u8 {
        if self.is_eligible(h) { self.before[h].clamp(0, 254) as u8 } else { 255 }
    }
}

/// The replays, and whether a decision is open.
#[derive(Clone, Debug)]
pub(super) struct SideBySide<const N: usize> {
    pub engine: Engine<N>,
    /// Per CPU: time of the switch that `before_pick` has seen and `after_pick` has not.
    open: Vec<Option<u64>>,
}

impl<const N: usize> SideBySide<N> {
    pub fn new(
        rules: Rules,
        cpus: usize,
        threads: usize,
        slice_ns: u64,
        corrections: [Correction; N],
    ) -> Self {
        let slice = if slice_ns == 0 { usual_slice(cpus) } else { slice_ns.min(MOST_SLICE_NS) };
        Self {
            engine: Engine::new(rules, cpus, threads, slice as i64, corrections),
            open: vec![None; cpus],
        }
    }

    pub fn on(
        trace: &Trace,
        machine: &Machine,
        rules: Rules,
        corrections: [Correction; N],
    ) -> Self {
        let cpus = trace.cpus();
        let threads = trace.tasks().thread_count().max(cpus);
        let mut all = Self::new(rules, cpus, threads, machine.slice_ns.value, corrections);
        all.engine.learn(machine, trace.meta().start_ns);
        all
    }

    pub fn snapshot(&mut self) -> Self {
        Self { engine: self.engine.snapshot(), open: self.open.clone() }
    }

    pub fn event(&mut self, e: &Event, trace: &Trace) {
        if e.cpu.ix() >= self.open.len() {
            return;
        }
        let tasks = trace.tasks();
        self.engine.sync_actor(e, tasks);
        match e.kind {
            EventKind::Wakeup | EventKind::WakeupNew => self.engine.wakeup(e, tasks),
            EventKind::Migrate => self.engine.migrate(e, tasks),
            _ => {}
        }
    }

    pub fn before_pick(&mut self, e: &Event, trace: &Trace) {
        if let Some(open) = self.open.get_mut(e.cpu.ix()) {
            *open = Some(e.time.0);
            self.engine.before_pick(e, trace.tasks());
        }
    }

    /// Whether each takes a reschedule of `cpu` for pending.
    pub fn resched(&self, cpu: CpuId) -> [bool; N] {
        let set = self.engine.cpus.get(cpu.ix()).map_or(0, |c| c.resched);
        std::array::from_fn(|h| set >> h & 1 != 0)
    }

    pub fn after_pick(
        &mut self,
        e: &Event,
        trace: &Trace,
        candidates: &[ThreadIx],
        next: ThreadIx,
    ) {
        let Some(open) = self.open.get(e.cpu.ix()) else { return };
        if *open != Some(e.time.0) {
            self.before_pick(e, trace);
        }
        if let Some(open) = self.open.get_mut(e.cpu.ix()) {
            *open = None;
        }
        self.engine.after_pick(e, trace.tasks(), candidates, next);
    }
}
