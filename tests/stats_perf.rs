//! Waits and run times against `perf sched timehist`, which reckons from the same `perf.data`: its
//! "sch delay" is the wait after a wake-up, its "run time" the stint, at every switch and to 1 µs.
//! (Its "wait time" is all time off the CPU.)
//!
//! Where the two say different things on purpose:
//!
//! - perf takes `sched_waking` where there is any, also beside `sched_wakeup`; a wait here begins
//!   with the latter, when the thread is queued. The time between is added before comparing.
//! - After a preemption perf before 6.15 says 0, or counts from a wake-up of who still waits; later
//!   ones say the wait.
//! - Who was woken on its way out (`sched_waking` before the switch that puts it to sleep) waits
//!   here from that switch; perf forgets the wake-up there and says 0.
//! - Who ends has no pid any more at its last switch: perf takes it for a thread -1, which never
//!   waited.
//! - Across a loss, and at a CPU's first switch, nothing is known here; perf goes on reckoning from
//!   before it, or says 0.

#![allow(clippy::unwrap_used)] // helpers of tests are test code too

#[path = "environment/mod.rs"]
mod environment;

use environment::{Need, has, skip};
use kernel_oracle::ingest;
use kernel_oracle::stats::states::{Cause, Wait};
use kernel_oracle::stats::{Waits, Window, runs};
use kernel_oracle::trace::{CpuId, Event, EventKind, Trace, Wakeups};
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// A line of timehist: when, who left, how long it had waited and run; in µs.
#[derive(Debug)]
struct Line {
    at: u64,
    who: String,
    delay: u64,
    run: u64,
}

fn micros(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap();
    whole.parse::<u64>().unwrap() * 10_u64.pow(part.len() as u32) + part.parse::<u64>().unwrap()
}

/// The lines by CPU.
fn timehist(file: &Path) -> Vec<Vec<Line>> {
    let args = ["sched", "timehist", "-f", "--no-call-graph", "-i"];
    let out = Command::new("perf").args(args).arg(file).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut cpus: Vec<Vec<Line>> = Vec::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let Some((at, rest)) =
            line.trim().split_once(" [").filter(|l| l.0.starts_with(|c: char| c.is_ascii_digit()))
        else {
            continue;
        };
        let (cpu, rest) = rest.split_once(']').unwrap();
        let mut words = rest.split_whitespace().rev();
        let (run, delay, _) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let who = words.rev().collect::<Vec<_>>().join(" ");
        let cpu: usize = cpu.parse().unwrap();
        cpus.resize_with(cpus.len().max(cpu + 1), Vec::new);
        cpus[cpu].push(Line { at: micros(at), who, delay: micros(delay), run: micros(run) });
    }
    cpus
}

/// What perf must say of a wait, µs; several where its versions differ.
fn expected(trace: &Trace, wait: &Wait) -> Vec<u64> {
    let ns = wait.to - wait.from;
    let woken = |range: std::ops::Range<usize>| {
        let mut events = range.map(|i| trace.event(i));
        let is = |e: &Event| matches!(e.kind, EventKind::Waking | EventKind::Wakeup);
        events.find(|e| is(e) && trace.tasks().thread_on(e.task, e.cpu) == wait.thread)
    };
    let (first, last) = (wait.first as usize, wait.last as usize);
    if wait.began == Cause::Preempted {
        return vec![woken(first..last).map_or(0, |e| wait.to - e.time.0), ns];
    }
    if trace.event(first).kind == EventKind::Switch {
        return vec![0];
    }
    // Back to the waking of this wake-up, which no switch lies between.
    let before = trace.seek(kernel_oracle::trace::Nanos(wait.from.saturating_sub(1_000_000)));
    let waking = (before..first).rev().map(|i| trace.event(i)).find(|e| {
        e.kind == EventKind::Waking && trace.tasks().thread_on(e.task, e.cpu) == wait.thread
    });
    let early =
        waking.filter(|_| trace.wakeups() == Wakeups::Wakeup).map_or(0, |e| wait.from - e.time.0);
    vec![ns + early]
}

/// Compares at every switch; how many waits after wake-ups were compared, and how many lines.
fn compare(name: &str) -> (usize, usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/perf")
        .join(format!("{name}.data.zst"));
    let bytes = zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("perf.data");
    std::fs::write(&file, &bytes).unwrap();
    let trace = ingest::open(&file).unwrap().trace;
    let waits = Waits::of(&trace);
    let by_switch: HashMap<u32, Wait> =
        (0..waits.len()).map(|r| waits.get(r)).map(|w| (w.last, w)).collect();
    let (mut woken, mut lines) = (0, 0);
    for (cpu, told) in timehist(&file).iter().enumerate() {
        let cpu = CpuId(cpu as u16);
        let switches = trace.cpu_switches(cpu);
        assert_eq!(switches.len(), told.len(), "{name} {cpu:?}");
        for (k, (&i, line)) in switches.iter().zip(told).enumerate() {
            let e = trace.event(i as usize);
            let place = format!("{name} {cpu:?} switch {k}: {line:?}");
            assert_eq!((trace.meta().start_ns + e.time.0) / 1000, line.at, "{place}");
            let pid = trace.tasks().pid(trace.tasks().thread_on(e.task, cpu)).0;
            let ended = line.who.contains("[-1") && !e.state.is_runnable();
            // Of a thread without a name it says the pid alone.
            let pids = [format!("[{pid}"), format!(":{pid}")];
            let named =
                pids.iter().any(|p| line.who.contains(p)) || pid == 0 && line.who.contains("idle");
            assert!(named || ended, "{place} {pid}");
            lines += 1;
            if k == 0 {
                assert_eq!((line.delay, line.run), (0, 0), "{place}");
                continue;
            }
            if trace.follows_unknown(i as usize) {
                continue;
            }
            let window = Window { from: trace.time(switches[k - 1] as usize).0, to: e.time.0 };
            let run: u64 = runs(&trace, cpu, window).map(|r| r.to - r.from).sum();
            assert!((run / 1000).abs_diff(line.run) <= 1, "{place}: {run}");
            let wait = by_switch.get(&switches[k - 1]);
            let want = wait.map_or(vec![0], |w| expected(&trace, w));
            let want = if ended { vec![0] } else { want };
            let near = want.iter().any(|ns| (ns / 1000).abs_diff(line.delay) <= 1);
            // Perf reckons from a wake-up before a loss: what became of that one nobody knows.
            let (since, from) =
                (window.from - line.delay * 1000, wait.map_or(window.from, |w| w.from));
            let lost =
                since < from && trace.gaps().iter().any(|g| g.to.0 >= since && g.from.0 <= from);
            assert!(near || lost, "{place}: {want:?} {wait:?}");
            woken += usize::from(wait.is_some_and(|w| w.began != Cause::Preempted));
        }
    }
    (woken, lines)
}

#[test]
fn every_switch_has_the_wait_and_the_run_time_that_perf_reckons() {
    if !has("perf") {
        return skip("waits against perf sched timehist", Need::Tool("perf"));
    }
    for (name, least) in [("sched", 80), ("file", 8), ("packed", 15), ("chains", 0), ("lost", 100)]
    {
        let (woken, lines) = compare(name);
        assert!(
            woken >= least && lines >= 20,
            "{name}: {woken} waits after wake-ups at {lines} switches"
        );
    }
}
