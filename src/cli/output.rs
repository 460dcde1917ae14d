//! Where input comes from and output goes to: files, or standard input and output as `-`. A file
//! appears under its name only when it is whole.

use super::door::{self, say};
use crate::dataset::opening::{self, StatedMachine};
use crate::export::{self, NewFile};
use crate::features::MOST_CANDIDATES;
use crate::ingest::{self, Opened};
use crate::job::Job;
use crate::trace::Trace;
use crate::train::runs;
use color_eyre::eyre::{Result, WrapErr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::Metadata;
use std::io::{BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};

pub use super::door::{json, progress};
pub use crate::text::count;

/// Opens a recording, `-` from standard input, and says on standard error what is wrong with it.
pub fn open(path: &Path, told: &StatedMachine) -> Result<Opened> {
    let opened = opening::open(path, told)?;
    warn(path, &opened);
    warn_of_told(path, &opened.trace, told);
    Ok(opened)
}

/// Says in a line what is told of a recording's machine against what it says itself.
pub fn warn_of_told(path: &Path, trace: &Trace, told: &StatedMachine) {
    let against = super::told::against(trace, told);
    if !against.is_empty() {
        say!("koracle: note: {}: {}", path.display(), against.join("; "));
    }
}

/// The recordings that the arguments name, each of them once.
pub fn within(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let (mut all, mut files) = (Vec::new(), Vec::new());
    for path in ingest::within(given)? {
        let file = std::fs::metadata(&path).ok().filter(Metadata::is_file);
        let file = file.map(|m| (m.dev(), m.ino()));
        // A file may have several names; standard input has one.
        let twice = match file {
            Some(file) => files.contains(&file),
            None => path.as_os_str() == "-" && all.contains(&path),
        };
        if twice {
            say!("koracle: note: {}: named twice, read once", path.display());
            continue;
        }
        files.extend(file);
        all.push(path);
    }
    Ok(all)
}

/// Says on standard error what is wrong with a recording.
pub fn warn(path: &Path, opened: &Opened) {
    let (report, name) = (&opened.report, path.display());
    if let Some(problem) = &report.truncated {
        say!("koracle: warning: {name}: {problem}");
    }
    if let Some(problem) = &report.metadata_problem {
        door::lines(&format!("koracle: warning: {problem}; the metadata are not used"));
    }
    if report.skipped > 0 {
        let first = report.bad.first().map(|b| format!("; first: {b}")).unwrap_or_default();
        let of = count(report.units, report.format.unit());
        say!("koracle: warning: {name}: {} of {of} skipped{first}", report.skipped);
    }
    for warning in &report.warnings {
        say!("koracle: warning: {name}: {warning}");
    }
    let reordered = opened.trace.reordered();
    if reordered > 0 {
        say!(
            "koracle: warning: {name}: time ran backwards; {} put in order",
            count(reordered, "event")
        );
    }
    let lost = lost(&opened.trace);
    if lost > 0 {
        say!("koracle: warning: {name}: the kernel lost {}", count(lost, "event"));
    }
}

/// Says of how many decisions not all candidates were offered.
pub fn warn_of_cut(decisions: usize) {
    if decisions > 0 {
        say!(
            "koracle: note: at {} {MOST_CANDIDATES} or more threads waited: only so many, the \
             oldest and the newest, were candidates",
            count(decisions as u64, "decision")
        );
    }
}

/// Events that the kernel lost: as the metadata say or as the events say, whichever is more.
pub fn lost(trace: &Trace) -> u64 {
    let in_gaps: u64 = trace.gaps().iter().map(|g| g.lost).fold(0, u64::saturating_add);
    trace.meta().lost.iter().fold(0, |sum: u64, n| sum.saturating_add(*n)).max(in_gaps)
}

/// Refuses to write over a file that is being read, under whatever name. `outputs` are all files
/// that get written.
pub fn differ(inputs: &[&Path], outputs: &[&Path]) -> Result<()> {
    let file = |path: &Path| {
        std::fs::metadata(path).ok().filter(Metadata::is_file).map(|m| (m.dev(), m.ino()))
    };
    let read: Vec<_> =
        inputs.iter().filter(|p| p.as_os_str() != "-").filter_map(|p| file(p)).collect();
    match outputs.iter().find(|p| file(p).is_some_and(|f| read.contains(&f))) {
        Some(output) => Err(super::wrong(format!(
            "{}: this file is being read; choose another name",
            output.display()
        ))),
        None => Ok(()),
    }
}

/// Refuses a file name that promises something else than what is written: it has to end in `ending`
/// or in nothing. What is there and no plain file (a pipe, a device) may be called anything.
pub fn named(path: &Path, ending: &str, what: &str) -> Result<()> {
    let is_other = std::fs::metadata(path).is_ok_and(|m| !m.is_file());
    let has = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    if path.as_os_str() == "-" || is_other || has.is_none_or(|has| has == ending) {
        return Ok(());
    }
    // The better reason, where there is one.
    free(path)?;
    Err(super::wrong(format!(
        "-o {}: what is written is {what}: a name that ends in .{ending}, or - for standard output",
        path.display()
    )))
}

/// The same where every ending is right but that of a compressed file: nothing is compressed.
pub fn uncompressed(path: &Path) -> Result<()> {
    let has = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    match has.as_deref() {
        Some(packed @ ("zst" | "gz" | "xz" | "bz2" | "lz4" | "zip")) => Err(super::wrong(format!(
            "-o {}: what is written is not compressed: a name without .{packed}, or - for standard \
             output; `koracle import` writes NAME.csv.zst",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Signals that ask the program to end. Not the end of its terminal, when it was started to outlive
/// that (`nohup`).
pub fn endings() -> Vec<i32> {
    static OUTLIVES: OnceLock<bool> = OnceLock::new();
    let ignored = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
        mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok())
            .is_some_and(|m| m >> (SIGHUP - 1) & 1 == 1)
    };
    let outlives = *OUTLIVES.get_or_init(ignored);
    [SIGINT, SIGTERM, SIGQUIT, SIGHUP].into_iter().filter(|s| *s != SIGHUP || !outlives).collect()
}

/// From here on a signal that asks the program to end removes unfinished files and ends it with 128
/// plus its number.
pub fn clean_up_on_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without it the signal ends the program all the same, only less tidily.
        let Ok(mut signals) = Signals::new(endings()) else { return };
        let wait = move |_: &_| {
            if let Some(signal) = signals.forever().next() {
                end(signal);
            }
        };
        // It waits for as long as the program runs: nobody has to cancel it.
        drop(Job::spawn("signals", wait, |_| {}));
    });
}

/// Ends the program as one that this signal has ended, without unfinished files.
pub fn end(signal: i32) -> ! {
    export::remove_unfinished(|| std::process::exit(128 + signal));
    std::process::exit(128 + signal)
}

/// Writes all of `bytes`, text, to standard output.
pub fn stdout(bytes: &[u8]) -> Result<()> {
    let mut out = door::stdout();
    out.write_all(bytes).and_then(|()| out.flush()).wrap_err(door::STANDARD_OUTPUT)
}

/// Lets `write` fill a file, or standard output when `path` is `-`. A file holds names exactly as
/// they are; what is printed is made fit to be shown.
pub fn write(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    write_to(path, || Box::new(door::stdout()), write)
}

/// The same for a recording, which a pipe takes exactly too.
pub fn write_recording(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    write_to(path, door::stdout_exact, write)
}

/// Refuses to write one table over what belongs to something else of ours.
fn free(path: &Path) -> Result<()> {
    let name = path.display();
    if runs::is_of_run(path) {
        return Err(super::wrong(format!(
            "{name}: this file belongs to a training run; choose another name"
        )));
    }
    if path.extension().is_some_and(|e| e == "toml") && export::is_metadata(path) {
        return Err(super::wrong(format!(
            "{name}: these are the metadata of a recording; choose another name"
        )));
    }
    Ok(())
}

fn write_to(
    path: &Path,
    printed: impl FnOnce() -> Box<dyn Write>,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    if path.as_os_str() == "-" {
        let mut out = BufWriter::with_capacity(1 << 16, printed());
        write(&mut out).wrap_err(door::STANDARD_OUTPUT)?;
        return out.flush().wrap_err(door::STANDARD_OUTPUT);
    }
    free(path)?;
    clean_up_on_signals();
    let name = || path.display().to_string();
    let file = NewFile::create(path).wrap_err_with(name)?;
    let mut out = BufWriter::with_capacity(1 << 16, file.file());
    write(&mut out).wrap_err_with(name)?;
    out.flush().wrap_err_with(name)?;
    drop(out);
    file.finish().wrap_err_with(name)
}
