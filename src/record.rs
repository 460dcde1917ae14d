//! Recording: runs a workload under ftrace on this machine or, through the system's `ssh`, on another, in a private
//! trace instance, and turns the pages that come back into a [`Trace`]. One POSIX shell plan (`record/plan.sh`) does
//! all the work over there and cleans up behind itself on every exit; when its input ends it stops too, so that a
//! dead connection leaves nothing behind. Nothing typed or received is ever part of a shell's code.

pub mod hosts;
mod meta;
pub mod quote;
mod session;
mod stream;
pub mod workloads;

pub use session::Target;

use crate::ingest::ringbuf::{PagesReport, RingError, decode};
use crate::job::Cancel;
use crate::trace::{CpuId, Trace, TraceBuilder};
use meta::Told;
use session::Session;
use std::io::{Seek, Write};
use std::time::Duration;
use stream::{Frame, Spool};

/// The plan, behind its arguments.
const PLAN: &str = include_str!("record/plan.sh");

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
    /// After so many seconds the workload is ended.
    pub seconds: u32,
    /// Ring buffer of each CPU.
    pub buffer_kb: u32,
    /// Records `sched_stat_runtime` too.
    pub runtime: bool,
    /// Records `sched_waking` too.
    pub waking: bool,
}

/// How far a recording is, in the order in which it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
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
    /// All, in order.
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
    /// The longest that the workload may run.
    pub limit: Duration,
    /// Per CPU; empty before the workload runs.
    pub cpus: Vec<CpuProgress>,
    /// The machine, e.g. `6.1.0-40-amd64 CFS, 2 CPUs`; empty before probing.
    pub guest: String,
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
    /// Exit status of the workload; 124 when the time limit ended it. `None` when the connection broke before.
    pub status: Option<i32>,
    /// The end of what the workload printed.
    pub log: String,
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
    /// Something that the plan does not say.
    #[error("not understood: {0:?}")]
    Protocol(String),
    /// The pages cannot be kept on this machine.
    #[error("no place for the pages in the temporary folder: {0}")]
    Disk(#[source] std::io::Error),
    /// The layouts or pages cannot be decoded.
    #[error(transparent)]
    Pages(#[from] RingError),
    /// The workload ran and no event came.
    #[error("no scheduler event was recorded")]
    NoEvents,
}

/// Records. `cancel` ends the workload early and keeps what came; `progress` is told of every step.
///
/// A cancelled recording is noticed as soon as the plan says something, which it does several times a second; before
/// its first word at the latest when `ssh` gives up connecting (10 s).
pub fn record(plan: &Plan, cancel: &Cancel, progress: &mut dyn FnMut(&Progress)) -> Result<Recorded, RecordError> {
    let limit = Duration::from_secs(plan.seconds.max(1).into());
    let mut state = Progress { limit, ..Progress::default() };
    progress(&state);
    let mut session = Session::start(&plan.target)?;
    let needs: Vec<String> = plan.needs.iter().map(|(tool, package)| format!("{tool}:{package}")).collect();
    let (seconds, buffer, needs) =
        (plan.seconds.max(1).to_string(), plan.buffer_kb.max(64).to_string(), needs.join(","));
    let arguments = [seconds.as_str(), &buffer, &needs].into_iter().chain(plan.command.iter().map(String::as_str));
    // A connection that breaks here is explained by what `ssh` said, not by this write.
    let _ = session
        .input()
        .map(|i| i.write_all((quote::set_arguments(arguments) + PLAN).as_bytes()).and_then(|()| i.flush()));
    if !stream::greeting(&mut session.output).map_err(RecordError::Stream)? {
        return Err(RecordError::Connect { target: plan.target.to_string(), said: session.last_words() });
    }
    let (mut told, mut spool, mut asked_to_stop) = (Told::default(), Spool::default(), false);
    state.stage = Stage::Recording;
    loop {
        progress(&state);
        if cancel.is_cancelled() && !std::mem::replace(&mut asked_to_stop, true) {
            let _ = session.input().map(|i| i.write_all(b"stop\n").and_then(|()| i.flush()));
        }
        match spool.frame(&mut session.output) {
            Ok(Some(Frame::Pages(_, bytes))) => state.bytes += bytes,
            Ok(Some(Frame::Text(name, text))) => match name.split_once('.') {
                _ if name == "fail" => {
                    return Err(RecordError::Refused { target: plan.target.to_string(), message: text });
                }
                _ if name == "end" => break,
                Some(("fill", cpu)) => {
                    if let Some(cpu) = cpu.parse().ok().filter(|c| *c < crate::trace::MAX_CPUS) {
                        let buffer = u64::from(plan.buffer_kb) << 10;
                        let waiting = text.trim().parse().unwrap_or(0);
                        state.cpus.retain(|c| c.cpu != cpu);
                        state.cpus.push(CpuProgress { cpu, waiting, buffer, ..CpuProgress::default() });
                    }
                }
                Some(("stats", _)) => {
                    state.stage = Stage::Fetching;
                    told.say(name, text);
                }
                _ => told.say(name, text),
            },
            // What came before the connection broke is kept, if it can be read.
            Ok(None) | Err(RecordError::Stream(_)) => {
                let said = session.last_words();
                if spool.files.is_empty() {
                    return Err(RecordError::Connect { target: plan.target.to_string(), said });
                }
                told.say("note".into(), format!("the connection broke during the recording: {said}"));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    drop(session);
    state.stage = Stage::Decoding;
    progress(&state);
    finish(plan, told, spool)
}

fn finish(plan: &Plan, told: Told, spool: Spool) -> Result<Recorded, RecordError> {
    let formats = told.formats()?;
    let mut streams = Vec::new();
    for (cpu, mut file) in spool.files {
        file.rewind().map_err(RecordError::Disk)?;
        streams.push((CpuId(cpu), format!("pages of CPU {cpu}"), file));
    }
    let mut builder = TraceBuilder::default();
    let pages = decode(&formats, streams, &mut builder)?;
    if builder.is_empty() {
        return Err(RecordError::NoEvents);
    }
    let meta = told.meta(plan);
    let status = told.status();
    let (notes, log) = told.words();
    Ok(Recorded { trace: builder.finish(meta), pages, notes, status, log })
}
