//! Fits the network to recordings: both heads at once, dense over chunks of a CPU's sequence. The
//! epoch is chosen on validation, test recordings are never given. Takes a cancel flag and reports
//! progress; never prints. The caller gives it a thread (`job::Job`): with one rayon thread the
//! same seed gives the same bits on the CPU.

mod baselines;
mod batch;
mod check;
mod checkpoint;
mod config;
mod control;
pub mod cost;
mod device;
mod environment;
mod folder;
pub mod load;
pub mod memory;
pub mod named;
mod probe;
mod progress;
pub mod runs;
mod schedule;
mod validate;

pub use baselines::Baseline;
pub use check::Wrong;
pub use config::TrainConfig;
pub use control::{Control, Stop};
pub use device::{DeviceError, Target};
pub use environment::{Environment, revision};
pub use probe::Probe;
pub use progress::{Ending, Outcome, Phase, Progress};
pub use schedule::Schedule;
pub use validate::{Scores, Validation, validate};

use crate::dataset::chunks::{Dice, Recording, chunks_of};
use crate::job::{self, Cancel};
use crate::predictor::dense::{Cut, Network};
use crate::predictor::networks::Question;
use crate::predictor::weights::{Provenance, WeightsError};
use batch::Batch;
use burn::module::Module;
use burn::optim::AdamWConfig;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use checkpoint::State;
use control::Look;
use folder::Folder;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use validate::validate_while;

/// A loss above this, in nats per decision, is no loss any more: a uniform guess among twenty costs
/// 3.
const HOPELESS: f32 = 1e3;
/// A run that is killed loses so much at most, or an epoch if that is shorter.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);

/// The recordings to learn from and to choose by.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// Fitted to ([`crate::dataset::chunks::Keep::TRAINING`]).
    pub training: Vec<Recording>,
    /// Chosen by ([`crate::dataset::chunks::Keep::VALIDATION`]); may be empty: then the last epoch
    /// is taken.
    pub validation: Vec<Recording>,
}

/// Why a training gave no model.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss became NaN or infinite.
    #[error("diverged at step {step}: the loss is {loss:.3e}")]
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
    /// A part of the program failed; the message of the panic.
    #[error("the training panicked: {0}")]
    Panicked(String),
    /// Main memory is, or is about to be, used up.
    #[error(transparent)]
    Memory(#[from] memory::Short),
    /// There is no such device here.
    #[error("device: {0}")]
    Device(#[from] DeviceError),
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

/// Trains on `data`. Stops at the end of a step once `cancel` is set, and then gives the best epoch
/// so far.
pub fn run(
    config: &TrainConfig,
    data: &Data,
    cancel: &Cancel,
    report: &mut dyn FnMut(Progress),
) -> Result<Outcome, TrainError> {
    run_controlled(config, data, &Control::new(cancel), report)
}

/// As [`run`], under a handle that can pause it, stop it with a checkpoint and ask for its weights.
/// A panic in it is an error of the run; how it ended is kept in its folder.
pub fn run_controlled(
    config: &TrainConfig,
    data: &Data,
    control: &Control,
    report: &mut dyn FnMut(Progress),
) -> Result<Outcome, TrainError> {
    let mut folder = config.folder.as_ref().map(|path| Folder::open(path, config)).transpose()?;
    let result =
        catch_unwind(AssertUnwindSafe(|| fit(config, data, control, folder.as_mut(), report)))
            .unwrap_or_else(|panic| Err(TrainError::Panicked(job::panic_text(panic.as_ref()))));
    if let Some(folder) = folder {
        folder.end(&result);
    }
    result
}

fn fit(
    config: &TrainConfig,
    data: &Data,
    control: &Control,
    mut folder: Option<&mut Folder>,
    report: &mut dyn FnMut(Progress),
) -> Result<Outcome, TrainError> {
    let device = config.device.open()?.autodiff();
    let mut order = chunks_of(&data.training, config.chunk);
    if order.is_empty() {
        return Err(TrainError::NoData);
    }
    let mut guard = memory::Guard::new(config, data)?;
    let fixed = batch::normalisation(&data.training);
    let balance = batch::Balance::new(&data.training, config.balance);
    let context = config.model.receptive_field() - 1;
    let per_epoch = order.len().div_ceil(config.batch.max(1));
    let steps = per_epoch * config.epochs;

    // Drawn on the CPU whatever the device, so that a seed means the same network everywhere.
    let mut model = Network::new(&config.model, config.seed, &Target::Cpu.open()?.autodiff());
    if config.device != Target::Cpu {
        model = model.fork(&device);
    }
    let mut optimiser = AdamWConfig::new()
        .with_epsilon(1e-8)
        .with_weight_decay(config.weight_decay)
        .with_grad_clipping(Some(burn::grad_clipping::GradientClippingConfig::Norm(config.clip)))
        .init();
    let mut state = State::default();
    if let Some(kept) = folder.as_mut().and_then(|f| f.resumed.take()) {
        (state, model, optimiser) = kept.load(&config.model, model, optimiser)?;
        if !(state.epoch.saturating_mul(per_epoch)..=steps).contains(&state.step) {
            let path = config.folder.clone().unwrap_or_default();
            let problem =
                format!("the checkpoint is of step {} of {steps}: it is damaged", state.step);
            return Err(TrainError::Folder { path, problem });
        }
    }
    let mut best = folder.as_ref().filter(|_| state.best_epoch > 0).and_then(|f| f.best().ok());
    let lost = state.best_epoch > 0 && best.is_none();
    if lost {
        // Somebody took the best model away: the run goes on, and patience and choice begin anew.
        (state.best_epoch, state.best_score) = (state.epoch, 0.0);
    }
    let provenance = || Provenance {
        command: config.command.clone(),
        revision: config.revision.clone(),
        unix_time: std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |t| t.as_secs()),
        seed: config.seed,
        trained_on: data.training.iter().map(|r| r.name.clone()).collect(),
        metrics: BTreeMap::new(),
    };
    let (started, wall_before) = (Instant::now(), state.wall_s);
    let mut kept_at = Instant::now();
    let mut progress = Progress { epochs: config.epochs, steps, ..state.progress() };
    progress.baselines =
        Some(Arc::new(baselines::baselines(&data.validation, &|| control.patient())));
    if let (Some(folder), Some(baselines)) = (&folder, &progress.baselines) {
        folder.plan(steps, baselines)?;
    }
    report(progress.clone());
    progress.baselines = None;
    if lost && state.step == state.epoch * per_epoch {
        // The network is still that of the last epoch, and there may be no other to come.
        let mut weights = model.valid().to_weights(config.model, provenance(), fixed.clone())?;
        if let Some(validation) =
            validate_while(&weights, &data.validation, &mut || control.patient())
        {
            weights.set_temperature(validation.temperature);
            weights.provenance.metrics = validation.metrics();
            if let Some(folder) = &mut folder {
                folder.stopped(&weights, true)?;
            }
            (state.best_score, state.validation) = (validation.score(), validation);
            best = Some(weights);
        }
    }
    // The order of an epoch is a function of seed and epoch alone, so that a resumed run sees the
    // same.
    let sorted = order.clone();
    let mut ending = Ending::Finished;
    'epochs: for epoch in state.epoch..config.epochs {
        if config.patience > 0 && epoch >= state.best_epoch + config.patience {
            ending = Ending::Early;
            break;
        }
        order.clone_from(&sorted);
        Dice(config.seed ^ ((epoch as u64 + 1) << 32)).shuffle(&mut order);
        progress.epoch = epoch + 1;
        let first = state.step.saturating_sub(epoch * per_epoch);
        for (i, these) in order.chunks(config.batch.max(1)).enumerate().skip(first) {
            let mut resting: Option<Instant> = None;
            loop {
                match control.look() {
                    Look::GoOn => break,
                    Look::Kill => ending = Ending::Killed,
                    Look::Stop(_) => ending = Ending::Stopped,
                    Look::Show => {
                        let mut weights =
                            model.valid().to_weights(config.model, provenance(), fixed.clone())?;
                        weights.set_temperature(state.validation.temperature);
                        report(Progress {
                            weights: Some(Arc::new(weights)),
                            stepped: false,
                            ..progress.clone()
                        });
                        continue;
                    }
                    Look::Paused => {
                        if resting.is_none() {
                            resting = Some(Instant::now());
                            report(Progress {
                                phase: Phase::Paused,
                                stepped: false,
                                ..progress.clone()
                            });
                        }
                        control.rest();
                        continue;
                    }
                }
                break 'epochs;
            }
            let started_step = Instant::now();
            let step = epoch * per_epoch + i;
            let batch = Batch::new(these, &data.training, context, &fixed, &balance);
            let (total, loss, cuts) = losses(&model, &batch, config.forecast_weight, &device);
            progress.step = step + 1;
            progress.loss = loss;
            progress.learning_rate = config.schedule.at(step, steps, config.learning_rate);
            let mut diverged = None;
            if let Some(total) = total {
                let value = loss.iter().filter(|l| !l.is_nan()).sum::<f32>();
                let sum: f32 = total.clone().into_scalar();
                if !sum.is_finite() || sum > HOPELESS {
                    diverged = Some(if value.is_finite() { sum } else { value });
                } else {
                    let grads = model.gradients(&total, &cuts);
                    model = optimiser.step(progress.learning_rate, model, grads);
                }
            }
            progress.events_per_s = batch.tokens.classes[0].len() as f64
                / started_step.elapsed().as_secs_f64().max(1e-9);
            progress.wall_s = wall_before + started.elapsed().as_secs_f64();
            progress.paused_s =
                resting.map_or(0.0, |r| started_step.duration_since(r).as_secs_f64());
            if let Some(folder) = &mut folder {
                folder.step(&progress)?;
            }
            report(Progress { stepped: true, ..progress.clone() });
            if let Some(loss) = diverged {
                return Err(TrainError::Diverged { step: step + 1, loss });
            }
            (state.step, state.wall_s) = (step + 1, progress.wall_s);
            if let Some(folder) = folder
                .as_mut()
                .filter(|_| kept_at.elapsed() > CHECKPOINT_EVERY && i + 1 < per_epoch)
            {
                folder.checkpoint(&state, &model, &optimiser)?;
                kept_at = Instant::now();
            }
            if let Err(short) = guard.look(step + 1) {
                folder.iter_mut().try_for_each(|f| f.checkpoint(&state, &model, &optimiser))?;
                return Err(short.into());
            }
        }
        report(Progress { phase: Phase::Validating, ..progress.clone() });
        let mut weights = model.valid().to_weights(config.model, provenance(), fixed.clone())?;
        let mut go_on = || rests(control, &progress, report);
        let Some(validation) = validate_while(&weights, &data.validation, &mut go_on) else {
            ending = if control.look() == Look::Kill { Ending::Killed } else { Ending::Stopped };
            break;
        };
        weights.set_temperature(validation.temperature);
        weights.provenance.metrics = validation.metrics();
        progress.weights = Some(Arc::new(weights.clone()));
        state.epoch = epoch + 1;
        // Without validation recordings every epoch scores 0: the last one is taken.
        if best.is_none() || validation.score() >= state.best_score {
            state.best_score = validation.score();
            state.best_epoch = epoch + 1;
            state.validation = validation.clone();
            best = Some(weights);
        }
        (progress.best_epoch, progress.validation) = (state.best_epoch, Some(validation));
        progress.wall_s = wall_before + started.elapsed().as_secs_f64();
        state.wall_s = progress.wall_s;
        if let (Some(folder), Some(best)) = (&mut folder, &best) {
            folder.epoch(&progress, best)?;
            folder.checkpoint(&state, &model, &optimiser)?;
            kept_at = Instant::now();
        }
        report(progress.clone());
        (progress.weights, progress.validation) = (None, None);
    }
    if let Some(folder) = &mut folder {
        folder.ending = Some(ending);
    }
    let mut outcome = (state.best_epoch, state.validation.clone());
    if ending == Ending::Stopped {
        if let Some(folder) = &mut folder {
            folder.checkpoint(&state, &model, &optimiser)?;
        }
        // What the unfinished epoch has come to is looked at, but a resumed run must not choose by
        // it.
        if control.look() == Look::Stop(Stop::Validate) && state.step > state.epoch * per_epoch {
            report(Progress { phase: Phase::Validating, stepped: false, ..progress.clone() });
            let mut weights =
                model.valid().to_weights(config.model, provenance(), fixed.clone())?;
            let mut go_on = || rests(control, &progress, report);
            if let Some(validation) = validate_while(&weights, &data.validation, &mut go_on) {
                weights.set_temperature(validation.temperature);
                weights.provenance.metrics = validation.metrics();
                if let Some(folder) = &mut folder {
                    folder.stopped(&weights, best.is_none())?;
                }
                progress.weights = Some(Arc::new(weights.clone()));
                progress.validation = Some(validation.clone());
                report(progress);
                if best.is_none() {
                    (outcome, best) = ((0, validation), Some(weights));
                }
            }
        }
    }
    let (epoch, validation) = outcome;
    let cancelled = matches!(ending, Ending::Stopped | Ending::Killed);
    best.map(|weights| Outcome { weights, epoch, validation, cancelled, ending })
        .ok_or(TrainError::Cancelled)
}

/// Rests in the middle of a validation, and says so; false when it is to be given up.
fn rests(control: &Control, progress: &Progress, report: &mut dyn FnMut(Progress)) -> bool {
    if !control.is_paused() {
        return !control.hurries();
    }
    report(Progress { phase: Phase::Paused, ..progress.clone() });
    let on = control.patient();
    report(Progress { phase: Phase::Validating, ..progress.clone() });
    on
}

/// Weighted mean losses of both heads: their sum for the gradient (`None`: nothing scored here) and
/// each as a number. And where the graph was cut.
fn losses(
    model: &Network,
    batch: &Batch,
    forecast_weight: f32,
    device: &Device,
) -> (Option<Tensor<1>>, [f32; 2], Vec<Cut>) {
    let floats = |v: &[f32]| Tensor::<1>::from_data(TensorData::new(v.to_vec(), [v.len()]), device);
    let ints =
        |v: &[i32]| Tensor::<1, Int>::from_data(TensorData::new(v.to_vec(), [v.len()]), device);
    let (h, cuts) = model.trunk_cut(&batch.tokens, device);
    let mut total: Option<Tensor<1>> = None;
    let mut each = [f32::NAN; 2];
    let kinds =
        [(Question::Pick, &batch.picks, 1.0), (Question::Forecast, &batch.asks, forecast_weight)];
    for (each, (of, asked, share)) in each.iter_mut().zip(kinds) {
        let n = asked.target.len();
        if n == 0 {
            continue;
        }
        let scores = model.scores(of, &h, &asked.questions, device);
        // [questions, widest]: rows are padded with candidate 0, pushed out of the softmax by a
        // large negative number.
        let z = scores.select(0, ints(&asked.place)).reshape([n, asked.widest]);
        let z = z + floats(&asked.mask).reshape([n, asked.widest]);
        let real = log_softmax(z, 1).gather(1, ints(&asked.target).reshape([n, 1])).reshape([n]);
        let loss = (real * floats(&asked.weight)).sum().neg();
        *each = loss.clone().into_scalar();
        let loss = loss * share;
        total = Some(total.map_or(loss.clone(), |t| t + loss));
    }
    (total, each, cuts)
}
