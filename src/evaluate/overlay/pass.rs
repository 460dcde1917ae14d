//! The pass behind an overlay: extractor, engine and baselines in step, and copies of that state along the way.

use super::{BASELINES, Candidate, Guess, Inspection, Prediction};
use crate::evaluate::{best, name_somebody, rank_of, softmax};
use crate::features::{Decision, Extractor, Forecast, OTHER, Outcome, RANKS, Sink, Token};
use crate::predictor::Predictor;
use crate::predictor::heuristics::{Heuristic, Rule};
use crate::trace::{CpuId, Nanos, TaskState, ThreadIx, Trace};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Snapshots kept at most, and how many events apart at least.
const SNAPSHOTS: usize = 32;
const APART: usize = 8_192;
/// Events of a CPU's sequence that an inspection lists.
const CONTEXT: usize = 32;
/// Choices of the forecast that an inspection lists.
const CHOICES: usize = 5;
/// An inspection measures a decision so many times and takes the fastest: the first runs find cold caches.
const REPEATS: usize = 5;

/// The forecast that is open on a CPU.
#[derive(Clone, Debug)]
struct Open {
    asked: Nanos,
    p: [f32; RANKS],
    recency: [ThreadIx; RANKS],
}

/// What is known of the decision in hand.
#[derive(Clone, Debug)]
struct Asked {
    prev: ThreadIx,
    prev_state: TaskState,
    stint: Nanos,
    candidates: Vec<(ThreadIx, Nanos, i64)>,
    p: Vec<f32>,
    baselines: [ThreadIx; BASELINES.len()],
}

/// Engine, baselines and the answers since the last chunk.
#[derive(Clone, Debug)]
struct Answers<E> {
    engine: E,
    baselines: Vec<Heuristic>,
    cpus: u32,
    asked: Asked,
    scores: Vec<f32>,
    open: Vec<Option<Open>>,
    per_cpu: Vec<Vec<Prediction>>,
    /// Per CPU: ring of the last events of its sequence.
    context: Vec<[u32; CONTEXT]>,
    seen: Vec<u32>,
    event: u32,
}

/// The state of a pass between two events.
#[derive(Clone, Debug)]
pub struct Stage<E> {
    extractor: Extractor,
    answers: Answers<E>,
}

/// Copies of a pass's state, by the event that comes next. More are kept as inspections walk over the trace.
#[derive(Debug)]
pub struct Snapshots<E> {
    apart: usize,
    kept: Mutex<BTreeMap<usize, Stage<E>>>,
    /// Where the last cancelled walk stopped.
    left: Mutex<Option<(usize, Stage<E>)>>,
    start: Stage<E>,
}

impl<E: Predictor + Clone> Snapshots<E> {
    /// The state before the first event, with an `engine` that has seen nothing.
    pub fn new(trace: &Trace, engine: E) -> Self {
        let cpus = trace.cpus();
        let answers = Answers {
            engine,
            baselines: BASELINES.iter().filter_map(|n| Rule::parse(n)).map(|rule| Heuristic::new(rule, 0)).collect(),
            cpus: cpus as u32,
            asked: Asked {
                prev: ThreadIx::NONE,
                prev_state: TaskState::RUNNING,
                stint: Nanos(0),
                candidates: Vec::new(),
                p: Vec::new(),
                baselines: [ThreadIx::NONE; BASELINES.len()],
            },
            scores: Vec::new(),
            open: vec![None; cpus],
            per_cpu: vec![Vec::new(); cpus],
            context: vec![[0; CONTEXT]; cpus],
            seen: vec![0; cpus],
            event: 0,
        };
        Self {
            apart: APART.max(trace.len().div_ceil(SNAPSHOTS)),
            kept: Mutex::default(),
            left: Mutex::default(),
            start: Stage { extractor: Extractor::new(trace), answers },
        }
    }

    /// Number of snapshots, the start included.
    pub fn len(&self) -> usize {
        1 + self.kept.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Never: the start is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    pub(super) fn before(&self, event: usize) -> Stage<E> {
        self.nearest(event).1
    }

    /// The latest state at or before `event`, and the event it is followed by.
    pub(super) fn nearest(&self, event: usize) -> (usize, Stage<E>) {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.range(..=event).next_back().map(|(i, stage)| (*i, stage));
        let left = left.as_ref().filter(|(i, _)| *i <= event).map(|(i, stage)| (*i, stage));
        let (i, stage) = kept.into_iter().chain(left).max_by_key(|(i, _)| *i).unwrap_or((0, &self.start));
        (i, stage.clone())
    }

    /// Takes the state of a walk that was cancelled before event `i`.
    pub(super) fn leave(&self, i: usize, mut stage: Stage<E>) {
        stage.take();
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some((i, stage));
    }

    /// Keeps a copy of `stage`, which is followed by event `i`, if one belongs there.
    pub(super) fn keep(&self, i: usize, stage: &Stage<E>) {
        if i > 0 && i.is_multiple_of(self.apart) {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.entry(i).or_insert_with(|| stage.bare());
        }
    }
}

impl<E: Predictor + Clone> Stage<E> {
    /// A copy without the answers given so far.
    fn bare(&self) -> Self {
        let a = &self.answers;
        let answers = Answers {
            engine: a.engine.clone(),
            baselines: a.baselines.clone(),
            asked: a.asked.clone(),
            scores: Vec::new(),
            open: a.open.clone(),
            per_cpu: vec![Vec::new(); a.per_cpu.len()],
            context: a.context.clone(),
            seen: a.seen.clone(),
            ..*a
        };
        Self { extractor: self.extractor.clone(), answers }
    }

    /// The same place in the trace with another engine, which has seen nothing of what came before.
    pub(super) fn swap(&mut self, engine: E) {
        self.answers.engine = engine;
    }

    pub(super) fn step(&mut self, trace: &Trace, i: usize) {
        self.answers.event = i as u32;
        self.extractor.step(trace, i, &mut self.answers);
    }

    /// The answers since the last call.
    pub(super) fn take(&mut self) -> Vec<Vec<Prediction>> {
        self.answers.per_cpu.iter_mut().map(std::mem::take).collect()
    }

    pub(super) fn inspect(&mut self, trace: &Trace, event: usize) -> Inspection {
        let e = trace.event(event);
        let decision_ns = (0..REPEATS).map(|_| self.timed(trace, event)).min().unwrap_or(0);
        let cpu = e.cpu.ix();
        let seen = self.answers.seen[cpu];
        let context = (0..seen.min(CONTEXT as u32)).map(|back| {
            let at = (seen - 1 - back) as usize % CONTEXT;
            self.answers.context[cpu][at] as usize
        });
        let context = context.collect();
        let open = self.answers.open[cpu].clone();
        self.step(trace, event);

        let Asked { prev, prev_state, stint, candidates, p, .. } = &self.answers.asked;
        let mut candidates: Vec<_> = (candidates.iter().zip(p))
            .map(|(&(thread, waited, lag_ns), &p)| Candidate { thread, p, waited, lag_ns })
            .collect();
        // Stable: equals stay in queue order, so that the first is the pick.
        candidates.sort_by(|a, b| b.p.total_cmp(&a.p));
        let mut forecast: Vec<_> = open.iter().flat_map(|o| o.recency.into_iter().zip(o.p)).collect();
        forecast.sort_by(|a, b| b.1.total_cmp(&a.1));
        forecast.retain(|(_, p)| *p > 0.0);
        forecast.truncate(CHOICES);
        Inspection {
            event,
            model: self.answers.engine.name().into(),
            prev: *prev,
            prev_state: *prev_state,
            stint: *stint,
            candidates,
            real: trace.tasks().thread_on(e.next, e.cpu),
            forecast,
            lead: open.map_or(Nanos(0), |o| e.time.since(o.asked)),
            decision_ns,
            context,
        }
    }

    /// Time of features and network for one switch, on a copy, without baselines.
    fn timed(&self, trace: &Trace, event: usize) -> u64 {
        struct Bare<'a, E>(&'a mut E, Vec<f32>, [f32; RANKS]);
        impl<E: Predictor> Sink for Bare<'_, E> {
            fn token(&mut self, cpu: CpuId, token: &Token) {
                self.0.token(cpu, token);
            }
            fn decision(&mut self, decision: &Decision<'_>) {
                self.0.pick(decision, &mut self.1);
            }
            fn outcome(&mut self, outcome: &Outcome) {
                self.0.outcome(outcome);
            }
            fn forecast(&mut self, forecast: &Forecast<'_>) {
                self.0.forecast(forecast, &mut self.2);
            }
        }
        let (mut extractor, mut engine) = (self.extractor.clone(), self.answers.engine.clone());
        let mut sink = Bare(&mut engine, Vec::with_capacity(256), [0.0; RANKS]);
        let start = Instant::now();
        extractor.step(trace, event, &mut sink);
        start.elapsed().as_nanos() as u64
    }
}

impl<E: Predictor> Sink for Answers<E> {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.context[cpu.ix()][self.seen[cpu.ix()] as usize % CONTEXT] = self.event;
        self.seen[cpu.ix()] += 1;
        self.engine.token(cpu, token);
        self.baselines.iter_mut().for_each(|b| b.token(cpu, token));
    }

    fn decision(&mut self, d: &Decision<'_>) {
        let asked = &mut self.asked;
        (asked.prev, asked.prev_state, asked.stint) = (d.prev, d.prev_state, d.stint);
        asked.candidates.clear();
        let known = d.candidates.iter().zip(d.waited).zip(d.lag);
        asked.candidates.extend(known.map(|((thread, waited), lag)| (*thread, *waited, *lag)));
        self.engine.pick(d, &mut asked.p);
        softmax(&mut asked.p);
        for (baseline, thread) in self.baselines.iter_mut().zip(&mut asked.baselines) {
            baseline.pick(d, &mut self.scores);
            *thread = best(&self.scores).map_or(ThreadIx::NONE, |i| d.candidates[i]);
        }
    }

    fn outcome(&mut self, o: &Outcome) {
        let Asked { candidates, p, baselines, .. } = &self.asked;
        // What cannot be judged is not shown as a prediction.
        let can_pick = !o.no_pick && !o.unknown && p.len() == candidates.len();
        let pick = best(p).filter(|_| can_pick).map_or(Guess::NONE, |first| Guess {
            thread: candidates[first].0,
            p: p[first],
            p_real: o.pick.map_or(0.0, |real| p[real as usize]),
            rank: o.pick.map_or(0, |real| rank_of(p, real as usize) as u16),
        });
        let forecast = self.open[o.cpu.ix()].as_ref().filter(|open| !o.unknown && open.p.iter().any(|p| *p > 0.0));
        let forecast = forecast.and_then(|open| {
            let (first, real) = (best(&open.p)?, usize::from(o.rank).min(OTHER));
            let known = real != OTHER && open.p[real] > 0.0;
            Some(Guess {
                thread: open.recency[first],
                p: open.p[first],
                p_real: if known { open.p[real] } else { 0.0 },
                rank: if known { rank_of(&open.p, real) as u16 } else { 0 },
            })
        });
        // An empty queue leaves the idle thread as the only candidate.
        let idle_only = candidates.first().is_some_and(|c| c.0.0 < self.cpus);
        self.per_cpu[o.cpu.ix()].push(Prediction {
            queue: if idle_only { 0 } else { candidates.len().min(usize::from(u16::MAX)) as u16 },
            trivial: candidates.len() < 2,
            covered: o.pick.is_some(),
            real: o.next,
            pick,
            forecast: forecast.unwrap_or(Guess::NONE),
            baselines: if can_pick { *baselines } else { [ThreadIx::NONE; BASELINES.len()] },
        });
        self.engine.outcome(o);
        self.baselines.iter_mut().for_each(|b| b.outcome(o));
    }

    fn forecast(&mut self, f: &Forecast<'_>) {
        let mut p = [f32::NEG_INFINITY; RANKS];
        self.engine.forecast(f, &mut p);
        name_somebody(&mut p);
        softmax(&mut p);
        let mut recency = [ThreadIx::NONE; RANKS];
        recency.iter_mut().take(OTHER).zip(f.recency).for_each(|(to, from)| *to = *from);
        self.open[f.cpu.ix()] = Some(Open { asked: f.time, p, recency });
    }
}
