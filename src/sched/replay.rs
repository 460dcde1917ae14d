//! What the kernel's fair scheduler must have been thinking: every thread's virtual time, lag and
//! deadline, and the pick that follows, replayed from the events alone. It never looks ahead and
//! never learns; it follows `kernel/sched/fair.c` (EEVDF from 6.6, CFS before), one queue per CPU
//! and group.
//!
//! Two modes. Uncorrected, one wrong lag stays in the queue for thousands of decisions. Corrected,
//! every observed pick is taken as a constraint: whoever the replay had placed before the winner
//! was placed wrongly (on the bundled recordings 80 % of the non-trivial picks instead of 58 %,
//! macro mean; `tests/replay.rs` prints the table).

mod cfs;
mod clock;
mod correction;
mod cpu;
mod eevdf;
mod engine;
mod entity;
mod groups;
mod hypotheses;
mod moves;
mod pick;
mod queue;
mod ranks;
mod rules;
mod side_by_side;
mod views;

use crate::trace::{CpuId, Event, Machine, SchedClass, ThreadIx, Trace};
pub use correction::{Blame, Correction, HYPOTHESES, UNCORRECTED};
pub(crate) use entity::is_kernel_thread;
pub use hypotheses::Hypotheses;
pub use rules::Rules;
pub use side_by_side::Beliefs;
use side_by_side::SideBySide;

/// Replays of one trace that are told and asked together.
#[derive(Clone, Debug)]
pub struct Replays<const N: usize> {
    all: SideBySide<N>,
}

/// The replay of one trace.
pub type KernelReplay = Replays<1>;

/// Longest slice that is believed: the kernel's own bound is a tenth of it, and sums with it stay
/// far from overflow.
const MOST_SLICE_NS: u64 = 1_000_000_000;

/// What the replay believes about one thread in the queue of one CPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Queue average minus the thread's virtual time, virtual ns: positive when it is owed time.
    pub lag_ns: i64,
    /// Virtual deadline minus the earliest one in the queue, virtual ns.
    pub deadline_gap_ns: i64,
    /// May be picked (lag not negative).
    pub eligible: bool,
    /// The thread that the replay would pick.
    pub picked: bool,
    /// Place by deadline among the eligible, from 0; 255 when it is not eligible.
    pub rank: u8,
}

impl Default for View {
    /// Of a thread that nothing is known of.
    fn default() -> Self {
        Self { lag_ns: 0, deadline_gap_ns: 0, eligible: false, picked: false, rank: 255 }
    }
}

impl<const N: usize> Replays<N> {
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

    /// Takes a wake-up or a migration; switches go through [`Self::before_pick`].
    pub fn event(&mut self, e: &Event, trace: &Trace) {
        self.all.event(e, trace);
    }

    /// Prepares the decision at a switch. Reads only the fields of `prev` (task, prio, state).
    pub fn before_pick(&mut self, e: &Event, trace: &Trace) {
        self.all.before_pick(e, trace);
    }

    /// What each believes about each of `threads`, into the row of `out` of the same number; valid
    /// between [`Self::before_pick`] and [`Self::after_pick`].
    pub fn views(&mut self, cpu: CpuId, threads: &[ThreadIx], out: &mut [Beliefs<N>]) {
        self.all.engine.views(cpu, threads, out);
    }

    /// Lag of a waiting fair thread, and its deadline (CFS: minus its lag) against the queue's
    /// average, ns; of several replays in the first.
    pub fn standing(&mut self, cpu: CpuId, thread: ThreadIx) -> Option<(i64, i64)> {
        self.all.engine.standing_of(cpu, thread)
    }

    /// Takes the outcome of the decision: who came in, out of which queue.
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

impl KernelReplay {
    /// A replay for a machine with `cpus` CPUs and a trace with `threads` threads. `slice_ns` 0
    /// means the kernel's default: 0.7 ms times `1 + log2(min(cpus, 8))` (`update_sysctl`).
    /// `corrected`: learn from every pick.
    pub fn new(
        class: SchedClass,
        cpus: usize,
        threads: usize,
        slice_ns: u64,
        corrected: bool,
    ) -> Self {
        let rule = if corrected { Correction::all(class)[0] } else { Correction::Nothing };
        Self::with(class, cpus, threads, slice_ns, rule)
    }

    /// [`Self::new`] that takes unexpected picks by a rule of the scheduling class.
    pub fn with(
        class: SchedClass,
        cpus: usize,
        threads: usize,
        slice_ns: u64,
        rule: Correction,
    ) -> Self {
        Self { all: SideBySide::new(Rules::of_class(class), cpus, threads, slice_ns, [rule]) }
    }

    /// A replay of `trace` by what is known of its machine.
    pub fn of(trace: &Trace, corrected: bool) -> Self {
        Self::on(trace, trace.machine(), corrected)
    }

    /// A replay of `trace` as if it had been recorded on `machine`.
    pub fn on(trace: &Trace, machine: &Machine, corrected: bool) -> Self {
        let rule =
            if corrected { Correction::all(machine.class.value)[0] } else { Correction::Nothing };
        Self::by(trace, machine, rule)
    }

    /// [`Self::on`] that takes unexpected picks by a rule of the machine's scheduling class.
    pub fn by(trace: &Trace, machine: &Machine, rule: Correction) -> Self {
        Self { all: SideBySide::on(trace, machine, Rules::of(machine), [rule]) }
    }

    /// A replay of `trace` by `rules`: those of its machine ([`Rules::of`]), or others that its
    /// kernel did not follow.
    pub fn under(trace: &Trace, rules: Rules, corrected: bool) -> Self {
        let rule = if corrected { Correction::all(rules.class)[0] } else { Correction::Nothing };
        Self { all: SideBySide::on(trace, trace.machine(), rules, [rule]) }
    }

    /// [`Self::on`] for telling the scheduling classes apart. What follows from a pick for the groups
    /// beside the winner's, and from a wake-up for the clock, is left out: it helps the wrong class
    /// too, and with it two bundled recordings of EEVDF look like CFS (`tests/infer.rs`).
    pub(super) fn judging(trace: &Trace, machine: &Machine, corrected: bool) -> Self {
        let rule =
            if corrected { Correction::all(machine.class.value)[0] } else { Correction::Nothing };
        let rules = Rules { plain: true, ..Rules::of(machine) };
        Self { all: SideBySide::on(trace, machine, rules, [rule]) }
    }

    /// What the replay believes about `thread`; valid between [`Self::before_pick`] and
    /// [`Self::after_pick`].
    pub fn view(&mut self, cpu: CpuId, thread: ThreadIx) -> View {
        let mut seen = [Beliefs::default()];
        self.all.engine.views(cpu, &[thread], &mut seen);
        seen[0].view(0)
    }

    /// Whether the replay would pick `thread`: [`View::picked`] alone, without looking at who else
    /// waits.
    pub fn picks(&self, cpu: CpuId, thread: ThreadIx) -> bool {
        self.all.engine.cpus.get(cpu.ix()).is_some_and(|c| c.open.pick[0] == thread.0)
    }

    /// Whom the replay would take; valid between [`Self::before_pick`] and [`Self::after_pick`].
    pub fn pick(&self, cpu: CpuId) -> Option<ThreadIx> {
        let pick = ThreadIx(self.all.engine.cpus.get(cpu.ix())?.open.pick[0]);
        self.all.engine.is_thread(pick).then_some(pick)
    }

    /// True when the replay believes that a reschedule of `cpu` was pending.
    pub fn resched(&self, cpu: CpuId) -> bool {
        self.all.resched(cpu)[0]
    }

    /// Whom the replay would take next out of `waiting`, were `cpu` to choose now among those only.
    pub fn next_waiting(&mut self, cpu: CpuId, waiting: &[ThreadIx]) -> Option<ThreadIx> {
        self.all.engine.next_waiting(cpu, waiting)[0]
    }
}
