//! Text of babeltrace about a kernel trace of `LTTng`: one event a line,
//! `[time] (+step) host name: { cpu_id = N }, { fields }`.

use super::lines::{BLOCK, LONGEST, Lines};
use super::report::believable;
use super::{Format, IngestError, Place, Probe, Reader, Reason, Sink, Source, num};
use crate::trace::{CpuId, Event, EventKind, MAX_CPUS, Nanos, Pid, TaskState, TraceBuilder};
use memchr::memmem::find;

/// The format.
pub struct Lttng;

/// `LTTng` counts priorities from that of nice -20.
const PRIO: i64 = 100;
/// Times of day go around.
const DAY: u64 = 86_400_000_000_000;

impl Reader for Lttng {
    fn format(&self) -> Format {
        Format::Lttng
    }

    fn probe(&self, head: &[u8], _: &str, complete: bool) -> Probe {
        let is = |line: &[u8]| line.starts_with(b"[") && find(line, b": { cpu_id = ").is_some();
        let mut lines =
            head.split_inclusive(|&b| b == b'\n').filter(|l| complete || l.ends_with(b"\n"));
        match lines.find(|l| !l.trim_ascii().is_empty()) {
            Some(line) if is(line) => Probe::Yes,
            None if !complete && head.starts_with(b"[") => Probe::More,
            _ => Probe::No,
        }
    }

    fn read(&self, source: &mut Source<'_>, to: &mut Sink) -> Result<(), IngestError> {
        let (mut lines, mut reading) = (Lines::new(BLOCK), Reading::default());
        while let Some(block) = lines.next(source) {
            let mut byte = block.start;
            for line in block.text.split_inclusive(|&b| b == b'\n') {
                to.report.units += 1;
                match reading.line(line, &mut to.events) {
                    Ok(true) => {}
                    Ok(false) => to.report.other_events += 1,
                    Err(reason) => {
                        to.report.note(Place::Line { line: to.report.units, byte }, reason);
                    }
                }
                byte += line.len() as u64;
            }
            lines.reuse(block);
        }
        lines.finish(source, &mut to.report);
        Ok(())
    }
}

/// The time of the line before, to see where the day ends.
#[derive(Default)]
struct Reading {
    before: u64,
    days: u64,
}

impl Reading {
    /// One line. False for what is no event of a trace.
    fn line(&mut self, line: &[u8], to: &mut TraceBuilder) -> Result<bool, Reason> {
        if line.len() > LONGEST {
            return Err(Reason::TooLong);
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(false);
        }
        let inner = line.strip_prefix(b"[").ok_or(Reason::NotAnEvent)?;
        let (stamp, rest) = inner.split_at(memchr::memchr(b']', inner).ok_or(Reason::NotAnEvent)?);
        let at = find(rest, b": { ").ok_or(Reason::NotAnEvent)?;
        let name = rest[..at].rsplit(|&b| b == b' ').next().unwrap_or_default();
        let fields = &rest[at + 2..];
        let Some(kind) = EventKind::ALL.into_iter().find(|k| k.tracepoint().as_bytes() == name)
        else {
            return Ok(false);
        };
        if !kind.moves_tasks() && kind != EventKind::Waking {
            return Ok(false);
        }
        let time = self.time(stamp).ok_or(Reason::Field("time"))?;
        let mut event = Event::blank(Nanos(believable(time)?), cpu(fields, b"cpu_id = ")?);
        event.kind = kind;
        if kind == EventKind::Switch {
            let bits = value(fields, b"prev_state = ").ok_or(Reason::Field("prev_state"))?;
            event.state = TaskState::of_bits(bits as u64);
            let (prev, next) = (task(fields, "prev_")?, task(fields, "next_")?);
            (event.prio, event.next_prio) = (prev.2, next.2);
            (event.task, event.next) = (to.task(prev.1, prev.0), to.task(next.1, next.0));
            to.push(event, prev.1);
            return Ok(true);
        }
        if kind == EventKind::Migrate {
            event.from_cpu = cpu(fields, b"orig_cpu = ")?;
            event.to_cpu = cpu(fields, b"dest_cpu = ")?;
        } else {
            event.to_cpu = cpu(fields, b"target_cpu = ")?;
        }
        let who = task(fields, "")?;
        (event.prio, event.task) = (who.2, to.task(who.1, who.0));
        to.push(event, Pid(-1));
        Ok(true)
    }

    // 15:08:40.352536000 · 2026-11-26 15:08:40.352536000 · 1795273720.352536000
    fn time(&mut self, stamp: &[u8]) -> Option<u64> {
        let of_day = stamp.rsplit(|&b| b == b' ').next()?;
        let (whole, part) = of_day.split_at(memchr::memchr(b'.', of_day)?);
        let part = &part[1..];
        let ns =
            num::unsigned(part).filter(|_| part.len() <= 9)? * 10_u64.pow(9 - part.len() as u32);
        let mut seconds = 0_u64;
        for number in whole.split(|&b| b == b':') {
            seconds = seconds.checked_mul(60)?.checked_add(num::unsigned(number)?)?;
        }
        let time = seconds.checked_mul(1_000_000_000)?.checked_add(ns)?;
        if whole.contains(&b':') && time + DAY / 2 < self.before {
            self.days += DAY;
        }
        self.before = time;
        Some(time + self.days)
    }
}

/// Name, pid and priority behind `prev_`, `next_` or nothing.
fn task<'a>(fields: &'a [u8], prefix: &str) -> Result<(&'a [u8], Pid, i16), Reason> {
    let key = |name: &str| {
        if prefix.is_empty() { format!(" {name} = ") } else { format!("{prefix}{name} = ") }
    };
    let comm = key("comm");
    let from = find(fields, comm.as_bytes()).ok_or(Reason::Field("comm"))? + comm.len();
    let text = fields[from..].strip_prefix(b"\"").ok_or(Reason::Field("comm"))?;
    // A quote in a name is written with a stroke before it.
    let end = (0..text.len()).find(|&i| text[i] == b'"' && (i == 0 || text[i - 1] != b'\\'));
    let comm = &text[..end.ok_or(Reason::Field("comm"))?];
    let pid = value(fields, key("tid").as_bytes())
        .and_then(|p| i32::try_from(p).ok())
        .filter(|p| *p >= 0);
    let prio = value(fields, key("prio").as_bytes()).and_then(|p| i16::try_from(p + PRIO).ok());
    Ok((comm, Pid(pid.ok_or(Reason::Field("tid"))?), prio.ok_or(Reason::Field("prio"))?))
}

fn cpu(fields: &[u8], key: &[u8]) -> Result<CpuId, Reason> {
    let n = value(fields, key).and_then(|n| u64::try_from(n).ok()).ok_or(Reason::Field("CPU"))?;
    if n < u64::from(MAX_CPUS) { Ok(CpuId(n as u16)) } else { Err(Reason::CpuTooBig(n)) }
}

/// The number behind a key; of `( "TASK_DEAD" : container = 64 )` the last.
fn value(fields: &[u8], key: &[u8]) -> Option<i64> {
    let mut text = &fields[find(fields, key)? + key.len()..];
    if text.starts_with(b"(") {
        const BITS: &[u8] = b"container = ";
        text = &text[find(text, BITS)? + BITS.len()..];
    }
    let (sign, digits) = text.strip_prefix(b"-").map_or((1, text), |rest| (-1, rest));
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    num::unsigned(&digits[..end]).and_then(|n| i64::try_from(n).ok()).map(|n| n * sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_kind_and_over_midnight() {
        let mut reading = Reading::default();
        let mut at = |text: &str| reading.time(text.as_bytes());
        assert_eq!(at("23:59:59.999999999"), Some(86_399_999_999_999));
        assert_eq!(at("00:00:00.5"), Some(86_400_500_000_000));
        assert_eq!(Reading::default().time(b"2026-11-26 00:00:01.000000000"), Some(1_000_000_000));
        assert_eq!(
            Reading::default().time(b"1795273720.352536000"),
            Some(1_795_273_720_352_536_000)
        );
        assert_eq!((at("1:2"), at("x.1"), at("1.0000000000")), (None, None, None));
    }

    #[test]
    fn states_by_name_have_their_number() {
        assert_eq!(
            value(b"prev_state = ( \"TASK_DEAD\" : container = 64 ), x", b"prev_state = "),
            Some(64)
        );
        assert_eq!(value(b"prio = -100,", b"prio = "), Some(-100));
    }
}
