//! `koracle predict --full`: a row for each candidate of both questions about each switch.

use super::rows::Rows;
use crate::cli::output;
use crate::evaluate::watch::{Answered, Watch};
use crate::features::MOST_CANDIDATES;
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::trace::{ThreadIx, Trace};
use color_eyre::eyre::Result;
use std::io::Write;

/// `event` is the switch that is asked about, also of a forecast, which was asked at the switch
/// before on its CPU; `scored` says that an evaluation counts the question.
const COLUMNS: [&str; 8] = ["time_ns", "cpu", "event", "question", "thread", "p", "real", "scored"];

/// Predicts and writes.
pub fn write_all<E: Predictor>(trace: &Trace, engine: E, out: &mut dyn Write) -> Result<()> {
    let mut rows = Rows::new(out, &COLUMNS).map_err(super::io_error)?;
    let bar = output::progress(trace.len() as u64, "predicting");
    let cancel = Cancel::new();
    let (mut failed, mut cut) = (None, 0);
    let _ = Watch::new(trace, engine).walk(trace, &cancel, &|n| bar.inc(n), |mut answered| {
        cut += usize::from(answered.decision.candidates.len() == MOST_CANDIDATES);
        if let Err(e) = write(trace, &mut answered, &mut rows) {
            failed.get_or_insert(e);
            cancel.cancel();
        }
    });
    bar.finish_and_clear();
    output::warn_of_cut(cut);
    match failed {
        Some(e) => Err(super::io_error(e).into()),
        None => Ok(rows.flush()?),
    }
}

fn write<W: Write>(
    trace: &Trace,
    answered: &mut Answered<'_>,
    rows: &mut Rows<W>,
) -> Result<(), csv::Error> {
    let (outcome, is_pick) = (answered.outcome, answered.is_pick());
    let mut row = |question: &str, scored: bool, thread: ThreadIx, p: f32| {
        rows.number(outcome.time.0)?;
        rows.number(outcome.cpu.0)?;
        rows.number(outcome.event)?;
        rows.text(question)?;
        rows.thread(trace, thread, outcome.event as usize)?;
        rows.exact(p)?;
        rows.flag(thread == outcome.next)?;
        rows.flag(scored)?;
        rows.end()
    };
    // What cannot be judged is no prediction.
    if !outcome.unknown {
        if !outcome.no_pick {
            for (thread, p) in answered.decision.candidates.iter().zip(answered.picks.p(0)) {
                row("pick", is_pick, *thread, *p)?;
            }
        }
        if answered.told.is_answered(0) {
            for (thread, p) in answered.told.threads.iter().zip(answered.told.p(0)) {
                row("forecast", outcome.scored, *thread, p)?;
            }
        }
    }
    Ok(())
}
