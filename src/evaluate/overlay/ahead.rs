//! A pass on two threads: one makes the inputs, the other answers.

use super::{Chunk, Lanes, PIECE};
use crate::evaluate::watch::{Beside, Exchange, Script};
use crate::features::Extractor;
use crate::job::{Cancel, JobError, ahead};
use crate::predictor::Predictor;
use crate::trace::Trace;

/// Events that are written down at once: the inputs of a switch are some 15 kB, and those of a
/// stretch shall stay in the caches between the two threads.
const STRETCH: usize = 64;
/// Stretches under way.
const UNDER_WAY: usize = 4;

/// Predicts every switch of `trace`; chunks end where those of the walk on one thread do. Ends
/// early, without a word, when cancelled.
pub(super) fn pass<E: Predictor + Clone>(
    trace: &Trace,
    engine: E,
    cancel: &Cancel,
    on_chunk: &mut dyn FnMut(Chunk),
) -> Result<(), JobError> {
    if trace.is_empty() {
        return Ok(());
    }
    let (mut extractor, mut at) = (Extractor::new(trace), 0);
    let fill = |script: &mut Script| {
        let end = trace.len().min(at + STRETCH);
        script.write(&mut extractor, trace, at..end);
        at = end;
        at < trace.len()
    };
    let mut exchange = Exchange::new(trace.cpus(), Beside::alone(engine));
    let (mut lanes, mut chunk) = (Lanes::new(trace), PIECE);
    let take = |script: &mut Script| {
        script.ask(&mut exchange, |answered| lanes.push(answered));
        let end = script.end();
        if end == chunk || end == trace.len() {
            on_chunk(Chunk { per_cpu: lanes.take(), end });
            chunk += PIECE;
        }
        !cancel.is_cancelled()
    };
    const { assert!(PIECE.is_multiple_of(STRETCH)) };
    ahead((0..UNDER_WAY).map(|_| Script::default()), fill, take)
}
