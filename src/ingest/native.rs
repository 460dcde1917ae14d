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
//! `waking`, `fork`, `exec`, `rename` and `exit` rows hold what [`EventKind`] says; `next` is the child or the new name. A
//! `runtime` row has its times in two more columns, `runtime_ns` and `vruntime`.
//!
//! Columns are found by name, others are ignored. A `lost` row says that `pid` many events of `cpu` were lost between
//! the row of this CPU before it and `time_ns`.

use super::{Reason, Report, Sniff, num};
use crate::trace::{
    CpuId, Event, EventKind, Gap, MAX_CPUS, Nanos, Pid, Runtime, TaskId, TaskState, ThreadIx, TraceBuilder,
};
use csv::{ByteRecord, ReaderBuilder};

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

/// Where each column of [`HEADER`] is in this file; a column that is not there is `usize::MAX`.
struct Columns {
    at: [usize; HEADER.len()],
    count: usize,
}

/// Looks for the header in the first line.
pub fn sniff(text: &[u8], complete: bool) -> Sniff {
    match memchr::memchr(b'\n', text) {
        None if !complete && text.len() < LONGEST_HEADER => Sniff::NeedMore,
        _ if Columns::of(text).is_some() => Sniff::Yes,
        _ => Sniff::No,
    }
}

impl Columns {
    /// From the first line of a text, when it names the columns that must be there.
    fn of(text: &[u8]) -> Option<Self> {
        let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len()).min(LONGEST_HEADER)];
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let names: Vec<&[u8]> = line.split(|&b| b == b',').map(|n| unquoted(n.trim_ascii())).collect();
        let at = HEADER.map(|h| names.iter().position(|n| *n == h.as_bytes()).unwrap_or(usize::MAX));
        REQUIRED.iter().all(|r| names.contains(&r.as_bytes())).then_some(Self { at, count: names.len() })
    }
}

fn unquoted(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\"")).unwrap_or(name)
}

/// Reads all rows; those that cannot be used are counted in `report`.
pub fn parse(text: &[u8], report: &mut Report) -> TraceBuilder {
    let Some(columns) = &Columns::of(text) else { return TraceBuilder::default() };
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
    let mut row = ByteRecord::with_capacity(128, columns.count);
    // A row takes about 40 bytes.
    let mut builder = TraceBuilder::with_capacity(text.len() / 40);
    let mut rows = Rows { columns, last_on_cpu: Vec::new() };
    loop {
        let (mut line, mut byte) = (reader.position().line(), reader.position().byte() as usize);
        let result = match reader.read_byte_record(&mut row) {
            Ok(false) => break,
            Ok(true) => rows.take(&row, &mut builder),
            // Reading bytes from memory into byte records cannot fail; be safe against an endless loop all the same.
            Err(_) => Err(Reason::NotAnEvent),
        };
        if let Err(reason) = result {
            // The reader stands before empty lines that it skipped.
            while let Some(b'\n' | b'\r') = text.get(byte) {
                line += u64::from(text[byte] == b'\n');
                byte += 1;
            }
            let stuck = reason == Reason::NotAnEvent;
            report.bad_line(line, byte as u64, reason);
            if stuck {
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
            b"lost" => {
                let lost = num::unsigned(field(4)).ok_or(Reason::Field("count of lost events (pid)"))?;
                let from = self.last_on_cpu.get(cpu.ix()).copied().unwrap_or(0);
                builder.gap(Gap { cpu, from: Nanos(from), to: Nanos(time), lost });
                return Ok(());
            }
            label => EventKind::parse(label)
                .ok_or_else(|| Reason::UnknownEvent(String::from_utf8_lossy(label).into_owned()))?,
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
        let mut runtime = None;
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
            EventKind::Wakeup | EventKind::WakeupNew | EventKind::Waking => {
                event.to_cpu = self::cpu(field(12), "to_cpu")?;
                event.task = builder.task(Pid(pid), field(5));
            }
            EventKind::Fork | EventKind::Rename => {
                let next_pid = num::pid(field(8)).ok_or(Reason::Field("next_pid"))?;
                event.task = builder.task(Pid(pid), field(5));
                event.next = builder.task(Pid(next_pid), field(9));
            }
            EventKind::Exec | EventKind::Exit => event.task = builder.task(Pid(pid), field(5)),
            EventKind::Runtime => {
                let ns = num::unsigned(field(13)).ok_or(Reason::Field("runtime_ns"))?;
                runtime = Some(Runtime { ns, vruntime: num::unsigned(field(14)).unwrap_or(0) });
                event.task = builder.task(Pid(pid), field(5));
            }
        }
        if cpu.ix() >= self.last_on_cpu.len() {
            self.last_on_cpu.resize(cpu.ix() + 1, 0);
        }
        self.last_on_cpu[cpu.ix()] = time;
        match runtime {
            Some(runtime) => builder.push_runtime(event, Pid(actor), runtime),
            None => builder.push(event, Pid(actor)),
        }
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
