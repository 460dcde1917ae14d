//! The one incremental extractor: what the model sees, computed from the past alone.
//!
//! Training, evaluation, the overlay and the streaming engine all read the same [`Extractor`], so
//! that train/serve skew cannot exist. It walks the events of a trace once and tells a [`Sink`],
//! for every switch on CPU c:
//!
//! ```text
//! decision(..)   before the outcome is known: who could come in, and what is known about each
//! outcome(..)    who did come in (the label; nothing of it was in the decision)
//! token(..)      the switch as one step of c's sequence
//! forecast(..)   just after: who will come in next on c, asked a whole stint ahead
//! ```
//!
//! and for other events a `token(..)` on the CPU they concern. Identity is relative everywhere: no
//! pid, no name.

use crate::trace::{CpuId, Nanos, TaskState, ThreadIx};

/// Ranks of a task in a CPU's sequence: places 0..=16 of its recency list, and 17 for any other.
pub const RANKS: usize = 18;
/// The rank of a task that is not in the recency list.
pub const OTHER: usize = RANKS - 1;
/// Candidates of one decision at most: of a longer queue the oldest and the newest, half of each,
/// are offered, so that an event's cost is bounded. Whoever waits between them is no candidate, and
/// counts as not covered when it comes in.
pub const MOST_CANDIDATES: usize = 1_024;
/// Candidates of one forecast at most.
pub const MOST_EXPECTED: usize = 48;

/// One step of a CPU's sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token {
    /// 0 switch, 1 wake-up, 2 wake-up of a new task, 3 migrated in, 4 migrated away; [`Token::PAD`]
    /// before the start.
    pub kind: u8,
    /// Move-to-front rank of the task on this CPU, 0..[`RANKS`].
    pub rank: u8,
    /// State the previous task was left in (switch): 0 none, 1 R, 2 R+, 3 S, 4 D, 5 I, 6 other.
    pub state: u8,
    /// Continuous inputs, scaled to about -2..2.
    pub x: [f32; TOKEN_X],
}

/// Everything known at a switch before its outcome.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// Index of the switch event.
    pub event: u32,
    /// The CPU that decides.
    pub cpu: CpuId,
    /// When.
    pub time: Nanos,
    /// The thread that goes out (never a candidate).
    pub prev: ThreadIx,
    /// The state it is left in.
    pub prev_state: TaskState,
    /// How long it had run.
    pub stint: Nanos,
    /// Runnable threads in the order they were enqueued (oldest first), at most
    /// [`MOST_CANDIDATES`]; just idle when nothing is runnable.
    pub candidates: &'a [ThreadIx],
    /// `[QUERY]`: what is known about the decision as a whole.
    pub query: &'a [f32],
    /// `[candidates, CAND]` row-major: what is known about each candidate.
    pub features: &'a [f32],
    /// Per candidate: time since it was enqueued.
    pub waited: &'a [Nanos],
    /// Per candidate: lag by the kernel replay in ns (positive: it is owed time).
    pub lag: &'a [i64],
}

impl Decision<'_> {
    /// Fewer than two candidates: nothing to predict.
    pub fn is_trivial(&self) -> bool {
        self.candidates.len() < 2
    }
}

/// What happened at a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Index of the switch event.
    pub event: u32,
    /// Its CPU.
    pub cpu: CpuId,
    /// When.
    pub time: Nanos,
    /// Who came in.
    pub next: ThreadIx,
    /// Its place among the candidates; `None`: the run queues did not know that it was runnable
    /// (not covered).
    pub pick: Option<u32>,
    /// Its place among the candidates of the forecast that was asked at the previous switch on this
    /// CPU; `None`: it was none of them, or nothing was asked.
    pub foretold: Option<u32>,
    /// False while the extractor is still warming up (the first [`Extractor::WARM_UP`] events are
    /// context only), and when time since the CPU's switch before is unknown.
    pub scored: bool,
    /// Some time since the CPU's switch before is unknown: neither question can be judged.
    pub unknown: bool,
    /// The recording has no wake-ups where it needs some ([`crate::trace::Trace::knows_queues`]),
    /// so that nobody can tell who could come in: only the forecast is asked.
    pub no_pick: bool,
}

/// The question asked when a task has just come in: who will be next on this CPU?
#[derive(Clone, Copy, Debug)]
pub struct Forecast<'a> {
    /// Index of the switch event at which it is asked.
    pub event: u32,
    /// The CPU.
    pub cpu: CpuId,
    /// When.
    pub time: Nanos,
    /// The thread that has just come in: never a candidate.
    pub running: ThreadIx,
    /// Who may be next, at most [`MOST_EXPECTED`]: first those that ran here last, most recent
    /// first; then who waits here, who came next before, and who ran here longer ago.
    pub candidates: &'a [ThreadIx],
    /// So many of the first candidates are those that ran here last (at most 8).
    pub ranked: usize,
    /// Threads waiting on this CPU now, oldest first; at most [`MOST_CANDIDATES`].
    pub queue: &'a [ThreadIx],
    /// `[ASK]`: what is known about the moment.
    pub query: &'a [f32],
    /// `[candidates, THREAD]` row-major: what is known about each candidate.
    pub features: &'a [f32],
}

/// Receives what the extractor finds, in order.
pub trait Sink {
    /// A step of `cpu`'s sequence.
    fn token(&mut self, cpu: CpuId, token: &Token);
    /// A decision, before its outcome.
    fn decision(&mut self, decision: &Decision<'_>);
    /// The outcome of the decision just given.
    fn outcome(&mut self, outcome: &Outcome);
    /// The question about the next switch on this CPU.
    fn forecast(&mut self, forecast: &Forecast<'_>);
}

mod candidates;
mod contexts;
mod expected;
mod extractor;
mod follow;
mod history;
mod ident;
mod layout;
mod named;
mod places;
mod ranks;
mod sets;
mod spans;
mod tokens;
mod wakes;

pub use extractor::Extractor;

/// The threads of a queue that a decision offers.
fn offered<'a>(queue: &'a [ThreadIx], room: &'a mut Vec<ThreadIx>) -> &'a [ThreadIx] {
    if queue.len() <= MOST_CANDIDATES {
        return queue;
    }
    room.clear();
    room.extend_from_slice(&queue[..MOST_CANDIDATES / 2]);
    room.extend_from_slice(&queue[queue.len() - MOST_CANDIDATES / 2..]);
    room
}

pub use layout::{
    ASK, ASK_NAMES, CAND, CAND_NAMES, QUERY, QUERY_NAMES, THREAD, THREAD_NAMES, TOKEN_X,
    TOKEN_X_NAMES, layout_hash,
};

impl Token {
    /// The kind that pads a sequence before its start.
    pub const PAD: u8 = 5;
    /// Number of kinds, padding included.
    pub const KINDS: usize = 6;
    /// Number of state classes.
    pub const STATES: usize = 8;
}
