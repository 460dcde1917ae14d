//! What the application is told and what it orders: the two ends of `update`.

use super::input::{Key, Mouse};
use super::ticket::Ticket;
use super::timeline::{Loaded, causes};
use super::traces::Entry;
use super::train::live::LiveModel;
use super::{compare, mistakes, recording, second, tasks, train, waits};
use crate::evaluate::overlay::{Chunk, Inspection, Stretch};
use crate::predictor::weights::Weights;
use crate::stats::life::Life;
use crate::trace::{Nanos, ThreadIx, Trace};
use std::path::PathBuf;
use std::sync::Arc;

/// A fact, told to the application. Everything that can happen is here.
#[derive(Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// The mouse did something.
    Mouse(Mouse),
    /// The terminal has this many columns and rows.
    Resized(u16, u16),
    /// Time since start; only sent while something plays.
    Tick {
        /// Monotonic, since the program started.
        now: Nanos,
    },
    /// The recordings that can be opened.
    Listed {
        /// Given ones first, then bundled ones.
        entries: Vec<Entry>,
        /// Why bundled ones are missing.
        problem: Option<String>,
    },
    /// What a file's name that is typed continues to.
    Completed {
        /// Of the request.
        ticket: Ticket,
        /// The longer name; `None`: there is none.
        text: Option<String>,
    },
    /// A recording was read.
    Opened {
        /// Of the request.
        ticket: Ticket,
        /// The file.
        path: PathBuf,
        /// The recording, or why it could not be read.
        result: Result<Arc<Loaded>, String>,
    },
    /// Predictions of the next events.
    Predicted {
        /// Of the open recording.
        ticket: Ticket,
        /// The next chunk.
        chunk: Chunk,
    },
    /// There is no usable model: only baselines will answer.
    NoModel {
        /// Of the open recording.
        ticket: Ticket,
        /// Why.
        problem: String,
    },
    /// No more predictions will come.
    PredictionFailed {
        /// Of the open recording.
        ticket: Ticket,
        /// Why.
        problem: String,
    },
    /// Details of one decision.
    Inspected {
        /// Of the open recording.
        ticket: Ticket,
        /// The switch event that was asked about.
        event: usize,
        /// By whose weights, if not the current model's.
        by: Option<String>,
        /// The details, or why there are none.
        result: Result<Inspection, String>,
    },
    /// Something about recording.
    Recorder(recording::News),
    /// Something happened to a training run.
    Train(train::News),
    /// What a watched run's weights say about a stretch of the recording.
    Looked {
        /// Of the open recording.
        ticket: Ticket,
        /// Whose weights.
        label: String,
        /// Their predictions.
        stretch: Stretch,
    },
    /// What is seen was answered before the walk over the recording gets there.
    Early {
        /// Of the open recording.
        ticket: Ticket,
        /// The predictions.
        stretch: Stretch,
    },
    /// What pinned tasks did.
    Followed {
        /// Of the request.
        ticket: Ticket,
        /// Of each that was asked for; or why it is not known.
        result: Result<Vec<(ThreadIx, Life)>, String>,
    },
    /// Something about the second prediction row.
    Second {
        /// Of the request.
        ticket: Ticket,
        /// What.
        news: second::News,
    },
    /// Something for the Mistakes screen.
    Mistakes(mistakes::News),
    /// Something for the Waits screen.
    Waits(waits::News),
    /// Something for the Tasks screen.
    Tasks(tasks::News),
    /// What led to what the Timeline shows.
    Causes(causes::News),
    /// Something for the Compare screen.
    Compare(compare::News),
    /// Somebody outside wants the program to end: by a signal of this number, or because the
    /// terminal went away.
    Terminated(Option<i32>),
}

/// An order to the outside.
#[derive(Debug)]
pub enum Effect {
    /// List what can be opened; answered by [`Msg::Listed`], twice where the working folder is
    /// looked through, too.
    List {
        /// Files given on the command line.
        given: Vec<PathBuf>,
    },
    /// Remember a recording that the user opened, for the next start.
    Remember(PathBuf),
    /// Find what a file's name that is typed continues to; answered by [`Msg::Completed`].
    Complete {
        /// For the answer.
        ticket: Ticket,
        /// What is typed.
        text: String,
    },
    /// Read a recording; answered by [`Msg::Opened`]. Replaces all work on the one before.
    Open {
        /// For the answer.
        ticket: Ticket,
        /// The file.
        path: PathBuf,
    },
    /// Compute all predictions; answered by [`Msg::Predicted`], in order.
    Predict {
        /// For the answers.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
        /// A run's model; the bundled one if not given.
        model: Option<Arc<Weights>>,
    },
    /// Predict the recording by another predictor too; answered by [`Msg::Second`]. Replaces the
    /// one before.
    Second {
        /// For the answers.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
        /// A predictor's name, a run or a model file.
        who: PathBuf,
    },
    /// Follow these threads through the recording; answered by [`Msg::Followed`]. Replaces what is
    /// not done.
    Follow {
        /// For the answer.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
        /// Who.
        threads: Vec<ThreadIx>,
    },
    /// Nobody waits for the second predictor any more.
    CloseSecond,
    /// Something is wanted of the training runs.
    Train(train::Order),
    /// Predict a stretch with these weights; answered by [`Msg::Looked`]. A newer request replaces
    /// one that is not done.
    Look {
        /// For the answer.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
        /// The weights.
        weights: Arc<Weights>,
        /// Whose they are.
        label: String,
        /// The stretch.
        events: std::ops::Range<usize>,
    },
    /// Predict what is seen at once, by the model that predicts the recording; answered by
    /// [`Msg::Early`]. A newer request replaces one that is not done.
    Early {
        /// For the answer.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
        /// The stretch.
        events: std::ops::Range<usize>,
    },
    /// Explain one decision; answered by [`Msg::Inspected`]. A newer request replaces one that has
    /// not started.
    Inspect {
        /// For the answer.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
        /// Index of the switch among all events.
        event: usize,
        /// By these weights; by the current model if not given.
        by: Option<LiveModel>,
    },
    /// Something about recording.
    Recorder(recording::Order),
    /// Something for the Mistakes screen; answered by [`Msg::Mistakes`].
    Mistakes(mistakes::Order),
    /// Something for the Waits screen; answered by [`Msg::Waits`].
    Waits(waits::Order),
    /// Something for the Tasks screen; answered by [`Msg::Tasks`].
    Tasks(tasks::Order),
    /// What led to what the Timeline shows; answered by [`Msg::Causes`].
    Causes(causes::Order),
    /// Something for the Compare screen; answered by [`Msg::Compare`].
    Compare(compare::Order),
}
