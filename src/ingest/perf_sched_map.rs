//! Text of `perf sched map`: who runs on which CPU, a line per switch. A thread has a short name,
//! which is explained when it first comes in or changes its name; `.` is idle and `*` marks the CPU
//! that switched.
//!
//! ```text
//!   *A0         717.355295 secs A0 => migration/0:18
//!    A0 *B0     717.357754 secs B0 => python3:30547
//!   *.   B0     717.357821 secs .  => swapper:0
//!   *A0         717.357900 secs A0 => migration/0:18 (CPU 4)          the first line of a CPU with `--compact`
//! ```
//!
//! It has switches alone. Who leaves is whoever came in before; in which state is not said.

use super::ftrace::head::{last_of, stamp, trimmed};
use super::lines::{BLOCK, LONGEST, Lines};
use super::report::believable;
use super::{Format, IngestError, Place, Probe, Reader, Reason, Sink, Source, num};
use crate::trace::{CpuId, Event, MAX_CPUS, Nanos, Pid, TaskId, TaskState, TraceBuilder};
use memchr::memmem::find;
use std::collections::HashMap;

/// The format.
pub struct PerfSchedMap;

/// No priority is said: that of most threads is taken.
const PRIO: i16 = 120;

impl Reader for PerfSchedMap {
    fn format(&self) -> Format {
        Format::PerfSchedMap
    }

    fn probe(&self, head: &[u8], _: &str, complete: bool) -> Probe {
        let found = head.split(|&b| b == b'\n').any(|line| row(line.trim_ascii_end()).is_some());
        match (found, complete) {
            (true, _) => Probe::Yes,
            (false, true) => Probe::No,
            (false, false) => Probe::More,
        }
    }

    fn read(&self, source: &mut Source<'_>, to: &mut Sink) -> Result<(), IngestError> {
        let (mut lines, mut map) = (Lines::new(BLOCK), Map::default());
        while let Some(block) = lines.next(source) {
            let mut from = 0;
            while from < block.text.len() {
                let end = memchr::memchr(b'\n', &block.text[from..])
                    .map_or(block.text.len(), |at| from + at);
                to.report.units += 1;
                if let Err(reason) = map.line(&block.text[from..end], &mut to.events) {
                    let place =
                        Place::Line { line: to.report.units, byte: block.start + from as u64 };
                    to.report.note(place, reason);
                }
                from = end + 1;
            }
            lines.reuse(block);
        }
        lines.finish(source, &mut to.report);
        to.report.warn(
            "a map has switches only: who waits is not known, so that the next thread can be \
             forecast but picks cannot be judged; priorities are taken for 120",
        );
        if map.twice {
            to.report.warn(
                "the map calls two threads by one short name, as perf does beyond 260 threads; the \
                 one that was named last is meant",
            );
        }
        Ok(())
    }
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MapLine<'a> {
    /// Number of the cell with the mark.
    cell: usize,
    short: [u8; 2],
    /// ns
    time: u64,
    /// What the short name stands for from now on.
    named: Option<(&'a [u8], i32)>,
    /// `(CPU 4)`
    cpu: Option<u64>,
}

/// `None` for a line that is none of a map.
fn row(line: &[u8]) -> Option<MapLine<'_>> {
    let at = find(line, b" secs")?;
    let left = trimmed(&line[..at])?;
    let start = last_of(left, 32, |b| b == b' ')? + 1;
    let (time, false) = stamp(&left[start..])? else { return None };
    let cells = &left[..start];
    let star = memchr::memchr(b'*', cells)?;
    let short = cells[star + 1..].first_chunk::<2>()?;
    // Cells have a fixed width and may be empty; where somebody took spaces away they are counted.
    let words = || cells[..star].split(|&b| b == b' ').filter(|w| !w.is_empty()).count();
    let whole = cells.starts_with(b"  ") && star % 4 == 2;
    let cell = if whole { star / 4 } else { words() };
    let mut row = MapLine { cell, short: *short, time, named: None, cpu: None };
    let mut rest = line[at + 5..].trim_ascii();
    if let Some(inner) = rest.strip_suffix(b")")
        && let Some(open) = last_of(inner, 32, |b| b == b'(')
        && let Some(cpu) = inner[open + 1..].strip_prefix(b"CPU ").and_then(num::unsigned)
    {
        (row.cpu, rest) = (Some(cpu), rest[..open].trim_ascii_end());
    }
    if let Some(arrow) = find(rest, b"=> ") {
        let task = &rest[arrow + 3..];
        let colon = memchr::memrchr(b':', task)?;
        row.named = Some((&task[..colon], num::pid(&task[colon + 1..])?));
    } else if !rest.is_empty() {
        return None;
    }
    Some(row)
}

/// What the lines so far have said.
#[derive(Default)]
struct Map {
    names: HashMap<[u8; 2], (TaskId, Pid)>,
    /// Per CPU: who came in last, and what its idle thread is called.
    running: Vec<Option<(TaskId, Pid)>>,
    /// With `--compact`: the CPU of each cell.
    cells: Vec<u64>,
    /// A short name was used for a second thread.
    twice: bool,
}

impl Map {
    fn line(&mut self, text: &[u8], to: &mut TraceBuilder) -> Result<(), Reason> {
        if text.len() > LONGEST {
            return Err(Reason::TooLong);
        }
        let text = text.trim_ascii_end();
        if text.is_empty() || text[0] == b'#' {
            return Ok(());
        }
        let clean = super::ftrace::cleaned(text);
        let row = row(clean.as_deref().unwrap_or(text)).ok_or(Reason::NotAnEvent)?;
        let time = Nanos(believable(row.time)?);
        let cpu = self.cpu(&row)?;
        if self.running.len() <= cpu.ix() {
            self.running.resize(cpu.ix() + 1, None);
        }
        let next = self.who(&row, cpu, to);
        let before = std::mem::replace(&mut self.running[cpu.ix()], next);
        let Some(next) = next else {
            return Err(Reason::Other(format!(
                "no line says who {} is",
                String::from_utf8_lossy(&row.short)
            )));
        };
        // Who comes in and was there already: somebody in between is missing.
        let prev = before.filter(|prev| prev.1 != next.1);
        let mut event = Event::blank(time, cpu);
        event.state =
            if prev.is_some_and(|p| p.1.0 == 0) { TaskState::RUNNING } else { TaskState::UNKNOWN };
        event.task = prev.map_or(TaskId::NONE, |p| p.0);
        (event.next, event.prio, event.next_prio) = (next.0, PRIO, PRIO);
        to.push(event, prev.map_or(Pid(-1), |p| p.1));
        Ok(())
    }

    fn cpu(&mut self, row: &MapLine<'_>) -> Result<CpuId, Reason> {
        if let Some(cpu) = row.cpu.filter(|_| row.cell == self.cells.len()) {
            self.cells.push(cpu);
        }
        let cpu = if self.cells.is_empty() {
            row.cell as u64
        } else {
            *self.cells.get(row.cell).ok_or(Reason::Field("CPU"))?
        };
        if cpu < u64::from(MAX_CPUS) { Ok(CpuId(cpu as u16)) } else { Err(Reason::CpuTooBig(cpu)) }
    }

    /// Who comes in.
    fn who(
        &mut self,
        row: &MapLine<'_>,
        cpu: CpuId,
        to: &mut TraceBuilder,
    ) -> Option<(TaskId, Pid)> {
        if row.short[0] == b'.' || row.named.is_some_and(|n| n.1 == 0) {
            return Some((to.task(Pid(0), format!("swapper/{}", cpu.0).as_bytes()), Pid(0)));
        }
        if let Some((name, pid)) = row.named {
            let who = (to.task(Pid(pid), name), Pid(pid));
            let old = self.names.insert(row.short, who);
            self.twice |= old.is_some_and(|old| old.1 != who.1);
        }
        self.names.get(&row.short).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_all_kinds() {
        let row_of = |line: &str| {
            row(line.as_bytes()).map(|r| {
                let named =
                    r.named.map(|(name, pid)| (String::from_utf8_lossy(name).into_owned(), pid));
                (r.cell, r.short, r.time / 1000, named, r.cpu)
            })
        };
        let named = |name: &str, pid| Some((name.to_owned(), pid));
        for (line, want) in [
            (
                "  *A0         717.355295 secs A0 => migration/0:18",
                (0, *b"A0", 717_355_295, named("migration/0", 18), None),
            ),
            ("   C0 *D0     717.357754 secs ", (1, *b"D0", 717_357_754, None, None)),
            ("      *D0     717.357754 secs", (1, *b"D0", 717_357_754, None, None)),
            (
                "  *.   D0     717.3577 secs .  => swapper:0",
                (0, *b". ", 717_357_700, named("swapper", 0), None),
            ),
            (
                "   S3 *H4     1.5 secs H4 => [003] .... 1.5::32057",
                (1, *b"H4", 1_500_000, named("[003] .... 1.5:", 32057), None),
            ),
            (
                "  *A0  1.5 secs A0 => a => b:7 (CPU 12)",
                (0, *b"A0", 1_500_000, named("a => b", 7), Some(12)),
            ),
            ("C0 B1 *D0     1.5 secs", (2, *b"D0", 1_500_000, None, None)),
        ] {
            assert_eq!(row_of(line), Some(want), "{line}");
        }
        for line in [
            "",
            " secs",
            "* 1.5 secs",
            "*A 1.5 secs x",
            "A0 1.5 secs",
            "*A0 15 secs",
            "*A0 1.5 secs A0 => a:b",
        ] {
            assert_eq!(row_of(line), None, "{line}");
        }
    }
}
