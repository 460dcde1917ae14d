//! A run on disk while it runs: configuration, sessions, metrics by step, epoch and workload,
//! checkpoints, models, how it ended. Every file that is read back is written beside and renamed;
//! tables are cut back to the checkpoint when a run goes on. One process at a time: `run.lock` is
//! locked as long as it runs.

use super::checkpoint::{self, Kept};
use super::learner::Learner;
use super::runs::{
    self, CONFIG, ENDED, EPOCHS, Ended, Holds, LOCK, PLAN, Plan, SESSIONS, STEPS, Sessions,
    WORKLOADS,
};
use super::{Baseline, Ending, Environment, Outcome, Progress, TrainConfig, TrainError};
use crate::export::{remove_left, write_whole};
use crate::predictor::weights::{Problem, Weights, WeightsError};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The weights of the last epoch.
const LAST: &str = "last.koracle";
/// Tables with their headings. The second column is the step in all of them.
const TABLES: [(&str, &str); 3] = [
    (
        STEPS,
        "epoch,step,session,wall_s,paused_s,learning_rate,pick_loss,forecast_loss,events_per_s\n",
    ),
    (
        EPOCHS,
        "epoch,step,session,wall_s,pick_top1,forecast_top1,pick_nll,forecast_nll,pick_temperature,forecast_temperature\n",
    ),
    (WORKLOADS, "epoch,step,workload,picks,pick_top1,forecasts,forecast_top1\n"),
];
/// Rows reach the disk at least so often.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Folder {
    path: PathBuf,
    tables: [BufWriter<File>; 3],
    flushed: Instant,
    session: usize,
    /// The checkpoint to go on from.
    pub resumed: Option<Kept>,
    /// How it ends, once that is known.
    pub ending: Option<Ending>,
    /// Held, not read.
    _lock: File,
}

fn problem(path: &Path, what: &dyn std::fmt::Display) -> TrainError {
    TrainError::Folder { path: path.into(), problem: what.to_string() }
}

/// Takes the folder for this process.
fn lock(path: &Path) -> Result<File, TrainError> {
    let file = path.join(LOCK);
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file)
        .map_err(|e| problem(&file, &e))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(problem(path, &"another process trains in this folder"))
        }
        Err(TryLockError::Error(e)) => Err(problem(&file, &e)),
    }
}

/// Makes the folder one of a run with these settings: of a new one, or of the one that is resumed,
/// whose last good checkpoint is given.
fn settle(path: &Path, config: &TrainConfig) -> Result<Option<Kept>, TrainError> {
    let file = path.join(CONFIG);
    let text = toml::to_string_pretty(config).map_err(|e| problem(&file, &e))?;
    if config.resume && file.is_file() {
        return resumed(path, config, &text);
    }
    // Nothing of another run may be taken for this one's.
    let others = [SESSIONS, PLAN, "best.koracle", LAST];
    for name in checkpoint::NAMES.into_iter().chain(others) {
        let _ = std::fs::remove_file(path.join(name));
    }
    write_whole(&file, text.as_bytes()).map_err(|e| problem(&file, &e))?;
    Ok(None)
}

/// The last good checkpoint of a run that must have been started with the settings in `text`, but
/// for its device and what it was started by.
fn resumed(path: &Path, config: &TrainConfig, text: &str) -> Result<Option<Kept>, TrainError> {
    let file = path.join(CONFIG);
    let before = std::fs::read_to_string(&file).map_err(|e| problem(&file, &e))?;
    let before: TrainConfig = toml::from_str(&before).map_err(|e| problem(&file, &e))?;
    let (command, revision, device) =
        (config.command.clone(), config.revision.clone(), config.device);
    let same = TrainConfig { device, command, revision, ..before };
    if toml::to_string_pretty(&same).ok().as_deref() != Some(text) {
        return Err(problem(&file, &"the run was started with another configuration"));
    }
    let model = Weights::load(&path.join(LAST));
    if let Err(e @ WeightsError::Content { problem: Problem::Layout { .. }, .. }) = model {
        return Err(e.into());
    }
    let resumed = checkpoint::newest(path)?;
    let beyond =
        |kept: &Kept| kept.state.epoch > config.epochs || kept.state.best_epoch > kept.state.epoch;
    if resumed.as_ref().is_some_and(beyond) {
        return Err(problem(
            path,
            &"the checkpoint is of an epoch that this run does not have: it is damaged",
        ));
    }
    Ok(resumed)
}

/// A table, cut back to the step that the run goes on from, to write more rows to.
fn table(
    path: &Path,
    (name, head): (&str, &str),
    step: Option<usize>,
) -> Result<BufWriter<File>, TrainError> {
    let file = path.join(name);
    let kept = trimmed(&file, head, step).map_err(|e| problem(&file, &e))?;
    write_whole(&file, kept.as_bytes()).map_err(|e| problem(&file, &e))?;
    let opened = OpenOptions::new().append(true).open(&file);
    Ok(BufWriter::new(opened.map_err(|e| problem(&file, &e))?))
}

/// Notes where and how the run goes on from now.
fn begin_session(path: &Path, config: &TrainConfig) -> Result<(), TrainError> {
    let file = path.join(SESSIONS);
    let mut sessions = Sessions::read(path);
    sessions.session.push(Environment::now(&config.command, &config.revision, config.device));
    let text = toml::to_string_pretty(&sessions).map_err(|e| problem(&file, &e))?;
    write_whole(&file, text.as_bytes()).map_err(|e| problem(&file, &e))
}

impl Folder {
    /// Makes the folder. A new run replaces a run that is there, but nothing else; a resumed one
    /// goes on from its last good checkpoint.
    pub(super) fn open(path: &Path, config: &TrainConfig) -> Result<Self, TrainError> {
        ours(path)?;
        std::fs::create_dir_all(path).map_err(|e| problem(path, &e))?;
        let lock = lock(path)?;
        // Somebody may have come first.
        ours(path)?;
        remove_left(path);
        let mut resumed = settle(path, config)?;
        let _ = std::fs::remove_file(path.join(ENDED));
        let step = resumed.as_ref().map(|kept| kept.state.step);
        if let Some(kept) = &mut resumed {
            kept.state.session += 1;
        }
        let [steps, epochs, workloads] = TABLES;
        let table = |of| table(path, of, step);
        let tables = [table(steps)?, table(epochs)?, table(workloads)?];
        begin_session(path, config)?;
        let session = resumed.as_ref().map_or(0, |kept| kept.state.session);
        Ok(Self {
            path: path.into(),
            tables,
            flushed: Instant::now(),
            session,
            resumed,
            ending: None,
            _lock: lock,
        })
    }

    /// What stands beside the run's curves.
    pub(super) fn plan(&self, steps: usize, baselines: &[Baseline]) -> Result<(), TrainError> {
        let file = self.path.join(PLAN);
        let text = serde_json::to_vec_pretty(&Plan { steps, baselines: baselines.to_vec() });
        write_whole(&file, &text.map_err(|e| problem(&file, &e))?).map_err(|e| problem(&file, &e))
    }

    /// The best model so far.
    pub(super) fn best(&self) -> Result<Weights, TrainError> {
        Ok(Weights::load(&self.path.join("best.koracle"))?)
    }

    fn write(&mut self, table: usize, row: &str) -> Result<(), TrainError> {
        self.tables[table]
            .write_all(row.as_bytes())
            .map_err(|e| problem(&self.path.join(TABLES[table].0), &e))
    }

    fn flush(&mut self) -> Result<(), TrainError> {
        self.flushed = Instant::now();
        for (writer, (name, _)) in self.tables.iter_mut().zip(TABLES) {
            writer.flush().map_err(|e| problem(&self.path.join(name), &e))?;
        }
        Ok(())
    }

    /// A row of the step table.
    pub(super) fn step(&mut self, p: &Progress) -> Result<(), TrainError> {
        let (of, session) = (&p.figures, self.session);
        let [pick, forecast] = of.loss;
        let row = format!(
            "{},{},{session},{:.3},{:.3},{:.6e},{pick:.5},{forecast:.5},{:.0}\n",
            p.epoch, p.step, of.wall_s, of.paused_s, of.learning_rate, of.events_per_s
        );
        self.write(0, &row)?;
        if self.flushed.elapsed() > FLUSH_EVERY { self.flush() } else { Ok(()) }
    }

    /// The end of an epoch: tables and models.
    pub(super) fn epoch(&mut self, p: &Progress, best: &Weights) -> Result<(), TrainError> {
        let v = p.validation.clone().unwrap_or_default();
        let mut row = format!("{},{},{},{:.3}", p.epoch, p.step, self.session, p.figures.wall_s);
        for x in [v.pick_top1, v.forecast_top1, v.nll[0], v.nll[1]] {
            let _ = write!(row, ",{x:.5}"); // a String takes all
        }
        let _ = writeln!(row, ",{:.4},{:.4}", v.temperature[0], v.temperature[1]);
        self.write(1, &row)?;
        for (name, s) in &v.workloads {
            let (picks, forecasts) = (s.picks, s.forecasts);
            let shares = (s.pick_top1, s.forecast_top1);
            let row = format!(
                "{},{},{name},{picks},{:.5},{forecasts},{:.5}\n",
                p.epoch, p.step, shares.0, shares.1
            );
            self.write(2, &row)?;
        }
        self.flush()?;
        if let Some(weights) = &p.weights {
            weights.save(&self.path.join(LAST))?;
        }
        Ok(best.save(&self.path.join("best.koracle"))?)
    }

    /// Keeps everything that the run needs to go on from here.
    pub(super) fn checkpoint(&mut self, learner: &Learner) -> Result<(), TrainError> {
        self.flush()?;
        checkpoint::save(&self.path, learner)
    }

    /// The model of an unfinished epoch; the best one when there is no other.
    pub(super) fn stopped(&self, weights: &Weights, only: bool) -> Result<(), TrainError> {
        weights.save(&self.path.join(LAST))?;
        if only {
            weights.save(&self.path.join("best.koracle"))?;
        }
        Ok(())
    }

    /// Notes how it ended. When even that cannot be written, the run is an interrupted one to
    /// whoever looks later.
    pub(super) fn end(mut self, result: &Result<Outcome, TrainError>) {
        let ended = match (result, self.ending) {
            (Ok(outcome), _) => Ended::of(outcome.ending),
            (Err(TrainError::Cancelled), ending) => Ended::of(ending.unwrap_or(Ending::Stopped)),
            (Err(e), _) => Ended::failed(e),
        };
        let _ = self.flush();
        if let Ok(text) = serde_json::to_vec_pretty(&ended) {
            let _ = write_whole(&self.path.join(ENDED), &text);
        }
    }
}

/// Refuses a folder in which a run would replace what is not a run's.
fn ours(path: &Path) -> Result<(), TrainError> {
    match runs::holds(path) {
        Holds::Foreign(file) if runs::is_needed(&file) => Err(problem(
            &file,
            &"this is not of a run, but a run would replace it; choose another folder",
        )),
        _ => Ok(()),
    }
}

/// The whole rows of a table up to `step`; those after it will be written again. Just the heading
/// without a step.
fn trimmed(file: &Path, head: &str, step: Option<usize>) -> std::io::Result<String> {
    let (Some(step), true) = (step, file.is_file()) else { return Ok(head.into()) };
    let bytes = std::fs::read(file)?;
    let columns = head.matches(',').count();
    let keep = |line: &&str| {
        let of = line.split(',').nth(1).and_then(|s| s.parse::<usize>().ok());
        line.ends_with('\n')
            && line.matches(',').count() == columns
            && of.is_some_and(|s| s <= step)
    };
    let text = String::from_utf8_lossy(&bytes);
    Ok(std::iter::once(head).chain(text.split_inclusive('\n').skip(1).filter(keep)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictor::networks::Kind;

    #[test]
    fn a_table_is_cut_back_to_the_checkpoint_and_half_rows_go() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("t.csv");
        let head = "epoch,step,x\n";
        std::fs::write(&file, "epoch,step,x\n1,1,a\n1,2,b\n1,3\n1,3,c\n1,2").unwrap();
        assert_eq!(trimmed(&file, head, Some(2)).unwrap(), "epoch,step,x\n1,1,a\n1,2,b\n");
        assert_eq!(trimmed(&file, head, None).unwrap(), head);
        assert_eq!(trimmed(&dir.path().join("none"), head, Some(2)).unwrap(), head);
    }

    #[test]
    fn a_run_on_other_inputs_is_not_gone_on_with_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let config = TrainConfig { resume: true, ..TrainConfig::default() };
        drop(Folder::open(dir.path(), &config).unwrap());
        let sessions = std::fs::read(dir.path().join(SESSIONS)).unwrap();
        let mut bytes = Weights::bundled_of(Kind::Mlp).unwrap().to_bytes();
        let name = b"layout_hash\":";
        let at = bytes.windows(name.len()).position(|w| w == name).unwrap() + name.len();
        // The last digit, so that it stays a number of 64 bits.
        let at = at + bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count() - 1;
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        let body = bytes.len() - 8;
        let sum = xxhash_rust::xxh3::xxh3_64(&bytes[..body]).to_le_bytes();
        bytes[body..].copy_from_slice(&sum);
        std::fs::write(dir.path().join(LAST), bytes).unwrap();
        let refused = Folder::open(dir.path(), &config).err().unwrap().to_string();
        assert!(
            refused.contains("other inputs") && refused.contains("train one anew"),
            "{refused}"
        );
        assert_eq!(std::fs::read(dir.path().join(SESSIONS)).unwrap(), sessions);
    }

    #[test]
    fn two_processes_do_not_train_in_one_folder() {
        let dir = tempfile::tempdir().unwrap();
        let config = TrainConfig { resume: true, ..TrainConfig::default() };
        let first = Folder::open(dir.path(), &config).unwrap();
        let second = Folder::open(dir.path(), &config).err().unwrap().to_string();
        assert!(second.contains("another process"), "{second}");
        drop(first);
        assert!(Folder::open(dir.path(), &config).is_ok());
    }
}
