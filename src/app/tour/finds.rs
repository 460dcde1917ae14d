//! The decisions that the tour shows: one that the network foresaw and one that it did not, each
//! worth a look.

use crate::app::answers::{AnswerRow, Verdict};
use crate::app::timeline::Timeline;
use crate::evaluate::overlay::Prediction;
use crate::features::Extractor;
use crate::trace::CpuId;

/// A decision in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Its switch, as index among all events.
    pub event: usize,
    /// The CPU.
    pub cpu: String,
    /// Who leaves it.
    pub out: String,
    /// How many could come in.
    pub candidates: u16,
    /// Whom the network expected.
    pub expected: String,
    /// The probability that it had.
    pub p: f32,
    /// Who came in.
    pub real: String,
    /// The probability that the network had given to that one.
    pub p_real: f32,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finds {
    /// One that the network foresaw.
    pub right: Option<Decision>,
    /// One that it did not.
    pub missed: Option<Decision>,
}

/// So many candidates are a choice that can be taken in at a glance.
const FEW: std::ops::RangeInclusive<u16> = 3..=6;

impl Finds {
    /// Looks through the answers on the selected CPU: the first that is worth a look, or any.
    pub(super) fn of(t: &Timeline) -> Self {
        let clear = |p: &Prediction| FEW.contains(&p.queue) && (0.5..0.97).contains(&p.pick.p);
        let right =
            first(t, 0, Verdict::Hit, clear).or_else(|| first(t, 0, Verdict::Hit, |_| true));
        let from = right.map_or(0, |k| k + 1);
        let near = |p: &Prediction| clear(p) && p.pick.p_real > 0.0;
        let missed =
            first(t, from, Verdict::Miss, near).or_else(|| first(t, 0, Verdict::Miss, |_| true));
        Self { right: right.and_then(|k| told(t, k)), missed: missed.and_then(|k| told(t, k)) }
    }
}

/// The first decision from `from` on that came out so and of which this is true. The network's
/// first answers, when it has seen nothing yet, are left out.
fn first(
    t: &Timeline,
    from: usize,
    verdict: Verdict,
    worth: impl Fn(&Prediction) -> bool,
) -> Option<usize> {
    let switches = t.trace().cpu_switches(CpuId(t.cpu as u16));
    let warm = switches.partition_point(|&event| (event as usize) < 2 * Extractor::WARM_UP);
    (from.max(warm)..switches.len()).find(|&k| {
        t.answers
            .get(t.cpu, k)
            .is_some_and(|p| !p.trivial && AnswerRow::Pick.verdict(p) == verdict && worth(p))
    })
}

fn told(t: &Timeline, k: usize) -> Option<Decision> {
    let event = *t.trace().cpu_switches(CpuId(t.cpu as u16)).get(k)? as usize;
    let (p, e) = (t.answers.get(t.cpu, k)?, t.trace().event(event));
    let name = |thread| t.trace().label_at(thread, event);
    Some(Decision {
        event,
        cpu: format!("CPU{}", t.cpu),
        out: name(t.trace().tasks().thread_on(e.task, e.cpu)),
        candidates: p.queue,
        expected: name(p.pick.thread),
        p: p.pick.p,
        real: name(p.real),
        p_real: p.pick.p_real,
    })
}
