//! The work behind the Compare screen and `koracle diff`: reading the other recording, asking a model about both, and what
//! differs.

use crate::evaluate::judged::judge;
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::stats::diff::Scored;
use crate::trace::Trace;

/// The least probability that counts, as in the evaluation.
const LEAST: f32 = 1e-9;

/// How `engine`, in its state before the first event, does on the decisions of a recording. `None` when cancelled. `done` hears
/// of events walked.
pub fn scored<E: Predictor>(
    trace: &Trace,
    engine: &mut E,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Vec<Scored>> {
    let judged = judge(trace, engine, cancel, done)?;
    let one = |j: crate::evaluate::judged::Judged| Scored {
        event: j.event,
        hit: j.hit,
        nats: j.p_real.map(|p| -p.max(LEAST).ln()),
    };
    Some(judged.into_iter().map(one).collect())
}
