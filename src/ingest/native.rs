//! The native format: CSV with a header, one row per event, nanoseconds since the start of the recording.
//!
//! ```text
//! time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu
//! 308568,1,switch,8515,8515,sh,120,D,0,swapper/1,120,,
//! 449458,0,migrate,0,15,rcu_preempt,120,,,,,1,0
//! 459053,0,wakeup,0,15,rcu_preempt,120,,,,,,0
//! 470000,0,lost,,17,,,,,,,,
//! ```
//!
//! Columns are found by name, others are ignored. A `lost` row says that `pid` many events of `cpu` were lost between
//! the row of this CPU before it and `time_ns`.

use super::{Reason, Report, num};
use crate::trace::{CpuId, Event, EventKind, Gap, MAX_CPUS, Nanos, Pid, TaskId, TaskState, ThreadIx, TraceBuilder};
use csv::{ByteRecord, ReaderBuilder};

/// The columns in the order of [`Columns::at`].
pub const HEADER: [&str; 13] = [
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
];

/// Without these a row says nothing.
const REQUIRED: [&str; 4] = ["time_ns", "cpu", "event", "pid"];

/// Where each column of [`HEADER`] is in this file; a column that is not there is `usize::MAX`.
pub struct Columns {
    at: [usize; HEADER.len()],
    count: usize,
}

/// Looks for the header in the first line; the error says why it is none.
pub fn sniff(text: &[u8]) -> Result<Columns, String> {
    let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let names: Vec<&[u8]> = line.split(|&b| b == b',').map(|n| n.trim_ascii().trim_matches_quotes()).collect();
    if let Some(missing) = REQUIRED.iter().find(|r| !names.contains(&r.as_bytes())) {
        return Err(format!("no column {missing:?}"));
    }
    let at = HEADER.map(|h| names.iter().position(|n| *n == h.as_bytes()).unwrap_or(usize::MAX));
    Ok(Columns { at, count: names.len() })
}

trait TrimQuotes {
    fn trim_matches_quotes(&self) -> &Self;
}

impl TrimQuotes for [u8] {
    fn trim_matches_quotes(&self) -> &Self {
        self.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\"")).unwrap_or(self)
    }
}

/// Reads all rows; those that cannot be used are counted in `report`.
pub fn parse(text: &[u8], columns: &Columns, report: &mut Report) -> TraceBuilder {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
    let mut row = ByteRecord::with_capacity(128, columns.count);
    // A row takes about 40 bytes.
    let mut builder = TraceBuilder::with_capacity(text.len() / 40);
    let mut rows = Rows { columns, last_on_cpu: Vec::new() };
    loop {
        let (line, byte) = (reader.position().line(), reader.position().byte());
        match reader.read_byte_record(&mut row) {
            Ok(false) => break,
            Ok(true) => {
                let result = rows.take(&row, &mut builder);
                if let Err(reason) = result {
                    // The record's own position is exact: the reader's one may stand before skipped empty lines.
                    let at = row.position().map_or((line, byte), |p| (p.line(), p.byte()));
                    report.bad_line(at.0, at.1, reason);
                }
            }
            // Reading bytes from memory into byte records cannot fail; be safe against an endless loop all the same.
            Err(_) => {
                report.bad_line(line, byte, Reason::NotAnEvent);
                break;
            }
        }
    }
    report.lines = memchr::memchr_iter(b'\n', text).count() as u64 + u64::from(!text.ends_with(b"\n"));
    builder
}

/// Turns rows into events.
struct Rows<'a> {
    columns: &'a Columns,
    /// Per CPU: time of its last event, for losses.
    last_on_cpu: Vec<u64>,
}

impl Rows<'_> {
    fn take(&mut self, row: &ByteRecord, builder: &mut TraceBuilder) -> Result<(), Reason> {
        if row.len() != self.columns.count {
            return Err(Reason::FieldCount { found: row.len(), expected: self.columns.count });
        }
        let at = &self.columns.at;
        let field = |i: usize| row.get(at[i]).unwrap_or_default();
        let time = num::unsigned(field(0)).ok_or(Reason::Field("time_ns"))?;
        let cpu = cpu(field(1), "cpu")?;
        let kind = match field(2) {
            b"switch" => EventKind::Switch,
            b"wakeup" => EventKind::Wakeup,
            b"wakeup_new" => EventKind::WakeupNew,
            b"migrate" => EventKind::Migrate,
            b"lost" => {
                let lost = num::unsigned(field(4)).ok_or(Reason::Field("count of lost events (pid)"))?;
                let from = self.last_on_cpu.get(cpu.ix()).copied().unwrap_or(0);
                builder.gap(Gap { cpu, from: Nanos(from), to: Nanos(time), lost });
                return Ok(());
            }
            other => return Err(Reason::UnknownEvent(String::from_utf8_lossy(other).into_owned())),
        };
        let actor = match field(3) {
            b"" => -1,
            text => num::pid(text).ok_or(Reason::Field("actor"))?,
        };
        let pid = num::pid(field(4)).ok_or(Reason::Field("pid"))?;
        let prio = num::prio(field(6)).ok_or(Reason::Field("prio"))?;
        let mut event = Event {
            time: Nanos(time),
            cpu,
            kind,
            actor: ThreadIx::NONE,
            task: TaskId::NONE,
            prio,
            state: TaskState::RUNNING,
            next: TaskId::NONE,
            next_prio: 0,
            from_cpu: CpuId::NONE,
            to_cpu: CpuId::NONE,
        };
        // Everything is checked before anything is interned: a bad row must not leave a task behind.
        match kind {
            EventKind::Switch => {
                event.state = TaskState::parse(field(7)).ok_or(Reason::Field("state"))?;
                let next_pid = num::pid(field(8)).ok_or(Reason::Field("next_pid"))?;
                event.next_prio = num::prio(field(10)).ok_or(Reason::Field("next_prio"))?;
                event.task = builder.task(Pid(pid), field(5));
                event.next = builder.task(Pid(next_pid), field(9));
            }
            EventKind::Migrate => {
                event.from_cpu = self::cpu(field(11), "from_cpu")?;
                event.to_cpu = self::cpu(field(12), "to_cpu")?;
                event.task = builder.task(Pid(pid), field(5));
            }
            EventKind::Wakeup | EventKind::WakeupNew => {
                event.to_cpu = self::cpu(field(12), "to_cpu")?;
                event.task = builder.task(Pid(pid), field(5));
            }
        }
        if cpu.ix() >= self.last_on_cpu.len() {
            self.last_on_cpu.resize(cpu.ix() + 1, 0);
        }
        self.last_on_cpu[cpu.ix()] = time;
        builder.push(event, Pid(actor));
        Ok(())
    }
}

fn cpu(text: &[u8], what: &'static str) -> Result<CpuId, Reason> {
    match num::unsigned(text) {
        Some(n) if n < u64::from(MAX_CPUS) => Ok(CpuId(n as u16)),
        Some(n) => Err(Reason::CpuTooBig(n)),
        None => Err(Reason::Field(what)),
    }
}
