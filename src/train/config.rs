//! The settings of a run, as they are asked for and as its folder keeps them.

use super::{Schedule, Target};
use crate::dataset::catalog::{Filter, Split};
use crate::dataset::chunks::CHUNK;
use crate::predictor::networks::ModelConfig;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainConfig {
    /// Passes over the training chunks.
    pub epochs: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// How the learning rate changes from step to step.
    pub schedule: Schedule,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Gradients are cut at this norm, tensor by tensor.
    pub clip: f32,
    /// Chunks per step.
    pub batch: usize,
    /// Scored tokens in a chunk.
    pub chunk: usize,
    /// Ends after so many epochs without a better validation; 0: never before the last.
    pub patience: usize,
    /// Weight of the forecast's loss beside the pick's.
    pub forecast_weight: f32,
    /// Weigh a workload's losses by one over the square root of its share, so that large ones do
    /// not drown small ones.
    pub balance: bool,
    /// Of parameters and of the order of chunks.
    pub seed: u64,
    /// Where passes and steps are computed. A run may go on on another one.
    pub device: Target,
    /// Folder of recordings with a catalog; the bundled ones if not given. Kept, as are the
    /// categories, so that a resumed run finds the same data.
    pub traces: Option<PathBuf>,
    /// Categories that are trained on; none named: all.
    pub only: Vec<String>,
    /// Categories and machines that are left out of training and validation, as in
    /// [`Filter::hold_out`].
    pub hold_out: Vec<String>,
    /// Kernels whose recordings are trained on, as in [`Filter::kernels`]; none named: all.
    pub kernels: Vec<String>,
    /// Goes on from the run folder's last checkpoint, if there is one.
    #[serde(skip)]
    pub resume: bool,
    /// The program shall not hold more main memory than this, in MiB; a run that would ends as
    /// failed.
    #[serde(skip)]
    pub memory_limit: Option<u64>,
    /// Where the run is kept; nowhere if not given.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// The command line, for the model's provenance.
    pub command: String,
    /// Revision of the program, for the model's provenance.
    pub revision: String,
    /// Size of the network.
    pub model: ModelConfig,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 16,
            learning_rate: 2e-3,
            schedule: Schedule::OneCycle,
            weight_decay: 0.1,
            clip: 1.0,
            batch: 8,
            chunk: CHUNK,
            patience: 0,
            forecast_weight: 1.0,
            balance: true,
            seed: 0,
            device: Target::Cpu,
            traces: None,
            only: Vec::new(),
            hold_out: Vec::new(),
            kernels: Vec::new(),
            resume: false,
            memory_limit: None,
            folder: None,
            command: String::new(),
            revision: String::new(),
            model: ModelConfig::default(),
        }
    }
}

impl TrainConfig {
    /// Which recordings of a split it may see.
    pub fn filter(&self, split: Split) -> Filter {
        let (categories, hold_out, kernels) =
            (self.only.clone(), self.hold_out.clone(), self.kernels.clone());
        Filter { split: Some(split), categories, hold_out, kernels, ..Filter::default() }
    }

    /// What it learns from where that is less than everything: `only io; held out: hackbench`.
    pub fn learns_from(&self) -> Option<String> {
        let parts = [
            ("only ", &self.only),
            ("only kernel ", &self.kernels),
            ("held out: ", &self.hold_out),
        ];
        let said = parts.iter().filter(|(_, names)| !names.is_empty());
        let said: Vec<_> =
            said.map(|(what, names)| format!("{what}{}", names.join(", "))).collect();
        Some(said.join("; ")).filter(|text| !text.is_empty())
    }
}
