//! One pass over a recording that fills a table: the model, a second one beside it, and every baseline answer each
//! decision as they do in `koracle eval`. Nothing is shown to a predictor before it answered.

use super::steps::Steps;
use super::table::{ASKED, COVERED, Enqueued, FORECAST, HIT, OTHER as OTHER_HIT, Row, Source, Span, Table};
use crate::evaluate::overlay::BASELINES;
use crate::evaluate::{answers, best, name_somebody, rank_of, softmax};
use crate::features::{CAND, CAND_NAMES, Decision, Extractor, Forecast, OTHER, Outcome, RANKS, Sink, Token};
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::predictor::heuristics::{Heuristic, Rule};
use crate::trace::{CpuId, Nanos, ThreadIx, Trace};
use std::path::PathBuf;
use std::time::Instant;

/// Candidate inputs that say why one is queued, in the order of [`Enqueued`].
const CAUSES: [&str; 4] = ["by_wake", "by_new", "by_migrate", "by_preempt"];

/// The [`BASELINES`], in their order and before the first event.
pub(super) fn baselines() -> Vec<Heuristic> {
    BASELINES.iter().filter_map(|name| Rule::parse(name)).map(|rule| Heuristic::new(rule, 0)).collect()
}

/// The columns of [`CAUSES`].
pub(super) fn cause_columns() -> [usize; 4] {
    // A name that is not there reads a column past the end, which is no cause; a test holds that all are there.
    CAUSES.map(|name| CAND_NAMES.iter().position(|n| *n == name).unwrap_or(CAND))
}

/// Why the candidate with these inputs is queued.
pub(super) fn cause_of(row: &[f32], columns: [usize; 4]) -> Enqueued {
    let hit = columns.iter().position(|c| row.get(*c).is_some_and(|x| *x > 0.5));
    hit.map_or(Enqueued::Unknown, |i| Enqueued::ALL[i])
}

/// A candidate of the decision in hand.
#[derive(Clone, Copy)]
struct Choice {
    thread: ThreadIx,
    waited: Nanos,
    enqueued: Enqueued,
}

/// One predictor's answers to the decision in hand.
struct Answering<'a, P: ?Sized> {
    predictor: &'a mut P,
    p: Vec<f32>,
    /// Per CPU: scores of the forecast that is open.
    forecast: Vec<[f32; RANKS]>,
}

impl<'a, P: Predictor + ?Sized> Answering<'a, P> {
    fn new(predictor: &'a mut P, cpus: usize) -> Self {
        Self { predictor, p: Vec::new(), forecast: vec![[f32::NEG_INFINITY; RANKS]; cpus] }
    }

    fn decision(&mut self, d: &Decision<'_>) {
        self.predictor.pick(d, &mut self.p);
        softmax(&mut self.p);
    }

    fn forecast(&mut self, f: &Forecast<'_>) {
        let scores = &mut self.forecast[f.cpu.ix()];
        scores.fill(f32::NEG_INFINITY);
        self.predictor.forecast(f, scores);
        scores.iter_mut().filter(|s| s.is_nan()).for_each(|s| *s = f32::NEG_INFINITY);
        name_somebody(scores);
    }

    /// Whether the forecast that is open on this CPU named anybody, and whether it named the one that came in.
    fn foretold(&self, o: &Outcome) -> [bool; 2] {
        let scores = &self.forecast[o.cpu.ix()];
        let class = usize::from(o.rank).min(OTHER);
        // Naming "some other task" names nobody, whatever came.
        let named = class != OTHER && scores[class] > f32::NEG_INFINITY;
        let asked = answers(scores);
        [asked, asked && named && rank_of(scores, class) == 1]
    }
}

struct Collector<'a, 'b, P: ?Sized> {
    table: Table,
    causes: [usize; 4],
    model: Answering<'a, P>,
    /// The second model, if there is one.
    other: Option<Answering<'b, dyn Predictor + 'b>>,
    baselines: Vec<Heuristic>,
    /// What each baseline picks, as a place among the candidates.
    picks: Vec<Option<usize>>,
    scores: Vec<f32>,
    choices: Vec<Choice>,
    /// All of the next row that is known before the outcome.
    prev: ThreadIx,
    state: crate::trace::TaskState,
    stint: Nanos,
    /// Per CPU: when the open forecast was asked; the row whose task runs now, and since when.
    open: Vec<Option<Nanos>>,
    running: Vec<Option<(usize, Nanos)>>,
}

impl<P: Predictor + ?Sized> Sink for Collector<'_, '_, P> {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.model.predictor.token(cpu, token);
        self.other.iter_mut().for_each(|m| m.predictor.token(cpu, token));
        self.baselines.iter_mut().for_each(|b| b.token(cpu, token));
    }

    fn decision(&mut self, d: &Decision<'_>) {
        (self.prev, self.state, self.stint) = (d.prev, d.prev_state, d.stint);
        self.choices.clear();
        for (i, (thread, waited)) in d.candidates.iter().zip(d.waited).enumerate() {
            let enqueued = cause_of(d.features.get(i * CAND..(i + 1) * CAND).unwrap_or_default(), self.causes);
            self.choices.push(Choice { thread: *thread, waited: *waited, enqueued });
        }
        self.model.decision(d);
        self.other.iter_mut().for_each(|m| m.decision(d));
        for (baseline, pick) in self.baselines.iter_mut().zip(&mut self.picks) {
            baseline.pick(d, &mut self.scores);
            softmax(&mut self.scores);
            *pick = best(&self.scores);
        }
    }

    fn outcome(&mut self, o: &Outcome) {
        let cpu = o.cpu.ix();
        // Unscored here is a switch behind unknown time: when the task left is not known.
        if let Some((row, since)) = self.running[cpu].take().filter(|_| o.scored) {
            self.table.ran[row] = Span::of(o.time.since(since).0);
        }
        if o.scored {
            let told = self.open[cpu].map(|_| self.model.foretold(o)).unwrap_or_default();
            let source = &mut self.table.sources[0];
            source.decisions += 1;
            source.asked += u64::from(told[0]);
            source.forecasts += u64::from(told[1]);
            if self.choices.len() < 2 {
                source.trivial += 1;
            } else if let Some(row) = self.row(o, told).filter(|_| !o.no_pick) {
                self.running[cpu] = Some((self.table.len(), o.time));
                self.table.push(&row);
            }
        }
        self.model.predictor.outcome(o);
        self.other.iter_mut().for_each(|m| m.predictor.outcome(o));
        self.baselines.iter_mut().for_each(|b| b.outcome(o));
    }

    fn forecast(&mut self, f: &Forecast<'_>) {
        let cpu = f.cpu.ix();
        self.open[cpu] = Some(f.time);
        self.model.forecast(f);
        self.other.iter_mut().for_each(|m| m.forecast(f));
        // Their forecasts are not kept; asked all the same, so that a seeded one goes on as in an evaluation.
        let mut scores = [f32::NEG_INFINITY; RANKS];
        self.baselines.iter_mut().for_each(|b| b.forecast(f, &mut scores));
    }
}

impl<P: Predictor + ?Sized> Collector<'_, '_, P> {
    fn row(&self, o: &Outcome, [asked, foretold]: [bool; 2]) -> Option<Row> {
        let cpu = o.cpu.ix();
        let real = o.pick.map(|p| p as usize);
        let p = &self.model.p;
        let first = best(p)?;
        let rank = real.map_or(0, |r| rank_of(p, r).min(usize::from(u16::MAX)) as u16);
        let mut bits = 0;
        for (i, pick) in self.picks.iter().enumerate() {
            bits |= u16::from(real.is_some() && *pick == real) << i;
        }
        let mut set = |on: bool, bit: u16| bits |= if on { bit } else { 0 };
        set(rank == 1, HIT);
        set(real.is_some(), COVERED);
        set(asked, ASKED);
        set(foretold, FORECAST);
        let other = self.other.as_ref().and_then(|m| Some((best(&m.p)?, &m.p)));
        set(other.is_some_and(|(pick, _)| Some(pick) == real), OTHER_HIT);
        Some(Row {
            time: o.time.0,
            event: o.event,
            cpu: o.cpu,
            prev: self.prev,
            state: self.state,
            pred: self.choices[first].thread,
            real: o.next,
            p: p[first],
            p_real: real.map_or(0.0, |r| p[r]),
            rank,
            queue: self.choices.len().min(usize::from(u16::MAX)) as u16,
            waited: real.map_or(Span::NONE, |r| Span::of(self.choices[r].waited.0)),
            stint: Span::of(self.stint.0),
            lead: self.open[cpu].map_or(Span::NONE, |asked| Span::of(o.time.since(asked).0)),
            enqueued: real.map_or(Enqueued::Unknown, |r| self.choices[r].enqueued),
            bits,
            other: other.map(|(pick, p)| (self.choices[pick].thread, p[pick])),
        })
    }
}

/// All non-trivial scored decisions of `trace`, answered by `model` (and `other`), each in its state before the first
/// event. `None` when cancelled. `done` hears of events walked.
pub fn collect(
    trace: &Trace,
    path: PathBuf,
    model: &mut dyn Predictor,
    other: Option<&mut dyn Predictor>,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Table> {
    walk(trace, path, model, other, cancel, done, &|_, _, _, _| {})
}

/// As [`collect`] by the model of `steps`, which keeps states of the pass: an explanation starts from them.
pub fn collect_keeping<E: Predictor + Clone>(
    trace: &Trace,
    path: PathBuf,
    steps: &Steps<E>,
    other: Option<&mut dyn Predictor>,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Table> {
    let mut model = steps.model().clone();
    let keep = |i: usize, extractor: &Extractor, model: &E, baselines: &[Heuristic]| {
        steps.keep(i, extractor, model, baselines);
    };
    walk(trace, path, &mut model, other, cancel, done, &keep)
}

/// Sees the state that is followed by an event.
type Keep<'a, P> = &'a dyn Fn(usize, &Extractor, &P, &[Heuristic]);

/// The pass behind both; `keep` sees the state before every event.
fn walk<P: Predictor + ?Sized>(
    trace: &Trace,
    path: PathBuf,
    model: &mut P,
    other: Option<&mut dyn Predictor>,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
    keep: Keep<'_, P>,
) -> Option<Table> {
    const STRIDE: usize = 2048;
    let cpus = trace.cpus();
    let names = [model.name().to_owned(), other.as_ref().map_or(String::new(), |o| o.name().to_owned())];
    let mut collector = Collector {
        table: Table { sources: vec![Source::new(trace, path)], models: names, ..Table::default() },
        causes: cause_columns(),
        model: Answering::new(model, cpus),
        other: other.map(|m| Answering::new(m, cpus)),
        baselines: baselines(),
        picks: vec![None; BASELINES.len()],
        scores: Vec::new(),
        choices: Vec::new(),
        prev: ThreadIx::NONE,
        state: crate::trace::TaskState::RUNNING,
        stint: Nanos(0),
        open: vec![None; cpus],
        running: vec![None; cpus],
    };
    let mut extractor = Extractor::new(trace);
    for start in (0..trace.len()).step_by(STRIDE) {
        if cancel.is_cancelled() {
            return None;
        }
        let end = trace.len().min(start + STRIDE);
        for i in start..end {
            keep(i, &extractor, &*collector.model.predictor, &collector.baselines);
            extractor.step(trace, i, &mut collector);
        }
        done((end - start) as u64);
    }
    Some(Table::join(vec![collector.table]))
}

/// Decisions that a measurement of this machine's latency takes at most.
const MEASURED: usize = 20_000;

/// How long this machine needs for a non-trivial decision of `trace`: ns of features and network, both questions, for
/// up to 20,000 of them, sorted. One thread; what else the machine does is in it.
pub fn latencies(trace: &Trace, model: &mut dyn Predictor, cancel: &Cancel) -> Vec<u64> {
    struct Timed<'a>(&'a mut dyn Predictor, Vec<f32>, [f32; RANKS], usize);
    impl Sink for Timed<'_> {
        fn token(&mut self, cpu: CpuId, token: &Token) {
            self.0.token(cpu, token);
        }
        fn decision(&mut self, d: &Decision<'_>) {
            self.3 = d.candidates.len();
            self.0.pick(d, &mut self.1);
        }
        fn outcome(&mut self, o: &Outcome) {
            self.0.outcome(o);
        }
        fn forecast(&mut self, f: &Forecast<'_>) {
            self.0.forecast(f, &mut self.2);
        }
    }
    let mut sink = Timed(model, Vec::with_capacity(256), [0.0; RANKS], 0);
    let mut extractor = Extractor::new(trace);
    let mut times = Vec::new();
    for i in 0..trace.len() {
        if times.len() >= MEASURED || (i.is_multiple_of(1024) && cancel.is_cancelled()) {
            break;
        }
        sink.3 = 0;
        let start = Instant::now();
        extractor.step(trace, i, &mut sink);
        let ns = start.elapsed().as_nanos() as u64;
        if sink.3 >= 2 {
            times.push(ns);
        }
    }
    std::hint::black_box((&sink.1, &sink.2));
    times.sort_unstable();
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_input() {
        assert!(cause_columns().iter().all(|c| *c < CAND));
        let mut row = [0.0; CAND];
        assert_eq!(cause_of(&row, cause_columns()), Enqueued::Unknown);
        for (i, column) in cause_columns().into_iter().enumerate() {
            row.fill(0.0);
            row[column] = 1.0;
            assert_eq!(cause_of(&row, cause_columns()), Enqueued::ALL[i]);
        }
    }
}
