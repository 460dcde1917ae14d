//! Where runs are kept and by which files a run is known: the names that it writes, whether a folder
//! holds one, which folder a name means.

use crate::export::is_temporary;
use crate::places::User;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

pub(in crate::train) const CONFIG: &str = "config.toml";

pub(in crate::train) const SESSIONS: &str = "sessions.toml";

pub(in crate::train) const PLAN: &str = "plan.json";

pub(in crate::train) const STEPS: &str = "metrics_steps.csv";

pub(in crate::train) const EPOCHS: &str = "metrics_epochs.csv";

pub(in crate::train) const WORKLOADS: &str = "metrics_workloads.csv";

pub(in crate::train) const ENDED: &str = "ended.json";

pub(in crate::train) const LOCK: &str = "run.lock";

/// What an experiment keeps beside each of its runs.
const PART: &str = "part.json";

/// Everything that a run's folder holds.
pub(super) const FILES: [&str; 13] = [
    CONFIG,
    SESSIONS,
    PLAN,
    STEPS,
    EPOCHS,
    WORKLOADS,
    ENDED,
    LOCK,
    "checkpoint",
    "checkpoint.previous",
    "checkpoint.new",
    "best.koracle",
    "last.koracle",
];

/// Keys that the settings of every run have; together they are nobody else's.
const KEYS: [&str; 9] = [
    "epochs",
    "learning_rate",
    "weight_decay",
    "clip",
    "batch",
    "chunk",
    "forecast_weight",
    "balance",
    "model",
];

/// What lies in a folder that a run is asked to be kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing, or there is no such folder.
    Nothing,
    /// A run.
    Run,
    /// Things of somebody else; one of them, first of all one whose name a run needs.
    Foreign(PathBuf),
}

/// Whether a text says itself that it is a run's settings.
pub fn is_config(text: &str) -> bool {
    let keys =
        |t: toml::Table| KEYS.iter().all(|key| t.contains_key(*key)) && t["model"].is_table();
    text.parse::<toml::Table>().is_ok_and(keys)
}

/// Looks into a folder. Marks of an experiment and leavings of a killed process of ours are
/// nothing.
pub fn holds(folder: &Path) -> Holds {
    let file = folder.join(CONFIG);
    if std::fs::read_to_string(&file).is_ok_and(|text| is_config(&text)) {
        return Holds::Run;
    }
    // A folder that cannot be read is told of when something is written.
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name());
    let known = |name: &str| [LOCK, PART].contains(&name) || is_temporary(name);
    let others: Vec<_> = names.filter(|n| !n.to_str().is_some_and(known)).collect();
    let needed = others.iter().find(|n| FILES.iter().any(|file| *n == file));
    needed.or(others.first()).map_or(Holds::Nothing, |name| Holds::Foreign(folder.join(name)))
}

/// Whether a run would replace this file.
pub fn is_needed(file: &Path) -> bool {
    FILES.iter().any(|name| file.file_name() == Some(name.as_ref()))
}

/// Whether a file that is there belongs to a run, so that nothing else may be written over it.
pub fn is_of_run(file: &Path) -> bool {
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    is_needed(file) && file.is_file() && holds(folder) == Holds::Run
}

/// Names the folder of runs.
pub const ENV: &str = "KORACLE_RUNS";

/// The folder of runs: what [`ENV`] names, else `runs` under the working folder if it is there,
/// else `koracle/runs` in the user's data folder (XDG). `None` without a home.
pub fn home() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(ENV).filter(|d| !d.is_empty()) {
        return Some(dir.into());
    }
    let here = PathBuf::from("runs");
    if here.is_dir() {
        return Some(here);
    }
    Some(User::Data.folder()?.join("runs"))
}

/// Makes the first free folder `KIND-NNN` in `dir`.
pub fn new_folder(dir: &Path, kind: &str) -> io::Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    for n in 1..100_000 {
        let path = dir.join(format!("{kind}-{n:03}"));
        match std::fs::create_dir(&path) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            result => return result.map(|()| path),
        }
    }
    Err(io::Error::other("no free name for a run"))
}

/// The run that `name` means: a folder, or the name of a run in [`home`].
pub fn find(name: &Path) -> PathBuf {
    let at_home = home().map(|home| home.join(name)).filter(|p| p.join(CONFIG).is_file());
    if name.join(CONFIG).is_file() { name.into() } else { at_home.unwrap_or_else(|| name.into()) }
}
