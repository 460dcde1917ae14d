//! The training itself: epochs of steps, a validation after each, what is kept between them, and how
//! it ends.

use super::batch::{self, Balance, Batch};
use super::control::Look;
use super::folder::Folder;
use super::learner::{Learner, Losses, State};
use super::validate::validate_while;
use super::{
    Control, Data, Ending, Outcome, Phase, Progress, Stop, TrainConfig, TrainError, Validation,
    baselines, memory,
};
use crate::dataset::chunks::{Chunk, Dice, chunks_of};
use crate::predictor::dense::Network;
use crate::predictor::weights::{Provenance, Weights};
use burn::module::Module;
use burn::tensor::Device;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A run that is killed loses so much at most, or an epoch if that is shorter.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);

/// What stays as it is from the first step to the last.
struct Setup<'a> {
    config: &'a TrainConfig,
    data: &'a Data,
    control: &'a Control,
    device: Device,
    /// All chunks, in the order of the recordings.
    chunks: Vec<Chunk>,
    /// Tensors that are measured, not learned.
    fixed: BTreeMap<String, Vec<f32>>,
    balance: Balance,
    /// Tokens before a chunk that its first answer depends on.
    context: usize,
    /// Steps.
    per_epoch: usize,
}

/// A training under way, but for what learns: that goes from step to step by value, because the
/// optimiser takes the network and gives another one back.
struct Fit<'a> {
    setup: Setup<'a>,
    guard: memory::Guard,
    folder: Option<&'a mut Folder>,
    report: &'a mut dyn FnMut(Progress),
    progress: Progress,
    /// The best epoch's model so far.
    best: Option<Weights>,
    started: Instant,
    /// Seconds of the sessions before this one.
    wall_before: f64,
    kept_at: Instant,
}

/// Trains on `data`, from the folder's checkpoint if it has one to go on from.
pub(super) fn fit(
    config: &TrainConfig,
    data: &Data,
    control: &Control,
    mut folder: Option<&mut Folder>,
    report: &mut dyn FnMut(Progress),
) -> Result<Outcome, TrainError> {
    let device = config.device.open()?.autodiff();
    let chunks = chunks_of(&data.training, config.chunk);
    if chunks.is_empty() {
        return Err(TrainError::NoData);
    }
    let guard = memory::Guard::new(config, data)?;
    let setup = Setup::new(config, data, control, device, chunks);
    let mut learner = Learner::new(config, &setup.device)?;
    if let Some(kept) = folder.as_mut().and_then(|f| f.resumed.take()) {
        learner = kept.load(&config.model, learner)?;
        setup.has(&learner.state)?;
    }
    let has_best = learner.state.best_epoch > 0;
    let best = folder.as_ref().filter(|_| has_best).and_then(|f| f.best().ok());
    let lost = has_best && best.is_none();
    if lost {
        // Somebody took the best model away: the run goes on, and patience and choice begin anew.
        (learner.state.best_epoch, learner.state.best_score) = (learner.state.epoch, 0.0);
    }
    let (started, wall_before) = (Instant::now(), learner.state.wall_s);
    let progress =
        Progress { epochs: config.epochs, steps: setup.steps(), ..learner.state.progress() };
    let kept_at = Instant::now();
    let mut fit =
        Fit { setup, guard, folder, report, progress, best, started, wall_before, kept_at };
    fit.begin()?;
    if lost {
        fit.replace_best(&mut learner)?;
    }
    let (learner, ending) = fit.epochs(learner)?;
    fit.end(&learner, ending)
}

impl<'a> Setup<'a> {
    fn new(
        config: &'a TrainConfig,
        data: &'a Data,
        control: &'a Control,
        device: Device,
        chunks: Vec<Chunk>,
    ) -> Self {
        Self {
            config,
            data,
            control,
            device,
            fixed: batch::normalisation(&data.training),
            balance: Balance::new(&data.training, config.balance),
            context: config.model.receptive_field() - 1,
            per_epoch: chunks.len().div_ceil(config.batch.max(1)),
            chunks,
        }
    }

    /// In all.
    fn steps(&self) -> usize {
        self.per_epoch * self.config.epochs
    }

    /// Refuses the state of a checkpoint that cannot be one of this run.
    fn has(&self, state: &State) -> Result<(), TrainError> {
        let first = state.epoch.saturating_mul(self.per_epoch);
        if (first..=self.steps()).contains(&state.step) {
            return Ok(());
        }
        Err(TrainError::Folder {
            path: self.config.folder.clone().unwrap_or_default(),
            problem: format!(
                "the checkpoint is of step {} of {}: it is damaged",
                state.step,
                self.steps()
            ),
        })
    }

    /// The chunks of an epoch, from 0: a function of seed and epoch alone, so that a resumed run
    /// sees the same.
    fn order(&self, epoch: usize) -> Vec<Chunk> {
        let mut order = self.chunks.clone();
        Dice(self.config.seed ^ ((epoch as u64 + 1) << 32)).shuffle(&mut order);
        order
    }

    fn weights(&self, model: &Network) -> Result<Weights, TrainError> {
        let provenance = Provenance {
            command: self.config.command.clone(),
            revision: self.config.revision.clone(),
            unix_time: std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |t| t.as_secs()),
            seed: self.config.seed,
            trained_on: self.data.training.iter().map(|r| r.name.clone()).collect(),
            metrics: BTreeMap::new(),
        };
        Ok(model.valid().to_weights(self.config.model, provenance, self.fixed.clone())?)
    }

    /// Measures a model and writes into it what was found; `None` when it was given up.
    fn measure(
        &self,
        weights: &mut Weights,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Option<Validation> {
        let validation = validate_while(weights, &self.data.validation, go_on)?;
        weights.set_temperature(validation.temperature);
        weights.provenance.metrics = validation.metrics();
        Some(validation)
    }
}

impl Fit<'_> {
    /// Reports where the run begins, with what simple rules score.
    fn begin(&mut self) -> Result<(), TrainError> {
        let control = self.setup.control;
        let baselines =
            Arc::new(baselines::baselines(&self.setup.data.validation, &|| control.patient()));
        if let Some(folder) = &self.folder {
            folder.plan(self.progress.steps, &baselines)?;
        }
        (self.report)(Progress { baselines: Some(baselines), ..self.progress.clone() });
        Ok(())
    }

    /// Takes the network as it is for the best model, which was lost: it is still that of the last
    /// epoch if no step came after, and there may be no other epoch to come.
    fn replace_best(&mut self, learner: &mut Learner) -> Result<(), TrainError> {
        let (setup, state) = (&self.setup, &mut learner.state);
        if state.step != state.epoch * setup.per_epoch {
            return Ok(());
        }
        let mut weights = setup.weights(&learner.model)?;
        if let Some(validation) = setup.measure(&mut weights, &mut || setup.control.patient()) {
            if let Some(folder) = &self.folder {
                folder.stopped(&weights, true)?;
            }
            (state.best_score, state.validation) = (validation.score(), validation);
            self.best = Some(weights);
        }
        Ok(())
    }

    /// All epochs that are left, and how they ended.
    fn epochs(&mut self, mut learner: Learner) -> Result<(Learner, Ending), TrainError> {
        let TrainConfig { epochs, patience, .. } = *self.setup.config;
        for epoch in learner.state.epoch..epochs {
            if patience > 0 && epoch >= learner.state.best_epoch + patience {
                return Ok((learner, Ending::Early));
            }
            let ended;
            (learner, ended) = self.epoch(learner, epoch)?;
            if let Some(ending) = ended {
                return Ok((learner, ending));
            }
        }
        Ok((learner, Ending::Finished))
    }

    /// One epoch, from 0, or what is left of it; how the run ended if it was asked to.
    fn epoch(
        &mut self,
        mut learner: Learner,
        epoch: usize,
    ) -> Result<(Learner, Option<Ending>), TrainError> {
        self.progress.epoch = epoch + 1;
        let before = epoch * self.setup.per_epoch;
        let first = learner.state.step.saturating_sub(before);
        let order = self.setup.order(epoch);
        for (i, chunks) in order.chunks(self.setup.config.batch.max(1)).enumerate().skip(first) {
            match self.wishes(&learner)? {
                ControlFlow::Break(ending) => return Ok((learner, Some(ending))),
                ControlFlow::Continue(paused_s) => self.progress.figures.paused_s = paused_s,
            }
            learner = self.step(learner, before + i, chunks)?;
        }
        let ended = self.validate(&mut learner, epoch)?;
        Ok((learner, ended))
    }

    /// Does what the run's owner wishes before a step: the seconds of rest, or an ending.
    fn wishes(&mut self, learner: &Learner) -> Result<ControlFlow<Ending, f64>, TrainError> {
        let mut resting: Option<Instant> = None;
        loop {
            match self.setup.control.look() {
                Look::GoOn => break,
                Look::Kill => return Ok(ControlFlow::Break(Ending::Killed)),
                Look::Stop(_) => return Ok(ControlFlow::Break(Ending::Stopped)),
                Look::Show => {
                    let mut weights = self.setup.weights(&learner.model)?;
                    weights.set_temperature(learner.state.validation.temperature);
                    let weights = Some(Arc::new(weights));
                    (self.report)(Progress { weights, stepped: false, ..self.progress.clone() });
                }
                Look::Paused => {
                    if resting.is_none() {
                        resting = Some(Instant::now());
                        let phase = Phase::Paused;
                        (self.report)(Progress { phase, stepped: false, ..self.progress.clone() });
                    }
                    self.setup.control.rest();
                }
            }
        }
        Ok(ControlFlow::Continue(resting.map_or(0.0, |r| r.elapsed().as_secs_f64())))
    }

    /// One step, from 0 in the whole run; a checkpoint when it is time for one.
    fn step(
        &mut self,
        mut learner: Learner,
        step: usize,
        chunks: &[Chunk],
    ) -> Result<Learner, TrainError> {
        let started = Instant::now();
        let (setup, progress) = (&self.setup, &mut self.progress);
        let batch =
            Batch::new(chunks, &setup.data.training, setup.context, &setup.fixed, &setup.balance);
        let weight = setup.config.forecast_weight;
        let losses = Losses::new(&learner.model, &batch, weight, &setup.device);
        let (rate, schedule) = (setup.config.learning_rate, &setup.config.schedule);
        (progress.step, progress.figures.loss) = (step + 1, losses.each);
        progress.figures.learning_rate = schedule.at(step, setup.steps(), rate);
        let diverged = losses.diverged();
        if let (Some(total), None) = (&losses.total, diverged) {
            learner = learner.learn(total, &losses.cuts, progress.figures.learning_rate);
        }
        progress.figures.events_per_s =
            batch.tokens.classes[0].len() as f64 / started.elapsed().as_secs_f64().max(1e-9);
        progress.figures.wall_s = self.wall_before + self.started.elapsed().as_secs_f64();
        if let Some(folder) = &mut self.folder {
            folder.step(progress)?;
        }
        (self.report)(Progress { stepped: true, ..progress.clone() });
        if let Some(loss) = diverged {
            return Err(TrainError::Diverged { step: step + 1, loss });
        }
        (learner.state.step, learner.state.wall_s) = (step + 1, progress.figures.wall_s);
        // The end of an epoch has a checkpoint of its own.
        let ends_epoch = (step + 1).is_multiple_of(setup.per_epoch);
        if self.folder.is_some() && self.kept_at.elapsed() > CHECKPOINT_EVERY && !ends_epoch {
            self.checkpoint(&learner)?;
        }
        if let Err(short) = self.guard.look(step + 1) {
            self.checkpoint(&learner)?;
            return Err(short.into());
        }
        Ok(learner)
    }

    fn checkpoint(&mut self, learner: &Learner) -> Result<(), TrainError> {
        if let Some(folder) = &mut self.folder {
            folder.checkpoint(learner)?;
            self.kept_at = Instant::now();
        }
        Ok(())
    }

    /// Measures a model with the run's pauses in mind; `None` when it is to be given up.
    fn measure(&mut self, weights: &mut Weights) -> Option<Validation> {
        let (control, progress) = (self.setup.control, &self.progress);
        let report = &mut *self.report;
        self.setup.measure(weights, &mut || rests(control, progress, report))
    }

    /// The end of an epoch, from 0: measured, compared with the best, kept. How the run ended if it
    /// was asked to meanwhile.
    fn validate(
        &mut self,
        learner: &mut Learner,
        epoch: usize,
    ) -> Result<Option<Ending>, TrainError> {
        (self.report)(Progress { phase: Phase::Validating, ..self.progress.clone() });
        let mut weights = self.setup.weights(&learner.model)?;
        let Some(validation) = self.measure(&mut weights) else {
            let killed = self.setup.control.look() == Look::Kill;
            return Ok(Some(if killed { Ending::Killed } else { Ending::Stopped }));
        };
        let (state, progress) = (&mut learner.state, &mut self.progress);
        progress.weights = Some(Arc::new(weights.clone()));
        state.epoch = epoch + 1;
        // Without validation recordings every epoch scores 0: the last one is taken.
        if self.best.is_none() || validation.score() >= state.best_score {
            state.best_score = validation.score();
            state.best_epoch = epoch + 1;
            state.validation = validation.clone();
            self.best = Some(weights);
        }
        (progress.best_epoch, progress.validation) = (state.best_epoch, Some(validation));
        progress.figures.wall_s = self.wall_before + self.started.elapsed().as_secs_f64();
        state.wall_s = progress.figures.wall_s;
        if let (Some(folder), Some(best)) = (&mut self.folder, &self.best) {
            folder.epoch(progress, best)?;
        }
        self.checkpoint(learner)?;
        (self.report)(self.progress.clone());
        (self.progress.weights, self.progress.validation) = (None, None);
        Ok(None)
    }

    /// What the run has come to.
    fn end(mut self, learner: &Learner, ending: Ending) -> Result<Outcome, TrainError> {
        if let Some(folder) = &mut self.folder {
            folder.ending = Some(ending);
        }
        let mut of = (learner.state.best_epoch, learner.state.validation.clone());
        if ending == Ending::Stopped {
            self.checkpoint(learner)?;
            if let Some(unfinished) = self.look_at_unfinished(learner)? {
                of = (0, unfinished);
            }
        }
        let (epoch, validation) = of;
        let cancelled = matches!(ending, Ending::Stopped | Ending::Killed);
        self.best
            .map(|weights| Outcome { weights, epoch, validation, cancelled, ending })
            .ok_or(TrainError::Cancelled)
    }

    /// What an unfinished epoch has come to is looked at if that is wished, but a resumed run must
    /// not choose by it. Its validation if there is no other model.
    fn look_at_unfinished(&mut self, learner: &Learner) -> Result<Option<Validation>, TrainError> {
        let begun = learner.state.step > learner.state.epoch * self.setup.per_epoch;
        if self.setup.control.look() != Look::Stop(Stop::Validate) || !begun {
            return Ok(None);
        }
        let phase = Phase::Validating;
        (self.report)(Progress { phase, stepped: false, ..self.progress.clone() });
        let mut weights = self.setup.weights(&learner.model)?;
        let Some(validation) = self.measure(&mut weights) else { return Ok(None) };
        let only = self.best.is_none();
        if let Some(folder) = &self.folder {
            folder.stopped(&weights, only)?;
        }
        self.progress.weights = Some(Arc::new(weights.clone()));
        self.progress.validation = Some(validation.clone());
        (self.report)(self.progress.clone());
        if !only {
            return Ok(None);
        }
        self.best = Some(weights);
        Ok(Some(validation))
    }
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
