//! Whom a rule of the kernel would take when it is left alone: its own account of what a recording
//! shows, never corrected by who really came in. So two rules can be seen side by side on the same
//! events; as a prediction it is worse than the corrected replay. It foretells nobody.

use super::Predictor;
use crate::features::{Decision, Forecast};
use crate::sched::follow::{Follower, Moment};
use crate::sched::replay::{KernelReplay, Rules};
use crate::trace::{ThreadIx, Trace};
use std::sync::Arc;

/// The names of [`Rules::ALL`] left alone, in their order.
const NAMES: [&str; Rules::ALL.len()] =
    ["eevdf-alone", "eevdf-flat-alone", "cfs-alone", "cfs-flat-alone"];

/// The logit of whom the rule would take; everybody else has 0.
const SURE: f32 = 20.0;

/// The name of a rule as a predictor.
pub fn label(rules: Rules) -> &'static str {
    let at = Rules::ALL.iter().position(|r| *r == rules);
    at.and_then(|at| NAMES.get(at)).copied().unwrap_or(rules.name)
}

/// The picks of one rule over one recording.
#[derive(Clone, Debug)]
pub struct Alone {
    label: &'static str,
    /// The switches with a choice, in order, and whom it would take.
    picks: Arc<[(u32, ThreadIx)]>,
}

impl Alone {
    /// Goes over the whole of `trace` once.
    pub fn new(trace: &Trace, rules: Rules) -> Self {
        let mut follower = Follower::new(trace, KernelReplay::under(trace, rules, false));
        let mut picks = Vec::new();
        for i in 0..trace.len() {
            follower.step(trace, i, |Moment { e, queues, replay, .. }| {
                let waiting = queues.queue(e.cpu);
                if waiting.len() > 1
                    && let Some(pick) = replay.pick(e.cpu).filter(|pick| waiting.contains(pick))
                {
                    picks.push((i as u32, pick));
                }
            });
        }
        Self { label: label(rules), picks: picks.into() }
    }

    fn at(&self, event: u32) -> Option<ThreadIx> {
        let at = self.picks.binary_search_by_key(&event, |(event, _)| *event).ok()?;
        Some(self.picks[at].1)
    }
}

impl Predictor for Alone {
    fn name(&self) -> &str {
        self.label
    }

    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        let taken = self.at(decision.event);
        scores.clear();
        let score = |c: &ThreadIx| if Some(*c) == taken { SURE } else { 0.0 };
        scores.extend(decision.candidates.iter().map(score));
    }

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        scores.clear();
        scores.resize(forecast.candidates.len(), f32::NEG_INFINITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_a_name_of_its_own_when_it_is_left_alone() {
        for rules in Rules::ALL {
            assert_eq!(label(rules), format!("{}-alone", rules.name));
        }
    }
}
