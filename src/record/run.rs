//! One recording from the first word of the plan to the finished trace: what it says, what it is told, and what is made
//! of it when the connection, the disk or somebody ends it early.

use super::meta::Told;
use super::session::Session;
use super::stream::{Came, Incoming, Spool};
use super::{CpuProgress, Plan, Progress, RecordError, Recorded, Stage, quote};
use crate::ingest::ringbuf::{PagesReport, RingError, decode};
use crate::job::Cancel;
use crate::trace::{CpuId, MAX_CPUS, TraceBuilder};
use std::io::{Read, Seek};
use std::time::{Duration, Instant};

/// The plan, behind its arguments.
const PLAN: &str = include_str!("plan.sh");
/// So often at least the caller is told, and asked whether to go on.
const TICK: Duration = Duration::from_millis(100);
/// So often the plan hears that somebody is here; it gives up after six seconds of silence.
const BEAT: Duration = Duration::from_secs(1);

/// Records; see [`super::record`].
pub fn run(plan: &Plan, cancel: &Cancel, progress: &mut dyn FnMut(&Progress)) -> Result<Recorded, RecordError> {
    let limit = Duration::from_secs(plan.seconds.max(1).into());
    let state = Progress { limit, ..Progress::default() };
    progress(&state);
    let (mut session, output) = Session::start(&plan.target)?;
    session.say(&(quote::set_arguments(arguments(plan).iter().map(String::as_str)) + PLAN));
    let run = Run {
        plan,
        cancel,
        progress,
        state,
        told: Told::default(),
        incoming: Incoming::read(output),
        session,
        started: None,
        stopped: false,
        beaten: Instant::now(),
    };
    run.all()
}

/// The plan's arguments.
fn arguments(plan: &Plan) -> Vec<String> {
    let needs: Vec<String> = plan.needs.iter().map(|(tool, package)| format!("{tool}:{package}")).collect();
    let mut events = vec!["sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_migrate_task"];
    events.extend(plan.runtime.then_some("sched_stat_runtime"));
    events.extend(plan.waking.then_some("sched_waking"));
    let numbers = [plan.seconds.max(1).to_string(), plan.buffer_kb.max(64).to_string()];
    numbers.into_iter().chain([needs.join(","), events.join(",")]).chain(plan.command.iter().cloned()).collect()
}

struct Run<'a> {
    plan: &'a Plan,
    cancel: &'a Cancel,
    progress: &'a mut dyn FnMut(&Progress),
    state: Progress,
    told: Told,
    incoming: Incoming,
    session: Session,
    /// When the workload was.
    started: Option<Instant>,
    /// The plan was told to stop it.
    stopped: bool,
    beaten: Instant,
}

impl Run<'_> {
    fn all(mut self) -> Result<Recorded, RecordError> {
        let mut spool = self.fetch()?;
        self.to(Stage::Decoding);
        let mut builder = TraceBuilder::default();
        let pages = self.decode(&mut spool, &mut builder)?;
        self.state.events = builder.len() as u64;
        self.to(Stage::Cleaning);
        // Only a note may still come; a connection that breaks now costs nothing.
        loop {
            match self.incoming.next(TICK) {
                Some(Came::Text(name, _)) if name == "end" => break,
                Some(Came::Text(name, text)) => self.told.say(name, text),
                Some(Came::End | Came::Broken(_)) => break,
                Some(_) => {}
                None => (self.progress)(&self.state),
            }
        }
        let (state, progress) = (&self.state, &mut self.progress);
        // Its status says nothing that the plan has not said.
        let _ = self.session.end(|| progress(state));
        if builder.is_empty() {
            return Err(RecordError::NoEvents);
        }
        self.to(Stage::Done);
        let meta = self.told.meta(self.plan);
        let status = self.told.status();
        let (notes, log) = self.told.words();
        Ok(Recorded { trace: builder.finish(meta), pages, notes, status, log })
    }

    fn to(&mut self, stage: Stage) {
        self.state.stage = stage;
        (self.progress)(&self.state);
    }

    /// Tells the caller, and the plan that somebody is here.
    fn tick(&mut self) {
        if let Some(started) = self.started.filter(|_| self.state.stage == Stage::Recording) {
            self.state.elapsed = started.elapsed();
        }
        (self.progress)(&self.state);
        // Before the plan's first word its shell would take the line for a command.
        if self.state.stage != Stage::Connecting && self.beaten.elapsed() >= BEAT {
            self.beaten = Instant::now();
            self.session.say("beat\n");
        }
    }

    /// Follows the plan until the pages are here. Early ends that leave pages to keep are told as notes.
    fn fetch(&mut self) -> Result<Spool, RecordError> {
        loop {
            self.tick();
            if self.cancel.is_cancelled() && !self.stopped {
                match self.state.stage {
                    Stage::Connecting | Stage::Probing => return Err(self.give_up()),
                    Stage::Recording => self.session.say("stop\n"),
                    _ => self.session.hang_up(),
                }
                self.stopped = true;
            }
            match self.incoming.next(TICK) {
                None => {}
                Some(Came::Greeting) => self.to(Stage::Probing),
                Some(Came::Bytes(bytes)) => self.state.bytes += bytes,
                Some(Came::Text(name, text)) => self.hear(name, text)?,
                Some(Came::Pages(spool)) => return self.pages(spool),
                Some(Came::Broken(error)) => return Err(error),
                Some(Came::End) => return Err(self.unheard()),
            }
        }
    }

    fn hear(&mut self, name: String, text: String) -> Result<(), RecordError> {
        match name.split_once('.') {
            None if name == "fail" => {
                return Err(RecordError::Refused { target: self.plan.target.to_string(), message: text });
            }
            None if name == "recording" => {
                self.started = Some(Instant::now());
                self.to(Stage::Recording);
            }
            None if name == "fetching" => {
                self.tick();
                self.to(Stage::Fetching);
            }
            Some(("cpu", cpu)) => {
                let numbers: Vec<u64> = text.split(' ').filter_map(|n| n.parse().ok()).collect();
                let cpu = cpu.parse().ok().filter(|c| *c < MAX_CPUS);
                if let (Some(cpu), &[events, waiting, buffer, lost]) = (cpu, numbers.as_slice()) {
                    let now = CpuProgress { cpu, events, waiting, buffer, lost };
                    match self.state.cpus.binary_search_by_key(&cpu, |c| c.cpu) {
                        Ok(at) => self.state.cpus[at] = now,
                        Err(at) => self.state.cpus.insert(at, now),
                    }
                    self.state.events = self.state.cpus.iter().map(|c| c.events).sum();
                }
            }
            _ => self.told.say(name, text),
        }
        self.state.guest = self.told.guest();
        Ok(())
    }

    /// The pages have come, or the stream has ended before the plan did.
    fn pages(&mut self, spool: Spool) -> Result<Spool, RecordError> {
        if self.told.status().is_some() {
            return Ok(spool);
        }
        // Why comes right behind, or nothing does.
        let error = match self.incoming.next(BEAT * 10) {
            Some(Came::Broken(error)) => Some(error),
            _ => None,
        };
        match error {
            // These are not the connection's fault, and the next recording would fail in the same way.
            Some(error) if !matches!(error, RecordError::Stream(_)) => return Err(error),
            _ if spool.files.is_empty() => return Err(self.unheard()),
            _ => {}
        }
        // What came before the connection broke is kept.
        let why = if self.stopped { "it was cancelled".to_owned() } else { self.last_words() };
        self.told.say("note".into(), format!("the recording ends before the workload's end: {why}"));
        Ok(spool)
    }

    /// The plan never answered, or broke off with nothing to keep.
    fn unheard(&mut self) -> RecordError {
        if self.stopped {
            return RecordError::Cancelled;
        }
        RecordError::Connect { target: self.plan.target.to_string(), said: self.last_words() }
    }

    fn last_words(&mut self) -> String {
        let (state, progress) = (&self.state, &mut self.progress);
        self.session.last_words(|| progress(state))
    }

    /// Before the workload runs there is nothing to keep: an `ssh` that still connects is not waited for.
    fn give_up(&mut self) -> RecordError {
        if self.state.stage == Stage::Connecting {
            self.session.kill();
        }
        let (state, progress) = (&self.state, &mut self.progress);
        let _ = self.session.end(|| progress(state));
        RecordError::Cancelled
    }

    fn decode(&mut self, spool: &mut Spool, builder: &mut TraceBuilder) -> Result<PagesReport, RecordError> {
        let formats = self.told.formats()?;
        let cancel = (!self.stopped).then(|| self.cancel.clone());
        let mut streams = Vec::new();
        for (cpu, mut file) in std::mem::take(&mut spool.files) {
            file.rewind().map_err(RecordError::disk)?;
            streams.push((CpuId(cpu), format!("pages of CPU {cpu}"), Watched { file, cancel: cancel.clone() }));
        }
        match decode(&formats, streams, builder) {
            Err(RingError::Io { .. }) if cancel.is_some_and(|c| c.is_cancelled()) => Err(RecordError::Cancelled),
            done => Ok(done?),
        }
    }
}

/// A file that cannot be read any more once somebody cancels.
struct Watched<R> {
    file: R,
    cancel: Option<Cancel>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
            return Err(std::io::Error::other("cancelled"));
        }
        self.file.read(into)
    }
}
