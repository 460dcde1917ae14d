//! One recording from the first word of the plan to the finished trace: what it says, what it is
//! told, and what is made of it when the connection, the disk or somebody ends it early.

use super::meta::GuestTexts;
use super::patience::{ANSWER, Patience, Step};
use super::session::Session;
use super::stream::{Came, Incoming, Spool};
use super::truth::{self, Probe};
use super::{CpuProgress, MOST_CPUS, Plan, Progress, RecordError, Recorded, Stage, Stop, quote};
use crate::ingest::ringbuf::{Formats, PagesReport, RingError, decode};
use crate::trace::{CpuId, Trace, TraceBuilder};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::time::{Duration, Instant};

/// The plan, behind its arguments.
const PLAN: &str = include_str!("plan.sh");
/// So often at least the caller is told, and asked whether to go on.
const TICK: Duration = Duration::from_millis(100);
/// So often the plan hears that somebody is here; it gives up after six seconds of silence.
const BEAT: Duration = Duration::from_secs(1);
/// When the pages are here a machine that cleans itself is waited for so long.
const CLEAN: Duration = Duration::from_secs(15);
/// No counter of a real buffer is higher; sums of these cannot overflow.
const MOST: u64 = 1 << 48;

/// Records; see [`super::record`].
pub fn run(
    plan: &Plan,
    stop: &Stop,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Recorded, RecordError> {
    let limit = Duration::from_secs(plan.settings.seconds.max(1).into());
    let state = Progress { limit, ..Progress::default() };
    progress(&state);
    let (mut session, output) = Session::start(&plan.target)?;
    session.say(&(quote::set_arguments(arguments(plan).iter().map(String::as_str)) + PLAN));
    let run = Run {
        plan,
        stop,
        progress,
        state,
        told: Told::default(),
        incoming: Incoming::read(output),
        session,
        started: None,
        broken: None,
        patience: Patience::new(Instant::now(), plan.settings.truth),
        beaten: Instant::now(),
    };
    run.all()
}

/// The plan's arguments.
fn arguments(plan: &Plan) -> Vec<String> {
    let needs: Vec<String> =
        plan.needs.iter().map(|(tool, package)| format!("{tool}:{package}")).collect();
    let mut events = vec!["sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_migrate_task"];
    events.extend(plan.settings.runtime.then_some("sched_stat_runtime"));
    events.extend(plan.settings.waking.then_some("sched_waking"));
    let truth = if plan.settings.truth { "1" } else { "0" };
    let seconds = plan.settings.seconds.max(1).saturating_add(plan.spare);
    let numbers = [seconds.to_string(), plan.settings.buffer_kb.max(64).to_string()];
    numbers
        .into_iter()
        .chain([needs.join(","), events.join(","), truth.to_owned()])
        .chain(plan.command.iter().cloned())
        .collect()
}

/// What the machine has said of itself, and what was read from that.
#[derive(Default)]
struct Told {
    texts: GuestTexts,
    /// As they were when the workload began.
    formats: Option<Formats>,
    /// Of the kernel's own state, when it is read: those that the plan may try, in that order.
    probes: Vec<Probe>,
}

struct Run<'a> {
    plan: &'a Plan,
    stop: &'a Stop,
    progress: &'a mut dyn FnMut(&Progress),
    state: Progress,
    told: Told,
    incoming: Incoming,
    session: Session,
    /// When the workload was.
    started: Option<Instant>,
    /// Why the connection broke.
    broken: Option<String>,
    patience: Patience,
    beaten: Instant,
}

/// Said of a recording to which no state came.
const NO_STATE: &str = "the kernel's own state did not come: this is recorded without it";

impl Run<'_> {
    fn all(mut self) -> Result<Recorded, RecordError> {
        let mut spool = self.fetch().inspect_err(|error| {
            // Whoever answers like this is not waited for; a plan that says why it cannot ends by
            // itself.
            if !matches!(error, RecordError::Refused { .. } | RecordError::Cancelled) {
                self.session.cut();
            }
        })?;
        self.to(Stage::Decoding);
        let mut builder = TraceBuilder::default();
        let pages = self.decode(&mut spool, &mut builder)?;
        self.state.events = builder.len() as u64;
        self.to(Stage::Cleaning);
        self.clean();
        if builder.is_empty() {
            return Err(RecordError::NoEvents);
        }
        self.to(Stage::Done);
        let meta = self.told.texts.meta(self.plan);
        let status = self.told.texts.status();
        let (mut notes, log) = self.told.texts.words();
        let mut trace = builder.finish(meta);
        if self.plan.settings.truth {
            let (with, any) = joined(trace, spool.truth.take(), self.told.probes.first())?;
            trace = with;
            if !any {
                trace = trace.with_meta(|meta| {
                    meta.note += if meta.note.is_empty() { "" } else { "; " };
                    meta.note += NO_STATE;
                });
                notes.push(NO_STATE.to_owned());
            }
        }
        Ok(Recorded { trace, pages, notes, status, log, broken: self.broken })
    }

    /// Waits until the machine is as it was. Only a note may still come; a connection that breaks
    /// now costs nothing.
    fn clean(&mut self) {
        let since = Instant::now();
        while since.elapsed() < CLEAN && !self.stop.leaving() {
            match self.incoming.next(TICK) {
                Some(Came::Text(name, _)) if name == "end" => break,
                // The recording is here: what is said too much now is not worth an error.
                Some(Came::Text(name, text)) => drop(self.told.texts.say(name, text)),
                Some(Came::End | Came::Broken(_)) => break,
                Some(_) => {}
                None => (self.progress)(&self.state),
            }
        }
        // Its status says nothing that the plan has not said.
        let _ = self.end();
    }

    /// Ends the session, waiting for the plan to clean up unless nobody waits any more.
    fn end(&mut self) -> std::io::Result<std::process::ExitStatus> {
        let (state, stop, progress) = (&self.state, self.stop, &mut self.progress);
        self.session.end(|| {
            progress(state);
            !stop.leaving()
        })
    }

    fn to(&mut self, stage: Stage) {
        self.state.stage = stage;
        let spare = Duration::from_secs(self.plan.spare.into());
        self.patience.enter(stage, self.state.limit + spare, Instant::now());
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

    /// Follows the plan until the pages are here. Early ends that leave pages to keep are told as
    /// notes.
    fn fetch(&mut self) -> Result<Spool, RecordError> {
        loop {
            self.tick();
            self.heed()?;
            match self.incoming.next(TICK) {
                None => {}
                Some(Came::Greeting) => self.to(Stage::Probing),
                Some(Came::Bytes(bytes)) => {
                    self.state.bytes += bytes;
                    self.patience.comes(self.state.bytes, Instant::now());
                }
                Some(Came::Text(name, text)) => self.hear(name, text)?,
                Some(Came::Pages(spool)) => return self.pages(spool),
                Some(Came::Broken(error)) => return Err(error),
                Some(Came::End) => return Err(self.unheard()),
            }
        }
    }

    /// Ends the workload or the connection when somebody asks for it or the time is over: each step
    /// when the one before had no effect.
    fn heed(&mut self) -> Result<(), RecordError> {
        let (now, step) = (Instant::now(), self.patience.step());
        let (asked, over) = (self.stop.is_asked(), self.patience.is_over(now));
        let next = match (self.state.stage, step) {
            (Stage::Connecting | Stage::Probing, Step::Going) if asked => {
                return Err(self.give_up());
            }
            (Stage::Connecting | Stage::Probing, Step::Going) if over => return Err(self.slow()),
            (_, Step::Cut) if over => return Err(self.unheard()),
            (_, Step::Cut) => return Ok(()),
            _ if self.stop.leaving() => Step::Cut,
            // The plan's own limit is over long ago: another word would not help.
            (Stage::Recording, Step::Going) if asked && !over => Step::Stopping,
            (_, Step::Going) if asked || over => Step::HungUp,
            (_, Step::Stopping) if over => Step::HungUp,
            (_, Step::HungUp) if over => Step::Cut,
            _ => return Ok(()),
        };
        match next {
            Step::Going => {}
            Step::Stopping => self.session.say("stop\n"),
            Step::HungUp => self.session.hang_up(),
            Step::Cut => self.session.cut(),
        }
        self.patience.take(next, now);
        Ok(())
    }

    /// The plan did not get as far as the workload.
    fn slow(&mut self) -> RecordError {
        self.session.cut();
        let (what, waited) = match self.state.stage {
            Stage::Connecting => ("no answer", ANSWER),
            _ => ("the workload was not started", self.patience.answer()),
        };
        RecordError::Slow { target: self.plan.target.to_string(), what, seconds: waited.as_secs() }
    }

    fn hear(&mut self, name: String, text: String) -> Result<(), RecordError> {
        match name.split_once('.') {
            None if name == "fail" => {
                return Err(RecordError::Refused {
                    target: self.plan.target.to_string(),
                    message: text,
                });
            }
            None if name == "ask" && self.plan.settings.truth && self.told.probes.is_empty() => {
                self.ask()?;
            }
            // The one before it does not start there.
            None if name == "next" && self.told.probes.len() > 1 => {
                self.told.probes.remove(0);
                self.to(Stage::Probing);
            }
            None if name == "recording" && self.started.is_none() => {
                // Without them no page is of any use.
                self.told.formats = Some(self.told.texts.formats()?);
                self.started = Some(Instant::now());
                self.to(Stage::Recording);
            }
            None if name == "fetching" && self.state.stage == Stage::Recording => {
                self.tick();
                self.to(Stage::Fetching);
            }
            Some(("cpu", cpu)) => self.fills(cpu, &text),
            kind => {
                let machine = matches!(name.as_str(), "kernel" | "ext" | "online" | "cpus");
                let of_cpu = matches!(kind, Some(("stats", _)));
                let of_kernel = matches!(kind, Some(("btf", _)));
                let new = self.told.texts.say(name, text)?;
                if machine {
                    self.state.guest = self.told.texts.guest();
                }
                if new && of_cpu {
                    self.patience.extend(Instant::now());
                }
                // Each takes seconds, on an emulated machine many.
                if new && of_kernel {
                    self.to(Stage::Probing);
                }
            }
        }
        Ok(())
    }

    /// The plan has told what the kernel's structures look like, and asks for the probe's program.
    fn ask(&mut self) -> Result<(), RecordError> {
        self.told.probes = self.told.texts.probes().map_err(|message| RecordError::Refused {
            target: self.plan.target.to_string(),
            message,
        })?;
        let mut words = String::new();
        for (i, probe) in self.told.probes.iter().enumerate() {
            words += if i == 0 { "" } else { "next\n" };
            words.extend(probe.program.lines().flat_map(|line| ["bt ", line, "\n"]));
        }
        self.session.say(&(words + "run\n"));
        // As long again for the probe to start.
        self.to(Stage::Probing);
        Ok(())
    }

    /// How full the buffer of a CPU is.
    fn fills(&mut self, cpu: &str, text: &str) {
        let numbers: Vec<u64> = text
            .split(' ')
            .take(5)
            .filter_map(|n| n.parse().ok())
            .map(|n: u64| n.min(MOST))
            .collect();
        let cpu = cpu.parse().ok().filter(|c| *c < MOST_CPUS);
        if let (Some(cpu), &[events, waiting, buffer, lost]) = (cpu, numbers.as_slice()) {
            let now = CpuProgress { cpu, events, waiting, buffer, lost };
            match self.state.cpus.binary_search_by_key(&cpu, |c| c.cpu) {
                Ok(at) => self.state.cpus[at] = now,
                Err(at) => self.state.cpus.insert(at, now),
            }
            self.state.events = self.state.cpus.iter().map(|c| c.events).sum();
        }
    }

    /// The pages have come, or the stream has ended before the plan did.
    fn pages(&mut self, spool: Spool) -> Result<Spool, RecordError> {
        if self.told.texts.status().is_some() {
            return Ok(spool);
        }
        // Why comes right behind, or nothing does.
        let error = match self.incoming.next(BEAT * 10) {
            Some(Came::Broken(error)) => Some(error),
            _ => None,
        };
        let why = match error {
            Some(full @ RecordError::Full) => {
                self.session.cut();
                full.to_string()
            }
            // These are not the connection's fault, and the next recording would fail in the same
            // way.
            Some(error) if !matches!(error, RecordError::Stream(_)) => return Err(error),
            _ if spool.files.is_empty() => return Err(self.unheard()),
            _ if self.stop.is_asked() => "it was cancelled".to_owned(),
            _ if self.patience.step() > Step::Going => {
                "the machine did not end it in time".to_owned()
            }
            _ => {
                let why = self.last_words();
                self.broken = Some(why.clone());
                why
            }
        };
        // What came before the connection broke is kept.
        let what = if self.state.stage == Stage::Fetching {
            "not all that was recorded has come"
        } else {
            "the recording ends before the workload's end"
        };
        self.told.texts.say("note".into(), format!("{what}: {why}"))?;
        Ok(spool)
    }

    /// The plan never answered, or broke off with nothing to keep.
    fn unheard(&mut self) -> RecordError {
        if self.stop.is_asked() {
            return RecordError::Cancelled;
        }
        let target = self.plan.target.to_string();
        if self.patience.step() > Step::Going {
            let seconds = self.started.map_or(0, |s| s.elapsed().as_secs());
            return RecordError::Slow {
                target,
                what: "the workload ran and no page came",
                seconds,
            };
        }
        RecordError::Connect { target, said: self.last_words() }
    }

    fn last_words(&mut self) -> String {
        let (state, stop, progress) = (&self.state, self.stop, &mut self.progress);
        self.session.last_words(|| {
            progress(state);
            !stop.leaving()
        })
    }

    /// Before the workload runs there is nothing to keep: an `ssh` that still connects is not
    /// waited for.
    fn give_up(&mut self) -> RecordError {
        if self.state.stage == Stage::Connecting {
            self.session.cut();
        }
        let _ = self.end();
        RecordError::Cancelled
    }

    fn decode(
        &mut self,
        spool: &mut Spool,
        builder: &mut TraceBuilder,
    ) -> Result<PagesReport, RecordError> {
        // There are no pages from before the workload.
        let formats = self.told.formats.take().ok_or(RecordError::NoEvents)?;
        // Somebody who has left already wants what came.
        let stop = (!self.stop.leaving()).then(|| self.stop.clone());
        let mut streams = Vec::new();
        for (cpu, mut file) in std::mem::take(&mut spool.files) {
            file.rewind().map_err(RecordError::disk)?;
            streams.push((
                CpuId(cpu),
                format!("pages of CPU {cpu}"),
                Watched { file, stop: stop.clone() },
            ));
        }
        match decode(&formats, streams, builder) {
            Err(RingError::Io { .. }) if stop.is_some_and(|s| s.leaving()) => {
                Err(RecordError::Cancelled)
            }
            done => Ok(done?),
        }
    }
}

/// The trace with what the probe printed; false where nothing of it came.
fn joined(
    trace: Trace,
    printed: Option<File>,
    probe: Option<&Probe>,
) -> Result<(Trace, bool), RecordError> {
    let (Some(mut file), Some(probe)) = (printed, probe) else { return Ok((trace, false)) };
    file.rewind().map_err(RecordError::disk)?;
    let read = truth::read(BufReader::new(file), probe);
    if read.seen.is_empty() {
        return Ok((trace, false));
    }
    Ok((truth::join(trace, &read, probe).0, true))
}

/// A file that cannot be read any more once somebody leaves.
struct Watched<R> {
    file: R,
    stop: Option<Stop>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.stop.as_ref().is_some_and(Stop::leaving) {
            return Err(std::io::Error::other("cancelled"));
        }
        self.file.read(into)
    }
}
