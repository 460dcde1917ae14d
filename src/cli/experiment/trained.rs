//! A finished training of an experiment: what it says of itself, and where it is.

use super::plan::Part;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a finished training says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The best epoch, from 1.
    pub epoch: usize,
    /// Macro accuracy of picks and forecasts on validation then.
    pub validation: [f64; 2],
    /// Numbers of the network.
    pub parameters: usize,
    /// Training speed, tokens per second, median over steps; `None` if there was no step left after
    /// an interruption.
    pub events_per_s: Option<f64>,
    /// Wall time from the first recording that is read; `None` if the training was interrupted.
    pub wall_s: Option<f64>,
}

/// A finished training.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Which.
    pub part: Part,
    /// What it says of itself.
    pub finished: Finished,
    /// Where it is.
    pub folder: PathBuf,
}

/// The first training of each kind of network.
pub fn first_of_each(trained: &[Trained]) -> impl Iterator<Item = &Trained> {
    let first = |i: usize| trained[..i].iter().all(|t| t.part.kind != trained[i].part.kind);
    trained.iter().enumerate().filter(move |(i, _)| first(*i)).map(|(_, t)| t)
}
