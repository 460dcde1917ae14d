//! The settings file: where it is, what it says. `koracle config` shows both.

use super::output;
use crate::app::settings::{EXAMPLE, Settings};
use crate::places::User;
use color_eyre::eyre::{Result, bail, eyre};
use std::io::ErrorKind;
use std::path::PathBuf;

/// Options of `config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print an example that says everything, to be kept at the place that `koracle config` names.
    #[arg(long)]
    example: bool,
}

/// Prints the place of the settings file, and whether it can be used; or an example of one.
pub fn run(args: &Args) -> Result<()> {
    if args.example {
        return output::stdout(EXAMPLE.as_bytes());
    }
    let path = path().ok_or_else(|| eyre!("no home folder: there is no place for settings"))?;
    let is_there = path.try_exists().unwrap_or(true);
    load()?;
    let state = if is_there { "" } else { "  (not there: `koracle config --example` prints one)" };
    output::stdout(format!("{}{state}\n", path.display()).as_bytes())
}

/// `koracle/config.toml` in the user's configuration folder (XDG). `None` without a home.
fn path() -> Option<PathBuf> {
    Some(User::Config.folder()?.join("config.toml"))
}

/// The user's settings; what holds without any where there is no file. A file that cannot be used
/// is an error with its place: to go on without it would look as if it had no effect.
pub fn load() -> Result<Settings> {
    let Some(path) = path() else { return Ok(Settings::default()) };
    // A pipe would be waited for.
    if std::fs::metadata(&path).is_ok_and(|m| !m.is_file()) {
        bail!("{}: this is no file", path.display());
    }
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Settings::default()),
        Err(e) => bail!("{}: {e}", path.display()),
    };
    Settings::parse(&text).map_err(|problem| super::wrong(format!("{}: {problem}", path.display())))
}
