//! One line of ftrace or trace-cmd text: what kind of line it is, and its head (who, on which CPU,
//! when).

use super::head::{Head, STAMP, head, stamp};
use super::layout;
use super::payload::{self, Migrate, Named, Switch, Wakeup};
use crate::ingest::{Reason, num};
use crate::trace::{EventKind, Runtime};

/// A line, told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nothing to see: empty, a comment, a remark of trace-cmd.
    Comment,
    /// `cpus=2`: number of CPUs.
    Cpus(u64),
    /// `trace-guest.dat: cpus=2`: trace-cmd printed this file, among others.
    Machine(&'a [u8]),
    /// `CPU:1 [LOST 17 EVENTS]`: how many (0: not said) on which CPU.
    Lost { cpu: u64, lost: u64 },
    /// An event that is used.
    Event(Head, Body<'a>),
    /// An event that is not used.
    Other,
}

/// The fields of an event that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    Switch(Switch<'a>),
    /// A wake-up of this kind.
    Wakeup(EventKind, Wakeup<'a>),
    Migrate(Migrate<'a>),
    Runtime(Named<'a>, Runtime),
    /// [`EventKind::Fork`], with the child; [`EventKind::Rename`], with the new name.
    Two(EventKind, Named<'a>, Named<'a>),
    /// [`EventKind::Exec`] or [`EventKind::Exit`].
    One(EventKind, Named<'a>),
}

/// Tells what a line (without its line end) is.
pub fn parse(line: &[u8]) -> Result<Line<'_>, Reason> {
    if let Some((head, rest)) =
        head(line).or_else(|| layout::verbose(line)).or_else(|| layout::graph(line))
    {
        return event(head, rest);
    }
    let text = line.trim_ascii();
    if text.is_empty() || text[0] == b'#' || text.starts_with(b"=> ") || of_log(text) {
        return Ok(Line::Comment);
    }
    if let Some(n) = text.strip_prefix(b"cpus=").and_then(num::unsigned) {
        return Ok(Line::Cpus(n));
    }
    if let Some(at) = memchr::memmem::rfind(text, b": cpus=")
        && num::unsigned(&text[at + 7..]).is_some()
    {
        return Ok(Line::Machine(&text[..at]));
    }
    if text.starts_with(b"version = ")
        || (text.starts_with(b"CPU ") && text.ends_with(b" is empty"))
    {
        return Ok(Line::Comment);
    }
    loss(text).ok_or(Reason::NotAnEvent)
}

// [ 1320.440000] sysrq: Show Blocked State
/// A message of the kernel's log, around a dump of ftrace's buffer.
fn of_log(text: &[u8]) -> bool {
    let stamp =
        text.strip_prefix(b"[").and_then(|t| Some(t[..memchr::memchr(b']', t)?].trim_ascii()));
    stamp.is_some_and(|s| s.len() <= STAMP && s.contains(&b'.') && stamp_of(s).is_some())
}

fn stamp_of(text: &[u8]) -> Option<u64> {
    stamp(text).map(|s| s.0)
}

fn event(head: Head, rest: &[u8]) -> Result<Line<'_>, Reason> {
    let rest = difference(rest);
    // Names of tracepoints are identifiers. A line without one comes from another tracer
    // (`function`).
    let end =
        rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).unwrap_or(rest.len());
    let (name, text) = rest.split_at(end);
    let Some(text) = text.strip_prefix(b":") else {
        // A name that the text ends in, or that is all there is, is a cut line.
        return if text.is_empty() { Err(Reason::NotAnEvent) } else { Ok(Line::Other) };
    };
    named(head, name, text.trim_ascii())
}

/// An event by its name and its fields.
pub fn named<'a>(head: Head, name: &[u8], text: &'a [u8]) -> Result<Line<'a>, Reason> {
    let body = match name {
        b"sched_switch" => {
            payload::switch(text).map(Body::Switch).ok_or(Reason::Payload("sched_switch"))?
        }
        b"sched_wakeup" => match payload::wakeup(text).ok_or(Reason::Payload("sched_wakeup"))? {
            w if w.success => Body::Wakeup(EventKind::Wakeup, w),
            // It was running already: nothing changed.
            _ => return Ok(Line::Other),
        },
        b"sched_wakeup_new" => Body::Wakeup(
            EventKind::WakeupNew,
            payload::wakeup(text).ok_or(Reason::Payload("sched_wakeup_new"))?,
        ),
        b"sched_migrate_task" => payload::migrate(text)
            .map(Body::Migrate)
            .ok_or(Reason::Payload("sched_migrate_task"))?,
        _ => {
            return beside(name, text)
                .map(|body| body.map_or(Line::Other, |body| Line::Event(head, body)));
        }
    };
    Ok(Line::Event(head, body))
}

// (+28087) sched_switch: ...
/// Without the time since the event before, as `trace-cmd report --ts-diff` prints it.
fn difference(rest: &[u8]) -> &[u8] {
    let Some(inner) = rest.strip_prefix(b"(+").or_else(|| rest.strip_prefix(b"(-")) else {
        return rest;
    };
    let digits =
        inner.iter().position(|b| !(b.is_ascii_digit() || *b == b'.')).unwrap_or(inner.len());
    inner[digits..].strip_prefix(b")").map_or(rest, <[u8]>::trim_ascii_start)
}

/// Events that run queues can do without. `None`: nothing happened, or it is another event.
fn beside<'a>(name: &[u8], text: &'a [u8]) -> Result<Option<Body<'a>>, Reason> {
    let (name, body) = match name {
        b"sched_waking" => match payload::wakeup(text) {
            Some(w) if !w.success => return Ok(None),
            waking => ("sched_waking", waking.map(|w| Body::Wakeup(EventKind::Waking, w))),
        },
        b"sched_stat_runtime" => (
            "sched_stat_runtime",
            payload::runtime(text).map(|(task, runtime)| Body::Runtime(task, runtime)),
        ),
        b"sched_process_fork" => (
            "sched_process_fork",
            payload::fork(text).map(|(task, child)| Body::Two(EventKind::Fork, task, child)),
        ),
        b"task_rename" => (
            "task_rename",
            payload::rename(text).map(|(old, new)| Body::Two(EventKind::Rename, old, new)),
        ),
        b"sched_process_exec" => {
            ("sched_process_exec", payload::exec(text).map(|t| Body::One(EventKind::Exec, t)))
        }
        b"sched_process_exit" => {
            ("sched_process_exit", payload::exit(text).map(|t| Body::One(EventKind::Exit, t)))
        }
        _ => return Ok(None),
    };
    body.map(Some).ok_or(Reason::Payload(name))
}

// hackbench-13548   [000] dN.2.
// memfd:sealed-91-7251    (-------) [001] d..2.
// bash-14958 [001]
// lto cgu.-14408   0dNs4.                        (trace-cmd report -l)
// CPU:1 [LOST 17 EVENTS]          the kernel
// CPU:1 [17 EVENTS DROPPED]       trace-cmd
fn loss(text: &[u8]) -> Option<Line<'static>> {
    let at = memchr::memmem::find(text, b"CPU:")?;
    let rest = &text[at + 4..];
    let (cpu, rest) = rest.split_at(rest.iter().position(|b| !b.is_ascii_digit())?);
    let inner = rest.strip_prefix(b" [")?.strip_suffix(b"]")?;
    let cpu = num::unsigned(cpu)?;
    if inner == b"LOST EVENTS" || inner == b"EVENTS DROPPED" {
        return Some(Line::Lost { cpu, lost: 0 });
    }
    let count = inner.strip_prefix(b"LOST ").and_then(|i| i.strip_suffix(b" EVENTS"));
    let lost = num::unsigned(count.or_else(|| inner.strip_suffix(b" EVENTS DROPPED"))?)?;
    Some(Line::Lost { cpu, lost })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of(line: &str) -> Option<(i32, u64, u64)> {
        head(line.as_bytes()).map(|(h, rest)| {
            assert!(rest.starts_with(b"sched_"), "{line}");
            (h.actor, h.cpu, h.time)
        })
    }

    #[test]
    fn heads_of_all_layouts() {
        for (line, want) in [
            (
                "       hackbench-13548   [000] dN.2.  4084.523590: sched_x: a",
                (13548, 0, 4_084_523_590_000),
            ),
            ("          <idle>-0       [001] d..2   4084.5: sched_x: a", (0, 1, 4_084_500_000_000)),
            (
                " memfd:sealed-91-7251    (-------) [001]   4084.522237: sched_x: a",
                (7251, 1, 4_084_522_237_000),
            ),
            (
                "      lto cgu.08-13520   (  13052) [299] d.h2.  4084.522187: sched_x: a",
                (13520, 299, 4_084_522_187_000),
            ),
            (
                "ingest_h:     bash-14958 [001]  4123.237506266: sched_x:    a",
                (14958, 1, 4_123_237_506_266),
            ),
            (
                "inst: lto cgu.-14408   0dNs4.  4123.238257: sched_x: a",
                (14408, 0, 4_123_238_257_000),
            ),
            (" a 1.5: b [7] -9 [003] ....  1.000001: sched_x: a", (9, 3, 1_000_001_000)),
            ("kworker/0:1-77 [000] 12345: sched_x: a", (77, 0, 12345)),
            ("  rec.sh-20198     1d..2. 16817us#: sched_x: a", (20198, 1, 16_817_000)),
            (
                "[ 1320.444333]    rustc-19857     0d..4. 520352536us : sched_x: a",
                (19857, 0, 520_352_536_000),
            ),
            ("<...>--1 [000] d..2. 1.000000001: sched_x: a", (-1, 0, 1_000_000_001)),
        ] {
            assert_eq!(head_of(line), Some(want), "{line}");
        }
        for line in [
            "",
            ":",
            "a-1 [0] x: sched_x",
            "a-1 [x] 1.0: sched_x",
            "[0] 1.0: sched_x",
            "a-1 [0] 1.: sched_x",
        ] {
            assert_eq!(head_of(line), None, "{line}");
        }
    }

    #[test]
    fn lines_that_are_no_events() {
        for (line, want) in [
            ("", Line::Comment),
            ("#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION", Line::Comment),
            ("##### CPU 1 buffer started ####", Line::Comment),
            ("cpus=2", Line::Cpus(2)),
            ("CPU 1 is empty", Line::Comment),
            ("CPU:1 [LOST 17 EVENTS]", Line::Lost { cpu: 1, lost: 17 }),
            ("CPU:0 [LOST EVENTS]", Line::Lost { cpu: 0, lost: 0 }),
            ("CPU:12 [3 EVENTS DROPPED]", Line::Lost { cpu: 12, lost: 3 }),
            ("inst: CPU:1 [EVENTS DROPPED]", Line::Lost { cpu: 1, lost: 0 }),
            (" => do_syscall_64", Line::Comment),
            ("[ 1320.440000] sysrq: Show Blocked State", Line::Comment),
            ("a-1 [000] d..2. 1.000000: <stack trace>", Line::Other),
            ("a-1 [000] d..2. 1.000000: irq_handler_entry: irq=1 name=x", Line::Other),
            ("a-1 [000] d..2. 1.000000: do_idle <-cpu_startup_entry", Line::Other),
            (
                "a-1 [000] d..2. 1.000000: sched_wakeup: comm=a pid=1 prio=1 success=0 \
              target_cpu=000",
                Line::Other,
            ),
        ] {
            assert_eq!(parse(line.as_bytes()), Ok(want), "{line}");
        }
        assert_eq!(parse(b"hello"), Err(Reason::NotAnEvent));
        assert_eq!(parse(b"a-1 [000] d..2. 1.000000: sched_swi"), Err(Reason::NotAnEvent));
        assert_eq!(
            parse(b"a-1 [000] d..2. 1.000000: sched_switch: prev"),
            Err(Reason::Payload("sched_switch"))
        );
    }
}
