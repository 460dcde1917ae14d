//! Why one decision came out as it did: what the model was shown, what of it moved the answer, what
//! others would have said, and the most similar decisions that it got right.
//!
//! "Moved" is a difference of logits: how far the pick stands above its rival (the one that came
//! in; for a right answer the runner-up), less how far it would without the thing in question. A
//! group of inputs is taken away by setting it to its mean over the training decisions, for all
//! candidates; a past event by putting padding in the place of its token (occlusion: Zeiler and
//! Fergus 2014).

mod groups;
mod held_back;

pub use groups::{Group, groups};

use super::collect::{cause_columns, cause_of, states};
use super::table::{Enqueued, Table};
use crate::evaluate::watch::{BASELINES, States};
use crate::features::{CAND, Decision, QUERY, TOKEN_X, Token};
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::predictor::scores::{rank_of, softmax};
use crate::trace::{CpuId, EventKind, Nanos, TaskState, ThreadIx, Trace};
use held_back::HeldBack;

/// Past events that are taken away, for a model that can depend on all of them.
const UNBOUNDED: usize = 64;
/// Similar decisions that are named.
const SIMILAR: usize = 5;

/// A candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// Who.
    pub thread: ThreadIx,
    /// The model's probability.
    pub p: f32,
    /// How long it had been queued.
    pub waited: Nanos,
    /// Lag by the kernel replay, ns.
    pub lag_ns: i64,
    /// Why it was queued.
    pub enqueued: Enqueued,
    /// `[CAND]`: its inputs, named by [`crate::features::CAND_NAMES`].
    pub features: Vec<f32>,
}

/// Something that was taken away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved<T> {
    /// What.
    pub what: T,
    /// By how much it had raised the pick above its rival, in nats.
    pub pull: f32,
    /// Probabilities of pick and rival without it.
    pub without: [f32; 2],
}

/// A similar decision that was right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similar {
    /// Its switch event.
    pub event: usize,
    /// Distance of the queries, in standard deviations.
    pub distance: f32,
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// The switch event.
    pub event: usize,
    /// Who went out, in which state, after how long.
    pub prev: (ThreadIx, TaskState, Nanos),
    /// Most probable first.
    pub candidates: Vec<Weighed>,
    /// Who came in.
    pub real: ThreadIx,
    /// Places of the pick and its rival among the candidates; `None` with fewer than two.
    pub rivals: Option<[usize; 2]>,
    /// `[QUERY]`: named by [`crate::features::QUERY_NAMES`].
    pub query: Vec<f32>,
    /// Groups of inputs, the strongest first. Empty for a predictor that cannot be taken apart.
    pub groups: Vec<Moved<&'static str>>,
    /// Past events of this CPU's sequence, newest first, with their indices; an event may be there
    /// twice.
    pub past: Vec<Moved<usize>>,
    /// All of them together.
    pub all_past: Option<Moved<()>>,
    /// What each baseline would have picked.
    pub baselines: Vec<(&'static str, ThreadIx)>,
    /// Right ones with the same number of candidates, the same state and the same reason for being
    /// queued.
    pub similar: Vec<Similar>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyError {
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// Only switches are decisions.
    #[error("event {0} is not a switch")]
    NotASwitch(usize),
}

/// A copy of a decision that owns its parts.
#[derive(Clone)]
struct Kept {
    event: u32,
    cpu: CpuId,
    time: Nanos,
    prev: ThreadIx,
    prev_state: TaskState,
    stint: Nanos,
    candidates: Vec<ThreadIx>,
    query: Vec<f32>,
    features: Vec<f32>,
    waited: Vec<Nanos>,
    lag: Vec<i64>,
}

impl Kept {
    fn of(d: &Decision<'_>) -> Self {
        Self {
            event: d.event,
            cpu: d.cpu,
            time: d.time,
            prev: d.prev,
            prev_state: d.prev_state,
            stint: d.stint,
            candidates: d.candidates.into(),
            query: d.query.into(),
            features: d.features.into(),
            waited: d.waited.into(),
            lag: d.lag.into(),
        }
    }

    fn ask(&self, model: &mut dyn Predictor, scores: &mut Vec<f32>) {
        model.pick(
            &Decision {
                event: self.event,
                cpu: self.cpu,
                time: self.time,
                prev: self.prev,
                prev_state: self.prev_state,
                stint: self.stint,
                candidates: &self.candidates,
                query: &self.query,
                features: &self.features,
                waited: &self.waited,
                lag: &self.lag,
            },
            scores,
        );
    }
}

/// Similar decisions are looked for among so many events before and after: an explanation must not
/// take longer where a recording is long.
const AROUND: usize = 32_768;

/// Right decisions of the same shape as this row of the table: in the same recording, at most
/// 32,768 events away.
pub fn same_shape(t: &Table, row: usize) -> Vec<u32> {
    let (source, event) = (t.source_ix(row), t.event(row));
    let (from, to) =
        (t.row_from(source, event.saturating_sub(AROUND)), t.row_from(source, event + AROUND));
    let same = |i: &usize| {
        t.is_hit(*i)
            && t.queue[*i] == t.queue[row]
            && t.state[*i] == t.state[row]
            && t.enqueued[*i] == t.enqueued[row]
            && *i != row
    };
    (from..to).filter(same).map(|i| t.event[i]).collect()
}

/// Takes the decision at `event` apart. `model` is in its state before the first event; `similar`
/// are right decisions to compare with, ascending (see [`same_shape`]). `window` past events are
/// taken away, by default as many as can matter. Walks up to the last event that it needs.
pub fn explain<E: Predictor + Clone>(
    trace: &Trace,
    model: E,
    event: usize,
    similar: &[u32],
    window: Option<usize>,
    cancel: &Cancel,
) -> Result<Why, WhyError> {
    explain_from(trace, &states(trace, model), event, similar, window, cancel)
}

/// The same by the model of `states`, starting from the latest state there that is early enough.
pub fn explain_from<E: Predictor + Clone>(
    trace: &Trace,
    states: &States<E>,
    event: usize,
    similar: &[u32],
    window: Option<usize>,
    cancel: &Cancel,
) -> Result<Why, WhyError> {
    if event >= trace.len() || trace.event(event).kind != EventKind::Switch {
        return Err(WhyError::NotASwitch(event));
    }
    let e = trace.event(event);
    let reads = states.model().reads().map(|r| r.tokens.unwrap_or(UNBOUNDED));
    let window = window.unwrap_or(reads.unwrap_or(0));
    let back = if reads.is_some() { window_start(trace, event, window) } else { event };
    let first = back.min(event).min(similar.first().map_or(event, |e| *e as usize));
    let (from, watch) = states.nearest(first);
    let mut watch = watch.with(|panel| panel.map(|model| HeldBack::new(model, e.cpu, window)));
    // Decisions to compare with, and their queries.
    let (mut wanted, mut queries) = (similar.iter().peekable(), Vec::new());
    let mut found = None;
    let last = similar.last().map_or(event, |e| (*e as usize).max(event));
    for i in from..=last {
        if i.is_multiple_of(1_024) && cancel.is_cancelled() {
            return Err(WhyError::Cancelled);
        }
        let model = &mut watch.panel_mut().model;
        (model.event, model.stopped) = (i as u32, i >= event);
        let Some(mut answered) = watch.step(trace, i) else { continue };
        let decision = &answered.decision;
        if wanted.next_if(|e| **e == decision.event).is_some()
            && let Ok(query) = decision.query.try_into()
        {
            queries.push((decision.event, query));
        }
        if i == event {
            let pick = |(seat, name)| {
                let (at, _) = answered.picks.first(1 + seat)?;
                Some((name, decision.candidates[at]))
            };
            let baselines = BASELINES.into_iter().enumerate().filter_map(pick).collect();
            found = Some((Kept::of(decision), baselines));
        }
    }
    let Some((kept, baselines)) = found else { return Err(WhyError::NotASwitch(event)) };
    let HeldBack { model, learner, past, .. } = &mut watch.panel_mut().model;
    model.take_over(learner);
    let real = trace.tasks().thread_on(e.next, e.cpu);
    let replay = Replay { cpu: e.cpu, model, past: past.make_contiguous() };
    let mut why = taken_apart(&kept, &replay, real);
    why.baselines = baselines;
    why.similar = nearest(&kept.query, &queries, model.reads().map(|r| r.query));
    Ok(why)
}

/// An event before which the model has not seen the last `window` events of its CPU yet: every
/// switch of the CPU is a token of it, at least one.
fn window_start(trace: &Trace, event: usize, window: usize) -> usize {
    let switches = trace.cpu_switches(trace.event(event).cpu);
    let before = switches.partition_point(|s| (*s as usize) < event);
    before.checked_sub(window).map_or(0, |k| switches.get(k).map_or(event, |s| *s as usize))
}

/// A model before its window of past events, and those.
struct Replay<'a, E> {
    cpu: CpuId,
    model: &'a E,
    past: &'a [(u32, Token)],
}

impl<E: Predictor + Clone> Replay<'_, E> {
    /// The model just before the decision, with these tokens replaced by padding.
    fn without(&self, gone: &dyn Fn(usize) -> bool) -> E {
        let mut model = self.model.clone();
        let padding = Token { kind: Token::PAD, rank: 0, state: 0, x: [0.0; TOKEN_X] };
        for (k, (_, token)) in self.past.iter().enumerate() {
            model.token(self.cpu, if gone(k) { &padding } else { token });
        }
        model
    }
}

/// The decision with all its probabilities and what moved them.
fn taken_apart<E: Predictor + Clone>(kept: &Kept, replay: &Replay<'_, E>, real: ThreadIx) -> Why {
    let mut full = replay.without(&|_| false);
    let mut scores = Vec::new();
    kept.ask(&mut full, &mut scores);
    let (mut why, rivals) = answered(kept, &scores, real);
    // A predictor that does not say what it reads cannot be taken apart.
    if let Some(rivals) = rivals.filter(|_| full.reads().is_some()) {
        let gap = scores[rivals[0]] - scores[rivals[1]];
        take_groups_away(kept, &mut full, gap, rivals, &mut why);
        take_past_away(kept, replay, gap, rivals, &mut why);
    }
    why
}

/// The decision with its probabilities alone, and its rivals' places among its candidates.
fn answered(kept: &Kept, scores: &[f32], real: ThreadIx) -> (Why, Option<[usize; 2]>) {
    let mut p = scores.to_vec();
    softmax(&mut p);
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by_key(|i| rank_of(&p, *i));
    let real_at = kept.candidates.iter().position(|c| *c == real);
    let rivals = (order.len() > 1)
        .then(|| [order[0], real_at.filter(|r| *r != order[0]).unwrap_or(order[1])]);
    let causes = cause_columns();
    let weighed = |&i: &usize| {
        let features = kept.features.get(i * CAND..(i + 1) * CAND).unwrap_or_default().to_vec();
        Weighed {
            thread: kept.candidates[i],
            p: p[i],
            waited: kept.waited[i],
            lag_ns: kept.lag[i],
            enqueued: cause_of(&features, causes),
            features,
        }
    };
    let why = Why {
        event: kept.event as usize,
        prev: (kept.prev, kept.prev_state, kept.stint),
        candidates: order.iter().map(weighed).collect(),
        real,
        rivals: rivals.map(|r| r.map(|at| order.iter().position(|i| *i == at).unwrap_or(0))),
        query: kept.query.clone(),
        groups: Vec::new(),
        past: Vec::new(),
        all_past: None,
        baselines: Vec::new(),
        similar: Vec::new(),
    };
    (why, rivals)
}

/// How far each group of inputs moved the answer of `model`, the strongest first. `gap` is what its
/// pick stands above the rival.
fn take_groups_away<E: Predictor>(
    kept: &Kept,
    model: &mut E,
    gap: f32,
    rivals: [usize; 2],
    why: &mut Why,
) {
    let Some(reads) = model.reads() else { return };
    let (query_mean, cand_mean) = (reads.query[0].to_vec(), reads.cand.to_vec());
    let mut without = Vec::new();
    for group in groups() {
        let mut changed = kept.clone();
        group.query.iter().for_each(|q| changed.query[*q] = query_mean[*q]);
        for row in changed.features.chunks_exact_mut(CAND) {
            group.cand.iter().for_each(|c| row[*c] = cand_mean[*c]);
        }
        changed.ask(model, &mut without);
        why.groups.push(moved(group.name, gap, &mut without, rivals));
    }
    why.groups.sort_by(|x, y| y.pull.abs().total_cmp(&x.pull.abs()));
}

/// How far each past event did, newest first, and all of them.
fn take_past_away<E: Predictor + Clone>(
    kept: &Kept,
    replay: &Replay<'_, E>,
    gap: f32,
    rivals: [usize; 2],
    why: &mut Why,
) {
    let mut without = Vec::new();
    for k in (0..replay.past.len()).rev() {
        kept.ask(&mut replay.without(&|i| i == k), &mut without);
        why.past.push(moved(replay.past[k].0 as usize, gap, &mut without, rivals));
    }
    kept.ask(&mut replay.without(&|_| true), &mut without);
    why.all_past = Some(moved((), gap, &mut without, rivals));
}

fn moved<T>(what: T, gap: f32, scores: &mut [f32], [a, b]: [usize; 2]) -> Moved<T> {
    let pull = gap - (scores[a] - scores[b]);
    softmax(scores);
    Moved { what, pull, without: [scores[a], scores[b]] }
}

/// The nearest of `queries`, each input in standard deviations where those are known.
fn nearest(
    to: &[f32],
    queries: &[(u32, [f32; QUERY])],
    usual: Option<[&[f32]; 2]>,
) -> Vec<Similar> {
    let scale = |i: usize| usual.and_then(|u| u[1].get(i)).copied().unwrap_or(1.0);
    let distance = |query: &[f32; QUERY]| {
        let squares =
            query.iter().zip(to).enumerate().map(|(i, (x, y))| ((x - y) * scale(i)).powi(2));
        squares.sum::<f32>().sqrt()
    };
    let mut all: Vec<Similar> = queries
        .iter()
        .map(|(event, q)| Similar { event: *event as usize, distance: distance(q) })
        .collect();
    all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    all.truncate(SIMILAR);
    all
}

/// An event in words.
pub fn describe(trace: &Trace, event: usize) -> String {
    let tasks = trace.tasks();
    let name = |thread: ThreadIx| trace.label_at(thread, event);
    let e = trace.event(event);
    // The event's own names: of a rename the old one is no longer the thread's.
    let who = |id| match tasks.get(id) {
        Some(task) if task.pid.0 != 0 => format!("{}:{}", task.name, task.pid.0),
        _ => name(tasks.thread_on(id, e.cpu)),
    };
    match e.kind {
        EventKind::Switch => {
            format!("switch {} {} → {}", who(e.task), e.state.label(), who(e.next))
        }
        EventKind::Wakeup => format!("wakeup {} by {}", who(e.task), name(e.actor)),
        EventKind::WakeupNew => format!("new {} by {}", who(e.task), name(e.actor)),
        EventKind::Migrate => {
            format!("migrate {} CPU{} → CPU{}", who(e.task), e.from_cpu.0, e.to_cpu.0)
        }
        EventKind::Fork => format!("fork {} by {}", who(e.next), who(e.task)),
        kind => format!("{} {}", kind.label(), who(e.task)),
    }
}
