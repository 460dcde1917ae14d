//! Runs that are kept: a folder each, listed, opened, exported, deleted. Reads what [`super::run`]
//! wrote, also while it is being written, and changes nothing of it.
//!
//! ```text
//! config.toml            settings                     metrics_steps.csv      a row per step
//! sessions.toml          machine, revision, command   metrics_epochs.csv     a row per epoch
//! plan.json              steps, baselines             metrics_workloads.csv  a row per epoch and workload
//! checkpoint, checkpoint.previous                     best.koracle, last.koracle   models
//! ended.json             how it ended                 run.lock               locked while it runs
//! ```

mod export;
mod files;
mod held;

pub use export::export;
pub(super) use files::{CONFIG, ENDED, EPOCHS, LOCK, PLAN, SESSIONS, STEPS, WORKLOADS};
pub use files::{ENV, Holds, find, holds, home, is_config, is_needed, is_of_run, new_folder};
pub use held::HeldOut;

use super::{Baseline, Ending, Environment, Scores, TrainConfig, TrainError, Validation};
use crate::export::remove_left;
use files::FILES;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What is known when a run begins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Plan {
    pub steps: usize,
    pub baselines: Vec<Baseline>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Sessions {
    pub session: Vec<Environment>,
}

impl Sessions {
    pub(super) fn read(folder: &Path) -> Self {
        std::fs::read_to_string(folder.join(SESSIONS))
            .ok()
            .and_then(|t| toml::from_str(&t).ok())
            .unwrap_or_default()
    }
}

/// How a run ended, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ended {
    ending: Option<Ending>,
    failure: Option<String>,
    unix_time: u64,
}

impl Ended {
    fn now(ending: Option<Ending>, failure: Option<String>) -> Self {
        Self {
            ending,
            failure,
            unix_time: std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |t| t.as_secs()),
        }
    }

    pub(super) fn of(ending: Ending) -> Self {
        Self::now(Some(ending), None)
    }

    pub(super) fn failed(why: &TrainError) -> Self {
        Self::now(None, Some(why.to_string()))
    }
}

/// What a kept run is at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A process trains in it.
    Running,
    /// The process that trained in it went away without a word.
    Interrupted,
    /// It came to its end, or was asked to stop.
    Ended(Ending),
    /// It failed; the reason.
    Failed(String),
}

impl State {
    /// A word for a table.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Ended(Ending::Finished) => "finished",
            Self::Ended(Ending::Early) => "finished early",
            Self::Ended(Ending::Stopped) => "stopped",
            Self::Ended(Ending::Killed) => "killed",
            Self::Failed(_) => "failed",
        }
    }
}

/// A row of the step table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// From 1.
    pub epoch: usize,
    /// From 1.
    pub step: usize,
    /// How often the run had been resumed.
    pub session: usize,
    /// Seconds since the run began, pauses included.
    pub wall_s: f64,
    /// Seconds of pause right before.
    pub paused_s: f64,
    /// Of this step.
    pub learning_rate: f64,
    /// Mean negative log-likelihood, nats; NaN when nothing was asked.
    pub pick_loss: f32,
    /// Likewise.
    pub forecast_loss: f32,
    /// Tokens per second.
    pub events_per_s: f64,
}

/// An epoch's end.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Epoch {
    /// From 1.
    pub epoch: usize,
    /// Steps done.
    pub step: usize,
    /// Seconds since the run began, pauses included.
    pub wall_s: f64,
    /// What was measured.
    pub validation: Validation,
}

#[derive(Deserialize)]
struct EpochRow {
    epoch: usize,
    step: usize,
    wall_s: f64,
    pick_top1: f64,
    forecast_top1: f64,
    pick_nll: f64,
    forecast_nll: f64,
    pick_temperature: f32,
    forecast_temperature: f32,
}

#[derive(Deserialize)]
struct WorkloadRow {
    epoch: usize,
    workload: String,
    picks: usize,
    pick_top1: f64,
    forecasts: usize,
    forecast_top1: f64,
}

/// A kept run.
#[derive(Clone, Debug, Serialize)]
pub struct KeptRun {
    /// Its folder.
    pub path: PathBuf,
    /// The folder's name.
    pub name: String,
    /// What it is at this moment.
    pub state: State,
    /// Its settings.
    pub config: TrainConfig,
    /// Its sessions, the first one first.
    pub sessions: Vec<Environment>,
    /// Steps in all; 0 when it never began.
    pub steps: usize,
    /// What simple rules score on its validation recordings.
    pub baselines: Vec<Baseline>,
    /// The epochs that are done.
    pub epochs: Vec<Epoch>,
    /// The last step that is known.
    pub last: Option<Step>,
    /// Tokens per second over all steps.
    pub events_per_s: Option<f64>,
    /// It has a checkpoint to go on from, and something left to do.
    pub resumable: bool,
    /// What it scores on what it has not seen, where an experiment asked.
    pub held_out: Option<HeldOut>,
}

impl KeptRun {
    /// The best epoch by validation; the later one of equals, as the training chooses.
    pub fn best(&self) -> Option<&Epoch> {
        let better = |a: &&Epoch, b: &&Epoch| a.validation.score().total_cmp(&b.validation.score());
        self.epochs.iter().max_by(better)
    }

    /// What it learns from, and how it does on what it does not; `None`: it learns from everything.
    pub fn learns_from(&self) -> Option<String> {
        learns_from(&self.config, self.held_out)
    }
}

/// What a run learns from where that is less than everything, with its score on the rest if there
/// is one.
pub fn learns_from(config: &TrainConfig, held_out: Option<HeldOut>) -> Option<String> {
    let score = held_out.map_or_else(String::new, |score| format!(" ({score})"));
    config.learns_from().map(|text| text + &score)
}

/// Why a run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file of it cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder holds no run.
    #[error("{}: no run is kept here", .0.display())]
    NoRun(PathBuf),
    /// Its settings cannot be read.
    #[error("{}: {problem}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// It is being trained.
    #[error("{}: it is running; stop it first", .0.display())]
    Running(PathBuf),
    /// The name is a link: who removes it may mean the link or what it leads to.
    #[error("{}: this is a link; name the folder itself. Nothing is removed", .0.display())]
    Link(PathBuf),
    /// The folder holds something that has the name of a run's settings and is none.
    #[error("{}: these are not a run's settings; nothing is removed", .0.display())]
    Foreign(PathBuf),
    /// Something else lies in its folder.
    #[error("{}: the run's files are gone, but other files are in its folder", .0.display())]
    NotEmpty(PathBuf),
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> RunError {
    move |source| RunError::Io { path: path.into(), source }
}

fn is_running(folder: &Path) -> bool {
    // The lock is let go again when the file is closed here.
    File::open(folder.join(LOCK))
        .is_ok_and(|f| matches!(f.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The rows of a table, as far as they are whole.
fn rows<T: DeserializeOwned>(file: &Path) -> Vec<T> {
    let bytes = std::fs::read(file).unwrap_or_default();
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    csv::Reader::from_reader(&bytes[..whole]).into_deserialize().filter_map(Result::ok).collect()
}

/// All steps of a run.
pub fn steps(folder: &Path) -> Vec<Step> {
    rows(&folder.join(STEPS))
}

/// One run, without its steps.
pub fn open(folder: &Path) -> Result<KeptRun, RunError> {
    let file = folder.join(CONFIG);
    let text = match std::fs::read_to_string(&file) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Err(RunError::NoRun(folder.into())),
        result => result.map_err(at(&file))?,
    };
    let config: TrainConfig = toml::from_str(&text)
        .map_err(|e| RunError::Config { path: file, problem: e.to_string() })?;
    let json = |name: &str| std::fs::read(folder.join(name)).ok();
    let plan: Plan = json(PLAN).and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default();
    let ended: Option<Ended> = json(ENDED).and_then(|b| serde_json::from_slice(&b).ok());
    let state = match ended {
        _ if is_running(folder) => State::Running,
        Some(Ended { failure: Some(why), .. }) => State::Failed(why),
        Some(Ended { ending: Some(ending), .. }) => State::Ended(ending),
        _ => State::Interrupted,
    };
    let mut epochs: Vec<Epoch> = rows(&folder.join(EPOCHS)).iter().map(epoch).collect();
    for row in rows::<WorkloadRow>(&folder.join(WORKLOADS)) {
        if let Some(epoch) = epochs.iter_mut().find(|e| e.epoch == row.epoch) {
            let WorkloadRow { picks, pick_top1, forecasts, forecast_top1, .. } = row;
            let scores = Scores { picks, pick_top1, forecasts, forecast_top1 };
            epoch.validation.workloads.insert(row.workload, scores);
        }
    }
    let done = matches!(state, State::Running | State::Ended(Ending::Finished | Ending::Early));
    let kept = ["checkpoint", "checkpoint.previous", "checkpoint.new"]
        .iter()
        .any(|n| folder.join(n).is_file());
    let name = folder
        .file_name()
        .map_or_else(|| folder.display().to_string(), |n| n.to_string_lossy().into_owned());
    let steps = steps(folder);
    Ok(KeptRun {
        path: folder.into(),
        name,
        state,
        held_out: held::read(folder, &config),
        config,
        sessions: Sessions::read(folder).session,
        steps: plan.steps,
        baselines: plan.baselines,
        last: steps.last().copied(),
        events_per_s: speed(&steps),
        epochs,
        resumable: kept && !done,
    })
}

/// Events per second over all steps, which have about as many events each: those that all took, in
/// the time that all took.
fn speed(steps: &[Step]) -> Option<f64> {
    let speeds = steps.iter().map(|s| s.events_per_s).filter(|s| s.is_finite() && *s > 0.0);
    let (n, time) = speeds.fold((0.0, 0.0), |(n, time), s| (n + 1.0, time + 1.0 / s));
    (n > 0.0).then(|| n / time)
}

fn epoch(row: &EpochRow) -> Epoch {
    let validation = Validation {
        pick_top1: row.pick_top1,
        forecast_top1: row.forecast_top1,
        nll: [row.pick_nll, row.forecast_nll],
        temperature: [row.pick_temperature, row.forecast_temperature],
        ..Validation::default()
    };
    Epoch { epoch: row.epoch, step: row.step, wall_s: row.wall_s, validation }
}

/// The runs in `dir` by name, and what could not be read. A folder that is not there holds none.
pub fn list(dir: &Path) -> Result<(Vec<KeptRun>, Vec<RunError>), RunError> {
    let entries = match std::fs::read_dir(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        result => result.map_err(at(dir))?,
    };
    let mut folders: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.join(CONFIG).is_file()).collect();
    folders.sort();
    let (mut runs, mut problems) = (Vec::new(), Vec::new());
    for folder in folders {
        match open(&folder) {
            Ok(run) => runs.push(run),
            Err(e) => problems.push(e),
        }
    }
    Ok((runs, problems))
}

/// Removes a run that is not running: the files that a run writes, then its folder. What says last
/// that they are a run's goes last, so that a removal that is cut short can be asked for again.
pub fn delete(folder: &Path) -> Result<(), RunError> {
    if folder.is_symlink() {
        return Err(RunError::Link(folder.into()));
    }
    let config = folder.join(CONFIG);
    match holds(folder) {
        Holds::Run => {}
        _ if config.exists() => return Err(RunError::Foreign(config)),
        _ => return Err(RunError::NoRun(folder.into())),
    }
    // Held until the end, so that nobody begins to train in it meanwhile.
    let lock = File::open(folder.join(LOCK)).ok();
    if lock.as_ref().is_some_and(|f| matches!(f.try_lock(), Err(TryLockError::WouldBlock))) {
        return Err(RunError::Running(folder.into()));
    }
    remove_left(folder);
    let first = FILES.iter().filter(|name| **name != CONFIG);
    for path in first.chain([&CONFIG]).map(|name| folder.join(name)) {
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(at(&path)(e)),
            _ => {}
        }
    }
    match std::fs::remove_dir(folder) {
        Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => {
            Err(RunError::NotEmpty(folder.into()))
        }
        result => result.map_err(at(folder)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_of_a_run_is_that_of_all_its_steps() {
        let step = |events_per_s| Step { events_per_s, ..Step::default() };
        // One second and three seconds for 300 events each.
        assert_eq!(speed(&[step(300.0), step(0.0), step(100.0)]), Some(150.0));
        assert_eq!(speed(&[step(f64::NAN)]), None);
    }
}
