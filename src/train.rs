//! Fits the network to recordings: both heads at once, dense over chunks of a CPU's sequence. The epoch is chosen on
//! validation, test recordings are never given. Takes a cancel flag and reports progress; never prints. The caller
//! gives it a thread (`job::Job`): with one rayon thread the same seed gives the same bits.

mod batch;
mod folder;
mod validate;

pub use validate::{Scores, Validation, validate};

use crate::dataset::chunks::{Dice, Recording, chunks};
use crate::job::Cancel;
use crate::predictor::tcn::Tcn;
use crate::predictor::weights::{ModelConfig, Provenance, Weights, WeightsError};
use batch::Batch;
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use folder::{Folder, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// How to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainConfig {
    /// Passes over the training chunks.
    pub epochs: usize,
    /// Highest learning rate of the one-cycle schedule.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Gradients are cut at this norm, tensor by tensor.
    pub clip: f32,
    /// Chunks per step.
    pub batch: usize,
    /// Weight of the forecast's loss beside the pick's.
    pub forecast_weight: f32,
    /// Weigh a workload's losses by one over the square root of its share, so that large ones do not drown small ones.
    pub balance: bool,
    /// Of parameters and of the order of chunks.
    pub seed: u64,
    /// Goes on from the run folder's last checkpoint, if there is one.
    #[serde(skip)]
    pub resume: bool,
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
            epochs: 12,
            learning_rate: 3e-3,
            weight_decay: 1e-2,
            clip: 1.0,
            batch: 4,
            forecast_weight: 1.0,
            balance: true,
            seed: 0,
            resume: false,
            folder: None,
            command: String::new(),
            revision: String::new(),
            model: ModelConfig::default(),
        }
    }
}

/// The recordings to learn from and to choose by.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// Fitted to ([`crate::dataset::chunks::Keep::TRAINING`]).
    pub training: Vec<Recording>,
    /// Chosen by ([`crate::dataset::chunks::Keep::VALIDATION`]); may be empty: then the last epoch is taken.
    pub validation: Vec<Recording>,
}

/// Where a training stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// From 1.
    pub epoch: usize,
    /// In all.
    pub epochs: usize,
    /// Steps done.
    pub step: usize,
    /// In all.
    pub steps: usize,
    /// Of the last step: pick, forecast; mean negative log-likelihood in nats. NaN where the step had none.
    pub loss: [f32; 2],
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Tokens per second, context included.
    pub events_per_s: f64,
    /// Given with the last step of an epoch.
    pub validation: Option<Validation>,
}

/// A finished (or cancelled) training.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Those of the best epoch, temperatures fitted.
    pub weights: Weights,
    /// That epoch, from 1.
    pub epoch: usize,
    /// What was measured then.
    pub validation: Validation,
    /// It was asked to stop before the last epoch.
    pub cancelled: bool,
}

/// Why a training gave no model.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss became NaN or infinite.
    #[error("diverged at step {step}: the loss is {loss}")]
    Diverged {
        /// From 1.
        step: usize,
        /// Its loss.
        loss: f32,
    },
    /// Nothing to learn from.
    #[error("the training recordings hold no scored decision")]
    NoData,
    /// Stopped before the first epoch was done.
    #[error("cancelled before the first epoch ended")]
    Cancelled,
    /// The run folder cannot be used.
    #[error("{path}: {problem}")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The model could not be kept.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// One-cycle: cosine from a 25th of `peak` up to it over the first tenth, then cosine down to almost nothing.
fn one_cycle(step: usize, steps: usize, peak: f64) -> f64 {
    let up = (steps as f64 * 0.1).max(1.0);
    let (from, to, part) = if (step as f64) < up {
        (peak / 25.0, peak, step as f64 / up)
    } else {
        (peak, peak / 250_000.0, (step as f64 - up) / (steps as f64 - up).max(1.0))
    };
    to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * part.min(1.0)).cos())
}

/// Trains on `data`. Stops at the end of a step once `cancel` is set, and then gives the best epoch so far.
pub fn run(
    config: &TrainConfig,
    data: &Data,
    cancel: &Cancel,
    report: &mut dyn FnMut(Progress),
) -> Result<Outcome, TrainError> {
    let device = Device::flex().autodiff();
    let mut order = chunks(&data.training);
    if order.is_empty() {
        return Err(TrainError::NoData);
    }
    let fixed = batch::normalisation(&data.training);
    let balance = batch::Balance::new(&data.training, config.balance);
    let context = config.model.receptive_field() - 1;
    let per_epoch = order.len().div_ceil(config.batch.max(1));
    let steps = per_epoch * config.epochs;

    let mut model = Tcn::new(&config.model, config.seed, &device);
    let mut optimiser = AdamWConfig::new()
        .with_epsilon(1e-8)
        .with_weight_decay(config.weight_decay)
        .with_grad_clipping(Some(burn::grad_clipping::GradientClippingConfig::Norm(config.clip)))
        .init();
    let mut folder = config.folder.as_ref().map(|path| Folder::open(path, config)).transpose()?;
    let mut state = State::default();
    if let Some(folder) = folder.as_mut().filter(|_| config.resume)
        && let Some(kept) = folder.resume()?
    {
        state = kept;
        (model, optimiser) = folder.load(&state, model, optimiser)?;
    }
    let mut best = folder.as_ref().filter(|_| state.epoch > 0).map(Folder::best).transpose()?;
    let provenance = || Provenance {
        command: config.command.clone(),
        revision: config.revision.clone(),
        unix_time: std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |t| t.as_secs()),
        seed: config.seed,
        trained_on: data.training.iter().map(|r| r.name.clone()).collect(),
        metrics: BTreeMap::new(),
    };
    // The order of an epoch is a function of seed and epoch alone, so that a resumed run sees the same.
    let sorted = order.clone();
    let mut cancelled = false;
    'epochs: for epoch in state.epoch..config.epochs {
        order.clone_from(&sorted);
        Dice(config.seed ^ ((epoch as u64 + 1) << 32)).shuffle(&mut order);
        let mut progress = Progress { epochs: config.epochs, steps, epoch: epoch + 1, ..Progress::default() };
        for (i, these) in order.chunks(config.batch.max(1)).enumerate() {
            if cancel.is_cancelled() {
                cancelled = true;
                break 'epochs;
            }
            let started = Instant::now();
            let step = epoch * per_epoch + i;
            let batch = Batch::new(these, &data.training, context, &fixed, &balance);
            let (total, loss) = losses(&model, &batch, config.forecast_weight, &device);
            progress.step = step + 1;
            progress.loss = loss;
            progress.learning_rate = one_cycle(step, steps, config.learning_rate);
            if let Some(total) = total {
                let value = loss.iter().filter(|l| !l.is_nan()).sum::<f32>();
                let sum: f32 = total.clone().into_scalar();
                if !sum.is_finite() {
                    return Err(TrainError::Diverged { step: step + 1, loss: if value.is_finite() { sum } else { value } });
                }
                let grads = GradientsParams::from_grads(total.backward(), &model);
                model = optimiser.step(progress.learning_rate, model, grads);
            }
            progress.events_per_s = batch.tokens.classes[0].len() as f64 / started.elapsed().as_secs_f64().max(1e-9);
            if let Some(folder) = &mut folder {
                folder.step(&progress)?;
            }
            if i + 1 < per_epoch {
                report(progress.clone());
            }
        }
        let mut weights = model.valid().to_weights(config.model, provenance(), fixed.clone())?;
        let validation = validate(&weights, &data.validation);
        weights.set_temperature(validation.temperature);
        weights.provenance.metrics = validation.metrics();
        state.epoch = epoch + 1;
        // Without validation recordings every epoch scores 0: the last one is taken.
        if best.is_none() || validation.score() >= state.best_score {
            state.best_score = validation.score();
            state.best_epoch = epoch + 1;
            state.validation = validation.clone();
            best = Some(weights);
        }
        progress.validation = Some(validation);
        if let (Some(folder), Some(best)) = (&mut folder, &best) {
            folder.epoch(&progress, &state, best, &model, &optimiser)?;
        }
        report(progress);
    }
    match best {
        Some(weights) => Ok(Outcome { weights, epoch: state.best_epoch, validation: state.validation, cancelled }),
        None => Err(TrainError::Cancelled),
    }
}

/// Weighted mean losses of both heads: their sum for the gradient (`None`: nothing scored here) and each as a number.
fn losses(model: &Tcn, batch: &Batch, forecast_weight: f32, device: &Device) -> (Option<Tensor<1>>, [f32; 2]) {
    let floats = |v: &[f32]| Tensor::<1>::from_data(TensorData::new(v.to_vec(), [v.len()]), device);
    let ints = |v: &[i32]| Tensor::<1, Int>::from_data(TensorData::new(v.to_vec(), [v.len()]), device);
    let h = model.trunk(&batch.tokens, device);
    let mut total: Option<Tensor<1>> = None;
    let mut each = [f32::NAN; 2];
    let n = batch.picks.rows.len();
    if n > 0 {
        let scores = model.pick(&h, &batch.picks, device);
        // [decisions, widest]: rows are padded with candidate 0, pushed out of the softmax by a large negative number.
        let z = scores.select(0, ints(&batch.place)).reshape([n, batch.widest]);
        let z = z + floats(&batch.mask).reshape([n, batch.widest]);
        let real = log_softmax(z, 1).gather(1, ints(&batch.target).reshape([n, 1])).reshape([n]);
        let loss = (real * floats(&batch.pick_weight)).sum().neg();
        each[0] = loss.clone().into_scalar();
        total = Some(loss);
    }
    let n = batch.asks.rows.len();
    if n > 0 {
        let z = model.forecast(&h, &batch.asks, device);
        let real = log_softmax(z, 1).gather(1, ints(&batch.class).reshape([n, 1])).reshape([n]);
        let loss = (real * floats(&batch.ask_weight)).sum().neg();
        each[1] = loss.clone().into_scalar();
        let loss = loss * forecast_weight;
        total = Some(total.map_or(loss.clone(), |t| t + loss));
    }
    (total, each)
}
