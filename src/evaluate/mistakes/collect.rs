//! Watches a model over a recording, a second one and every baseline beside it, and fills a table:
//! each decision is answered as in `koracle eval`.

use super::table::{
    ASKED, COVERED, DecisionRow, Enqueued, FORECAST, HIT, OTHER as OTHER_HIT, Source, Span, Table,
};
use crate::evaluate::lack::Lack;
use crate::evaluate::watch::{Answered, BASELINES, Beside, Panel, States, Watch};
use crate::features::{CAND, CAND_NAMES};
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::trace::{Nanos, Trace};
use std::path::PathBuf;
use std::time::Instant;

/// Candidate inputs that say why one is queued, in the order of [`Enqueued`].
const CAUSES: [&str; 4] = ["by_wake", "by_new", "by_migrate", "by_preempt"];
/// States kept of one recording at most, and how many events apart at least: a walk over so many
/// events is not felt.
const STATES: usize = 64;
const APART: usize = 16_384;
/// Seats of the baselines, and of the second model.
const RULES: std::ops::Range<usize> = 1..1 + BASELINES.len();
const SECOND: usize = RULES.end;

/// The state before the first event of `trace`, with a `model` that has seen nothing:
/// [`collect_keeping`] keeps more, from which taking a decision apart starts, so that it takes as
/// long in an hour's recording as in a second's.
pub fn states<E: Predictor + Clone>(trace: &Trace, model: E) -> States<E> {
    States::new(trace, Beside::answering(model), STATES, APART)
}

/// As [`states`], but one is kept every `apart` events (at least one).
pub fn states_every<E: Predictor + Clone>(apart: usize, trace: &Trace, model: E) -> States<E> {
    States::every(apart, trace, Beside::answering(model))
}

/// The columns of [`CAUSES`].
pub(super) fn cause_columns() -> [usize; 4] {
    // A name that is not there reads a column past the end, which is no cause; a test holds that
    // all are there.
    CAUSES.map(|name| CAND_NAMES.iter().position(|n| *n == name).unwrap_or(CAND))
}

/// Why the candidate with these inputs is queued.
pub(super) fn cause_of(row: &[f32], columns: [usize; 4]) -> Enqueued {
    let hit = columns.iter().position(|c| row.get(*c).is_some_and(|x| *x > 0.5));
    hit.map_or(Enqueued::Unknown, |i| Enqueued::ALL[i])
}

/// A model with the baselines, and a second model if there is one.
struct Both<'a, M> {
    beside: Beside<M>,
    second: Option<&'a mut dyn Predictor>,
}

impl<M: Predictor> Panel for Both<'_, M> {
    fn size(&self) -> usize {
        self.beside.size() + usize::from(self.second.is_some())
    }

    fn kept(&self) -> usize {
        1
    }

    fn each(&mut self, mut with: impl FnMut(usize, &mut dyn Predictor)) {
        self.beside.each(&mut with);
        if let Some(second) = &mut self.second {
            with(SECOND, &mut **second);
        }
    }
}

struct Collector {
    table: Table,
    causes: [usize; 4],
    /// Per CPU: the row whose task runs now, and since when.
    running: Vec<Option<(usize, Nanos)>>,
}

impl Collector {
    fn take(&mut self, answered: &mut Answered<'_>) {
        let (o, told) = (answered.outcome, answered.told);
        let running = &mut self.running[o.cpu.ix()];
        // Unscored here is a switch behind unknown time: when the task left is not known.
        let left = running.take();
        if !o.scored {
            return;
        }
        if let Some((row, since)) = left {
            self.table.ran[row] = Span::of(o.time.since(since).0);
        }
        let asked = told.is_answered(0);
        let foretold = asked && told.rank(0, &o) == Some(1);
        let whole = &mut self.table.sources[0].whole;
        whole.decisions += 1;
        whole.asked += u64::from(asked);
        whole.forecasts += u64::from(foretold);
        if answered.decision.is_trivial() {
            whole.trivial += 1;
        } else if let Some(row) =
            row(answered, self.causes, [asked, foretold]).filter(|_| !o.no_pick)
        {
            *running = Some((self.table.len(), o.time));
            self.table.push(&row);
        }
    }
}

fn row(
    answered: &mut Answered<'_>,
    causes: [usize; 4],
    [asked, foretold]: [bool; 2],
) -> Option<DecisionRow> {
    let (o, d, real) = (answered.outcome, answered.decision, answered.real());
    let picks = &mut answered.picks;
    let (first, p) = picks.first(0)?;
    let rank = real.map_or(0, |r| picks.rank(0, r).min(usize::from(u16::MAX)) as u16);
    let mut bits = 0;
    for (i, seat) in RULES.enumerate() {
        bits |= u16::from(real.is_some() && picks.first(seat).map(|(at, _)| at) == real) << i;
    }
    let mut set = |on: bool, bit: u16| bits |= if on { bit } else { 0 };
    set(rank == 1, HIT);
    set(real.is_some(), COVERED);
    set(asked, ASKED);
    set(foretold, FORECAST);
    let second = picks.first(SECOND);
    set(second.is_some_and(|(at, _)| Some(at) == real), OTHER_HIT);
    let cause = |at: usize| {
        cause_of(d.features.get(at * CAND..(at + 1) * CAND).unwrap_or_default(), causes)
    };
    Some(DecisionRow {
        time: o.time.0,
        event: o.event,
        cpu: o.cpu,
        prev: d.prev,
        state: d.prev_state,
        pred: d.candidates[first],
        real: o.next,
        p,
        p_real: real.map_or(0.0, |r| picks.p(0)[r]),
        rank,
        queue: d.candidates.len().min(usize::from(u16::MAX)) as u16,
        waited: real.map_or(Span::NONE, |r| Span::of(d.waited[r].0)),
        stint: Span::of(d.stint.0),
        lead: answered.told.asked.map_or(Span::NONE, |asked| Span::of(o.time.since(asked).0)),
        enqueued: real.map_or(Enqueued::Unknown, cause),
        bits,
        other: second.map(|(at, p)| (d.candidates[at], p)),
    })
}

/// All non-trivial scored decisions of `trace`, answered by `model` (and `other`), each in its
/// state before the first event. `None` when cancelled. `done` hears of events walked.
pub fn collect(
    trace: &Trace,
    path: PathBuf,
    model: &mut dyn Predictor,
    other: Option<&mut dyn Predictor>,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Table> {
    let both = Both { beside: Beside::answering(model), second: other };
    fill(trace, path, both, cancel, done, |_, _| {})
}

/// As [`collect`] by the model of `states`, which keeps some along the way: an explanation starts
/// from them.
pub fn collect_keeping<E: Predictor + Clone>(
    trace: &Trace,
    path: PathBuf,
    states: &States<E>,
    other: Option<&mut dyn Predictor>,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Table> {
    let both = Both { beside: Beside::answering(states.model().clone()), second: other };
    fill(trace, path, both, cancel, done, |i, watch| {
        states.keep_part(i, watch, |both| both.beside.clone());
    })
}

/// The walk behind both; `keep` sees the state before every event.
fn fill<'a, M: Predictor>(
    trace: &Trace,
    path: PathBuf,
    both: Both<'a, M>,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
    keep: impl FnMut(usize, &mut Watch<Both<'a, M>>),
) -> Option<Table> {
    let second = both.second.as_ref().map_or(String::new(), |second| second.name().to_owned());
    let models = [both.beside.model.name().to_owned(), second];
    let table = Table { sources: vec![Source::new(trace, path)], models, ..Table::default() };
    let mut collector =
        Collector { table, causes: cause_columns(), running: vec![None; trace.cpus()] };
    let mut watch = Watch::new(trace, both);
    watch.walk_keeping(trace, cancel, done, keep, |mut answered| collector.take(&mut answered))?;
    let mut table = collector.table;
    let rows = table.len() as u64;
    let whole = &mut table.sources[0].whole;
    whole.lack = Lack::of(trace, whole.decisions, rows);
    Some(Table::join(vec![table]))
}

/// Decisions that a measurement of this machine's latency takes at most.
const MEASURED: usize = 20_000;

/// How long this machine needs for a non-trivial decision of `trace`: ns of features and network,
/// both questions, for up to 20,000 of them, sorted. One thread; what else the machine does is in
/// it.
pub fn latencies(trace: &Trace, model: &mut dyn Predictor, cancel: &Cancel) -> Vec<u64> {
    let mut watch = Watch::new(trace, model);
    let mut times = Vec::new();
    for i in 0..trace.len() {
        if times.len() >= MEASURED || (i.is_multiple_of(1024) && cancel.is_cancelled()) {
            break;
        }
        let start = Instant::now();
        let candidates =
            watch.step(trace, i).map_or(0, |answered| answered.decision.candidates.len());
        let ns = start.elapsed().as_nanos() as u64;
        if candidates >= 2 {
            times.push(ns);
        }
    }
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
