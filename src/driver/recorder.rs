//! Recordings for the interface: looks for machines and a file name, records in a job, writes the
//! file and says in words what a reader of it must know. Progress is newest-wins; the end is always
//! told.

use crate::app::Msg;
use crate::app::recording::run::{Failure, Saved};
use crate::app::recording::{News, Order};
use crate::app::ticket::Ticket;
use crate::app::time::grouped;
use crate::app::traces::kernel;
use crate::job::{Cancel, Job, JobError, Latest};
use crate::record::claim::{Claim, first_free};
use crate::record::keep::{self, Kept};
use crate::record::{
    self, Ended, Plan, Progress, RecordError, Recorded, Stage, Stop, Target, hosts,
};
use crate::vm::{self, Accel, Kind, Size, VmError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// Between two tellings of progress.
const TELL: Duration = Duration::from_millis(50);
/// Damaged places and lines of a failed workload's output that are shown.
const SHOWN: usize = 3;

/// The jobs of recording. Dropping it ends a recording, which keeps what came.
#[derive(Debug)]
pub struct Recorder {
    tx: SyncSender<Msg>,
    looking: Option<Job>,
    naming: Option<Job>,
    recording: Option<(Job, Stop)>,
}

impl Recorder {
    /// Answers into `tx`.
    pub fn new(tx: SyncSender<Msg>) -> Self {
        Self { tx, looking: None, naming: None, recording: None }
    }

    /// Starts what is ordered and returns at once.
    pub fn perform(&mut self, order: Order) {
        match order {
            Order::Look { workload } => {
                self.look();
                self.name(workload);
            }
            Order::Name { workload } => self.name(workload),
            Order::Start { id, plan, start } => self.start(id, *plan, start),
            Order::Cancel => self.recording.iter().for_each(|(_, stop)| stop.ask()),
        }
    }

    fn look(&mut self) {
        let (tx, done) = (self.tx.clone(), self.tx.clone());
        // A send fails only when the interface is gone; then nobody waits for the answer.
        let tell = |tx: &SyncSender<Msg>, local, hosts, complete| {
            let _ = tx.send(Msg::Recorder(News::Machines { local, hosts, complete }));
        };
        let work = move |cancel: &Cancel| {
            tell(&tx, local(), hosts::own(), false);
            hosts::list(Path::new("."), cancel).hosts
        };
        self.looking = Some(Job::spawn("hosts", work, move |hosts| {
            // Without a list one types the name.
            tell(&done, local(), hosts.unwrap_or_else(|_| hosts::own()), true);
        }));
    }

    fn name(&mut self, workload: String) {
        let tx = self.tx.clone();
        let wanted = workload.clone();
        self.naming = Some(Job::spawn(
            "name",
            move |_| file(&wanted),
            move |file| {
                let file = file.map_err(|e| e.to_string()).and_then(|f| f);
                let _ = tx.send(Msg::Recorder(News::Name { workload, file }));
            },
        ));
    }

    fn start(&mut self, id: Ticket, plan: Plan, first: Option<Kind>) {
        let (tx, done) = (self.tx.clone(), self.tx.clone());
        let stop = Stop::new();
        let asked = stop.clone();
        let work = move |_: &Cancel| make(id, plan, first, &asked, &tx);
        let job = Job::spawn("record", work, move |end| {
            let panicked = |e: JobError| Failure { problem: e.to_string(), cancelled: false };
            let end = end.map_err(panicked).and_then(|end| end);
            let _ = done.send(Msg::Recorder(News::Ended { id, end }));
        });
        self.recording = Some((job, stop));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.perform(Order::Cancel);
    }
}

/// Only root may make a tracing instance here.
fn local() -> bool {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
    }
    #[cfg(not(target_os = "linux"))]
    false
}

fn folder() -> Result<PathBuf, String> {
    std::env::current_dir().map_err(|e| format!("the folder that this was started in: {e}"))
}

fn no_name(workload: &str) -> String {
    format!("no free name for a recording of {workload} here")
}

/// The first free file in the folder that the program was started in.
fn file(workload: &str) -> Result<PathBuf, String> {
    first_free(&folder()?, workload).ok_or_else(|| no_name(workload))
}

/// The same, for this recording alone; it can be written.
fn claim(workload: &str) -> Result<Claim, String> {
    let folder = folder()?;
    let claim = Claim::free(&folder, workload).map_err(|e| format!("{}: {e}", folder.display()))?;
    let claim = claim.ok_or_else(|| no_name(workload))?;
    keep::check(claim.path(), false).map_err(|e| e.to_string())?;
    Ok(claim)
}

fn make(
    id: Ticket,
    plan: Plan,
    first: Option<Kind>,
    stop: &Stop,
    tx: &SyncSender<Msg>,
) -> Result<Saved, Failure> {
    let failure = |problem: String| Failure { problem, cancelled: false };
    let (latest, mut told) = (Latest::default(), None::<(Instant, Stage)>);
    let mut tell = |progress: &Progress| {
        latest.set(progress.clone());
        if told.is_none_or(|(at, stage)| at.elapsed() >= TELL || stage != progress.stage) {
            told = Some((Instant::now(), progress.stage));
            // The recording does not wait for the screen: when nobody has room, the next telling
            // brings the newest.
            let _ = tx.try_send(Msg::Recorder(News::Progress { id, latest: latest.clone() }));
        }
    };
    // Said before minutes of recording, not after.
    let claim = claim(&plan.workload).map_err(failure)?;
    let name = |path: &Path| failure(format!("{}: no name of a recording", path.display()));
    let mut plan = plan.named(claim.path(), claim.run()).ok_or_else(|| name(claim.path()))?;
    let started = first.map(|kind| start(kind, stop, &mut tell)).transpose()?;
    if let Target::Ssh { host, config: None } = &plan.target {
        let target = hosts::resolve(host, Path::new("."), stop.asked());
        plan.target = target.map_err(|e| failure(e.to_string()))?;
    }
    let recorded = record::record(&plan, stop, &mut tell).map_err(|e| why_not(&e, stop))?;
    let kept =
        keep::save(&recorded.trace, claim.path(), false).map_err(|e| failure(e.to_string()))?;
    let mut saved = saved(recorded, kept, stop.is_asked());
    saved.notes.extend(started);
    Ok(saved)
}

/// Starts a machine of this program's own, and says that it goes on running.
fn start(kind: Kind, stop: &Stop, tell: &mut dyn FnMut(&Progress)) -> Result<String, Failure> {
    let failure = |problem: String| Failure { problem, cancelled: false };
    let size = Size { accel: Accel::wanted().map_err(failure)?, ..Size::default() };
    let up = vm::up(kind, size, stop.asked(), &mut |part, since| {
        let guest = format!("{}, {} s", part.label(), since.as_secs());
        tell(&Progress { stage: Stage::Starting, guest, ..Progress::default() });
    });
    let up = up.map_err(|e| match e {
        VmError::Cancelled => why_not(&RecordError::Cancelled, stop),
        e => failure(e.to_string()),
    })?;
    let (name, truth) = (kind.name(), up.running.accel.truth());
    Ok(format!("{name} goes on running ({truth}); `koracle vm down {name}` ends it"))
}

fn why_not(error: &RecordError, stop: &Stop) -> Failure {
    match error {
        RecordError::Cancelled => Failure {
            problem: "Nothing had been recorded, so that there is no file.".into(),
            cancelled: true,
        },
        e => Failure { problem: e.to_string(), cancelled: stop.is_asked() },
    }
}

fn saved(recorded: Recorded, kept: Kept, cancelled: bool) -> Saved {
    let (trace, meta) = (&recorded.trace, recorded.trace.meta());
    let lost = meta.lost.iter().sum();
    let mut notes: Vec<String> = kept.moved.into_iter().collect();
    if let Some(status) = recorded.failed() {
        let lines: Vec<&str> = recorded.log.lines().filter(|l| !l.trim().is_empty()).collect();
        let said = lines[lines.len().saturating_sub(SHOWN)..].join("; ");
        let said = if said.is_empty() { said } else { format!(": {said}") };
        notes.push(format!("the workload failed with status {status}{said}"));
    }
    if lost > 0 {
        let per_cpu: Vec<String> =
            (0..).zip(&meta.lost).map(|(cpu, n)| format!("CPU{cpu} {}", grouped(*n))).collect();
        notes.push(format!("events lost, as the buffers were too small: {}", per_cpu.join(", ")));
    }
    if recorded.pages.skipped > 0 {
        notes.push(format!("{} damaged pages", recorded.pages.skipped));
        notes.extend(recorded.pages.bad.iter().take(SHOWN).map(ToString::to_string));
    }
    notes.extend(recorded.notes);
    Saved {
        name: meta.name.clone(),
        workload: meta.workload.clone(),
        kernel: kernel(&meta.kernel, meta.scheduler),
        cpus: trace.cpus() as u16,
        events: trace.len() as u64,
        span: trace.span(),
        // A workload that had come to its end before was not cut.
        cancelled: cancelled && !matches!(recorded.status, Some((_, Ended::Itself | Ended::Limit))),
        path: kept.path,
        bytes: kept.bytes,
        lost,
        notes,
    }
}
