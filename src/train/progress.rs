//! What a run tells while it runs, and what it has come to at its end. Plain data.

use super::{Baseline, Validation};
use crate::predictor::weights::Weights;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a run is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Taking steps.
    #[default]
    Training,
    /// Resting until it is told to go on.
    Paused,
    /// Measuring itself on the validation recordings.
    Validating,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Pick, forecast; mean negative log-likelihood in nats. NaN where the step had none.
    pub loss: [f32; 2],
    /// The learning rate.
    pub learning_rate: f64,
    /// Tokens per second, context included.
    pub events_per_s: f64,
    /// Seconds since the run began, pauses included; time between two sessions is not counted.
    pub wall_s: f64,
    /// Seconds of pause right before the step.
    pub paused_s: f64,
}

/// Where a training stands. Reported after every step (`stepped`), at every change of phase, at the
/// end of every epoch (`validation`), and when somebody asked to see the weights.
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
    /// What it is doing.
    pub phase: Phase,
    /// True when this tells of a new step: the figures below are its own.
    pub stepped: bool,
    /// Of the last step.
    pub figures: Figures,
    /// How often the run had been resumed before.
    pub session: usize,
    /// Given once at the end of every epoch.
    pub validation: Option<Validation>,
    /// Best epoch so far, from 1; 0: none yet.
    pub best_epoch: usize,
    /// The newest weights: given with `validation`, and when they were asked for.
    pub weights: Option<Arc<Weights>>,
    /// Given once, with the first report.
    pub baselines: Option<Arc<Vec<Baseline>>>,
}

/// How a training ended that was no failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// After the last epoch.
    #[default]
    Finished,
    /// Validation did not get better any more.
    Early,
    /// It was asked to stop, and kept a checkpoint.
    Stopped,
    /// It was asked to end at once.
    Killed,
}

/// A finished (or cancelled) training.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Those of the best epoch, temperatures fitted.
    pub weights: Weights,
    /// That epoch, from 1; 0: it was stopped before the first epoch ended, and these are the
    /// weights of then.
    pub epoch: usize,
    /// What was measured then.
    pub validation: Validation,
    /// It was asked to stop before the last epoch.
    pub cancelled: bool,
    /// How it ended.
    pub ending: Ending,
}
