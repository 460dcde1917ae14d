//! `koracle import` and `koracle export`: one readable format to another.

use super::output;
use crate::export;
use clap::{ValueEnum, ValueHint};
use color_eyre::eyre::Result;
use std::ops::Range;
use std::path::PathBuf;

/// Options of `import`.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The recording; `-` reads standard input.
    #[arg(value_name = "IN", value_hint = ValueHint::FilePath)]
    input: PathBuf,
    /// NAME.csv.zst, with NAME.toml beside it; `-` writes the bare CSV to standard output.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Only this stretch of events, counted from 0 without the end: `20000` (the first ones) or `5000..25000`.
    #[arg(long, value_name = "RANGE", value_parser = stretch)]
    events: Option<Range<usize>>,
}

fn stretch(text: &str) -> Result<Range<usize>, String> {
    let number = |t: &str| t.trim().parse::<usize>().map_err(|_| format!("{t:?} is no number of events"));
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
}

/// Formats that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One row per event, nanoseconds.
    Csv,
    /// Text as ftrace prints it.
    Ftrace,
}

/// Runs `import`.
pub fn import(args: &ImportArgs) -> Result<()> {
    output::differ(&args.input, &args.output)?;
    let mut opened = output::open(&args.input)?;
    if let Some(events) = &args.events {
        opened.trace = opened.trace.cut(events.clone());
    }
    if args.output.as_os_str() == "-" {
        return output::write(&args.output, |out| Ok(export::csv_to(&opened.trace, out)?));
    }
    output::clean_up_on_signals();
    let size = export::native(&opened.trace, &args.output, export::ARCHIVE_LEVEL)?;
    let events = output::count(opened.trace.len() as u64, "event");
    eprintln!("{}: {events}, {}", args.output.display(), output::count(size, "byte"));
    Ok(())
}

/// Runs `export`.
pub fn export(args: &ExportArgs) -> Result<()> {
    output::differ(&args.input, &args.output)?;
    let opened = output::open(&args.input)?;
    output::write(&args.output, |out| match args.format {
        Format::Csv => Ok(export::csv_to(&opened.trace, out)?),
        Format::Ftrace => Ok(export::ftrace_text(&opened.trace, out)?),
    })
}
