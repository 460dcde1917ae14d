//! Options of `koracle train`, and the settings of a training that they make.

use crate::predictor::networks::{Kind, ModelConfig};
use crate::train::{Schedule, Target, TrainConfig};
use clap::ValueHint;
use std::path::PathBuf;

/// Options of `train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's folder; the model of the best epoch is its `best.koracle`. Without it a new one
    /// among the kept runs.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// Train in `DIR` though it holds other files; a run that it holds is replaced.
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Go on with the run in this folder, or of this name among the kept runs, from its last
    /// checkpoint and with its settings: of the other options only `--device`, `--memory-limit` and
    /// `--json` go with it.
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, conflicts_with = "output")]
    pub resume: Option<PathBuf>,
    /// Take settings from this file: options of this command by their names, such as `epochs = 3`
    /// and `hold-out = ["hackbench"]`; options win over it. Also a run, by its folder or name: its
    /// settings. `-` is standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "resume")]
    pub config: Option<PathBuf>,
    /// Print the settings as a file for `--config`, and train nothing.
    #[arg(long, conflicts_with = "resume")]
    pub print_config: bool,
    /// Folder of recordings with a `catalog.toml` that says the splits; without it, the bundled
    /// ones.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    traces: Option<PathBuf>,
    /// Train on this category only (may be repeated).
    #[arg(long, value_name = "CATEGORY", visible_alias = "category")]
    only: Vec<String>,
    /// Leave this category or machine (e.g. 6.12x8) out of training and validation (may be
    /// repeated).
    #[arg(long, value_name = "CATEGORY")]
    hold_out: Vec<String>,
    /// Train on recordings of this kernel only, e.g. 6.18 or EEVDF (may be repeated).
    #[arg(long, value_name = "KERNEL")]
    kernel: Vec<String>,
    /// Passes over the data.
    #[arg(long, default_value_t = TrainConfig::default().epochs)]
    epochs: usize,
    /// End after so many epochs without a better validation; 0: never.
    #[arg(long, default_value_t = TrainConfig::default().patience)]
    patience: usize,
    /// Seed of weights and order: on the CPU the same seed gives the same bits.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Peak learning rate.
    #[arg(long, default_value_t = TrainConfig::default().learning_rate)]
    lr: f64,
    /// How the learning rate changes: one-cycle, cosine or constant.
    #[arg(long, default_value = TrainConfig::default().schedule.label())]
    schedule: Schedule,
    /// How strongly weights are pulled to zero.
    #[arg(long, default_value_t = TrainConfig::default().weight_decay)]
    weight_decay: f32,
    /// Gradients are cut at this norm, tensor by tensor.
    #[arg(long, default_value_t = TrainConfig::default().clip)]
    clip: f32,
    /// Whether small workloads weigh more than their share of the decisions, so that large ones do
    /// not drown them.
    #[arg(long, value_name = "on|off", default_value = "on", action = clap::ArgAction::Set,
          value_parser = crate::cli::values::on_or_off)]
    balance: bool,
    /// Weight of the forecast's loss beside the pick's; 0: picks only.
    #[arg(long, default_value_t = TrainConfig::default().forecast_weight)]
    forecast_weight: f32,
    /// Chunks per step.
    #[arg(long, default_value_t = TrainConfig::default().batch)]
    batch: usize,
    /// Scored tokens in a chunk.
    #[arg(long, default_value_t = TrainConfig::default().chunk)]
    chunk: usize,
    /// What turns the events into a state: tcn, lstm, or mlp (the last event only, no sequence).
    #[arg(long, value_name = "KIND", default_value = Kind::Tcn.label())]
    model: Kind,
    /// Width of the trunk; 32, for an LSTM 48 (then it has as many parameters).
    #[arg(long)]
    channels: Option<usize>,
    /// Taps per convolution of a TCN; 3.
    #[arg(long)]
    taps: Option<usize>,
    /// Residual blocks of a TCN, block i looks back in steps of 2^i; 5. Layers of an LSTM; 1.
    #[arg(long)]
    blocks: Option<usize>,
    /// Width of the pick head.
    #[arg(long, default_value_t = ModelConfig::default().hidden)]
    hidden: usize,
    /// Width of the pick head's second layer; 0: none.
    #[arg(long, default_value_t = ModelConfig::default().hidden2)]
    hidden2: usize,
    /// Width of the forecast head.
    #[arg(long, default_value_t = ModelConfig::default().forecast)]
    forecast: usize,
    /// Width of the forecast head's second layer; 0: none.
    #[arg(long, default_value_t = ModelConfig::default().forecast2)]
    forecast2: usize,
    /// Whether the network goes on learning from outcomes while it answers; without, as the kind of
    /// network has it: on for all three.
    #[arg(long, value_name = "on|off", value_parser = crate::cli::values::on_or_off)]
    adapt: Option<bool>,
    /// Where to compute: cpu, cuda, cuda:N, wgpu or wgpu:N; cuda and wgpu where the program was
    /// built with that feature. Without it cpu, or for a resumed run the device that it began on.
    #[arg(long)]
    pub device: Option<Target>,
    /// The program may hold this much main memory; a run that cannot fit is refused, one that would
    /// take more ends as failed, with a checkpoint. Without it, what the machine, its control
    /// groups and `ulimit -v` leave.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    pub memory_limit: Option<u64>,
    /// Print one JSON object per epoch, and one at the start and at the end.
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// The settings that they make.
    pub fn config(&self) -> TrainConfig {
        let usual = ModelConfig::of(self.model);
        let model = ModelConfig {
            channels: self.channels.unwrap_or(usual.channels),
            kernel: self.taps.unwrap_or(usual.kernel),
            blocks: self.blocks.unwrap_or(usual.blocks),
            hidden: self.hidden,
            hidden2: self.hidden2,
            forecast: self.forecast,
            forecast2: self.forecast2,
            adapt: self.adapt.unwrap_or(usual.adapt),
            ..usual
        };
        TrainConfig {
            epochs: self.epochs,
            patience: self.patience,
            learning_rate: self.lr,
            schedule: self.schedule,
            weight_decay: self.weight_decay,
            clip: self.clip,
            balance: self.balance,
            forecast_weight: self.forecast_weight,
            batch: self.batch,
            chunk: self.chunk,
            seed: self.seed,
            device: self.device.unwrap_or_default(),
            traces: self.traces.clone(),
            only: self.only.clone(),
            hold_out: self.hold_out.clone(),
            memory_limit: self.memory_limit,
            kernels: self.kernel.clone(),
            model,
            resume: false,
            folder: None,
            command: String::new(),
            revision: String::new(),
        }
    }
}

/// The option that makes a setting of a configuration.
pub fn option(setting: &'static str) -> String {
    match setting {
        "kernel" => "taps".into(),
        "learning_rate" => "lr".into(),
        other => other.replace('_', "-"),
    }
}
