//! `koracle import` and `koracle export`: one readable format to another.

use super::door::say;
use super::{output, perfetto, predict};
use crate::export;
use crate::ingest::{self, Report};
use crate::predictor::engine::Choice;
use clap::{ValueEnum, ValueHint};
use color_eyre::eyre::Result;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Options of `import`.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The recording; `-` reads standard input.
    #[arg(value_name = "IN", value_hint = ValueHint::FilePath)]
    input: PathBuf,
    /// NAME.csv.zst, with NAME.toml beside it; `-` writes the bare CSV to standard output.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Only this stretch of events, counted from 0 without the end: `20000` (the first ones) or
    /// `5000..25000`.
    #[arg(long, value_name = "RANGE", value_parser = stretch)]
    events: Option<Range<usize>>,
    /// Write over a file that has the name of the recording or of its metadata and is something
    /// else.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    machine: super::told::Machine,
}

fn stretch(text: &str) -> Result<Range<usize>, String> {
    let number =
        |t: &str| t.trim().parse::<usize>().map_err(|_| format!("{t:?} is no number of events"));
    let range = match text.split_once("..") {
        None => 0..number(text)?,
        Some((from, to)) => number(from)?..number(to)?,
    };
    if range.is_empty() { Err("there is nothing in this range".into()) } else { Ok(range) }
}

/// Options of `export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The recording; `-` reads standard input.
    #[arg(value_name = "IN", value_hint = ValueHint::FilePath)]
    input: PathBuf,
    /// What to write.
    #[arg(short, long, value_enum)]
    format: Format,
    /// The file; `-` writes to standard output.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Who predicts what Perfetto shows beside the events; without it, the network that the model
    /// file holds.
    #[arg(long, value_parser = super::predictor())]
    predictor: Option<Choice>,
    /// The network's model file; without it, the bundled one.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    model: Option<PathBuf>,
    #[command(flatten)]
    machine: super::told::Machine,
}

/// Formats that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One row per event, nanoseconds.
    Csv,
    /// Text as ftrace prints it.
    Ftrace,
    /// Perfetto's protobuf for ui.perfetto.dev, with predictions, misses and queue lengths as
    /// tracks of each CPU.
    Perfetto,
}

/// Runs `import`.
pub fn import(args: &ImportArgs) -> Result<()> {
    let piped = args.output.as_os_str() == "-";
    let meta = if piped { None } else { Some(export::metadata_path(&args.output)?) };
    let written: Vec<&Path> =
        [Some(&args.output), meta.as_ref()].into_iter().flatten().map(PathBuf::as_path).collect();
    output::differ(&[&args.input], &written)?;
    let told = args.machine.told();
    let mut opened = output::open(&args.input, &told)?;
    opened.trace = opened.trace.with_meta(|meta| told.note(meta));
    if let Some(events) = &args.events {
        if events.start >= opened.trace.len() {
            return Err(super::wrong(format!(
                "--events: the recording has {}, counted from 0",
                output::count(opened.trace.len() as u64, "event")
            )));
        }
        opened.trace = opened.trace.cut(events.clone());
    }
    let Some(meta) = meta else {
        return output::write_recording(&args.output, |out| {
            Ok(export::csv_to(&opened.trace, out)?)
        });
    };
    if !args.force
        && !args.output.is_symlink()
        && args.output.is_file()
        && !ingest::is_native(&args.output)
    {
        return Err(super::wrong(format!(
            "{}: this file is no native recording; choose another name, or say --force to write \
             over it",
            args.output.display()
        )));
    }
    let force = args.force || shares_metadata(args, &meta, &opened.report)?;
    output::clean_up_on_signals();
    let level = export::level_for(opened.trace.len());
    let size = export::native_over(&opened.trace, &args.output, level, force)?;
    let events = output::count(opened.trace.len() as u64, "event");
    say!("{}: {events}, {}", args.output.display(), output::count(size, "byte"));
    Ok(())
}

/// Whether the metadata that are written are those of the input too (`x.csv` and `x.csv.zst`), and
/// stay right for it. An error when they would not.
fn shares_metadata(args: &ImportArgs, meta: &Path, report: &Report) -> Result<bool> {
    let same = output::differ(&[&ingest::meta_path(&args.input)], &[meta]).is_err();
    if same && args.events.is_some() {
        return Err(super::wrong(format!(
            "{}: the recording that is read has the same metadata; choose another name",
            meta.display()
        )));
    }
    Ok(same && report.metadata_problem.is_none())
}

/// Runs `export`.
pub fn export(args: &ExportArgs) -> Result<()> {
    if args.format != Format::Perfetto && (args.predictor.is_some() || args.model.is_some()) {
        return Err(super::wrong(
            "predictions are only in --format perfetto; `koracle predict` writes them as CSV",
        ));
    }
    let beside = ingest::meta_path(&args.input);
    let read: Vec<&Path> =
        [&args.input, &beside].into_iter().chain(&args.model).map(PathBuf::as_path).collect();
    output::differ(&read, &[&args.output])?;
    output::uncompressed(&args.output)?;
    let opened = output::open(&args.input, &args.machine.told())?;
    let trace = &opened.trace;
    match args.format {
        Format::Csv => output::write_recording(&args.output, |out| Ok(export::csv_to(trace, out)?)),
        Format::Ftrace => {
            output::write_recording(&args.output, |out| Ok(export::ftrace_text(trace, out)?))
        }
        Format::Perfetto => {
            let (choice, engine) = predict::engine(args.predictor, args.model.as_deref(), trace)?;
            output::write_recording(&args.output, |out| {
                perfetto::write(trace, choice.label(), engine, out)
            })
        }
    }
}
