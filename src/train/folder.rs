//! A run on disk: `config.toml`, `metrics_steps.csv`, `metrics_epochs.csv`, the last checkpoint, `best.koracle`. Every
//! file that is read back is written beside and renamed; `state.json` comes last and names the files that belong to it.

use super::{Progress, TrainConfig, TrainError, Validation};
use crate::predictor::tcn::Tcn;
use crate::predictor::weights::{Weights, write_whole};
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const STEPS: &str = "epoch,step,learning_rate,pick_loss,forecast_loss,events_per_s\n";
const EPOCHS: &str = "epoch,step,pick_top1,forecast_top1,pick_nll,forecast_nll,pick_temperature,forecast_temperature\n";

/// What a checkpoint knows besides the numbers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// Epochs done.
    pub epoch: usize,
    /// The best of them, from 1.
    pub best_epoch: usize,
    pub best_score: f64,
    pub validation: Validation,
}

pub(super) struct Folder {
    path: PathBuf,
    steps: BufWriter<File>,
    epochs: BufWriter<File>,
}

impl Folder {
    /// Makes the folder. A new run replaces the metrics that are there, a resumed one goes on.
    pub(super) fn open(path: &Path, config: &TrainConfig) -> Result<Self, TrainError> {
        std::fs::create_dir_all(path).map_err(|e| problem(path, &e))?;
        let file = path.join("config.toml");
        let text = toml::to_string_pretty(config).map_err(|e| problem(&file, &e))?;
        let going_on = config.resume && path.join("state.json").is_file();
        if going_on {
            let before = std::fs::read_to_string(&file).map_err(|e| problem(&file, &e))?;
            let before: TrainConfig = toml::from_str(&before).map_err(|e| problem(&file, &e))?;
            let same = TrainConfig { command: config.command.clone(), revision: config.revision.clone(), ..before };
            if toml::to_string_pretty(&same).ok().as_ref() != Some(&text) {
                return Err(problem(&file, &"the run was started with another configuration"));
            }
        } else {
            write_whole(&file, text.as_bytes()).map_err(|e| problem(&file, &e))?;
        }
        let table = |name: &str, head: &str| {
            let file = path.join(name);
            let fresh = !going_on || !file.is_file();
            let opened = OpenOptions::new().create(true).append(!fresh).write(true).truncate(fresh).open(&file);
            let mut writer = BufWriter::new(opened.map_err(|e| problem(&file, &e))?);
            if fresh {
                writer.write_all(head.as_bytes()).map_err(|e| problem(&file, &e))?;
            }
            Ok::<_, TrainError>(writer)
        };
        if going_on {
            let state: State = read_state(path)?;
            trim(&path.join("metrics_steps.csv"), state.epoch)?;
            trim(&path.join("metrics_epochs.csv"), state.epoch)?;
        }
        Ok(Self {
            path: path.into(),
            steps: table("metrics_steps.csv", STEPS)?,
            epochs: table("metrics_epochs.csv", EPOCHS)?,
        })
    }

    /// The last checkpoint's state, if there is one.
    pub(super) fn resume(&self) -> Result<Option<State>, TrainError> {
        if self.path.join("state.json").is_file() { read_state(&self.path).map(Some) } else { Ok(None) }
    }

    /// The numbers of a checkpoint.
    pub(super) fn load(
        &self,
        state: &State,
        model: Tcn,
        optimiser: ModuleOptimizer,
    ) -> Result<(Tcn, ModuleOptimizer), TrainError> {
        let [model_file, optimiser_file] = self.checkpoint(state.epoch);
        let model = model.try_load_file(&model_file).map_err(|e| problem(&model_file, &e))?;
        let optimiser = optimiser.load(&optimiser_file).map_err(|e| problem(&optimiser_file, &e))?;
        Ok((model, optimiser))
    }

    /// The best model so far.
    pub(super) fn best(&self) -> Result<Weights, TrainError> {
        Ok(Weights::load(&self.path.join("best.koracle"))?)
    }

    fn checkpoint(&self, epoch: usize) -> [PathBuf; 2] {
        ["model", "optimiser"].map(|what| self.path.join(format!("epoch{epoch:03}-{what}.bpk")))
    }

    /// A row of the step table.
    pub(super) fn step(&mut self, p: &Progress) -> Result<(), TrainError> {
        let [pick, forecast] = p.loss;
        writeln!(
            self.steps,
            "{},{},{:.6e},{pick:.5},{forecast:.5},{:.0}",
            p.epoch, p.step, p.learning_rate, p.events_per_s
        )
        .map_err(|e| problem(&self.path, &e))
    }

    /// The end of an epoch: tables, best model, checkpoint.
    pub(super) fn epoch(
        &mut self,
        p: &Progress,
        state: &State,
        best: &Weights,
        model: &Tcn,
        optimiser: &ModuleOptimizer,
    ) -> Result<(), TrainError> {
        let v = p.validation.clone().unwrap_or_default();
        writeln!(
            self.epochs,
            "{},{},{:.5},{:.5},{:.5},{:.5},{:.4},{:.4}",
            p.epoch, p.step, v.pick_top1, v.forecast_top1, v.nll[0], v.nll[1], v.temperature[0], v.temperature[1]
        )
        .and_then(|()| self.epochs.flush())
        .and_then(|()| self.steps.flush())
        .map_err(|e| problem(&self.path, &e))?;
        best.save(&self.path.join("best.koracle"))?;
        let [model_file, optimiser_file] = self.checkpoint(state.epoch);
        model.clone().save_file(&model_file).map_err(|e| problem(&model_file, &e))?;
        optimiser.save(&optimiser_file).map_err(|e| problem(&optimiser_file, &e))?;
        let file = self.path.join("state.json");
        let text = serde_json::to_vec_pretty(state).map_err(|e| problem(&file, &e))?;
        write_whole(&file, &text).map_err(|e| problem(&file, &e))?;
        // Only now is the checkpoint before not needed any more; that it is already gone is no problem.
        for old in self.checkpoint(state.epoch.saturating_sub(1)) {
            let _ = std::fs::remove_file(old);
        }
        Ok(())
    }
}

fn problem(path: &Path, what: &dyn std::fmt::Display) -> TrainError {
    TrainError::Folder { path: path.into(), problem: what.to_string() }
}

fn read_state(folder: &Path) -> Result<State, TrainError> {
    let file = folder.join("state.json");
    let bytes = std::fs::read(&file).map_err(|e| problem(&file, &e))?;
    serde_json::from_slice(&bytes).map_err(|e| problem(&file, &e))
}

/// Drops rows of epochs after `epoch`: they will be written again.
fn trim(file: &Path, epoch: usize) -> Result<(), TrainError> {
    let text = std::fs::read_to_string(file).map_err(|e| problem(file, &e))?;
    let epoch_of = |line: &str| line.split(',').next().and_then(|e| e.parse::<usize>().ok());
    let kept: String = text.split_inclusive('\n').filter(|l| epoch_of(l).is_none_or(|e| e <= epoch)).collect();
    write_whole(file, kept.as_bytes()).map_err(|e| problem(file, &e))
}
