//! Placeholder of the kernel replay: its interface, answering with default views.

use crate::trace::{CpuId, Event, SchedClass, ThreadIx, Trace};

/// State of the replay.
#[derive(Clone, Debug)]
pub struct KernelReplay {}

/// What the replay says about one queued thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// Lag in ns.
    pub lag_ns: i64,
    /// Deadline minus the earliest deadline of the queue, ns.
    pub deadline_gap_ns: i64,
    /// Eligible.
    pub eligible: bool,
    /// The replay's own pick.
    pub picked: bool,
    /// Rank among the eligible by deadline; 255 not eligible.
    pub rank: u8,
}

impl KernelReplay {
    /// State before the first event.
    pub fn new(_class: SchedClass, _cpus: usize, _threads: usize, _slice_ns: u64, _corrected: bool) -> Self {
        Self {}
    }

    /// Wake-ups and migrations.
    pub fn event(&mut self, _e: &Event, _trace: &Trace) {}

    /// A switch, before its outcome.
    pub fn before_pick(&mut self, _e: &Event, _trace: &Trace) {}

    /// After [`Self::before_pick`].
    pub fn view(&mut self, _cpu: CpuId, _thread: ThreadIx) -> View {
        View::default()
    }

    /// The outcome.
    pub fn after_pick(&mut self, _e: &Event, _trace: &Trace, _candidates: &[ThreadIx], _next: ThreadIx) {}
}
