//! `koracle waits` and `koracle tasks` as a user meets them: figures that add up, forms, times, and
//! what is wrong usage.

#![allow(clippy::unwrap_used)] // helpers of tests are test code too

mod common;

use common::program::{json, output, text};
use common::recordings;
use serde_json::Value;

/// As `perf sched map` prints it: no wake-ups.
const MAP: &str = "  *A0         717.355295 secs A0 => make:18
  *B0         717.355308 secs B0 => cc1:31610
  *A0         717.357707 secs
   A0 *B0     717.357821 secs
  *C0  B0     717.360780 secs C0 => ld:30713
   C0 *A0     717.363030 secs
";

fn n(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn waits_tell_who_ran_instead() {
    let nginx = recordings::argument("nginx-ab_run0");
    let found = json(&["waits", &nginx, "--json", "--top", "5"]);
    let count: u64 = found["histogram"].as_array().unwrap().iter().map(|b| n(&b["count"])).sum();
    assert_eq!(count, n(&found["count"]));
    for pair in ["p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"].windows(2) {
        assert!(n(&found[pair[0]]) <= n(&found[pair[1]]), "{pair:?}");
    }
    let worst = found["worst"].as_array().unwrap();
    assert_eq!((worst.len(), n(&worst[0]["wait_ns"])), (5, n(&found["max_ns"])));
    for wait in worst {
        assert_eq!(n(&wait["to_ns"]) - n(&wait["from_ns"]), n(&wait["wait_ns"]));
        let ran: u64 = wait["instead"].as_array().unwrap().iter().map(|r| n(&r["ns"])).sum();
        let rest = n(&wait["instead_rest"]["ns"]) + n(&wait["unknown_ns"]);
        assert_eq!(ran + rest, n(&wait["wait_ns"]), "{wait}");
        assert!(
            wait["pid"].is_i64()
                && wait["comm"].is_string()
                && wait["cpu"].is_u64()
                && wait["idle_cpus"].is_array()
        );
        assert!(
            ["wakeup", "preempted", "migrated", "new"].contains(&wait["kind"].as_str().unwrap())
        );
        assert!(
            wait["waker"].is_null()
                || wait["waker"]["pid"].is_i64() && wait["waker"]["comm"].is_string()
        );
    }
    let page = text(&["waits", &nginx]);
    assert!(
        page.contains("ran instead") && page.contains("p99.9") && page.contains("(20 of"),
        "{page}"
    );
    let histogram = |page: &str| page.contains("together");
    let list = text(&["waits", &nginx, "--top", "3"]);
    assert!(histogram(&page) && !histogram(&list) && list.contains("(3 of"), "{list}");
}

#[test]
fn filters_times_and_csv_agree_with_the_json() {
    let nginx = recordings::argument("nginx-ab_run0");
    let long =
        json(&["waits", &nginx, "--json", "--where", "wait>1ms and task~nginx", "--top", "3"]);
    let csv = text(&["waits", &nginx, "--csv", "--where", "wait>1ms and task~nginx"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let head = reader.headers().unwrap().clone();
    let rows: Vec<Vec<String>> =
        reader.records().map(|r| r.unwrap().iter().map(String::from).collect()).collect();
    let at = |name: &str| head.iter().position(|h| h == name).unwrap();
    assert_eq!(rows.len() as u64, n(&long["count"]));
    let waits: Vec<u64> = rows.iter().map(|r| r[at("wait_ns")].parse().unwrap()).collect();
    assert!(
        waits.is_sorted_by(|a, b| a >= b)
            && waits.iter().all(|w| *w > 1_000_000)
            && !waits.is_empty()
    );
    assert_eq!(waits.iter().sum::<u64>(), n(&long["sum_ns"]));
    assert!(rows.iter().all(|r| r[at("comm")].contains("nginx")));
    // A window by three ways of saying it.
    let info = json(&["info", &nginx, "--json"]);
    let (start, span) = (n(&info["start_ns"]), n(&info["span_ns"]));
    let half = json(&["waits", &nginx, "--json", "--to", "50%"]);
    let ns = json(&["waits", &nginx, "--json", "--to", &format!("{}ns", span.div_ceil(2))]);
    assert!(n(&half["count"]).abs_diff(n(&ns["count"])) <= 2 && n(&half["count"]) > 0);
    let stamp = format!("{}ns", start + span / 2);
    let absolute = json(&["waits", &nginx, "--json", "--absolute", "--from", &stamp, "--top", "1"]);
    assert!(n(&absolute["worst"][0]["to_ns"]) >= start + span / 2);
    // A recording is read once, however often it is named.
    let twice = output(&["waits", &nginx, &nginx, "--json"]);
    assert_eq!(twice.stdout, output(&["waits", &nginx, "--json"]).stdout);
    assert!(String::from_utf8_lossy(&twice.stderr).contains("named twice, read once"));
    // Two recordings: the sum of both.
    let other = recordings::argument("nginx-ab_run1");
    let both = json(&["waits", &nginx, &other, "--json"]);
    let one = |name: &str| n(&json(&["waits", name, "--json"])["count"]);
    assert_eq!(n(&both["count"]), one(&nginx) + one(&other));
}

#[test]
fn recordings_of_one_name_are_told_apart_by_their_paths() {
    let (dir, path) = recordings::small(300);
    let copies = ["a", "b"].map(|folder| {
        let copy = dir.path().join(folder).join("perf.csv");
        std::fs::create_dir(copy.parent().unwrap()).unwrap();
        std::fs::copy(&path, &copy).unwrap();
        copy.to_str().unwrap().to_owned()
    });
    let csv = text(&["waits", &copies[0], &copies[1], "--csv"]);
    for name in ["a/perf.csv,", "b/perf.csv,"] {
        assert!(csv.lines().any(|line| line.starts_with(name)), "{name}");
    }
}

#[test]
fn tasks_add_up_to_their_spans_and_cpus_to_the_recording() {
    let name = recordings::argument("hackbench-pipe-2g_run0");
    let span = n(&json(&["info", &name, "--json"])["span_ns"]);
    for by in ["thread", "comm"] {
        for window in [&[][..], &["--from", "10ms", "--to", "20ms"]] {
            let found = json(&[&["tasks", &name, "--json", "--by", by], window].concat());
            let length = n(&found["to_ns"]) - n(&found["from_ns"]);
            assert_eq!(length, if window.is_empty() { span } else { 10_000_000 });
            let rows = found["tasks"].as_array().unwrap();
            assert!(rows.len() > 2);
            for row in rows {
                let sum: u64 =
                    ["run_ns", "sleep_ns", "unknown_ns"].iter().map(|k| n(&row[k])).sum();
                assert_eq!(sum + n(&row["waits"]["sum_ns"]), n(&row["span_ns"]), "{row}");
                assert!(by == "comm" || n(&row["span_ns"]) <= length);
                assert_eq!(row["pid"].is_null(), by == "comm");
                assert!(row["cpus"].as_array().unwrap().len() <= 2 && row["stints"].is_u64());
            }
            let sums: Vec<u64> = rows.iter().map(|r| n(&r["waits"]["sum_ns"])).collect();
            assert!(sums.is_sorted_by(|a, b| a >= b));
            let mut used = 0;
            for cpu in found["cpus"].as_array().unwrap() {
                assert_eq!(n(&cpu["use_ns"]) + n(&cpu["idle_ns"]) + n(&cpu["unknown_ns"]), length);
                used += n(&cpu["use_ns"]);
            }
            assert_eq!(used, rows.iter().map(|r| n(&r["run_ns"])).sum::<u64>());
        }
    }
    let csv = text(&["tasks", &name, "--csv"]);
    let page = text(&["tasks", &name, "--by", "comm"]);
    assert!(csv.starts_with("pid,comm,threads,run_ns") && csv.lines().count() > 10);
    assert!(page.contains("hackbench ×") && page.contains("preempted"), "{page}");
}

#[test]
fn a_filter_of_tasks_lists_those_for_which_it_is_true() {
    let nginx = recordings::argument("nginx-ab_run0");
    let rows = |args: &[&str]| {
        json(&[&["tasks", &nginx, "--json"][..], args].concat())["tasks"]
            .as_array()
            .unwrap()
            .clone()
    };
    let long = |row: &Value| {
        n(&row["waits"]["sum_ns"]) > 1_000_000 && row["comm"].as_str().unwrap().contains("nginx")
    };
    let wanted: Vec<Value> = rows(&[]).into_iter().filter(long).collect();
    assert!(!wanted.is_empty());
    assert_eq!(rows(&["--where", "wait>1ms and task~nginx"]), wanted);
    assert!(
        rows(&["--by", "comm", "--where", "threads>1"]).iter().all(|row| n(&row["threads"]) > 1)
    );
    let csv = text(&["tasks", &nginx, "--csv", "--where", "wait>1ms and task~nginx"]);
    assert_eq!(csv.lines().count(), 1 + wanted.len());
}

#[test]
fn what_is_not_known_of_a_wait_is_named_among_who_ran() {
    let nginx = recordings::argument("nginx-ab_run0");
    let filter = ["--where", "wait>560us and idle>100us", "--top", "9"];
    let worst = json(&[&["waits", &nginx, "--json"][..], &filter].concat())["worst"].clone();
    let page = text(&[&["waits", &nginx][..], &filter].concat());
    let unknown: Vec<u64> = worst
        .as_array()
        .unwrap()
        .iter()
        .map(|w| n(&w["unknown_ns"]))
        .filter(|ns| *ns > 0)
        .collect();
    assert!(!unknown.is_empty());
    assert_eq!(page.matches("not known ").count(), unknown.len(), "{page}");
}

#[test]
fn the_threads_of_a_name_are_those_of_the_window() {
    let name = recordings::argument("hackbench-pipe-2g_run0");
    for window in [&[][..], &["--from", "10ms", "--to", "10100us"]] {
        let rows =
            |by| json(&[&["tasks", &name, "--json", "--by", by], window].concat())["tasks"].clone();
        let (threads, names) = (rows("thread"), rows("comm"));
        let of = |rows: &Value| -> Vec<Value> {
            rows.as_array().unwrap().iter().filter(|r| r["comm"] == "hackbench").cloned().collect()
        };
        let (threads, names) = (of(&threads), of(&names));
        assert_eq!((names.len(), n(&names[0]["threads"])), (1, threads.len() as u64));
    }
}

#[test]
fn wrong_values_are_wrong_usage() {
    let name = recordings::argument("nginx-ab_run0");
    for (args, says) in [
        (vec!["waits", "--where", "wayt>1ms"], "did you mean wait?"),
        (vec!["waits", "--where", "wait>1"], "a time with a unit"),
        (vec!["waits", "--where", "kind=foo"], "kind is one of wakeup, preempted, migrated, new"),
        (vec!["waits", "--where", "began!=migrated"], "began is one of wakeup, preempted, new"),
        (vec!["mistakes", "--where", "enqueued=foo"], "enqueued is one of"),
        (vec!["waits", "--top", "-1"], "invalid value '-1'"),
        (vec!["waits", "--top", "x"], "invalid value"),
        (vec!["waits", "--from", "soon"], "a time such as"),
        (
            vec!["waits", "--from", "20ms", "--to", "10ms"],
            "nothing lies between --from 20ms and --to 10ms",
        ),
        (vec!["waits", "--from", "99h"], "a time such as"),
        (vec!["tasks", "--from", "9999s"], "the recording is from 0.000000000 s"),
        (vec!["tasks", "--by", "cpu"], "invalid value"),
        (vec!["tasks", "--json", "--csv"], "cannot be used with"),
    ] {
        let mut all = args.clone();
        all.push(&name);
        let out = output(&all);
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
    assert_eq!(output(&["waits"]).status.code(), Some(2));
    assert_eq!(output(&["waits", "there-is-none"]).status.code(), Some(1));
}

#[test]
fn without_wake_ups_no_wait_is_not_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let map = dir.path().join("map.txt");
    std::fs::write(&map, MAP).unwrap();
    let page = text(&["waits", map.to_str().unwrap()]);
    assert_eq!(page.trim(), "no wait is known: no wake-ups recorded");
}
