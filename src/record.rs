//! Recording: runs a workload under ftrace on this machine or, through the system's `ssh`, on
//! another, in a private trace instance, and turns the pages that come back into a [`Trace`]. One
//! POSIX shell plan (`record/plan.sh`) does all the work over there and cleans up behind itself on
//! every exit; when its input ends or falls silent it stops too, so that a dead connection leaves
//! nothing behind. Nothing typed or received is ever part of a shell's code, and the recorded
//! machine decides neither how long a recording takes nor how much memory and disk it takes here.

pub mod claim;
#[doc(hidden)]
pub mod fuzzing;
pub mod hosts;
pub mod keep;
mod meta;
mod patience;
pub mod quote;
mod rate;
pub mod request;
mod run;
mod session;
mod ssh_config;
mod stop;
mod stream;
mod tail;
pub mod truth;
pub mod words;
pub mod workloads;

pub use rate::Rate;
pub use session::Target;
pub use stop::Stop;

use crate::ingest::ringbuf::{PagesReport, RingError};
use crate::job::JobError;
use crate::trace::Trace;
use request::Settings;
use std::path::PathBuf;
use std::time::Duration;

/// Most bytes of pages that are kept of one recording, some 75 million events: nobody but this
/// machine decides how full its disk gets. A recording that reaches it ends there, and says so.
pub const MOST_BYTES: u64 = 4 << 30;
/// Most CPUs of a recorded machine: each has a file of pages here, and a buffer when they are
/// decoded.
pub const MOST_CPUS: u16 = 2048;

/// What to record.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub target: Target,
    /// Name of the recording, for the metadata.
    pub name: String,
    /// Number of the run, for the metadata.
    pub run: u32,
    /// Name of the workload, for the metadata.
    pub workload: String,
    /// Its category, for the metadata.
    pub category: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// The command as a person would write it, for the metadata.
    pub shown: String,
    /// Programs that it needs, and the package of each.
    pub needs: Vec<(String, String)>,
    /// How it is recorded.
    pub settings: Settings,
    /// Seconds beyond those before it is ended: one that ends by itself is not interrupted.
    pub spare: u32,
}

/// How far a recording is, in the order in which it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The machine itself is being started, and built before that if need be. Few recordings have
    /// this stage.
    Starting,
    /// Waiting for the plan's first word.
    #[default]
    Connecting,
    /// The plan looks at the machine: kernel, tracefs, tools, room.
    Probing,
    /// The workload runs.
    Recording,
    /// It has ended; the rest of the pages comes.
    Fetching,
    /// Pages become events.
    Decoding,
    /// Waiting until the machine is as it was.
    Cleaning,
    /// Nothing is left to do.
    Done,
}

impl Stage {
    /// All that every recording has, in order.
    pub const ALL: [Self; 7] = [
        Self::Connecting,
        Self::Probing,
        Self::Recording,
        Self::Fetching,
        Self::Decoding,
        Self::Cleaning,
        Self::Done,
    ];

    /// For display.
    pub fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Connecting => "connecting",
            Self::Probing => "probing",
            Self::Recording => "recording",
            Self::Fetching => "fetching",
            Self::Decoding => "decoding",
            Self::Cleaning => "cleaning",
            Self::Done => "done",
        }
    }
}

/// One CPU's ring buffer, by the recorded machine's own statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuProgress {
    /// Which CPU.
    pub cpu: u16,
    /// Events so far.
    pub events: u64,
    /// Bytes that wait in its buffer.
    pub waiting: u64,
    /// Size of the buffer in bytes.
    pub buffer: u64,
    /// Events that it lost.
    pub lost: u64,
}

/// Where a recording is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Bytes of pages that came.
    pub bytes: u64,
    /// Events so far, of all CPUs.
    pub events: u64,
    /// Since the workload was started; stands still when it has ended.
    pub elapsed: Duration,
    /// How long the workload is to run, at most.
    pub limit: Duration,
    /// Per CPU; empty before the workload runs.
    pub cpus: Vec<CpuProgress>,
    /// The machine, e.g. `6.1.0-40-amd64 CFS, 2 CPUs`; empty before probing. How far it is while it
    /// is started.
    pub guest: String,
}

/// What ended a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It came to its end.
    Itself,
    /// The time limit.
    Limit,
    /// It was cancelled.
    Stopped,
}

/// A recording that was made.
#[derive(Debug)]
pub struct Recorded {
    /// The events.
    pub trace: Trace,
    /// How the pages were.
    pub pages: PagesReport,
    /// What the plan has to say, e.g. about a stale instance that it removed.
    pub notes: Vec<String>,
    /// Exit status of the workload, and what ended it. `None` when the connection broke before.
    pub status: Option<(i32, Ended)>,
    /// The end of what the workload printed.
    pub log: String,
    /// Why the connection broke before the workload's end; what came by then is all that there is.
    pub broken: Option<String>,
}

impl Recorded {
    /// The status of a workload that failed by itself: neither the limit nor a cancel ended it.
    pub fn failed(&self) -> Option<i32> {
        self.status.filter(|(status, ended)| *status != 0 && *ended == Ended::Itself).map(|s| s.0)
    }
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// `sh` or `ssh` cannot be started.
    #[error("{program} cannot be started: {source}")]
    Start {
        /// The program.
        program: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The plan never answered.
    #[error("no recording on {target}: {said}")]
    Connect {
        /// The machine.
        target: String,
        /// What `ssh`, `sudo` or the shell said.
        said: String,
    },
    /// The plan says why it cannot.
    #[error("{target}: {message}")]
    Refused {
        /// The machine.
        target: String,
        /// Its words.
        message: String,
    },
    /// The connection broke and nothing usable had come.
    #[error("the connection broke: {0}")]
    Stream(#[source] std::io::Error),
    /// The machine is connected and does not go on; this program's own limit ended it.
    #[error("{target}: {what} within {seconds} s")]
    Slow {
        /// The machine.
        target: String,
        /// What did not happen.
        what: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// More pages than [`MOST_BYTES`].
    #[error("it reached {} GiB of pages, the most that is kept of a recording", MOST_BYTES >> 30)]
    Full,
    /// Something that the plan does not say.
    #[error("not understood: {0:?}")]
    Protocol(String),
    /// The pages cannot be kept on this machine.
    #[error("no place for the pages in {}: {source}", folder.display())]
    Disk {
        /// The temporary folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No thread could be started to read the pages.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Somebody cancelled before there was anything to keep.
    #[error("cancelled")]
    Cancelled,
    /// The layouts or pages cannot be decoded.
    #[error(transparent)]
    Pages(#[from] RingError),
    /// The workload ran and no event came.
    #[error("no scheduler event was recorded")]
    NoEvents,
}

impl RecordError {
    fn disk(source: std::io::Error) -> Self {
        Self::Disk { folder: std::env::temp_dir(), source }
    }
}

/// Records. `progress` is told of every step, and several times a second while nothing happens.
///
/// `stop` ends the workload and keeps what came; before the workload runs it ends everything,
/// within a second, with [`RecordError::Cancelled`]. While the rest of the pages comes it gives
/// them up and keeps those that are there. Asked twice, the machine is not waited for: what came is
/// kept, and the machine cleans itself.
pub fn record(
    plan: &Plan,
    stop: &Stop,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Recorded, RecordError> {
    run::run(plan, stop, progress)
}
