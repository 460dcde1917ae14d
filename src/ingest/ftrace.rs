//! Text of ftrace (`trace`, `trace_pipe`) and trace-cmd (`report`, with `-t`, `-R`, `-l`), in any `sched_switch` layout.
//! Long texts are cut at line ends and parsed on all threads of the rayon pool; the result does not depend on the cuts.

mod line;
mod payload;

use super::{KEPT_BAD_LINES, Reason, Report, num};
use crate::trace::{CpuId, Event, EventKind, MAX_CPUS, Nanos, Pid, TraceBuilder};
use line::{Body, Head, Line};
use rayon::prelude::*;

/// Enough lines to make handing it to another thread worth it, few enough to keep all threads busy to the end.
const CHUNK: usize = 1 << 20;

/// Looks at the first part of a text: is it ftrace's?
pub fn sniff(text: &[u8], complete: bool) -> super::Sniff {
    for line in text.split_inclusive(|&b| b == b'\n') {
        if line.starts_with(b"# tracer:") {
            return super::Sniff::Yes;
        }
        match line::parse(line.trim_ascii_end()) {
            Ok(Line::Comment) | Err(_) => {}
            Ok(_) => return super::Sniff::Yes,
        }
    }
    if complete { super::Sniff::No } else { super::Sniff::NeedMore }
}

/// Reads all lines. Also returns the number of CPUs if the text says it (0: it does not).
pub fn parse(text: &[u8], report: &mut Report) -> (TraceBuilder, u16) {
    parse_chunks(text, CHUNK, report)
}

/// [`parse`] with cuts about every `size` bytes.
pub fn parse_chunks(text: &[u8], size: usize, report: &mut Report) -> (TraceBuilder, u16) {
    let mut chunks = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let aim = (start + size.max(1) - 1).min(text.len());
        let end = memchr::memchr(b'\n', &text[aim..]).map_or(text.len(), |at| aim + at + 1);
        chunks.push((start, &text[start..end]));
        start = end;
    }
    let parts: Vec<Part> = chunks.into_par_iter().map(|(start, chunk)| Part::parse(start as u64, chunk)).collect();
    let mut parts = parts.into_iter();
    let Some(mut whole) = parts.next() else { return (TraceBuilder::default(), 0) };
    for part in parts {
        whole.append(part);
    }
    let found = whole.report;
    report.lines = found.lines;
    report.skipped += found.skipped;
    report.bad.extend(found.bad);
    report.other_events = found.other_events;
    report.overwritten = found.overwritten;
    (whole.builder, whole.cpus)
}

/// What one piece of the text gave. Line numbers count from its start, bytes from the start of the text.
#[derive(Default)]
struct Part {
    builder: TraceBuilder,
    report: Report,
    cpus: u16,
}

impl Part {
    fn parse(start: u64, text: &[u8]) -> Self {
        // A line of a switch takes about 150 bytes, one of a wake-up 110.
        let mut part = Self { builder: TraceBuilder::with_capacity(text.len() / 128), ..Self::default() };
        let mut from = 0;
        while from < text.len() {
            let end = memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |at| from + at);
            part.report.lines += 1;
            if let Err(reason) = part.take(&text[from..end]) {
                part.report.bad_line(part.report.lines, start + from as u64, reason);
            }
            from = end + 1;
        }
        part
    }

    fn take(&mut self, text: &[u8]) -> Result<(), Reason> {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        match line::parse(text)? {
            Line::Comment => self.comment(text),
            Line::Other => self.report.other_events += 1,
            Line::Cpus(n) if n <= u64::from(MAX_CPUS) => self.cpus = self.cpus.max(n as u16),
            Line::Cpus(n) => return Err(Reason::CpuTooBig(n)),
            Line::Lost { cpu: n, lost } => self.builder.loss(cpu(n)?, lost),
            Line::Event(head, body) => self.event(head, body)?,
        }
        Ok(())
    }

    /// `# entries-in-buffer/entries-written: 2502/2610   #P:2`
    fn comment(&mut self, text: &[u8]) {
        let Some(rest) = text.strip_prefix(b"# entries-in-buffer/entries-written: ") else { return };
        let mut words = rest.split(|b| *b == b' ').filter(|w| !w.is_empty());
        if let Some(entries) = words.next() {
            let mut numbers = entries.split(|b| *b == b'/').map(num::unsigned);
            if let (Some(Some(kept)), Some(Some(written))) = (numbers.next(), numbers.next()) {
                let missing = written.saturating_sub(kept);
                self.report.overwritten = self.report.overwritten.saturating_add(missing);
            }
        }
        let cpus = words.find_map(|w| num::unsigned(w.strip_prefix(b"#P:")?));
        if let Some(n) = cpus.filter(|&n| n <= u64::from(MAX_CPUS)) {
            self.cpus = self.cpus.max(n as u16);
        }
    }

    fn event(&mut self, head: Head, body: Body<'_>) -> Result<(), Reason> {
        let mut event = Event::blank(Nanos(head.time), cpu(head.cpu)?);
        // CPUs are checked before names are interned: a bad line must not leave a task behind.
        let task = match body {
            Body::Switch(s) => {
                event.state = s.state;
                event.task = self.builder.task(Pid(s.prev.pid), s.prev.comm);
                event.next = self.builder.task(Pid(s.next.pid), s.next.comm);
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
                event.task = self.builder.task(Pid(task.pid), task.comm);
                self.builder.push_runtime(event, Pid(head.actor), runtime);
                return Ok(());
            }
            Body::Two(kind, task, next) => {
                event.kind = kind;
                event.next = self.builder.task(Pid(next.pid), next.comm);
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
        event.task = self.builder.task(Pid(task.pid), task.comm);
        event.prio = task.prio;
        self.builder.push(event, Pid(head.actor));
        Ok(())
    }

    fn append(&mut self, later: Self) {
        self.builder.append(later.builder);
        self.cpus = self.cpus.max(later.cpus);
        let (mine, other) = (&mut self.report, later.report);
        mine.skipped += other.skipped;
        let room = KEPT_BAD_LINES - mine.bad.len();
        let offset = mine.lines;
        mine.bad.extend(other.bad.into_iter().take(room).map(|mut bad| {
            bad.line += offset;
            bad
        }));
        mine.lines += other.lines;
        mine.other_events += other.other_events;
        mine.overwritten = mine.overwritten.saturating_add(other.overwritten);
    }
}

fn cpu(n: u64) -> Result<CpuId, Reason> {
    if n < u64::from(MAX_CPUS) { Ok(CpuId(n as u16)) } else { Err(Reason::CpuTooBig(n)) }
}

#[cfg(test)]
mod tests;
