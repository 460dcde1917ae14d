//! Where input comes from and output goes to: files, or standard input and output as `-`. A file appears under its
//! name only when it is whole.

use crate::export::{self, NewFile};
use crate::ingest::{self, Opened};
use crate::job::Job;
use crate::trace::Trace;
use color_eyre::eyre::{Result, WrapErr, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Opens a recording, `-` from standard input, and says on standard error what is wrong with it.
pub fn open(path: &Path) -> Result<Opened> {
    let opened = ingest::open(path)?;
    warn(path, &opened);
    Ok(opened)
}

/// Says on standard error what is wrong with a recording.
pub fn warn(path: &Path, opened: &Opened) {
    let (report, name) = (&opened.report, path.display());
    if let Some(problem) = &report.truncated {
        eprintln!("koracle: warning: {name}: {problem}");
    }
    if let Some(problem) = &report.metadata_problem {
        eprintln!("koracle: warning: {problem}; the metadata are not used");
    }
    if report.skipped > 0 {
        let first = report.bad.first().map(|b| format!("; first: {b}")).unwrap_or_default();
        let of = count(report.units, report.format.unit());
        eprintln!("koracle: warning: {name}: {} of {of} skipped{first}", report.skipped);
    }
    for warning in &report.warnings {
        eprintln!("koracle: warning: {name}: {warning}");
    }
    let reordered = opened.trace.reordered();
    if reordered > 0 {
        eprintln!("koracle: warning: {name}: time ran backwards; {} put in order", count(reordered, "event"));
    }
    let lost = lost(&opened.trace);
    if lost > 0 {
        eprintln!("koracle: warning: {name}: the kernel lost {}", count(lost, "event"));
    }
}

/// Events that the kernel lost: as the metadata say or as the events say, whichever is more.
pub fn lost(trace: &Trace) -> u64 {
    let in_gaps: u64 = trace.gaps().iter().map(|g| g.lost).fold(0, u64::saturating_add);
    trace.meta().lost.iter().fold(0, |sum: u64, n| sum.saturating_add(*n)).max(in_gaps)
}

/// `1 line`, `2 lines`.
pub fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Refuses to write over the recording that is being read.
pub fn differ(input: &Path, output: &Path) -> Result<()> {
    let file = |path: &Path| path.canonicalize().ok().filter(|p| p.is_file());
    if input.as_os_str() != "-" && file(input).is_some_and(|f| file(output) == Some(f)) {
        bail!("{}: this is the recording that is read; choose another name", output.display());
    }
    Ok(())
}

/// From here on an interrupt or a request to end removes unfinished files and ends with 128 plus the signal's number.
pub fn clean_up_on_signals() {
    // Without it the signal ends the program all the same, only less tidily.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    let wait = move |_: &_| {
        if let Some(signal) = signals.forever().next() {
            export::remove_unfinished(|| std::process::exit(128 + signal));
        }
    };
    // It waits for as long as the program runs: nobody has to cancel it.
    drop(Job::spawn("signals", wait, |_| {}));
}

/// Writes all of `bytes` to standard output.
pub fn stdout(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// Pretty-prints a value as JSON to standard output.
pub fn json(value: &impl serde::Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    stdout(&text)
}

/// Lets `write` fill a file, or standard output when `path` is `-`.
pub fn write(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    if path.as_os_str() == "-" {
        let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
        write(&mut out)?;
        return Ok(out.flush()?);
    }
    clean_up_on_signals();
    let name = || path.display().to_string();
    let file = NewFile::create(path).wrap_err_with(name)?;
    let mut out = BufWriter::with_capacity(1 << 16, file.file());
    write(&mut out).wrap_err_with(name)?;
    out.flush().wrap_err_with(name)?;
    drop(out);
    file.finish().wrap_err_with(name)
}

/// A progress bar on standard error; draws nothing when that is no terminal.
pub fn progress(total: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {percent:>3} %  {eta}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
