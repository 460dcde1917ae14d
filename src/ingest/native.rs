//! The native format: CSV with a header, one row per event, nanoseconds since the start of the
//! recording.
//!
//! ```text
//! time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu
//! 308568,1,switch,8515,8515,sh,120,D,0,swapper/1,120,,
//! 449458,0,migrate,0,15,rcu_preempt,120,,,,,1,0
//! 459053,0,wakeup,0,15,rcu_preempt,120,,,,,,0
//! 470000,0,lost,,17,,,,,,,,
//! ```
//!
//! `waking`, `fork`, `exec`, `rename` and `exit` rows hold what [`EventKind`] says; `next` is the
//! child or the new name. A `runtime` row has its times in two more columns, `runtime_ns` and
//! `vruntime`.
//!
//! Switches may have more columns, `truth_*`: the kernel's own state, see [`crate::trace::truth`].
//! They are numbers or empty.
//!
//! Columns are found by name, others are ignored. A `lost` row says that `pid` many events of `cpu`
//! were lost between the row of this CPU before it and `time_ns`.

mod near;
mod row;

use super::lines::{BLOCK, LONGEST, Lines};
use super::report::believable;
use super::{Format, IngestError, Place, Probe, Reader, Reason, Sink, Source, num};
use crate::trace::truth::Field;
use crate::trace::{
    CpuId, Event, EventKind, Gap, MAX_CPUS, Nanos, Pid, Runtime, TaskId, TaskState, TraceBuilder,
};
use row::{CsvRow, Taken};

pub use near::near;

/// The columns in the order of [`Columns::at`].
pub const HEADER: [&str; 15] = [
    "time_ns",
    "cpu",
    "event",
    "actor",
    "pid",
    "comm",
    "prio",
    "state",
    "next_pid",
    "next_comm",
    "next_prio",
    "from_cpu",
    "to_cpu",
    "runtime_ns",
    "vruntime",
];

/// Without these a row says nothing.
const REQUIRED: [&str; 4] = ["time_ns", "cpu", "event", "pid"];

/// A first line beyond this is no header.
const LONGEST_HEADER: usize = 4 << 10;

/// The format.
pub struct Native;

impl Reader for Native {
    fn format(&self) -> Format {
        Format::Native
    }

    /// Looks for the header in the first line.
    fn probe(&self, head: &[u8], _: &str, complete: bool) -> Probe {
        match memchr::memchr(b'\n', head) {
            None if !complete && head.len() < LONGEST_HEADER => Probe::More,
            _ if Columns::of(head).is_some() => Probe::Yes,
            _ => Probe::No,
        }
    }

    fn read(&self, source: &mut Source<'_>, to: &mut Sink) -> Result<(), IngestError> {
        read_cut(source, to, BLOCK);
        Ok(())
    }
}

/// Reads blocks of about `size` bytes; each is turned into events while the next one is read.
pub fn read_cut(source: &mut Source<'_>, to: &mut Sink, size: usize) {
    let (head, _) = source.peek(LONGEST_HEADER);
    let Some(columns) = Columns::of(head) else { return };
    let truth = Vec::with_capacity(columns.truth.len());
    let mut rows = Rows {
        columns,
        truth,
        row: CsvRow::default(),
        last_on_cpu: Vec::new(),
        open: Vec::new(),
        header: true,
    };
    let mut lines = Lines::new(size);
    let mut next = lines.next(source);
    while let Some(mut block) = next {
        let take = || rows.block(block.text.to_mut(), block.start, to);
        let ((), following) = rayon::join(take, || lines.next(source));
        lines.reuse(block);
        next = following;
    }
    rows.end(source.position(), to);
    lines.finish(source, &mut to.report);
}

/// Where each column of [`HEADER`] is in this file; a column that is not there is `usize::MAX`.
struct Columns {
    at: [usize; HEADER.len()],
    count: usize,
    /// What is there of the kernel's own state, and where.
    truth: Vec<Field>,
    truth_at: Vec<usize>,
}

impl Columns {
    /// From the first line of a text, when it names the columns that must be there.
    fn of(text: &[u8]) -> Option<Self> {
        let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len()).min(LONGEST_HEADER)];
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let names: Vec<&[u8]> =
            line.split(|&b| b == b',').map(|n| unquoted(n.trim_ascii())).collect();
        let at =
            HEADER.map(|h| names.iter().position(|n| *n == h.as_bytes()).unwrap_or(usize::MAX));
        let field = |name: &[u8]| std::str::from_utf8(name).ok().and_then(Field::of_column);
        let (mut truth, mut truth_at) = (Vec::new(), Vec::new());
        for (at, field) in
            names.iter().enumerate().filter_map(|(at, name)| Some((at, field(name)?)))
        {
            if !truth.contains(&field) {
                truth.push(field);
                truth_at.push(at);
            }
        }
        let complete = REQUIRED.iter().all(|r| names.contains(&r.as_bytes()));
        complete.then_some(Self { at, count: names.len(), truth, truth_at })
    }

    /// A field cannot be right whose column is not there.
    fn missing(&self, reason: Reason) -> Reason {
        let at = |name| HEADER.iter().position(|column| *column == name).map(|i| self.at[i]);
        match reason {
            Reason::Field(name) if at(name) == Some(usize::MAX) => Reason::Column(name),
            other => other,
        }
    }
}

fn unquoted(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\"")).unwrap_or(name)
}

/// Turns rows into events.
struct Rows {
    columns: Columns,
    /// The kernel's state in this row.
    truth: Vec<Option<i64>>,
    row: CsvRow,
    /// Per CPU: time of its last event, for losses.
    last_on_cpu: Vec<u64>,
    /// The end of the block before: a row with a quoted name that holds a line end may go on in the
    /// next one.
    open: Vec<u8>,
    /// The header has not been passed yet.
    header: bool,
}

impl Rows {
    /// Takes all rows of a block but the last, if that may go on in the next block.
    fn block(&mut self, text: &mut Vec<u8>, mut start: u64, to: &mut Sink) {
        if !self.open.is_empty() {
            start -= self.open.len() as u64;
            text.splice(..0, self.open.drain(..));
        }
        let used = self.rows(text, start, false, to);
        self.open.extend_from_slice(&text[used..]);
    }

    /// Takes what is left at the end of the text, which is at this byte.
    fn end(&mut self, byte: u64, to: &mut Sink) {
        let text = std::mem::take(&mut self.open);
        self.rows(&text, byte - (text.len() as u64).min(byte), true, to);
    }

    /// Returns how many bytes it used up.
    fn rows(&mut self, text: &[u8], start: u64, last: bool, to: &mut Sink) -> usize {
        let mut at = 0;
        if self.header && !text.is_empty() {
            at = memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1);
            self.header = false;
            to.report.units += 1;
        }
        while at < text.len() {
            let rest = &text[at..];
            let (length, lines, result) = match self.row.take(rest, last) {
                Taken::CsvRow { length, lines } => {
                    let long = length > LONGEST + 1;
                    let result =
                        if long { Err(Reason::TooLong) } else { self.event(rest, &mut to.events) };
                    let result = result.map_err(|reason| self.columns.missing(reason));
                    (length, lines, result)
                }
                Taken::Empty { length } => (length, 1, Ok(())),
                Taken::Bad { length } => (length, 1, Err(Reason::Quote)),
                Taken::Open => break,
            };
            if let Err(reason) = result {
                let place = Place::Line { line: to.report.units + 1, byte: start + at as u64 };
                to.report.note(place, reason);
            }
            to.report.units += lines;
            at += length;
        }
        at
    }

    fn event(&mut self, text: &[u8], builder: &mut TraceBuilder) -> Result<(), Reason> {
        let (row, columns) = (&self.row, &self.columns);
        if row.len() != columns.count {
            return Err(Reason::FieldCount { found: row.len(), expected: columns.count });
        }
        let field = |i: usize| row.get(text, columns.at[i]);
        let time = believable(number(field(0)).ok_or(Reason::Field("time_ns"))?)?;
        let cpu = cpu(field(1), "cpu")?;
        let kind = match field(2) {
            b"lost" => {
                let lost = number(field(4)).ok_or(Reason::Field("count of lost events (pid)"))?;
                let from = self.last_on_cpu.get(cpu.ix()).copied().unwrap_or(0);
                builder.gap(Gap { cpu, from: Nanos(from), to: Nanos(time), lost });
                return Ok(());
            }
            label => EventKind::parse(label)
                .ok_or_else(|| Reason::UnknownEvent(String::from_utf8_lossy(label).into_owned()))?,
        };
        let actor = match field(3) {
            b"" => -1,
            text => pid(text, "actor")?,
        };
        // Who left need not be known, if who came in is.
        let nobody = kind == EventKind::Switch && field(4).is_empty() && field(5).is_empty();
        let who = if nobody { None } else { Some(Pid(pid(field(4), "pid")?)) };
        let mut event = Event::blank(Nanos(time), cpu);
        event.kind = kind;
        event.prio = num::prio(whole(field(6))).ok_or(Reason::Field("prio"))?;
        let runtime = self.fill(text, who, &mut event, builder)?;
        if cpu.ix() >= self.last_on_cpu.len() {
            self.last_on_cpu.resize(cpu.ix() + 1, 0);
        }
        self.last_on_cpu[cpu.ix()] = time;
        match runtime {
            Some(runtime) => builder.push_runtime(event, Pid(actor), runtime),
            None => builder.push(event, Pid(actor)),
        }
        if self.truth.iter().any(Option::is_some) {
            builder.truth(&self.columns.truth, self.truth.iter().copied());
        }
        Ok(())
    }

    /// Takes what a row says beyond what all rows do. Everything is checked before anything is
    /// interned: a bad row must not leave a task behind.
    #[inline]
    fn fill(
        &mut self,
        text: &[u8],
        who: Option<Pid>,
        event: &mut Event,
        builder: &mut TraceBuilder,
    ) -> Result<Option<Runtime>, Reason> {
        let (row, columns) = (&self.row, &self.columns);
        let field = |i: usize| row.get(text, columns.at[i]);
        self.truth.clear();
        let (mut next, mut runtime) = (None, None);
        match event.kind {
            EventKind::Switch => {
                event.state = TaskState::parse(field(7)).ok_or(Reason::Field("state"))?;
                next = Some(Pid(pid(field(8), "next_pid")?));
                event.next_prio = num::prio(whole(field(10))).ok_or(Reason::Field("next_prio"))?;
                for &column in &columns.truth_at {
                    self.truth.push(state(row.get(text, column))?);
                }
            }
            EventKind::Migrate => {
                event.from_cpu = cpu(field(11), "from_cpu")?;
                event.to_cpu = cpu(field(12), "to_cpu")?;
            }
            EventKind::Wakeup | EventKind::WakeupNew | EventKind::Waking => {
                event.to_cpu = cpu(field(12), "to_cpu")?;
            }
            EventKind::Fork | EventKind::Rename => next = Some(Pid(pid(field(8), "next_pid")?)),
            EventKind::Exec | EventKind::Exit => {}
            EventKind::Runtime => {
                let ns = number(field(13)).ok_or(Reason::Field("runtime_ns"))?;
                runtime = Some(Runtime { ns, vruntime: number(field(14)).unwrap_or(0) });
            }
        }
        event.task = who.map_or(TaskId::NONE, |who| builder.task(who, field(5)));
        if let Some(next) = next {
            event.next = builder.task(next, field(9));
        }
        Ok(runtime)
    }
}

/// Without the `.0` that pandas writes where a column has empty fields.
fn whole(text: &[u8]) -> &[u8] {
    text.strip_suffix(b".0").unwrap_or(text)
}

fn number(text: &[u8]) -> Option<u64> {
    num::unsigned(whole(text))
}

/// A number of the kernel's state, or none.
fn state(text: &[u8]) -> Result<Option<i64>, Reason> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = std::str::from_utf8(whole(text)).ok().and_then(|t| t.parse().ok());
    number.map(Some).ok_or(Reason::Field("a truth column"))
}

fn pid(text: &[u8], what: &'static str) -> Result<i32, Reason> {
    num::pid(whole(text)).ok_or(Reason::Field(what))
}

fn cpu(text: &[u8], what: &'static str) -> Result<CpuId, Reason> {
    match number(text) {
        Some(n) if n < u64::from(MAX_CPUS) => Ok(CpuId(n as u16)),
        Some(n) => Err(Reason::CpuTooBig(n)),
        None => Err(Reason::Field(what)),
    }
}

#[cfg(test)]
mod tests;
