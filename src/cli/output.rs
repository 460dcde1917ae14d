//! Where input comes from and output goes to: files, or standard input and output as `-`. A file appears under its
//! name only when it is whole.

use crate::ingest::{self, Opened};
use color_eyre::eyre::{Result, WrapErr};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

/// Opens a recording, `-` from standard input, and says on standard error what is wrong with it.
pub fn open(path: &Path) -> Result<Opened> {
    let opened = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).wrap_err("standard input")?;
        ingest::read(bytes, "stdin")?
    } else {
        ingest::open(path)?
    };
    let (report, name) = (&opened.report, path.display());
    if let Some(problem) = &report.truncated {
        eprintln!("koracle: warning: {name}: {problem}");
    }
    if let Some(problem) = &report.metadata_problem {
        eprintln!("koracle: warning: {problem}; the metadata are not used");
    }
    if report.skipped > 0 {
        let first = report.bad.first().map(|b| format!("; first: {b}")).unwrap_or_default();
        eprintln!("koracle: warning: {name}: {} of {} lines skipped{first}", report.skipped, report.lines);
    }
    Ok(opened)
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
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = || path.display().to_string();
    let file = tempfile::Builder::new().prefix(".koracle-").tempfile_in(folder).wrap_err_with(name)?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write(&mut out)?;
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error).wrap_err_with(name)?;
    #[cfg(unix)]
    {
        // A temporary file is private; the result is as readable as any other file of the user's.
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).wrap_err_with(name)?;
    }
    file.persist(path).wrap_err_with(name)?;
    Ok(())
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
