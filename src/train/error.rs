//! Why a training gives no model.

use super::device::DeviceError;
use super::memory::Short;
use crate::predictor::weights::WeightsError;
use std::path::PathBuf;

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
    Memory(#[from] Short),
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
