//! The one door to standard output and standard error. Whatever goes through it is fit to be shown:
//! names and words of others (tasks, files, kernels, machines) cannot steer the terminal, whoever
//! calls. Bytes leave as they are in one case only: a recording, written to something that is no
//! terminal.

use crate::text::{Shown, shown, shown_json, shown_lines};
use color_eyre::eyre::{Result, WrapErr};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};

/// What standard output is called where something is wrong with it.
pub const STANDARD_OUTPUT: &str = "standard output";

/// Says a line on standard error, formatted as by `format!`.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::door::line(&format!($($text)*)) };
}
pub(crate) use say;

/// Says a line on standard error; a line end in it is shown as one that somebody wrote.
pub fn line(text: &str) {
    to_stderr(&shown(text));
}

/// Says a text on standard error that may have several lines.
pub fn lines(text: &str) {
    to_stderr(&shown_lines(text.trim_end()));
}

fn to_stderr(text: &str) {
    // A terminal that went away is no reason to end: what is said there, nobody can read.
    let _ = std::io::stderr().lock().write_all([text, "\n"].concat().as_bytes());
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Standard output, for text, tables and JSON.
pub fn stdout() -> impl Write {
    Shown::new(std::io::stdout().lock())
}

/// Standard output for a recording, which another program reads again: exact, unless a terminal
/// shows it.
pub fn stdout_exact() -> Box<dyn Write> {
    let out = std::io::stdout().lock();
    if is_terminal() { Box::new(Shown::new(out)) } else { Box::new(out) }
}

/// Writes all of `text` to standard output.
pub fn print(text: &str) -> Result<()> {
    let mut out = stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).wrap_err(STANDARD_OUTPUT)
}

/// Writes a text of the program alone, with its colours where they are wanted.
pub fn help(text: &clap::builder::StyledStr) -> Result<()> {
    let colours = is_terminal() && !no_color();
    let text = if colours { text.ansi().to_string() } else { text.to_string() };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Whether colours are not wanted.
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
}

/// Pretty-prints a value as JSON to standard output.
pub fn json(value: &impl serde::Serialize) -> Result<()> {
    print(&(shown_json(&serde_json::to_string_pretty(value)?) + "\n"))
}

/// Prints a value as one line of JSON.
pub fn json_line(value: &serde_json::Value) -> Result<()> {
    print(&(shown_json(&value.to_string()) + "\n"))
}

/// A progress bar on standard error; draws nothing when that is no terminal.
pub fn progress(total: u64, what: &'static str) -> ProgressBar {
    let bar = bar(Some(total), "{msg} {bar:40} {percent:>3} %  {eta}");
    bar.set_message(what);
    bar
}

/// Something that turns on standard error, with a message beside it.
pub fn spinner() -> ProgressBar {
    bar(None, "{spinner} {wide_msg}")
}

fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Puts a message beside a bar.
pub fn message(bar: &ProgressBar, text: &str) {
    bar.set_message(shown(text).into_owned());
}

/// From here on a panic says what it has to say through this door.
pub fn take_panics() {
    std::panic::set_hook(Box::new(|info| {
        lines(&format!("koracle: {info}"));
        let trace = std::backtrace::Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            lines(&trace.to_string());
        } else {
            line("this is a fault of the program; RUST_BACKTRACE=1 says where it came from");
        }
    }));
}
