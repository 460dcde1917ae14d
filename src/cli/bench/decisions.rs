//! What a decision costs: the whole event, and how long until the pick is answered, by the number
//! of candidates.

use super::quantiles;
use crate::evaluate::watch::Watch;
use crate::features::{Decision, Forecast, Outcome, Token};
use crate::predictor::Predictor;
use crate::trace::{CpuId, Trace};
use serde_json::{Value, json};
use std::time::Instant;

/// Decisions with so many candidates are the usual ones.
pub const USUAL: std::ops::RangeInclusive<usize> = 2..=8;
/// Least and most candidates of the rows of `by_candidates`.
const ROWS: [(usize, usize); 6] = [(1, 1), (2, 3), (4, 8), (9, 16), (17, 40), (41, usize::MAX)];

/// One switch.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub candidates: usize,
    /// Extractor and predictor until the pick is answered, ns.
    pub pick_ns: u64,
    /// All of the event: both questions, and what is learned, ns.
    pub event_ns: u64,
}

/// A predictor that notes when it has answered a pick.
struct Stamped<E> {
    predictor: E,
    answered: Instant,
}

impl<E: Predictor> Predictor for Stamped<E> {
    fn name(&self) -> &str {
        self.predictor.name()
    }

    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.predictor.token(cpu, token);
    }

    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        self.predictor.pick(decision, scores);
        self.answered = Instant::now();
    }

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        self.predictor.forecast(forecast, scores);
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.predictor.outcome(outcome);
    }
}

/// The cost of every switch of a recording.
pub fn costs<E: Predictor>(trace: &Trace, predictor: E) -> Vec<Cost> {
    let mut watch = Watch::new(trace, Stamped { predictor, answered: Instant::now() });
    let mut costs = Vec::new();
    for i in 0..trace.len() {
        let start = Instant::now();
        let candidates = watch.step(trace, i).map(|answered| answered.decision.candidates.len());
        let event_ns = start.elapsed().as_nanos() as u64;
        if let Some(candidates) = candidates {
            let pick_ns = watch.panel().answered.saturating_duration_since(start).as_nanos() as u64;
            costs.push(Cost { candidates, pick_ns, event_ns });
        }
    }
    costs
}

/// Nanoseconds of every usual decision: all of the event.
pub fn usual<E: Predictor>(trace: &Trace, predictor: E) -> Vec<u64> {
    let usual = costs(trace, predictor).into_iter().filter(|c| USUAL.contains(&c.candidates));
    usual.map(|c| c.event_ns).collect()
}

/// `[p50, p99]` of picks and of events with `least` to `most` candidates.
fn among(costs: &[Cost], least: usize, most: usize) -> (usize, [(u64, u64); 2]) {
    let these: Vec<_> = costs.iter().filter(|c| (least..=most).contains(&c.candidates)).collect();
    let of = |ns: fn(&Cost) -> u64| quantiles(these.iter().map(|c| ns(c)).collect());
    (these.len(), [of(|c| c.pick_ns), of(|c| c.event_ns)])
}

/// What `koracle bench --json` says of them: the usual ones, and by candidates.
pub fn report(costs: &[Cost], predictor: &str) -> [(&'static str, Value); 3] {
    let (count, [pick, event]) = among(costs, *USUAL.start(), *USUAL.end());
    let rows = ROWS.iter().filter_map(|&(least, most)| {
        let (n, [pick, event]) = among(costs, least, most);
        let most = (most < usize::MAX).then_some(most);
        let ns = |(p50, p99)| json!({ "p50": p50, "p99": p99 });
        (n > 0).then(
            || json!({ "candidates": [least, most], "decisions": n, "pick_ns": ns(pick), "decision_ns": ns(event) }),
        )
    });
    let whole = json!({
        "p50": event.0, "p99": event.1, "candidates": [USUAL.start(), USUAL.end()],
        "predictor": predictor, "decisions": count,
    });
    let by_candidates: Vec<Value> = rows.collect();
    [
        ("decision_ns", whole),
        ("pick_ns", json!({ "p50": pick.0, "p99": pick.1 })),
        ("by_candidates", json!(by_candidates)),
    ]
}

/// The same for people, with the inputs alone (the event without a network) and the trunk alone.
pub fn text(result: &Value) -> String {
    format!(
        "decision    {} ns (p50), {} ns (p99), {} to {} candidates; its pick {} ns, its inputs {} \
         ns (p50)\ntrunk       {} ns per event\n",
        result["decision_ns"]["p50"],
        result["decision_ns"]["p99"],
        USUAL.start(),
        USUAL.end(),
        result["pick_ns"]["p50"],
        result["inputs_ns"],
        result["trunk_ns_per_event"],
    )
}
