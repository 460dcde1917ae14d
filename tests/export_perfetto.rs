//! Recordings written for Perfetto: they come back as they were, and the tracks beside them say
//! what `koracle predict` says.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::program::koracle;
use common::recordings;
use kernel_oracle::export::perfetto::{Left, Perfetto};
use kernel_oracle::ingest::{self, Format};
use kernel_oracle::trace::{CpuId, Trace};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

fn packed(trace: &Trace) -> (Vec<u8>, Left) {
    let mut bytes = Vec::new();
    let mut to = Perfetto::new(trace, &mut bytes).unwrap();
    // In parts, as with predictions.
    (0..trace.len()).step_by(7).for_each(|end| to.events(end).unwrap());
    let left = to.finish().unwrap();
    (bytes, left)
}

/// Every event with all that it says, times and names too.
fn lines(trace: &Trace) -> Vec<String> {
    let task = |id| trace.tasks().get(id).map(|t| (t.name.clone(), t.pid.0));
    let line = |e: kernel_oracle::trace::Event| {
        let (at, state) = (trace.meta().start_ns + e.time.0, e.state.label());
        let (actor, who, next) = (trace.tasks().pid(e.actor), task(e.task), task(e.next));
        let cpus = [e.cpu, e.from_cpu, e.to_cpu].map(|c| c.0);
        format!(
            "{at} {cpus:?} {} {actor:?} {who:?} {} {state} {next:?} {}",
            e.kind.label(),
            e.prio,
            e.next_prio
        )
    };
    trace.events().map(line).collect()
}

const KINDS: &str = "CPU:1 [LOST 5 EVENTS]
 <idle>-0 [000] d..2. 100.000001000: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 \
 prev_state=R ==> next_comm=a next_pid=7 next_prio=-1
 a-7 [000] d..2. 100.000001500: sched_waking: comm=b pid=8 prio=120 target_cpu=001
 a-7 [000] d..2. 100.000001600: sched_wakeup: comm=b pid=8 prio=120 target_cpu=001
 <idle>-0 [001] d..2. 100.000001600: sched_switch: prev_comm=swapper/1 prev_pid=0 prev_prio=120 \
 prev_state=R ==> next_comm=b next_pid=8 next_prio=120
 a-7 [000] d..2. 100.000001600: sched_process_fork: comm=a pid=7 child_comm=a child_pid=9
 a-7 [000] d..2. 100.000001700: sched_wakeup_new: comm=a pid=9 prio=120 target_cpu=000
 a-7 [000] d..2. 100.000001800: sched_migrate_task: comm=a pid=9 prio=120 orig_cpu=0 dest_cpu=1
CPU:0 [LOST EVENTS]
 b-8 [001] d..2. 100.000001900: task_rename: pid=8 oldcomm=b newcomm=z oom_score_adj=0
 z-8 [001] d..2. 100.000002000: sched_process_exec: filename=/bin/z pid=8 old_pid=8
 z-8 [001] d..2. 100.000002100: sched_switch: prev_comm=z prev_pid=8 prev_prio=120 prev_state=D|K \
 ==> next_comm=a next_pid=9 next_prio=120
 <...>-9 [001] d..2. 100.000002150: sched_process_exit: comm=a pid=9 prio=120
 a-9 [001] d..2. 100.000002200: sched_switch: prev_comm=a prev_pid=9 prev_prio=120 prev_state=R+ \
 ==> next_comm=swapper/1 next_pid=0 next_prio=120
 a-7 [000] d..2. 100.000002300: sched_switch: prev_comm=a prev_pid=7 prev_prio=-1 prev_state=S ==> \
 next_comm=swapper/0 next_pid=0 next_prio=120
";

#[test]
fn events_of_all_kinds_come_back_in_their_order() {
    let trace = ingest::read(KINDS.as_bytes(), "x").unwrap().trace;
    assert_eq!(trace.len(), 13);
    let (bytes, left) = packed(&trace);
    let back = ingest::read(&bytes[..], "x").unwrap();
    assert_eq!(
        (back.report.format, back.report.skipped, left),
        (Format::Perfetto, 0, Left::default())
    );
    assert_eq!(lines(&back.trace), lines(&trace));
    let gaps = |t: &Trace| t.gaps().iter().map(|g| (g.cpu, g.from, g.to)).collect::<Vec<_>>();
    assert_eq!(gaps(&back.trace), gaps(&trace));
    assert_eq!(back.trace.meta().start_ns, 100_000_001_000);
}

#[test]
fn what_cannot_be_said_is_counted() {
    let odd = "a-7 [000] d..2. 1.000001000: sched_stat_runtime: comm=a pid=7 runtime=5 [ns]
 a-7 [000] d..2. 1.000002000: sched_switch: prev_comm=a prev_pid=7 prev_prio=120 prev_state=? ==> \
 next_comm=b next_pid=8 next_prio=120
";
    let trace = ingest::read(odd.as_bytes(), "x").unwrap().trace;
    let (bytes, left) = packed(&trace);
    assert_eq!(left, Left { runtimes: 1, states: 1 });
    let back = ingest::read(&bytes[..], "x").unwrap().trace;
    assert_eq!((back.len(), back.event(0).state.label().to_string()), (1, "S".into()));
}

#[test]
fn a_bundled_recording_comes_back() {
    let trace = ingest::open(&recordings::path("hackbench-pipe-2g_run3")).unwrap().trace;
    let (bytes, _) = packed(&trace);
    let back = ingest::read(&bytes[..], "x").unwrap().trace;
    assert!(lines(&back) == lines(&trace), "every event comes back");
    assert_eq!((back.cpus(), &back.meta().kernel), (trace.cpus(), &trace.meta().kernel));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn names_are_kept_whatever_they_hold(a in "\\PC{0,15}", b in "(?s).{0,15}") {
        let mut text = csv::Writer::from_writer(Vec::new());
        text.write_record("time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu".split(',')).unwrap();
        text.write_record(["5", "0", "switch", "7", "7", &a, "120", "S", "8", &b, "120", "", ""]).unwrap();
        text.write_record(["9", "0", "switch", "8", "8", &b, "120", "R", "7", &a, "120", "", ""]).unwrap();
        if let Ok(opened) = ingest::read(&text.into_inner().unwrap()[..], "x.csv") {
            let (bytes, _) = packed(&opened.trace);
            prop_assert_eq!(lines(&ingest::read(&bytes[..], "x").unwrap().trace), lines(&opened.trace));
        }
    }
}

/// A message's fields: numbers as they are, others as bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let end = bytes.iter().position(|b| b & 0x80 == 0).unwrap();
        let value = bytes[..=end].iter().rev().fold(0, |n, b| n << 7 | u64::from(b & 0x7f));
        *bytes = &bytes[end + 1..];
        value
    }
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let length = match tag & 7 {
            0 => {
                all.push((tag >> 3, varint(&mut bytes), &[][..]));
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes) as usize,
            other => panic!("kind {other}"),
        };
        all.push((tag >> 3, 0, &bytes[..length]));
        bytes = &bytes[length..];
    }
    all
}

fn field<'a>(all: &[(u64, u64, &'a [u8])], id: u64) -> Option<(u64, &'a [u8])> {
    all.iter().find(|f| f.0 == id).map(|f| (f.1, f.2))
}

/// By the name of its track: what was drawn, as time, kind, category, name and value.
type Drawn = BTreeMap<String, Vec<(u64, u64, String, String, u64)>>;

fn drawn(file: &[u8]) -> Drawn {
    let (mut names, mut all) = (BTreeMap::new(), Drawn::new());
    let text = |f: Option<(u64, &[u8])>| {
        String::from_utf8(f.map(|f| f.1.to_vec()).unwrap_or_default()).unwrap()
    };
    for (_, _, packet) in fields(file) {
        let packet = fields(packet);
        if let Some((_, track)) = field(&packet, 60) {
            let track = fields(track);
            assert!(names.insert(field(&track, 1).unwrap().0, text(field(&track, 2))).is_none());
        }
        if let Some((_, event)) = field(&packet, 11) {
            assert_eq!(field(&packet, 10).unwrap().0, 1, "a sequence of packets has a number");
            let (at, event) = (field(&packet, 8).unwrap().0, fields(event));
            let (kind, track) = (field(&event, 9).unwrap().0, field(&event, 11).unwrap().0);
            let value = field(&event, 30).map_or(0, |f| f.0);
            let event = (at, kind, text(field(&event, 22)), text(field(&event, 23)), value);
            all.entry(names[&track].clone()).or_default().push(event);
        }
    }
    all
}

#[test]
fn the_tracks_are_what_predict_says() {
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small.csv");
    let small = small.to_str().unwrap();
    let whole = recordings::path("hackbench-pipe-2g_run3");
    koracle(&["import", whole.to_str().unwrap(), "--events", "6000", "-o", small])
        .assert()
        .success();
    let trace = ingest::open(Path::new(small)).unwrap().trace;
    let start = trace.meta().start_ns;
    for predictor in ["--predictor=lifo", "--predictor=tcn"] {
        let csv = koracle(&["predict", small, predictor, "-o", "-"])
            .assert()
            .success()
            .get_output()
            .stdout
            .clone();
        let args = ["export", small, "--format", "perfetto", predictor, "-o", "-"];
        let file = koracle(&args).assert().success().get_output().stdout.clone();
        assert_eq!(lines(&ingest::read(&file[..], "x").unwrap().trace), lines(&trace));
        let drawn = drawn(&file);
        let rows: Vec<_> =
            csv::Reader::from_reader(&csv[..]).records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), trace.switch_count());
        for cpu in 0..trace.cpus() {
            let track =
                |what: &str| drawn.get(&format!("CPU {cpu} {what}")).cloned().unwrap_or_default();
            let rows: Vec<_> = rows.iter().filter(|r| r[1] == cpu.to_string()).collect();
            let expected: Vec<_> = rows
                .iter()
                .map(|r| {
                    let name = match &r[5] {
                        "" => "?",
                        "idle:0" => "idle",
                        name => name,
                    };
                    let what = match &r[3] {
                        _ if name == "?" => "unknown",
                        "0" | "1" => "trivial",
                        _ if &r[8] == "1" => "hit",
                        _ => "miss",
                    };
                    (start + r[0].parse::<u64>().unwrap(), what.to_owned(), name.to_owned())
                })
                .collect();
            let slices = track("predicted");
            let begun: Vec<_> =
                slices.iter().step_by(2).map(|s| (s.0, s.2.clone(), s.3.clone())).collect();
            assert_eq!(begun, expected);
            assert!(
                slices.chunks(2).all(|s| s[0].1 == 1 && s[1].1 == 2 && s[0].0 <= s[1].0),
                "begin and end in turn"
            );
            assert!(slices.is_sorted_by_key(|s| s.0), "no slice lies within another");
            let missed = expected.iter().filter(|e| e.1 == "miss").count();
            assert!(
                track("misses").len() == missed
                    && missed > 0
                    && track("misses").iter().all(|m| m.1 == 3)
            );
            // At a switch the queue is what was last counted before it, or at the same moment.
            let queue = track("queue");
            for (row, at) in rows.iter().zip(expected.iter().map(|e| e.0)) {
                let first = queue.partition_point(|c| c.0 < at).saturating_sub(1);
                let near = queue[first..].iter().take_while(|c| c.0 <= at);
                assert!(
                    near.clone().any(|c| row[3] == c.4.to_string()),
                    "{row:?}: {:?}",
                    near.collect::<Vec<_>>()
                );
            }
            assert!(queue.windows(2).skip(1).all(|w| w[0].4 != w[1].4), "only changes are told");
            assert_eq!(trace.cpu_switches(CpuId(cpu as u16)).len(), begun.len());
        }
    }
}

#[test]
fn predictions_are_for_perfetto_alone() {
    let path = recordings::path("hackbench-pipe-2g_run3");
    let args =
        ["export", path.to_str().unwrap(), "--format", "csv", "--predictor", "lifo", "-o", "-"];
    let out = koracle(&args).assert().code(2);
    assert!(String::from_utf8_lossy(&out.get_output().stderr).contains("--format perfetto"));
}
