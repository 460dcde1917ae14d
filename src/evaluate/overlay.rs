//! The predictions of one trace as the timeline draws them, and the details of one decision.

use crate::trace::{Nanos, TaskState, ThreadIx};

/// Names of the baselines whose picks every [`Prediction`] carries, in order.
pub const BASELINES: [&str; 4] = ["random", "fifo", "lifo", "followed"];

/// One predictor's answer, reduced to what a cell needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// The most probable thread; [`ThreadIx::NONE`] when the answer was "some other task".
    pub thread: ThreadIx,
    /// Its probability.
    pub p: f32,
    /// Probability given to the thread that really came in (0 when it was not among the choices).
    pub p_real: f32,
    /// Rank of the real one among the choices, 1 = hit; 0 when it was not among them.
    pub rank: u16,
}

/// The predictions at one switch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Length of the run queue (number of candidates; 0 when only idle was left).
    pub queue: u16,
    /// Fewer than two candidates: nothing to predict.
    pub trivial: bool,
    /// The real next task was among the candidates.
    pub covered: bool,
    /// Who really came in.
    pub real: ThreadIx,
    /// The model's pick at this switch.
    pub pick: Guess,
    /// The model's forecast of this switch's `next`, made at the switch before on this CPU.
    pub forecast: Guess,
    /// Picks of [`BASELINES`].
    pub baselines: [ThreadIx; BASELINES.len()],
}

/// Predictions of a contiguous range of events; chunks of a trace arrive in order.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    /// Per CPU: predictions of its next switches, one for each in `trace.cpu_switches(cpu)`, continuing where the
    /// chunk before ended.
    pub per_cpu: Vec<Vec<Prediction>>,
    /// Events `..end` of the trace are done with this chunk.
    pub end: usize,
}

/// One candidate in the decision inspector.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Who.
    pub thread: ThreadIx,
    /// The model's probability.
    pub p: f32,
    /// Time since it was enqueued.
    pub waited: Nanos,
    /// Lag by the kernel replay, ns.
    pub lag_ns: i64,
}

/// Everything the inspector shows about one decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// Index of the switch event.
    pub event: usize,
    /// Who goes out.
    pub prev: ThreadIx,
    /// In which state.
    pub prev_state: TaskState,
    /// After running how long.
    pub stint: Nanos,
    /// Most probable first.
    pub candidates: Vec<Candidate>,
    /// Who really came in.
    pub real: ThreadIx,
    /// The forecast made when `prev` came in: its choices, most probable first, at most five.
    pub forecast: Vec<(ThreadIx, f32)>,
    /// How long before the switch the forecast was made.
    pub lead: Nanos,
    /// Time the model needed for this decision on this machine (features and network), ns.
    pub decision_ns: u64,
    /// Indices of the latest events that the model saw on this CPU's stream, newest first, at most 32.
    pub context: Vec<usize>,
}
