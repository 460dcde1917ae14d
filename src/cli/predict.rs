//! `koracle predict`: one CSV row per switch with what was predicted for it, and whether an
//! evaluation counts it.

mod full;
mod rows;

use super::output;
use crate::evaluate::overlay::{self, Chunk, Prediction};
use crate::export::io_error;
use crate::features::MOST_CANDIDATES;
use crate::ingest;
use crate::job::Cancel;
use crate::predictor::Predictor;
use crate::predictor::engine::{Choice, Engine};
use crate::predictor::networks::Kind;
use crate::trace::{EventKind, Nanos, Trace};
use crate::train::named;
use clap::ValueHint;
use color_eyre::eyre::Result;
use rows::Rows;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What the rows are, and which of them `koracle eval` counts.
const ROWS: &str = "\
Rows: every switch has one, as `event` the index of the switch. `koracle eval` does not count all of
them. It leaves out the first events of a recording, which are context, and switches whose outcome
the recording does not know; a pick counts only where there was a choice, with two candidates or
more. pick_scored and forecast_scored say which answers count, 1 or 0. Top-1 as `koracle eval` says
it: of the rows with pick_scored = 1 the share with predicted = real, of those with
forecast_scored = 1 the share with forecast = real. With --full every row says in `scored` whether
its question counts.";

/// Options of `predict`.
#[derive(Debug, clap::Args)]
#[command(after_help = ROWS)]
pub struct Args {
    /// The recording; `-` reads standard input.
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
    trace: PathBuf,
    /// Who predicts; without it, the network that the model file holds.
    #[arg(long, value_parser = super::predictor())]
    predictor: Option<Choice>,
    /// The network: a model file, or a run (its folder, or its name among the kept runs); without
    /// it, the bundled one.
    #[arg(long, value_name = "MODEL", value_hint = ValueHint::FilePath)]
    model: Option<PathBuf>,
    /// The file, with a name that ends in .csv; `-` writes to standard output.
    #[arg(short, long, value_name = "OUT.csv", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// A row for each candidate of both questions, with its probability, instead of one for each
    /// switch.
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    machine: super::told::Machine,
}

const COLUMNS: [&str; 14] = [
    "time_ns",
    "cpu",
    "event",
    "candidates",
    "real",
    "predicted",
    "p",
    "p_real",
    "rank",
    "forecast",
    "forecast_p",
    "lead_ns",
    "pick_scored",
    "forecast_scored",
];

/// Predicts and writes.
pub fn run(args: &Args) -> Result<()> {
    let beside = ingest::meta_path(&args.trace);
    let model = args.model.as_deref().and_then(named::file);
    let read: Vec<&Path> =
        [&args.trace, &beside].into_iter().chain(&model).map(PathBuf::as_path).collect();
    output::differ(&read, &[&args.output])?;
    output::named(&args.output, "csv", "CSV")?;
    let trace = output::open(&args.trace, &args.machine.told())?.trace;
    let (_, engine) = engine(args.predictor, args.model.as_deref(), &trace)?;
    output::write(&args.output, |out| {
        if args.full {
            full::write_all(&trace, engine, out)
        } else {
            write_all(&trace, engine, out)
        }
    })
}

/// Who predicts `trace`: `choice`, else the network that the model file holds, else the bundled
/// one.
pub fn engine(
    choice: Option<Choice>,
    model: Option<&Path>,
    trace: &Trace,
) -> Result<(Choice, Engine)> {
    if let (Some(_), Some(choice)) = (model, choice)
        && choice.network().is_none()
    {
        return Err(super::not_for(choice));
    }
    let model = match (model, choice) {
        (Some(path), None) => Some(super::model(Some(path))?),
        (path, choice) => match choice.unwrap_or(Choice::Network(Kind::Tcn)).network() {
            Some(kind) => Some(super::model_of(path, kind)?),
            None => None,
        },
    };
    let choice = choice
        .or_else(|| model.as_ref().map(|m| m.config.kind.into()))
        .unwrap_or(Choice::Network(Kind::Tcn));
    Ok((choice, choice.make(model.as_ref(), trace)?))
}

fn write_all<E: Predictor + Clone>(trace: &Trace, engine: E, out: &mut dyn Write) -> Result<()> {
    let mut rows = Rows::new(out, &COLUMNS).map_err(io_error)?;
    let bar = output::progress(trace.len() as u64, "predicting");
    let cancel = Cancel::new();
    let mut before: Vec<Option<Nanos>> = vec![None; trace.cpus()];
    let (mut start, mut failed, mut cut) = (0, None, 0);
    let _ = overlay::once(trace, engine, &cancel, &mut |chunk: Chunk| {
        bar.set_position(chunk.end as u64);
        if let Err(e) = write_chunk(trace, start, &chunk, &mut before, &mut rows) {
            failed.get_or_insert(e);
            cancel.cancel();
        }
        start = chunk.end;
        cut +=
            chunk.per_cpu.iter().flatten().filter(|p| p.queue as usize == MOST_CANDIDATES).count();
    });
    bar.finish_and_clear();
    output::warn_of_cut(cut);
    match failed {
        Some(e) => Err(io_error(e).into()),
        None => Ok(rows.flush()?),
    }
}

fn write_chunk<W: Write>(
    trace: &Trace,
    start: usize,
    chunk: &Chunk,
    before: &mut [Option<Nanos>],
    rows: &mut Rows<W>,
) -> Result<(), csv::Error> {
    let mut next: Vec<_> = chunk.per_cpu.iter().map(|p| p.iter()).collect();
    for i in start..chunk.end {
        let e = trace.event(i);
        if e.kind != EventKind::Switch {
            continue;
        }
        let Some(p) = next[e.cpu.ix()].next() else { continue };
        // A forecast is asked at the switch before on the same CPU.
        let lead = before[e.cpu.ix()].replace(e.time).map(|asked| e.time.since(asked).0);
        row(trace, i, p, lead, rows)?;
    }
    Ok(())
}

fn row<W: Write>(
    trace: &Trace,
    i: usize,
    p: &Prediction,
    lead: Option<u64>,
    rows: &mut Rows<W>,
) -> Result<(), csv::Error> {
    let e = trace.event(i);
    rows.number(e.time.0)?;
    rows.number(e.cpu.0)?;
    rows.number(i as u64)?;
    rows.number(p.queue)?;
    rows.thread(trace, p.real, i)?;
    rows.thread(trace, p.pick.thread, i)?;
    rows.share(p.pick.p)?;
    rows.share(p.pick.p_real)?;
    rows.number(p.pick.rank)?;
    rows.thread(trace, p.forecast.thread, i)?;
    rows.share(p.forecast.p)?;
    match lead {
        Some(ns) => rows.number(ns)?,
        None => rows.text("")?,
    }
    rows.flag(p.pick.scored)?;
    rows.flag(p.forecast.scored)?;
    rows.end()
}
