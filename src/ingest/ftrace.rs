//! Text of ftrace (`trace`, `trace_pipe`) and trace-cmd (`report`, with `-t`, `-R`, `-l`), in any
//! `sched_switch` layout. Long texts are cut at line ends and parsed on all threads of the rayon
//! pool; the result does not depend on the cuts.

pub mod head;
mod layout;
pub(super) mod line;
mod payload;
mod usual;

use super::lines::{BLOCK, LONGEST, Lines};
use super::report::believable;
use super::{Format, IngestError, Place, Probe, Reader, Reason, Report, Sink, Source, num};
use crate::trace::{
    CpuId, Event, EventKind, MAX_CPUS, Nanos, Pid, TaskId, TraceBuilder, TraceMeta,
};
use head::Head;
pub(super) use layout::cleaned;
use line::{Body, Line};
use memchr::memmem::find;
use payload::Named;
use rayon::prelude::*;

/// Enough lines to make handing it to another thread worth it, few enough to keep all threads busy
/// to the end.
const CHUNK: usize = 256 << 10;

/// The format.
pub struct Ftrace;

impl Reader for Ftrace {
    fn format(&self) -> Format {
        Format::Ftrace
    }

    fn probe(&self, head: &[u8], _: &str, complete: bool) -> Probe {
        let event = |line: &[u8]| matches!(line::parse(line), Ok(line) if line != Line::Comment);
        for line in head.split_inclusive(|&b| b == b'\n') {
            let text = bare(line.trim_ascii_end());
            if line.starts_with(b"# tracer:")
                || event(text)
                || layout::cleaned(text).is_some_and(|clean| event(&clean))
            {
                return Probe::Yes;
            }
        }
        if complete { Probe::No } else { Probe::More }
    }

    fn read(&self, source: &mut Source<'_>, to: &mut Sink) -> Result<(), IngestError> {
        let machines = read_cut(source, to, BLOCK, CHUNK);
        if machines.0.len() > 1 {
            return Err(IngestError::Foreign {
                name: source.name().into(),
                what: "the text of several machines in one (a host and its guests), whose CPUs and \
                       pids are not the same",
                way: "print one of them: `trace-cmd report -t -i FILE`",
            });
        }
        Ok(())
    }
}

/// What differs between texts whose lines hold an event each.
pub(super) struct Dialect {
    /// Takes a line off the text, if it is one that it knows; [`Self::line`] would say the same of
    /// it.
    pub usual: fn(&[u8]) -> Option<usual::Taken<'_>>,
    /// Tells what a line is.
    pub line: fn(&[u8]) -> Result<Line<'_>, Reason>,
    /// What a comment says of the machine.
    pub comment: fn(&[u8], &mut TraceMeta, &mut Report),
}

const OWN: Dialect = Dialect { usual: usual::line, line: line::parse, comment };

fn read_cut(source: &mut Source<'_>, to: &mut Sink, block: usize, chunk: usize) -> Machines {
    read_dialect(&OWN, source, to, (block, chunk))
}

/// Reads a text of another program with such lines.
pub(super) fn read_text(dialect: &Dialect, source: &mut Source<'_>, to: &mut Sink) {
    read_dialect(dialect, source, to, (BLOCK, CHUNK));
}

/// Reads blocks of about `block` bytes, and parses each in pieces of about `chunk` bytes while the
/// next one is read and what the one before gave is put to the rest.
fn read_dialect(
    dialect: &Dialect,
    source: &mut Source<'_>,
    to: &mut Sink,
    (block, chunk): (usize, usize),
) -> Machines {
    let mut lines = Lines::new(block);
    let mut whole = Part::default();
    // Parts whose text is being parsed or was, and those that are empty again.
    let (mut parsed, mut spare): (Vec<Part>, Vec<Part>) = Default::default();
    // Not known of a pipe.
    let bytes = source.left().unwrap_or_default();
    let mut read = |lines: &mut Lines| lines.lent(source).or_else(|| lines.next(source));
    let mut next = read(&mut lines);
    while let Some(block) = next {
        let pieces = pieces(&block.text, chunk);
        let work: Vec<_> =
            pieces.into_iter().map(|piece| (piece, spare.pop().unwrap_or_default())).collect();
        let parse = || {
            // Piece by piece: the last one may take long on a thread that others keep busy.
            let parts = work.into_par_iter().with_max_len(1).map(|((at, text), mut part)| {
                part.parse(dialect, block.start + at as u64, text);
                part
            });
            parts.collect()
        };
        let mut before = std::mem::take(&mut parsed);
        let beside = || {
            let following = read(&mut lines);
            if whole.builder.is_empty() {
                whole.builder.reserve(expected(&before, block.start, bytes));
            }
            for part in &mut before {
                whole.take_over(part);
            }
            following
        };
        (parsed, next) = rayon::join(parse, beside);
        spare.append(&mut before);
        lines.reuse(block);
    }
    for part in &mut parsed {
        whole.take_over(part);
    }
    lines.finish(source, &mut whole.report);
    if whole.counts > 0 {
        whole.report.warn(
            "stamps without a point are counts of a clock (`counter`, `x86-tsc`, `uptime`) and \
             taken for nanoseconds: the order of events is right, durations are not times",
        );
    }
    to.meta = whole.said;
    to.events = whole.builder;
    to.report = whole.report;
    whole.machines
}

/// About how many events a text of `bytes` holds whose first `read` bytes gave these parts.
fn expected(parts: &[Part], read: u64, bytes: u64) -> usize {
    let events: u64 = parts.iter().map(|part| part.builder.len() as u64).sum();
    // A few more: to move the columns at the end would cost more than room that is never touched.
    (events as f64 * (bytes as f64 / read.max(1) as f64) * 1.05) as usize
}

/// A line without its end. Old pages of systrace hold the text as a string of JavaScript; editors
/// of Windows begin a text with a mark.
fn bare(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_suffix(b"\\n\\").unwrap_or(line);
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// A text in pieces that end at line ends, each with its offset.
fn pieces(text: &[u8], size: usize) -> Vec<(usize, &[u8])> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let aim = (start + size.max(1) - 1).min(text.len());
        let end = memchr::memchr(b'\n', &text[aim..]).map_or(text.len(), |at| aim + at + 1);
        pieces.push((start, &text[start..end]));
        start = end;
    }
    pieces
}

/// What one piece of the text gave. Line numbers count from its start, bytes from the start of the
/// text.
#[derive(Default)]
struct Part {
    builder: TraceBuilder,
    report: Report,
    /// What comments say of the machine: CPUs, kernel, command.
    said: TraceMeta,
    /// Events whose stamp is a whole number.
    counts: u64,
    machines: Machines,
}

/// The files of which trace-cmd printed several into one text: the first two.
#[derive(Default)]
struct Machines(Vec<String>);

impl Machines {
    fn add(&mut self, file: &[u8]) {
        let file = String::from_utf8_lossy(file).into_owned();
        if self.0.len() < 2 && !self.0.contains(&file) {
            self.0.push(file);
        }
    }
}

/// `# entries-in-buffer/entries-written: 2502/2610   #P:2`
/// `# nop latency trace v1.1.5 on 6.18.44`
/// `# latency: 0 us, #2829/2829, CPU#0 | (M:PREEMPT(none) VP:0, KP:0, SP:0 HP:0 #P:2)`
fn comment(text: &[u8], said: &mut TraceMeta, report: &mut Report) {
    if let Some(at) = find(text, b" latency trace v")
        && let Some(on) = find(&text[at..], b" on ")
    {
        said.kernel = String::from_utf8_lossy(text[at + on + 4..].trim_ascii()).into_owned();
    }
    if text.starts_with(b"# latency: ")
        && let Some(at) = find(text, b" #P:")
    {
        cpus(&text[at + 4..], said);
    }
    let Some(rest) = text.strip_prefix(b"# entries-in-buffer/entries-written: ") else { return };
    let mut words = rest.split(|b| *b == b' ').filter(|w| !w.is_empty());
    if let Some(entries) = words.next() {
        let mut numbers = entries.split(|b| *b == b'/').map(num::unsigned);
        if let (Some(Some(kept)), Some(Some(written))) = (numbers.next(), numbers.next()) {
            let missing = written.saturating_sub(kept);
            report.overwritten = report.overwritten.saturating_add(missing);
        }
    }
    if let Some(n) = words.find_map(|w| w.strip_prefix(b"#P:")) {
        cpus(n, said);
    }
}

/// The number at the beginning of `text` is that of the CPUs.
pub(super) fn cpus(text: &[u8], said: &mut TraceMeta) {
    let digits = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    if let Some(n) = num::unsigned(&text[..digits]).filter(|&n| n <= u64::from(MAX_CPUS)) {
        said.cpus = said.cpus.max(n as u16);
    }
}

impl Part {
    fn parse(&mut self, dialect: &Dialect, start: u64, text: &[u8]) {
        let mut from = 0;
        while from < text.len() {
            self.report.units += 1;
            let (taken, length) = if let Some((head, body, length)) = (dialect.usual)(&text[from..])
            {
                (self.event(head, body), length)
            } else {
                let length = memchr::memchr(b'\n', &text[from..]).unwrap_or(text.len() - from);
                (self.take(dialect, &text[from..from + length]), length + 1)
            };
            if let Err(reason) = taken {
                let place = Place::Line { line: self.report.units, byte: start + from as u64 };
                self.report.note(place, reason);
            }
            from += length;
        }
    }

    fn take(&mut self, dialect: &Dialect, text: &[u8]) -> Result<(), Reason> {
        if text.len() > LONGEST {
            return Err(Reason::TooLong);
        }
        let text = bare(text);
        let line = (dialect.line)(text);
        // Names may hold such bytes, too: a line is taken as it is where it can be.
        if matches!(line, Err(_) | Ok(Line::Other))
            && let Some(clean) = layout::cleaned(text)
            && let Ok(line) = (dialect.line)(&clean)
        {
            return self.line(dialect, line, &clean);
        }
        self.line(dialect, line?, text)
    }

    fn line(&mut self, dialect: &Dialect, line: Line<'_>, text: &[u8]) -> Result<(), Reason> {
        match line {
            Line::Comment => (dialect.comment)(text, &mut self.said, &mut self.report),
            Line::Other => self.report.other_events += 1,
            Line::Cpus(n) if n <= u64::from(MAX_CPUS) => {
                self.said.cpus = self.said.cpus.max(n as u16);
            }
            Line::Cpus(n) => return Err(Reason::CpuTooBig(n)),
            Line::Machine(file) => self.machines.add(file),
            Line::Lost { cpu: n, lost } => self.builder.loss(cpu(n)?, lost),
            Line::Event(head, body) => self.event(head, body)?,
        }
        Ok(())
    }

    /// Interns a task, whose name may be written as numbers.
    fn task(&mut self, task: &Named<'_>) -> TaskId {
        self.builder.task_written(Pid(task.pid), task.comm, layout::array)
    }

    fn event(&mut self, head: Head, body: Body<'_>) -> Result<(), Reason> {
        let mut event = Event::blank(Nanos(believable(head.time)?), cpu(head.cpu)?);
        self.counts += u64::from(head.count);
        // CPUs are checked before names are interned: a bad line must not leave a task behind.
        let task = match body {
            Body::Switch(s) => {
                event.state = s.state;
                event.task = self.task(&s.prev);
                event.next = self.task(&s.next);
                event.prio = s.prev.prio;
                event.next_prio = s.next.prio;
                self.builder.push(event, Pid(head.actor));
                return Ok(());
            }
            Body::Wakeup(kind, w) => {
                event.kind = kind;
                event.to_cpu = cpu(w.cpu)?;
                w.task
            }
            Body::Runtime(task, runtime) => {
                event.kind = EventKind::Runtime;
                event.task = self.task(&task);
                self.builder.push_runtime(event, Pid(head.actor), runtime);
                return Ok(());
            }
            Body::Two(kind, task, next) => {
                event.kind = kind;
                event.next = self.task(&next);
                task
            }
            Body::One(kind, task) => {
                event.kind = kind;
                task
            }
            Body::Migrate(m) => {
                event.kind = EventKind::Migrate;
                event.from_cpu = cpu(m.from)?;
                event.to_cpu = cpu(m.to)?;
                m.task
            }
        };
        event.task = self.task(&task);
        event.prio = task.prio;
        self.builder.push(event, Pid(head.actor));
        Ok(())
    }

    /// Takes over what a later part of the text gave, and leaves that one empty.
    fn take_over(&mut self, part: &mut Self) {
        self.builder.drain(&mut part.builder);
        let builder = std::mem::take(&mut part.builder);
        let later = std::mem::replace(part, Self { builder, ..Self::default() });
        self.said.cpus = self.said.cpus.max(later.said.cpus);
        self.counts += later.counts;
        for (first, later) in [
            (&mut self.said.kernel, later.said.kernel),
            (&mut self.said.command, later.said.command),
            (&mut self.said.tool, later.said.tool),
        ] {
            if first.is_empty() {
                *first = later;
            }
        }
        later.machines.0.iter().for_each(|file| self.machines.add(file.as_bytes()));
        self.report.append(later.report);
    }
}

fn cpu(n: u64) -> Result<CpuId, Reason> {
    if n < u64::from(MAX_CPUS) { Ok(CpuId(n as u16)) } else { Err(Reason::CpuTooBig(n)) }
}

#[cfg(test)]
mod tests;
