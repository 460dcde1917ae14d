//! `koracle [TRACE ...]`: looks at the arguments and at standard output while there still is a screen to print on,
//! then hands over to the interface. Reads no recording.

use super::door::{self, say};
use super::wrong;
use crate::dataset::opening::Told;
use color_eyre::eyre::{Result, bail};
use std::path::PathBuf;

/// Runs the explorer. A mistyped command looks like a recording that is not there, and is wrong usage (exit code 2).
pub fn run(traces: Vec<PathBuf>, compare: Option<PathBuf>, told: Told) -> Result<()> {
    if traces.iter().any(|path| path.as_os_str() == "-") {
        wrong("the explorer reads no standard input; `koracle import - -o NAME.csv.zst` makes a file of it".into());
    }
    // What may not be asked about is left to the interface, which says what is wrong with it.
    let (there, missing): (Vec<_>, Vec<_>) = traces.into_iter().partition(|path| path.try_exists().unwrap_or(true));
    if let (true, [first, ..]) = (there.is_empty(), &missing[..]) {
        wrong(format!("no such command or file: {}", first.display()));
    }
    if let Some(Err(problem)) = compare.as_deref().map(crate::driver::find) {
        wrong(format!("--compare: {problem}"));
    }
    for path in &missing {
        say!("koracle: warning: no such file: {}", path.display());
    }
    if !door::is_terminal() {
        bail!("standard output is not a terminal");
    }
    let farewell = crate::ui::run(there, compare, told)?;
    for line in farewell.lines {
        say!("koracle: {line}");
    }
    if let Some(signal) = farewell.signal {
        // As a shell would say it of a program that the signal had killed.
        std::process::exit(128 + signal);
    }
    Ok(())
}
