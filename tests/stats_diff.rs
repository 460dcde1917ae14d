//! What differs between two recordings: nothing of one and itself, a change that was made, and the
//! forms of the answer.

#![allow(clippy::unwrap_used, clippy::float_cmp)] // a failed unwrap is a failed test; values that are equal come from the same sums

mod common;

use common::program::{json, output, text};
use common::recordings;
use kernel_oracle::stats::diff::{Difference, Measure, Scored, compare, compare_scored};
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Nanos, Pid, TaskState, Trace, TraceBuilder, TraceMeta,
};
use serde_json::Value;

/// One thread of each of two names: `a` is woken, waits for about `wait` ns, runs for 500 ns,
/// sleeps; `b` runs in between.
fn turns(wait: u64, extra: &str) -> Trace {
    let mut builder = TraceBuilder::default();
    let (idle, a, b) =
        (builder.task(Pid(0), b"swapper"), builder.task(Pid(7), b"a"), builder.task(Pid(8), b"b"));
    let more = builder.task(Pid(9), extra.as_bytes());
    let (mut time, mut seed) = (0, 7_u64);
    for turn in 0..2_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = wait + (seed >> 33) % 100;
        let comes = if turn % 50 == 0 { more } else { a };
        let wakeup = |task, at| Event {
            task,
            kind: EventKind::Wakeup,
            to_cpu: CpuId(0),
            ..Event::blank(Nanos(at), CpuId(0))
        };
        let switch = |task, next, at| Event {
            task,
            next,
            state: TaskState::SLEEP,
            ..Event::blank(Nanos(at), CpuId(0))
        };
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
    assert!(
        (wait.difference - 300.0).abs() < 20.0
            && wait.interval[0] < 300.0
            && wait.interval[1] > 280.0,
        "{wait:?}"
    );
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

/// A decision of every switch that brings `a` in, right where `right` says so.
fn decisions(trace: &Trace, right: impl Fn(usize) -> bool) -> Vec<Scored> {
    let comes = |event: &u32| {
        let e = trace.event(*event as usize);
        trace.tasks().get(e.next).is_some_and(|task| &*task.name == "a")
    };
    let all = trace.cpu_switches(CpuId(0)).iter().copied().filter(comes).enumerate();
    let one = |(i, event)| Scored {
        event,
        hit: right(i),
        nats: (i % 4 > 0).then_some(if right(i) { 0.25 } else { 2.0 }),
    };
    all.map(one).collect()
}

#[test]
fn what_a_model_says_counts_for_the_one_that_came_in() {
    let (a, b) = (turns(1_000, "c"), turns(1_000, "c"));
    let said = [decisions(&a, |i| i % 2 == 0), decisions(&b, |i| i % 10 > 0)];
    let found = compare_scored([&a, &b], [&said[0], &said[1]]);
    let of = |name: Option<&str>, measure| -> Option<&Difference> {
        found.rows.iter().find(|d| d.name.as_deref() == name && d.measure == measure)
    };
    for name in [None, Some("a")] {
        let (hits, nats) =
            (of(name, Measure::HitRate).unwrap(), of(name, Measure::Surprise).unwrap());
        assert!(
            (hits.values[0] - 0.5).abs() < 1e-3 && (hits.values[1] - 0.9).abs() < 1e-3,
            "{hits:?}"
        );
        assert!(
            hits.interval[0] > 0.35 && hits.interval[1] < 0.45 && hits.certainty > 10.0,
            "{hits:?}"
        );
        // Where it was not among the candidates it is a miss, and nobody says how surprising.
        let mean = |said: &[Scored]| {
            let known: Vec<f64> = said.iter().filter_map(|s| s.nats.map(f64::from)).collect();
            known.iter().sum::<f64>() / known.len() as f64
        };
        assert_eq!(nats.values, [mean(&said[0]), mean(&said[1])]);
        assert!(nats.difference < 0.0);
    }
    assert!(of(Some("b"), Measure::HitRate).is_none() && of(Some("b"), Measure::Wait).is_some());
    // Nothing else depends on it, and without a model nothing is said.
    let without = compare(&a, &b).rows;
    let models = [Measure::HitRate, Measure::Surprise];
    assert!(!without.iter().any(|d| models.contains(&d.measure)));
    assert!(
        without.iter().all(|d| found.rows.contains(d)) && found.rows.len() == without.len() + 4
    );
}

#[test]
fn hit_rate_and_surprise_are_those_of_eval_and_mistakes() {
    let (a, b) = (recordings::argument("nginx-ab_run0"), recordings::argument("nginx-ab_run1"));
    let found = json(&["diff", &a, &b, "--json"]);
    assert_eq!(found["model"], "tcn");
    let row = |comm: Option<&str>, measure: &str| {
        let rows = found["differences"].as_array().unwrap();
        rows.iter().find(|r| r["comm"].as_str() == comm && r["measure"] == measure).unwrap().clone()
    };
    let near = |x: &Value, y: &Value| (x.as_f64().unwrap() - y.as_f64().unwrap()).abs() < 1e-6;
    let eval = json(&["eval", "--json", "--predictors", "tcn", &a, &b]);
    for (side, key) in ["a", "b"].into_iter().enumerate() {
        let pick = &eval["traces"][side]["pick"]["tcn"];
        assert!(
            near(&row(None, "hit_rate")[key], &pick["top1"])
                && near(&row(None, "surprise")[key], &pick["nll"]),
            "{key}"
        );
        let mistakes = json(&["mistakes", [&a, &b][side], "--json"]);
        let tasks = mistakes["tasks"].as_array().unwrap();
        let nginx = tasks.iter().find(|t| t["slice"] == "nginx").unwrap();
        assert!(near(&row(Some("nginx"), "hit_rate")[key], &nginx["accuracy"]), "{nginx}");
    }
    // Another predictor answers otherwise, none not at all.
    let other = json(&["diff", &a, &b, "--json", "--model", "lifo"]);
    assert!(other["model"] == "lifo" && other["differences"] != found["differences"]);
    let without = json(&["diff", &a, &b, "--json", "--model", "none"]);
    assert!(without["model"].is_null() && !without.to_string().contains("hit_rate"));
    let wrong = output(&["diff", &a, &b, "--model", "mr-x"]);
    assert!(
        wrong.status.code() == Some(2) && String::from_utf8_lossy(&wrong.stderr).contains("mr-x")
    );
}

#[test]
fn recordings_are_compared_from_the_command_line() {
    let (a, b) = (recordings::argument("nginx-ab_run0"), recordings::argument("nginx-ab_run1"));
    let found = json(&["diff", &a, &b, "--json"]);
    let rows = found["differences"].as_array().unwrap();
    assert_eq!(
        (&found["a"]["trace"], &found["b"]["trace"]),
        (&"nginx-ab_run0".into(), &"nginx-ab_run1".into())
    );
    assert!(rows.iter().any(|r| r["comm"] == "nginx") && rows.iter().any(|r| r["comm"].is_null()));
    for r in rows {
        let of = |key: &str| r[key].as_f64().unwrap();
        assert!(
            (of("b") - of("a") - of("difference")).abs() <= 1e-9 * (1.0 + of("a").abs()),
            "{r}"
        );
        assert!(r["interval"][0].as_f64().unwrap() <= r["interval"][1].as_f64().unwrap(), "{r}");
    }
    assert!(
        text(&["diff", &a, &b]).contains("all tasks")
            && text(&["diff", &a, &b, "--markdown"]).contains("| task ")
    );
    assert_eq!(output(&["diff", &a]).status.code(), Some(2));
    assert_eq!(output(&["diff", &a, "there-is-none"]).status.code(), Some(1));
}

#[test]
fn unknown_time_is_neither_used_nor_idle() {
    // A third of one CPU of the second is unknown.
    let names = [recordings::argument("nginx-ab_run0"), recordings::argument("nginx-ab_run1")];
    let out = output(&["diff", &names[0], &names[1], "--json", "--model", "none"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("nginx-ab_run1") && said.contains("of CPU1 is unknown"), "{said}");
    let found: Value = serde_json::from_slice(&out.stdout).unwrap();
    let rows = found["differences"].as_array().unwrap();
    let all = rows.iter().find(|r| r["comm"].is_null() && r["measure"] == "use").unwrap();
    for (name, side) in names.iter().zip(["a", "b"]) {
        let tasks = json(&["tasks", name, "--json"]);
        let cpus = tasks["cpus"].as_array().unwrap();
        let sum = |key: &str| cpus.iter().map(|c| c[key].as_u64().unwrap() as f64).sum::<f64>();
        let used = cpus.len() as f64 * sum("use_ns") / (sum("use_ns") + sum("idle_ns"));
        assert!((all[side].as_f64().unwrap() - used).abs() < 1e-6, "{side}: {all} {used}");
    }
    // What is more than chance comes first, whatever its spread.
    let certain = |r: &Value| {
        r["interval"][0].as_f64().unwrap() > 0.0 || r["interval"][1].as_f64().unwrap() < 0.0
    };
    assert!(rows.iter().map(certain).is_sorted_by(|a, b| a >= b));
}

#[test]
fn waits_are_not_compared_where_one_has_no_wake_ups() {
    let dir = tempfile::tempdir().unwrap();
    let [whole, bare] =
        ["whole.txt", "bare.txt"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    text(&[
        "export",
        &recordings::argument("hackbench-pipe-2g_run0"),
        "--format",
        "ftrace",
        "-o",
        &whole,
    ]);
    let lines = std::fs::read_to_string(&whole).unwrap();
    let lines: Vec<&str> = lines.lines().filter(|line| !line.contains(": sched_wak")).collect();
    std::fs::write(&bare, lines.join("\n") + "\n").unwrap();
    let out = output(&["diff", &whole, &bare, "--json", "--model", "none"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("there are no wake-ups"));
    let found = String::from_utf8(out.stdout).unwrap();
    assert!(found.contains("stint_ns") && !found.contains("wait_ns") && !found.contains("waiting"));
}
