//! One way to watch predictors: a [`Watch`] drives the extractor and whoever answers over a
//! recording, event by event, and says of each switch what was asked, what each of them answered,
//! and what came of it. Nobody sees an outcome before all have answered. It holds the forecasts
//! that are open, and the last events of each CPU's sequence; a copy of it goes on from the same
//! state, and [`States`] keeps some along the way.

mod panel;
mod script;
mod states;

pub use panel::{BASELINES, Beside, Everybody, Panel};
pub use script::Script;
pub use states::States;

use crate::features::{Decision, Extractor, Forecast, MOST_EXPECTED, Outcome, Sink, Token};
use crate::job::Cancel;
use crate::predictor::scores::{best, rank_of, softmax};
use crate::trace::{CpuId, Nanos, ThreadIx, Trace};

/// Events of a CPU's sequence that are remembered.
const CONTEXT: usize = 32;
/// Events that [`Watch::walk`] takes between two looks at its `Cancel`.
const STRIDE: usize = 2_048;

/// A walk over a recording with a [`Panel`] that answers. A clone goes on from the same state.
#[derive(Clone, Debug)]
pub struct Watch<P> {
    extractor: Extractor,
    exchange: Exchange<P>,
}

/// What a panel is asked and says: the sink behind a [`Watch`], for questions that come from
/// elsewhere too.
#[derive(Clone, Debug)]
pub struct Exchange<P> {
    panel: P,
    /// The event in hand.
    event: u32,
    /// Per seat: its answer to the last decision.
    picks: Vec<Pick>,
    /// Of the event in hand, if it is a switch.
    outcome: Option<Outcome>,
    /// Per CPU.
    open: Vec<Foretold>,
    /// The forecast that the outcome in hand answers.
    closed: Foretold,
    /// Per CPU.
    recent: Vec<Recent>,
    /// Answers to forecasts that nobody keeps.
    unheard: Vec<f32>,
}

/// The last events of a CPU's sequence: a ring, and how many there were in all.
#[derive(Clone, Copy, Debug)]
struct Recent {
    events: [u32; CONTEXT],
    seen: u32,
}

/// An answer to a decision: scores, in their place probabilities once those are asked for.
#[derive(Clone, Debug)]
struct Pick {
    scores: Vec<f32>,
    weighed: bool,
}

/// A switch, with everything that was asked about it and answered.
#[derive(Debug)]
pub struct Answered<'a> {
    /// Who could come in, and what was known of each.
    pub decision: Decision<'a>,
    /// Who came in.
    pub outcome: Outcome,
    /// The answers to the decision.
    pub picks: Picks<'a>,
    /// The answers to the forecast that was asked at the switch before on this CPU.
    pub told: &'a Foretold,
}

impl Answered<'_> {
    /// The pick counts: the switch is scored, who could come in is known, and there was a choice.
    pub fn is_pick(&self) -> bool {
        self.outcome.scored && !self.outcome.no_pick && !self.decision.is_trivial()
    }

    /// The place of the one that came in among the candidates.
    pub fn real(&self) -> Option<usize> {
        self.outcome.pick.map(|p| p as usize)
    }
}

/// What each seat said of a decision.
#[derive(Debug)]
pub struct Picks<'a>(&'a mut [Pick]);

impl Picks<'_> {
    /// The candidate that a seat scored highest, the first of equals; `None` where it gave no
    /// score.
    pub fn top(&self, seat: usize) -> Option<usize> {
        self.0.get(seat).and_then(|pick| best(&pick.scores))
    }

    /// `[candidates]`: a seat's probabilities.
    pub fn p(&mut self, seat: usize) -> &[f32] {
        let Some(pick) = self.0.get_mut(seat) else { return &[] };
        if !pick.weighed {
            softmax(&mut pick.scores);
            pick.weighed = true;
        }
        &pick.scores
    }

    /// A seat's most probable candidate, and the probability; `None` where it gave no score.
    pub fn first(&mut self, seat: usize) -> Option<(usize, f32)> {
        let p = self.p(seat);
        best(p).map(|first| (first, p[first]))
    }

    /// The rank of candidate `at` in a seat's answer, 1 = first.
    pub fn rank(&mut self, seat: usize, at: usize) -> usize {
        rank_of(self.p(seat), at)
    }
}

/// A forecast that was asked on a CPU, with the answers that are kept of it.
#[derive(Clone, Debug)]
pub struct Foretold {
    /// When; `None`: nothing was asked yet.
    pub asked: Option<Nanos>,
    /// The candidates, at most [`MOST_EXPECTED`].
    pub threads: Vec<ThreadIx>,
    /// Per seat that is kept, `[candidates]`: scores, minus infinity for whom it did not name.
    scores: Vec<Vec<f32>>,
}

impl Foretold {
    fn new(kept: usize) -> Self {
        let scores = (0..kept).map(|_| Vec::with_capacity(MOST_EXPECTED)).collect();
        Self { asked: None, threads: Vec::with_capacity(MOST_EXPECTED), scores }
    }

    /// The same with the answers of the first `kept` seats alone.
    fn narrowed(&self, kept: usize) -> Self {
        let mut narrowed = Self { asked: self.asked, ..Self::new(kept) };
        narrowed.threads.extend_from_slice(&self.threads);
        narrowed
            .scores
            .iter_mut()
            .zip(&self.scores)
            .for_each(|(to, from)| to.extend_from_slice(from));
        narrowed
    }

    /// The seat named at least one candidate.
    pub fn is_answered(&self, seat: usize) -> bool {
        self.scores.get(seat).is_some_and(|scores| scores.iter().any(|s| *s > f32::NEG_INFINITY))
    }

    /// The rank of the one that came in in a seat's answer, 1 = first; `None` where it was none of
    /// those that the seat named.
    pub fn rank(&self, seat: usize, came: &Outcome) -> Option<usize> {
        let (scores, at) = (self.scores.get(seat)?, came.foretold? as usize);
        let score = *scores.get(at)?;
        (score > f32::NEG_INFINITY).then(|| rank_of(scores, at))
    }

    /// A seat's probabilities of the candidates, in their order; zero behind them, and all zero
    /// where it named none.
    pub fn p(&self, seat: usize) -> [f32; MOST_EXPECTED] {
        let mut p = [0.0; MOST_EXPECTED];
        let scores = self
            .scores
            .get(seat)
            .map_or(&[][..], |scores| &scores[..scores.len().min(MOST_EXPECTED)]);
        p[..scores.len()].copy_from_slice(scores);
        softmax(&mut p[..scores.len()]);
        p
    }

    /// The candidate that a seat scored highest, the first of equals.
    pub fn top(&self, seat: usize) -> Option<usize> {
        best(self.scores.get(seat)?)
    }

    /// A seat's most probable candidate, the first of equals, and its probability; `None` where it
    /// named none.
    pub fn first(&self, seat: usize) -> Option<(usize, f32)> {
        let first = self.top(seat)?;
        let p = self.p(seat)[first];
        (p > 0.0).then_some((first, p))
    }
}

impl<P: Panel> Watch<P> {
    /// Before the first event of `trace`; the `panel` has seen nothing.
    pub fn new(trace: &Trace, panel: P) -> Self {
        Self { extractor: Extractor::new(trace), exchange: Exchange::new(trace.cpus(), panel) }
    }

    /// Who answers.
    pub fn panel(&self) -> &P {
        &self.exchange.panel
    }

    /// Who answers, to be changed between two events.
    pub fn panel_mut(&mut self) -> &mut P {
        &mut self.exchange.panel
    }

    /// Takes event `i` (in order, each once); of a switch, what was asked and answered.
    pub fn step(&mut self, trace: &Trace, i: usize) -> Option<Answered<'_>> {
        let Self { extractor, exchange } = self;
        exchange.event = i as u32;
        exchange.outcome = None;
        extractor.step(trace, i, exchange);
        exchange.answered(extractor.decision())
    }

    /// Takes all events of `trace` and hands over each switch. `None` when cancelled; `done` hears
    /// of events walked.
    pub fn walk(
        &mut self,
        trace: &Trace,
        cancel: &Cancel,
        done: &(dyn Fn(u64) + Sync),
        each: impl FnMut(Answered<'_>),
    ) -> Option<()> {
        self.walk_keeping(trace, cancel, done, |_, _| {}, each)
    }

    /// As [`Self::walk`]; `before` sees the state that each event finds.
    pub fn walk_keeping(
        &mut self,
        trace: &Trace,
        cancel: &Cancel,
        done: &(dyn Fn(u64) + Sync),
        mut before: impl FnMut(usize, &mut Self),
        mut each: impl FnMut(Answered<'_>),
    ) -> Option<()> {
        for start in (0..trace.len()).step_by(STRIDE) {
            if cancel.is_cancelled() {
                return None;
            }
            let end = trace.len().min(start + STRIDE);
            for i in start..end {
                before(i, self);
                if let Some(answered) = self.step(trace, i) {
                    each(answered);
                }
            }
            done((end - start) as u64);
        }
        Some(())
    }

    /// The latest events of a CPU's sequence, newest first, at most 32.
    pub fn context(&self, cpu: CpuId) -> impl Iterator<Item = usize> {
        self.exchange.recent.get(cpu.ix()).into_iter().flat_map(Recent::newest_first)
    }

    /// The same place in the recording, with others to answer who saw nothing of it, or in a way of
    /// their own.
    pub fn with<Q: Panel>(self, panel: impl FnOnce(P) -> Q) -> Watch<Q> {
        let Exchange { panel: before, open, recent, .. } = self.exchange;
        let panel = panel(before);
        let open = open.iter().map(|o| o.narrowed(panel.kept())).collect();
        Watch { extractor: self.extractor, exchange: Exchange::begin(panel, open, recent) }
    }

    /// A copy with others to answer.
    pub fn copy_with<Q: Panel>(&self, panel: Q) -> Watch<Q> {
        Watch { extractor: self.extractor.clone(), exchange: self.exchange.passed_on(panel) }
    }

    /// As [`Self::copy_with`], but it shares with this one what the extractor of neither changes
    /// afterwards.
    fn snapshot_with<Q: Panel>(&mut self, panel: Q) -> Watch<Q> {
        Watch { extractor: self.extractor.snapshot(), exchange: self.exchange.passed_on(panel) }
    }
}

impl Recent {
    const NONE: Self = Self { events: [0; CONTEXT], seen: 0 };

    fn push(&mut self, event: u32) {
        self.events[self.seen as usize % CONTEXT] = event;
        self.seen += 1;
    }

    fn newest_first(&self) -> impl Iterator<Item = usize> {
        (0..self.seen.min(CONTEXT as u32))
            .map(|back| self.events[(self.seen - 1 - back) as usize % CONTEXT] as usize)
    }
}

impl<P: Panel> Exchange<P> {
    /// Before anything is asked, on `cpus` CPUs.
    pub fn new(cpus: usize, panel: P) -> Self {
        let kept = panel.kept();
        Self::begin(
            panel,
            (0..cpus).map(|_| Foretold::new(kept)).collect(),
            vec![Recent::NONE; cpus],
        )
    }

    fn begin(panel: P, open: Vec<Foretold>, recent: Vec<Recent>) -> Self {
        let picks = (0..panel.size())
            .map(|_| Pick { scores: Vec::with_capacity(64), weighed: false })
            .collect();
        let closed = Foretold::new(panel.kept());
        let unheard = Vec::with_capacity(MOST_EXPECTED);
        Self { panel, event: 0, picks, outcome: None, open, closed, recent, unheard }
    }

    /// What was answered about the switch whose outcome came last; `decision` is what was asked
    /// there. `None` before the first one.
    pub fn answered<'a>(&'a mut self, decision: Decision<'a>) -> Option<Answered<'a>> {
        let outcome = self.outcome?;
        Some(Answered { decision, outcome, picks: Picks(&mut self.picks), told: &self.closed })
    }

    /// What is open, before a `panel`.
    fn passed_on<Q: Panel>(&self, panel: Q) -> Exchange<Q> {
        let open = self.open.iter().map(|o| o.narrowed(panel.kept())).collect();
        Exchange::begin(panel, open, self.recent.clone())
    }
}

impl<P: Panel> Sink for Exchange<P> {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.recent[cpu.ix()].push(self.event);
        self.panel.each(|_, predictor| predictor.token(cpu, token));
    }

    fn decision(&mut self, decision: &Decision<'_>) {
        let picks = &mut self.picks;
        self.panel.each(|seat, predictor| {
            picks[seat].weighed = false;
            predictor.pick(decision, &mut picks[seat].scores);
        });
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.outcome = Some(*outcome);
        std::mem::swap(&mut self.closed, &mut self.open[outcome.cpu.ix()]);
        self.panel.each(|_, predictor| predictor.outcome(outcome));
    }

    fn forecast(&mut self, forecast: &Forecast<'_>) {
        let [kept, asked] = [self.panel.kept(), self.panel.asked()];
        let (open, unheard) = (&mut self.open[forecast.cpu.ix()], &mut self.unheard);
        let expected = &forecast.candidates[..forecast.candidates.len().min(MOST_EXPECTED)];
        open.asked = Some(forecast.time);
        open.threads.clear();
        open.threads.extend_from_slice(expected);
        self.panel.each(|seat, predictor| {
            if seat < kept {
                let scores = &mut open.scores[seat];
                scores.clear();
                predictor.forecast(forecast, scores);
                scores.resize(expected.len(), f32::NEG_INFINITY);
                scores.iter_mut().filter(|s| s.is_nan()).for_each(|s| *s = f32::NEG_INFINITY);
            } else if seat < asked {
                predictor.forecast(forecast, unheard);
            }
        });
    }
}
