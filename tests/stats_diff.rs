//! What differs between two recordings: nothing of one and itself, a change that was made, and the forms of the answer.

#![allow(clippy::unwrap_used, clippy::float_cmp)] // a failed unwrap is a failed test; values that are equal come from the same sums

use kernel_oracle::stats::diff::{Measure, compare};
use kernel_oracle::trace::{CpuId, Event, EventKind, Nanos, Pid, TaskState, Trace, TraceBuilder, TraceMeta};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// One thread of each of two names: `a` is woken, waits for about `wait` ns, runs for 500 ns, sleeps; `b` runs in between.
fn turns(wait: u64, extra: &str) -> Trace {
    let mut builder = TraceBuilder::default();
    let (idle, a, b) = (builder.task(Pid(0), b"swapper"), builder.task(Pid(7), b"a"), builder.task(Pid(8), b"b"));
    let more = builder.task(Pid(9), extra.as_bytes());
    let (mut time, mut seed) = (0, 7_u64);
    for turn in 0..2_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = wait + (seed >> 33) % 100;
        let comes = if turn % 50 == 0 { more } else { a };
        let wakeup =
            |task, at| Event { task, kind: EventKind::Wakeup, to_cpu: CpuId(0), ..Event::blank(Nanos(at), CpuId(0)) };
        let switch =
            |task, next, at| Event { task, next, state: TaskState::SLEEP, ..Event::blank(Nanos(at), CpuId(0)) };
        builder.push(wakeup(b, time), Pid(0));
        builder.push(switch(idle, b, time + 10), Pid(0));
        builder.push(wakeup(comes, time + 20), Pid(8));
        builder.push(switch(b, comes, time + 20 + wait), Pid(8));
        builder.push(switch(comes, idle, time + 520 + wait), Pid(comes.0 as i32));
        time += 5_000;
    }
    builder.finish(TraceMeta::default())
}

#[test]
fn a_recording_does_not_differ_from_itself() {
    let trace = turns(1_000, "c");
    let found = compare(&trace, &trace);
    assert!(found.rows.len() > 15 && found.only == [Vec::<String>::new(), Vec::new()]);
    for d in &found.rows {
        assert!(d.difference == 0.0 && d.certainty == 0.0, "{d:?}");
        assert!(d.interval[0] <= 0.0 && d.interval[1] >= 0.0, "{d:?}");
    }
}

#[test]
fn what_was_changed_is_found_with_its_interval() {
    let (a, b) = (turns(1_000, "c"), turns(1_300, "d"));
    let found = compare(&a, &b);
    assert_eq!(found.only, [vec!["c".to_owned()], vec!["d".to_owned()]]);
    assert!(found.rows.is_sorted_by(|x, y| x.certainty >= y.certainty));
    let row = |name: Option<&str>, measure| {
        found.rows.iter().find(|d| d.name.as_deref() == name && d.measure == measure).unwrap()
    };
    let wait = row(Some("a"), Measure::Wait);
    assert!((wait.difference - 300.0).abs() < 20.0 && wait.interval[0] < 300.0 && wait.interval[1] > 280.0, "{wait:?}");
    assert!(wait.interval[0] > 250.0 && wait.certainty > 10.0, "{wait:?}");
    // Nobody runs longer or more often for it but the one that was waited for.
    let stint = row(Some("a"), Measure::Stint);
    assert!(stint.difference.abs() < 1.0 && (stint.values[0] - 500.0).abs() < 1e-9, "{stint:?}");
    let other = row(Some("b"), Measure::Stint);
    assert!((other.difference - 300.0).abs() < 20.0, "{other:?}");
    let moved = row(None, Measure::Migrations);
    assert_eq!((moved.values, moved.difference, moved.interval), ([0.0; 2], 0.0, [0.0; 2]));
    assert_eq!(found.rows, compare(&a, &b).rows, "the same draws");
}

#[test]
fn recordings_are_compared_from_the_command_line() {
    let trace = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces").join(format!("{name}.csv.zst"));
        path.to_str().unwrap().to_owned()
    };
    let koracle = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_koracle")).args(args).output().unwrap();
    let text = |args: &[&str]| {
        let out = koracle(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let (a, b) = (trace("nginx-ab_run0"), trace("nginx-ab_run1"));
    let found: Value = serde_json::from_str(&text(&["diff", &a, &b, "--json"])).unwrap();
    let rows = found["differences"].as_array().unwrap();
    assert_eq!((&found["a"]["trace"], &found["b"]["trace"]), (&"nginx-ab_run0".into(), &"nginx-ab_run1".into()));
    assert!(rows.iter().any(|r| r["comm"] == "nginx") && rows.iter().any(|r| r["comm"].is_null()));
    for r in rows {
        let of = |key: &str| r[key].as_f64().unwrap();
        assert!((of("b") - of("a") - of("difference")).abs() <= 1e-9 * (1.0 + of("a").abs()), "{r}");
        assert!(r["interval"][0].as_f64().unwrap() <= r["interval"][1].as_f64().unwrap(), "{r}");
    }
    assert!(text(&["diff", &a, &b]).contains("all tasks") && text(&["diff", &a, &b, "--markdown"]).contains("| task "));
    assert_eq!(koracle(&["diff", &a]).status.code(), Some(2));
    assert_eq!(koracle(&["diff", &a, "there-is-none"]).status.code(), Some(1));
}
