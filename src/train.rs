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
mod data;
mod device;
mod environment;
mod error;
mod fit;
mod folder;
mod learner;
pub mod load;
pub mod memory;
pub mod named;
pub mod options;
mod probe;
mod progress;
pub mod runs;
mod schedule;
pub mod settings;
mod validate;

pub use baselines::Baseline;
pub use check::Wrong;
pub use config::TrainConfig;
pub use control::{Control, Stop};
pub use data::Data;
pub use device::{DeviceError, Target};
pub use environment::{Environment, revision};
pub use error::TrainError;
pub use probe::Probe;
pub use progress::{Ending, Figures, Outcome, Phase, Progress};
pub use schedule::Schedule;
pub use validate::{Scores, Validation, validate};

use crate::job::{self, Cancel};
use fit::fit;
use folder::Folder;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
