//! Text of `perf script`: the default layout and selections of its fields (`-F`), with tasks, CPUs
//! and stamps in µs or ns. The fields of events are those of ftrace's text; what stands between
//! events (call chains) is passed over.
//!
//! ```text
//!             perf 31862 [000]   717.355289:       sched:sched_waking: comm=migration/0 pid=18 prio=0 target_cpu=000
//!     perf-exec 31955/31955 [001] 717.357754321:   1 sched:sched_switch: perf-exec:31955 [120] D ==> python3:30547 [120]
//! ```

use super::ftrace::head::{Head, STAMP, bracketed, last_of, stamp, trimmed};
use super::ftrace::line::{Line, named};
use super::ftrace::{self, Dialect};
use super::{Format, IngestError, Probe, Reader, Reason, Report, Sink, Source, num};
use crate::trace::TraceMeta;
use memchr::memmem::find;

/// The format.
pub struct PerfScript;

const DIALECT: Dialect = Dialect { usual: |_| None, line: parse, comment };

impl Reader for PerfScript {
    fn format(&self) -> Format {
        Format::PerfScript
    }

    fn probe(&self, head: &[u8], _: &str, complete: bool) -> Probe {
        // An unfinished last line could be taken for another kind of line.
        let whole =
            if complete { head.len() } else { memchr::memrchr(b'\n', head).map_or(0, |at| at + 1) };
        let event = |line: &[u8]| {
            split(line.trim_ascii_end()).is_some_and(|(_, rest)| tracepoint(rest).is_some())
        };
        match (head[..whole].split(|&b| b == b'\n').any(event), complete) {
            (true, _) => Probe::Yes,
            (false, true) => Probe::No,
            (false, false) => Probe::More,
        }
    }

    fn read(&self, source: &mut Source<'_>, to: &mut Sink) -> Result<(), IngestError> {
        ftrace::read_text(&DIALECT, source, to);
        Ok(())
    }
}

/// What stands before the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Thread that acts; -1 when it is not said.
    actor: i32,
    cpu: Option<u64>,
    /// ns
    time: u64,
}

/// Tells what a line (without its line end) is.
fn parse(line: &[u8]) -> Result<Line<'_>, Reason> {
    let Some((place, rest)) = split(line) else {
        // Call chains, source lines and other things that belong to an event are indented.
        let indented = line.first().is_none_or(u8::is_ascii_whitespace);
        let quiet =
            line.first() == Some(&b'#') || (indented && find(line, b"sched:sched_").is_none());
        return if quiet { Ok(Line::Comment) } else { Err(Reason::NotAnEvent) };
    };
    if let Some(record) = rest.strip_prefix(b"PERF_RECORD_") {
        let lost = record.strip_prefix(b"LOST lost ").and_then(num::unsigned);
        return Ok(match (lost, place.cpu) {
            (Some(lost), Some(cpu)) => Line::Lost { cpu, lost },
            _ => Line::Comment,
        });
    }
    let Some((name, text)) = tracepoint(rest) else { return Ok(Line::Other) };
    let Some(cpu) = place.cpu else {
        return Err(Reason::Other(
            "no CPU: print it with `perf script -F comm,tid,cpu,time,event,trace`".into(),
        ));
    };
    named(Head { actor: place.actor, cpu, time: place.time, count: false }, name, text)
}

/// What is before the event, and what follows the stamp. Names can hold anything, so every place
/// that looks like a stamp is tried.
fn split(line: &[u8]) -> Option<(Place, &[u8])> {
    let mut places = memchr::memchr_iter(b':', line).filter_map(|colon| {
        if *line.get(colon + 1)? != b' ' || colon == 0 || !line[colon - 1].is_ascii_digit() {
            return None;
        }
        let start = last_of(&line[..colon], STAMP, |b| !(b.is_ascii_digit() || b == b'.'))
            .map_or(0, |at| at + 1);
        let (time, false) = stamp(&line[start..colon])? else { return None };
        let left = line[..start].strip_suffix(b" ").unwrap_or(&line[..start]);
        let (left, cpu) = match trimmed(left).and_then(bracketed) {
            Some((left, cpu)) => (left, Some(cpu)),
            None => (left, None),
        };
        // A stamp stands behind a space, or at the beginning.
        (start == 0 || line[start - 1] == b' ').then_some(())?;
        Some((Place { actor: actor(left), cpu, time }, line[colon + 1..].trim_ascii_start()))
    });
    // The first one that an event follows; of another kind of event the first one.
    let first = places.next()?;
    if tracepoint(first.1).is_some() {
        return Some(first);
    }
    Some(places.find(|p| tracepoint(p.1).is_some()).unwrap_or(first))
}

// perf-exec 31955
// perf-exec 31955/31956
/// The thread that acts, from what is before CPU and stamp.
fn actor(text: &[u8]) -> i32 {
    let text = trimmed(text).unwrap_or_default();
    let from = last_of(text, STAMP, |b| !(b.is_ascii_digit() || b == b'/')).map_or(0, |at| at + 1);
    let word = &text[from..];
    let tid = memchr::memrchr(b'/', word).map_or(word, |at| &word[at + 1..]);
    num::pid(tid).filter(|_| from == 0 || text[from - 1] == b' ').unwrap_or(-1)
}

// sched:sched_switch: prev_comm=...
//           1 sched:sched_switch: prev_comm=...                 with the field `period`
// sched:sched_switch/max-stack=3/: prev_comm=...
/// Name and fields of a tracepoint.
fn tracepoint(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    let rest =
        if rest.get(digits) == Some(&b' ') { rest[digits..].trim_ascii_start() } else { rest };
    let word =
        |text: &[u8]| text.iter().position(|b| !(b.is_ascii_alphanumeric() || b"_-".contains(b)));
    let system = word(rest).filter(|&n| n > 0)?;
    let rest = rest[system..].strip_prefix(b":")?;
    let end = word(rest).filter(|&n| n > 0)?;
    let (name, mut rest) = rest.split_at(end);
    if let Some(options) = rest.strip_prefix(b"/") {
        rest = &options[memchr::memchr(b'/', options)? + 1..];
    }
    let text = rest.strip_prefix(b":")?;
    Some((name, text.trim_ascii()))
}

// # os release : 6.18.44
// # nrcpus online : 2
// # cmdline : /usr/bin/perf sched record -- sh -c true
fn comment(text: &[u8], said: &mut TraceMeta, _: &mut Report) {
    let Some(at) = find(text, b" : ").filter(|_| text.starts_with(b"# ")) else { return };
    let value = text[at + 3..].trim_ascii();
    let words = || String::from_utf8_lossy(value).into_owned();
    match text[2..at].trim_ascii() {
        b"os release" => said.kernel = words(),
        b"cmdline" => said.command = words(),
        b"perf version" => said.tool = format!("perf {}", words()),
        b"nrcpus online" => ftrace::cpus(value, said),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_all_selections() {
        let named = "sched:sched_x: a";
        for (line, want) in [
            ("            perf 31862 [000]   717.355284: ", (31862, Some(0), 717_355_284_000)),
            (
                " memfd:sealed-91 7251/7252 [011]   717.355284123: ",
                (7252, Some(11), 717_355_284_123),
            ),
            ("    a 1.5: b [7] 9 [003] 1.000001:          1 ", (9, Some(3), 1_000_001_000)),
            ("         swapper     0 [001] 1.000001: ", (0, Some(1), 1_000_001_000)),
            ("            perf 31862   717.355284: ", (31862, None, 717_355_284_000)),
            (":31862 31862 [000] 1.000001: ", (31862, Some(0), 1_000_001_000)),
            ("       sh [000] 1.000001: ", (-1, Some(0), 1_000_001_000)),
            ("[000] 1.000001: ", (-1, Some(0), 1_000_001_000)),
            ("1.000001: ", (-1, None, 1_000_001_000)),
        ] {
            let text = format!("{line}{named}");
            let (place, rest) = split(text.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((place.actor, place.cpu, place.time), want, "{line}");
            assert_eq!(tracepoint(rest), Some((&b"sched_x"[..], &b"a"[..])), "{line}");
        }
        for line in
            ["", ":", "a 1 [0] x: sched:x: ", "a 1 [0] 12: sched:x: ", "a 1 [0] v1.0: sched:x: "]
        {
            assert_eq!(split(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn lines_between_events_are_no_alarm() {
        for (line, want) in [
            ("", Ok(Line::Comment)),
            ("# cmdline : perf", Ok(Line::Comment)),
            ("\tffffffff81a2c3f0 __schedule+0x2f0 ([kernel.kallsyms])", Ok(Line::Comment)),
            ("  core.c:5321", Ok(Line::Comment)),
            ("\t  828f9d oracle::sched::replay::next+0x10d (/usr/bin/x)", Ok(Line::Comment)),
            ("hello", Err(Reason::NotAnEvent)),
            ("   perf 1 sched:sched_switch: prev", Err(Reason::NotAnEvent)),
            (
                "perf 1 [001] 1.000001: PERF_RECORD_LOST lost 17",
                Ok(Line::Lost { cpu: 1, lost: 17 }),
            ),
            ("perf 1 [001] 1.000001: PERF_RECORD_COMM exec: sh:1/1", Ok(Line::Comment)),
            ("perf 1 [001] 1.000001:     250000 cycles:  ffffffff81 x ([kernel])", Ok(Line::Other)),
            (
                "perf 1 [001] 1.000001: sched:sched_stat_wait: comm=a pid=1 delay=3 [ns]",
                Ok(Line::Other),
            ),
            (
                "perf 1 [001] 1.000001: sched:sched_switch: prev",
                Err(Reason::Payload("sched_switch")),
            ),
        ] {
            assert_eq!(parse(line.as_bytes()), want, "{line}");
        }
    }
}
