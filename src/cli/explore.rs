//! `koracle [TRACE ...]`: looks at the arguments and at standard output while there still is a
//! screen to print on, then hands over to the interface. Reads no recording.

use super::door::{self, say};
use super::wrong;
use crate::dataset::opening::StatedMachine;
use crate::driver::session;
use crate::ingest;
use crate::ui::Start;
use color_eyre::eyre::{Result, bail};
use std::fs::File;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Runs the explorer. A mistyped command looks like a recording that is not there, and is wrong
/// usage (exit code 2).
pub fn run(
    traces: Vec<PathBuf>,
    compare: Option<PathBuf>,
    restore: bool,
    told: StatedMachine,
) -> Result<()> {
    // What may not be asked about is left to the interface, which says what is wrong with it.
    let (there, missing): (Vec<_>, Vec<_>) =
        traces.into_iter().partition(|path| is_input(path) || path.try_exists().unwrap_or(true));
    if there.iter().any(|path| is_input(path)) && std::io::stdin().is_terminal() {
        return Err(wrong(
            "`-` reads standard input, which is a terminal; pipe a recording into it",
        ));
    }
    if let (true, [first, ..]) = (there.is_empty(), &missing[..]) {
        return Err(wrong(format!("no such command or file: {}", first.display())));
    }
    if let Some(who) = compare.as_deref() {
        super::found("--compare", crate::driver::find(who))?;
    }
    for path in &missing {
        say!("koracle: warning: no such file: {}", path.display());
    }
    if !door::is_terminal() {
        bail!("standard output is not a terminal");
    }
    // The interface opens a recording more than once. The file lives as long as the interface.
    let (there, _file) = with_input(there)?;
    let there = ingest::within(&there)?;
    let settings = super::config::load()?;
    let start = Start { traces: there, beside: compare, told, settings, ..Start::default() };
    let farewell = crate::ui::run(with_session(start, restore))?;
    for line in farewell.lines {
        say!("koracle: {line}");
    }
    if let Some(signal) = farewell.signal {
        // As a shell would say it of a program that the signal had killed.
        std::process::exit(128 + signal);
    }
    Ok(())
}

/// Where the program was left, and whether to go on there: because it was asked for, or the
/// settings say so. What cannot be gone on with is news.
fn with_session(start: Start, asked: bool) -> Start {
    let resume = asked || start.settings.restore;
    let kept = session::file().map_or(Ok(None), |file| session::load(&file));
    let (last, news) = match kept {
        Ok(Some((session, gone))) => {
            let gone = gone.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
            let news = format!("not there any more: {}", gone.join(", "));
            let last = Some(session).filter(|session| !session.recordings.is_empty());
            (last, (!gone.is_empty()).then_some(news))
        }
        Ok(None) => (None, asked.then(|| "there is nothing to go on with yet".to_owned())),
        Err(problem) => (None, Some(format!("a fresh start: {problem}"))),
    };
    let news = news.filter(|_| resume && start.traces.is_empty());
    Start { last, resume, news, ..start }
}

fn is_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input among the recordings, put where it can be opened.
fn with_input(mut traces: Vec<PathBuf>) -> Result<(Vec<PathBuf>, Option<File>)> {
    let mut held = None;
    if let Some(at) = traces.iter().position(|path| is_input(path)) {
        let (file, path) = ingest::put_aside()?;
        traces[at] = path;
        traces.retain(|path| !is_input(path));
        held = Some(file);
    }
    Ok((traces, held))
}
