//! What is said about training runs: facts that come in, orders that go out, keys, questions. Plain
//! data.

use crate::app::ticket::Ticket;
use crate::dataset::catalog::Kinds;
use crate::predictor::weights::Weights;
use crate::train::memory::Outlook;
use crate::train::runs::{self, Step};
use crate::train::{Ending, Progress, TrainConfig};
use std::path::PathBuf;
use std::sync::Arc;

/// A fact about runs.
#[derive(Debug)]
pub enum News {
    /// The runs that are kept, and what there is to train on.
    Kept {
        /// The runs.
        runs: Vec<runs::KeptRun>,
        /// What could not be read.
        problems: Vec<String>,
        /// Of the bundled recordings.
        kinds: Kinds,
        /// CPUs of this machine: so many runs work at once at first.
        cpus: usize,
    },
    /// What memory is left, and what there is to read.
    Memory(Outlook),
    /// A run has its folder and reads the recordings.
    Made {
        /// The run.
        id: Ticket,
        /// Its folder.
        path: PathBuf,
    },
    /// A run reads the recordings.
    Reading {
        /// The run.
        id: Ticket,
        /// Read so far, in all.
        counts: [usize; 2],
    },
    /// Steps since the last time, and where the run stands.
    Progress {
        /// The run.
        id: Ticket,
        /// In order.
        steps: Vec<Step>,
        /// The newest.
        now: Box<Progress>,
    },
    /// A run is over.
    Ended {
        /// The run.
        id: Ticket,
        /// How, or why it failed.
        result: Result<Ending, String>,
        /// It has a checkpoint and something left to do.
        resumable: bool,
    },
    /// All steps of a kept run.
    Steps {
        /// The run.
        id: Ticket,
        /// In order.
        steps: Vec<Step>,
    },
    /// A run was to be removed.
    Deleted {
        /// The run.
        id: Ticket,
        /// Why it was not.
        result: Result<(), String>,
    },
    /// A run was to be written as CSV.
    Exported {
        /// The file, or why there is none.
        result: Result<PathBuf, String>,
    },
    /// A kept model was to be read, to be used for everything (`current`) or to be watched.
    Model {
        /// The run.
        id: Ticket,
        /// To be the current model.
        current: bool,
        /// The model, or why there is none.
        result: Result<Arc<Weights>, String>,
    },
}

/// What is wanted of the outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// List the kept runs; answered by [`News::Kept`].
    List,
    /// Look at the memory; answered by [`News::Memory`].
    Memory,
    /// Train; with a folder in the settings the run in it goes on. Answered by [`News::Made`],
    /// [`News::Progress`] and [`News::Ended`].
    Start {
        /// For the answers.
        id: Ticket,
        /// The settings.
        config: Box<TrainConfig>,
    },
    /// Rest after the step in hand.
    Pause(Ticket),
    /// Go on.
    Resume(Ticket),
    /// End after the step in hand, with a checkpoint and a validation.
    Stop(Ticket),
    /// End at once.
    Kill(Ticket),
    /// Tell the newest weights with the next progress.
    Show(Ticket),
    /// Read the steps of a kept run; answered by [`News::Steps`].
    Read(Ticket, PathBuf),
    /// Remove a kept run; answered by [`News::Deleted`].
    Delete(Ticket, PathBuf),
    /// Write a run as CSV into the working folder; answered by [`News::Exported`].
    Export(PathBuf),
    /// Read a run's best model; answered by [`News::Model`].
    Model {
        /// The run.
        id: Ticket,
        /// Its folder.
        path: PathBuf,
        /// To be the current model.
        current: bool,
    },
}

/// Keys of the Train screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Set up a run.
    New,
    /// Pause, or go on.
    Pause,
    /// Go on with a kept run.
    GoOn,
    /// Stop with a checkpoint.
    Stop,
    /// End at once.
    Kill,
    /// Remove.
    Delete,
    /// Write CSV.
    Export,
    /// Draw beside others.
    Choose,
    /// Next chart.
    NextChart,
    /// Chart before.
    PrevChart,
    /// Accuracy of the next workload.
    NextWorkload,
    /// Accuracy of the workload before.
    PrevWorkload,
    /// Another horizontal axis.
    Axis,
    /// Logarithmic or not.
    Log,
    /// Cursor to earlier.
    ReadEarlier,
    /// Cursor to later.
    ReadLater,
    /// Predict the open recording with the run's newest weights.
    Watch,
    /// Make the run's best model the current one.
    Use,
    /// More runs at once.
    More,
    /// Fewer runs at once.
    Fewer,
}

/// A question that `y` answers with yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Remove this run?
    Delete(Ticket),
    /// End this run at once?
    Kill(Ticket),
}
