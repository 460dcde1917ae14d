//! The predictions of one trace as the timeline draws them, and the details of one decision. One
//! watch answers everything in order; its states along the way let an inspection resume near any
//! event. Draws nothing.

mod ahead;
mod cache;
mod early;
mod reduce;

pub use super::watch::BASELINES;
pub use cache::{Cache, cache_dir};
pub use early::{WARM, early, inspect_early};

use super::watch::{Answered, Beside, States, Watch};
use crate::job::{self, Cancel};
use crate::predictor::Predictor;
use crate::trace::{EventKind, Nanos, TaskState, ThreadIx, Trace};
use std::sync::Arc;

/// One predictor's answer, reduced to what a cell needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// The most probable thread; [`ThreadIx::NONE`] without an answer.
    pub thread: ThreadIx,
    /// Its probability.
    pub p: f32,
    /// Probability given to the thread that really came in (0 when it was not among the choices).
    pub p_real: f32,
    /// Rank of the real one among the choices, 1 = hit; 0 when it was not among them.
    pub rank: u16,
    /// An evaluation counts it.
    pub scored: bool,
}

impl Guess {
    /// No answer.
    pub const NONE: Self =
        Self { thread: ThreadIx::NONE, p: 0.0, p_real: 0.0, rank: 0, scored: false };
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
    /// Picks of [`BASELINES`]; [`ThreadIx::NONE`] where they were not asked.
    pub baselines: [ThreadIx; BASELINES.len()],
}

/// Predictions of a contiguous range of events; chunks of a trace arrive in order.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    /// Per CPU: predictions of its next switches, one for each in `trace.cpu_switches(cpu)`,
    /// continuing where the chunk before ended.
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
    /// Name of the predictor whose probabilities these are.
    pub model: String,
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
    /// Indices of the latest events that the model saw on this CPU's stream, newest first, at most
    /// 32.
    pub context: Vec<usize>,
}

/// Events in the first chunk: small, so that the first window is predicted at once.
pub const FIRST_CHUNK: usize = 4_096;
/// Events in every later chunk.
pub const CHUNK: usize = 65_536;
/// Events in a chunk of [`once`]: small, so that whoever writes them down does so while more are
/// predicted.
pub const PIECE: usize = 1_024;

/// Why there is no overlay, or no inspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// Only switches are decisions.
    #[error("event {0} is not a switch")]
    NotASwitch(usize),
}

/// States of an overlay's watch kept at most, and how many events apart at least.
const STATES: usize = 32;
const APART: usize = 8_192;

/// The state before the first event of `trace`, with an `engine` that has seen nothing; more are
/// kept as walks go over it.
pub fn states<E: Predictor + Clone>(trace: &Trace, engine: E) -> States<E> {
    States::new(trace, Beside::picking(engine), STATES, APART)
}

/// Predictions by CPU, continued switch by switch.
struct Lanes(Vec<Vec<Prediction>>);

impl Lanes {
    fn new(trace: &Trace) -> Self {
        Self(vec![Vec::new(); trace.cpus()])
    }

    fn push(&mut self, mut answered: Answered<'_>) {
        let cpu = answered.outcome.cpu.ix();
        let cpus = self.0.len();
        self.0[cpu].push(reduce::prediction(&mut answered, cpus));
    }

    /// Those since the last call.
    fn take(&mut self) -> Vec<Vec<Prediction>> {
        self.0.iter_mut().map(std::mem::take).collect()
    }
}

/// Predicts every switch of `trace` with `engine` (in its state before the first event) and the
/// [`BASELINES`], and hands over chunks in order. The states are for [`inspect`].
pub fn run<E: Predictor + Clone>(
    trace: &Trace,
    engine: E,
    cancel: &Cancel,
    on_chunk: &mut dyn FnMut(Chunk),
) -> Result<Arc<States<E>>, OverlayError> {
    let states = Arc::new(states(trace, engine));
    let (_, watch) = states.nearest(0);
    let sizes = [FIRST_CHUNK, CHUNK];
    pass(trace, watch, sizes, cancel, |i, watch| states.keep(i, watch), on_chunk)?;
    Ok(states)
}

/// As [`run`], for those who only want what the engine predicts: no state is kept and no baseline
/// asked, so it takes little memory, and chunks are of [`PIECE`] events. Where there are two cores
/// the inputs are made on one, and the answers and what becomes of them on the other.
pub fn once<E: Predictor + Clone>(
    trace: &Trace,
    engine: E,
    cancel: &Cancel,
    on_chunk: &mut dyn FnMut(Chunk),
) -> Result<(), OverlayError> {
    once_on(job::cores().min(2), trace, engine, cancel, on_chunk)
}

/// [`once`] on one or two threads.
pub fn once_on<E: Predictor + Clone>(
    threads: usize,
    trace: &Trace,
    engine: E,
    cancel: &Cancel,
    on_chunk: &mut dyn FnMut(Chunk),
) -> Result<(), OverlayError> {
    let alone = if threads > 1 {
        match ahead::pass(trace, engine.clone(), cancel, on_chunk) {
            Err(job::JobError::NoThread(_)) => engine,
            _ if cancel.is_cancelled() => return Err(OverlayError::Cancelled),
            _ => return Ok(()),
        }
    } else {
        engine
    };
    let watch = Watch::new(trace, Beside::alone(alone));
    pass(trace, watch, [PIECE; 2], cancel, |_, _| {}, on_chunk)
}

/// One walk, in chunks of these sizes: the first, and each later one. `before` sees the state that
/// each event finds.
fn pass<E: Predictor + Clone>(
    trace: &Trace,
    mut watch: Watch<Beside<E>>,
    [first, later]: [usize; 2],
    cancel: &Cancel,
    mut before: impl FnMut(usize, &mut Watch<Beside<E>>),
    on_chunk: &mut dyn FnMut(Chunk),
) -> Result<(), OverlayError> {
    let (mut lanes, mut start) = (Lanes::new(trace), 0);
    while start < trace.len() {
        let end = trace.len().min(start + if start == 0 { first } else { later });
        for i in start..end {
            if i % 1024 == 0 && cancel.is_cancelled() {
                return Err(OverlayError::Cancelled);
            }
            before(i, &mut watch);
            if let Some(answered) = watch.step(trace, i) {
                lanes.push(answered);
            }
        }
        on_chunk(Chunk { per_cpu: lanes.take(), end });
        start = end;
    }
    Ok(())
}

/// Like [`run`], but takes all predictions from `cache` when they are there (one chunk; inspections
/// then keep states as they go), and leaves them there otherwise. A cache that cannot be written is
/// no error.
pub fn run_cached<E: Predictor + Clone>(
    trace: &Trace,
    engine: E,
    cache: &Cache,
    cancel: &Cancel,
    on_chunk: &mut dyn FnMut(Chunk),
) -> Result<Arc<States<E>>, OverlayError> {
    if let Some(chunk) = cache.load(trace) {
        on_chunk(chunk);
        return Ok(Arc::new(states(trace, engine)));
    }
    let mut all = Chunk { per_cpu: vec![Vec::new(); trace.cpus()], end: 0 };
    let states = run(trace, engine, cancel, &mut |chunk| {
        all.per_cpu.iter_mut().zip(&chunk.per_cpu).for_each(|(a, b)| a.extend_from_slice(b));
        all.end = chunk.end;
        on_chunk(chunk);
    })?;
    let _ = cache.save(&all);
    Ok(states)
}

/// Predictions of a stretch of a trace by one model, beside those of the whole trace by another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    /// Per CPU: index of the first switch of the stretch among `trace.cpu_switches(cpu)`, and a
    /// prediction for each of its switches.
    pub per_cpu: Vec<(usize, Vec<Prediction>)>,
}

fn switches(trace: &Trace, cpu: usize) -> &[u32] {
    trace.cpu_switches(crate::trace::CpuId(cpu as u16))
}

/// Where to begin, and in which state, so that an `engine` that has seen nothing has seen `context`
/// tokens of each CPU before event `first`.
fn approach<E: Predictor + Clone>(
    trace: &Trace,
    states: &States<E>,
    engine: E,
    first: usize,
    context: usize,
) -> (usize, Watch<Beside<E>>) {
    // A switch is a token at least.
    let back = |cpu: usize| {
        let before = switches(trace, cpu).partition_point(|&e| (e as usize) < first);
        before.checked_sub(context).map_or(0, |k| switches(trace, cpu)[k] as usize)
    };
    let from = (0..trace.cpus())
        .map(back)
        .min()
        .unwrap_or(0)
        .max(first.saturating_sub(FURTHEST))
        .min(first);
    let (at, mut watch) = states.nearest(from);
    watch.panel_mut().model = engine;
    (at, watch)
}

/// Furthest that [`stretch`] goes back to let an engine see what came before (events).
const FURTHEST: usize = 1 << 16;

/// Predicts the switches among `events` with an `engine` that has seen nothing: it is shown the
/// `context` tokens of each CPU before them first (a CPU that had nearly none in the 65536 events
/// before is shown fewer). What the extractor knows comes from the nearest of the `states`,
/// whatever engine made them.
pub fn stretch<E: Predictor + Clone>(
    trace: &Trace,
    states: &States<E>,
    engine: E,
    events: std::ops::Range<usize>,
    context: usize,
    cancel: &Cancel,
) -> Result<Stretch, OverlayError> {
    let end = events.end.min(trace.len());
    let first = events.start.min(end);
    let before = |cpu: usize| switches(trace, cpu).partition_point(|&e| (e as usize) < first);
    let (at, mut watch) = approach(trace, states, engine, first, context);
    let mut lanes = Lanes::new(trace);
    let mut per_cpu: Vec<(usize, Vec<Prediction>)> =
        (0..trace.cpus()).map(|cpu| (before(cpu), Vec::new())).collect();
    for i in at..end {
        if (i - at).is_multiple_of(PATIENCE) && cancel.is_cancelled() {
            return Err(OverlayError::Cancelled);
        }
        states.keep(i, &mut watch);
        if let Some(answered) = watch.step(trace, i).filter(|_| i >= first) {
            lanes.push(answered);
        }
    }
    per_cpu.iter_mut().zip(lanes.take()).for_each(|((_, to), new)| *to = new);
    Ok(Stretch { per_cpu })
}

/// Events that an inspection walks between two looks at `cancel`.
const PATIENCE: usize = 2_048;

/// Everything about the decision at `event`: resumes at the nearest state before it. A walk that is
/// cancelled leaves its state behind, so that the next one does not start over.
pub fn inspect<E: Predictor + Clone>(
    trace: &Trace,
    states: &States<E>,
    event: usize,
    cancel: &Cancel,
) -> Result<Inspection, OverlayError> {
    check(trace, event)?;
    let (from, mut watch) = states.nearest(event);
    if let Some(left) = reach(trace, states, (from, &mut watch), event, cancel) {
        states.leave(left, watch);
        return Err(OverlayError::Cancelled);
    }
    reduce::inspection(watch, trace, event)
}

/// Walks on from event `from` until `event` is next; the event that is next when it was cancelled
/// before.
fn reach<E: Predictor + Clone>(
    trace: &Trace,
    states: &States<E>,
    (from, watch): (usize, &mut Watch<Beside<E>>),
    event: usize,
    cancel: &Cancel,
) -> Option<usize> {
    for i in from..event {
        if (i - from).is_multiple_of(PATIENCE) && cancel.is_cancelled() {
            return Some(i);
        }
        states.keep(i, watch);
        watch.step(trace, i);
    }
    None
}

/// As [`inspect`] by another `engine`, prepared as for a [`stretch`]; of the `states` only what the
/// extractor knows is used.
pub fn inspect_by<E: Predictor + Clone>(
    trace: &Trace,
    states: &States<E>,
    engine: E,
    event: usize,
    context: usize,
    cancel: &Cancel,
) -> Result<Inspection, OverlayError> {
    check(trace, event)?;
    let (from, mut watch) = approach(trace, states, engine, event, context);
    if reach(trace, states, (from, &mut watch), event, cancel).is_some() {
        return Err(OverlayError::Cancelled);
    }
    reduce::inspection(watch, trace, event)
}

fn check(trace: &Trace, event: usize) -> Result<(), OverlayError> {
    let is_switch = event < trace.len() && trace.event(event).kind == EventKind::Switch;
    if is_switch { Ok(()) } else { Err(OverlayError::NotASwitch(event)) }
}
