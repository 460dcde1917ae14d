//! What the replay keeps of a CPU: who runs, what is on its way to a queue, and the decision that
//! is open.

use super::entity::{Mask, NONE};
use super::ranks::Ranks;

/// Per-CPU state.
#[derive(Clone, Debug)]
pub(super) struct Cpu<const N: usize> {
    /// Thread that runs, [`NONE`] for idle or not known.
    pub curr: u32,
    /// Up to when `curr` is charged.
    pub last: [u64; N],
    /// When `curr` came in.
    pub since: u64,
    /// Lanes in which a reschedule is due.
    pub resched: Mask,
    /// A wake-up came to this CPU since `curr` came in.
    pub woken: bool,
    /// When the last one came.
    pub woken_at: u64,
    /// Pulled here by this CPU's balancing, not yet attached.
    pub batch: Vec<u32>,
    /// Queued real-time threads.
    pub real_time: Vec<u32>,
    pub open: Open<N>,
    pub ranks: Ranks<N>,
}

/// The open decision of a CPU.
#[derive(Clone, Debug)]
pub(super) struct Open<const N: usize> {
    /// `prev` and whether it stays runnable.
    pub prev: u32,
    pub prev_runs: bool,
    /// Up to when `prev` was charged.
    pub clock: [u64; N],
    /// Lanes in which what `prev` did is in doubt, and what it may have been.
    pub doubtful: Mask,
    pub doubts: [Doubt; N],
    /// The replay's pick.
    pub pick: [u32; N],
}

/// A switch that may have been a yield or a preemption; settled once the outcome is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    /// (virtual time, deadline) if it was preempted.
    pub kept: (i64, i64),
    /// (virtual time, deadline) if it yielded while eligible.
    pub gave: (i64, i64),
    /// The guess that is in force.
    pub yielded: bool,
}

impl<const N: usize> Cpu<N> {
    /// Idle, since ever.
    pub fn new() -> Self {
        let doubts = [Doubt::default(); N];
        let open = Open {
            prev: NONE,
            prev_runs: false,
            clock: [0; N],
            doubtful: 0,
            doubts,
            pick: [NONE; N],
        };
        Self {
            curr: NONE,
            last: [0; N],
            since: 0,
            resched: 0,
            woken: false,
            woken_at: 0,
            batch: Vec::new(),
            real_time: Vec::new(),
            open,
            ranks: Ranks::new(),
        }
    }
}
