//! The command line from outside: outputs that are contracts, messages and exit codes for bad
//! input.
#![allow(clippy::unwrap_used)] // helper functions of a test are tests too

mod common;

#[path = "cli/refusals.rs"]
mod refusals;
#[path = "cli/tiny.rs"]
mod tiny;
#[path = "cli/values.rs"]
mod values;

use common::program::{fails, json, koracle};
use common::recordings;
use serde_json::Value;

#[test]
fn info_gives_the_promised_keys() {
    let (_dir, path) = recordings::small(3_000);
    let info = json(&["info", "--json", path.to_str().unwrap()]);
    for key in [
        "events",
        "switches",
        "cpus",
        "span_ns",
        "kernel",
        "lost",
        "skipped",
        "coverage",
        "trivial_share",
    ] {
        assert!(!info[key].is_null(), "{key}");
    }
    assert_eq!(info["events"], 3_000);
    assert_eq!((info["skipped"].as_u64(), info["cpus"].as_u64()), (Some(0), Some(2)));
    assert!(info["coverage"].as_f64().unwrap() > 0.9);
}

#[test]
fn a_truncated_recording_gives_its_good_part_and_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(recordings::path("hackbench-pipe-2g_run3")).unwrap();
    let path = dir.path().join("half.csv.zst");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let assert = koracle(&["info", "--json", path.to_str().unwrap()]).assert().success();
    let info: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert!(info["events"].as_u64().unwrap() > 100);
    assert!(info["truncated"].is_string());
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("warning"));
}

#[test]
fn import_from_and_to_a_pipe_changes_nothing() {
    let (_dir, path) = recordings::small(2_000);
    let text = std::fs::read(&path).unwrap();
    let once = koracle(&["import", "-", "-o", "-"]).write_stdin(text.clone()).assert().success();
    assert_eq!(once.get_output().stdout, text);
    let ftrace = koracle(&["export", "-", "--format", "ftrace", "-o", "-"])
        .write_stdin(text.clone())
        .assert()
        .success();
    let back = koracle(&["import", "-", "-o", "-"])
        .write_stdin(ftrace.get_output().stdout.clone())
        .assert()
        .success();
    let lines = |bytes: &[u8]| bytes.split(|b| *b == b'\n').count();
    assert_eq!(lines(&back.get_output().stdout), lines(&text), "every event comes back from text");
}

#[test]
fn import_writes_a_recording_with_its_metadata_beside_it() {
    let (dir, path) = recordings::small(500);
    let out = dir.path().join("new.csv.zst");
    koracle(&["import", path.to_str().unwrap(), "-o", out.to_str().unwrap()])
        .assert()
        .success()
        .stdout("");
    assert!(dir.path().join("new.toml").is_file());
    assert_eq!(json(&["info", "--json", out.to_str().unwrap()])["events"], 500);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "no temporary file stays");
}

#[test]
fn eval_prints_the_contract() {
    let (_dir, path) = recordings::small(6_000);
    let path = path.to_str().unwrap();
    let report = json(&[
        "eval",
        "--json",
        "--predictors",
        "tcn,lstm,mlp,ppm,kernel-oracle,eevdf,followed,lrr,lifo,fifo,random",
        path,
    ]);
    let trace = &report["traces"][0];
    for key in ["trace", "workload", "category", "kernel"] {
        assert!(trace[key].is_string(), "{key}");
    }
    for key in [
        "decisions",
        "non_trivial",
        "coverage",
        "coverage_non_trivial",
        "trivial_share",
        "idle_share",
    ] {
        assert!(trace[key].is_number(), "{key}");
    }
    for name in ["tcn", "lstm", "mlp", "ppm", "eevdf", "followed", "lrr", "lifo", "fifo", "random"]
    {
        for key in ["top1", "top3", "nll", "ece"] {
            assert!(trace["pick"][name][key].is_number(), "pick {name} {key}");
        }
        assert!(trace["forecast"][name]["top3"].is_number(), "forecast {name}");
        assert_eq!(
            report["macro"]["pick"][name]["top1"], trace["pick"][name]["top1"],
            "one workload is the mean"
        );
        assert!(report["macro"]["forecast"][name]["top1"].is_number());
    }
    assert_eq!(report["workloads"]["small"]["non_trivial"], trace["non_trivial"]);
    assert_eq!(
        report,
        json(&["eval", "--json", path]),
        "the same twice, and these predictors are the default"
    );
    let table = koracle(&["eval", "--markdown", path]).assert().success();
    assert!(String::from_utf8_lossy(&table.get_output().stdout).contains("**macro**"));
}

#[test]
fn predict_writes_a_row_per_switch() {
    let (dir, path) = recordings::small(4_000);
    let path = path.to_str().unwrap();
    let out = dir.path().join("predictions.csv");
    koracle(&["predict", path, "-o", out.to_str().unwrap()]).assert().success();
    let mut csv = csv::Reader::from_path(&out).unwrap();
    assert_eq!(csv.headers().unwrap().iter().collect::<Vec<_>>().join(","), {
        "time_ns,cpu,event,candidates,real,predicted,p,p_real,rank,forecast,forecast_p,\
         lead_ns,pick_scored,forecast_scored"
    });
    let rows: Vec<_> = csv.records().map(Result::unwrap).collect();
    assert_eq!(rows.len() as u64, json(&["info", "--json", path])["switches"].as_u64().unwrap());
    assert!(
        rows.iter().all(|r| (&r[8] == "1") == (r[4] == r[5]) || &r[8] == "0"),
        "rank 1 is a hit"
    );
    let events: Vec<usize> = rows.iter().map(|r| r[2].parse().unwrap()).collect();
    assert!(events.is_sorted());
    let piped = koracle(&["predict", path, "-o", "-"]).assert().success();
    assert_eq!(piped.get_output().stdout, std::fs::read(&out).unwrap());
}

#[test]
fn completions_name_the_commands() {
    let script = koracle(&["completions", "bash"]).assert().success();
    let script = String::from_utf8_lossy(&script.get_output().stdout).into_owned();
    assert!(script.contains("predict") && script.contains("eval"));
}

/// A child whose output nobody reads to the end.
fn spawn(args: &[&str]) -> std::process::Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_koracle"));
    command.args(args).env("NO_COLOR", "1").env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    use std::io::Read;
    let path = recordings::path("hackbench-pipe-2g_run3");
    let path = path.to_str().unwrap();
    let commands: [&[&str]; 5] = [
        &["waits", path, "--csv"],
        &["export", path, "--format", "csv", "-o", "-"],
        &["export", path, "--format", "ftrace", "-o", "-"],
        &["import", path, "-o", "-"],
        &["predict", path, "--predictor", "lifo", "-o", "-"],
    ];
    for args in commands {
        let mut child = spawn(args);
        let mut first = [0; 64];
        // More than any pipe holds is still to come when the reader leaves.
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
            (Some(0), ""),
            "{args:?}"
        );
    }
}

#[test]
#[cfg(unix)]
fn a_signal_takes_the_unfinished_file_away() {
    // As long as it may be to be packed as small as can be: that takes seconds.
    let (_small, input) = recordings::small(20_000);
    let text = std::fs::read_to_string(&input).unwrap();
    let rows = text.split_once('\n').unwrap().1;
    std::fs::write(&input, [&text, rows].concat()).unwrap();
    for (signal, code) in [("-TERM", 143), ("-INT", 130), ("-HUP", 129), ("-QUIT", 131)] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("new.csv.zst");
        let mut child = spawn(&["import", input.to_str().unwrap(), "-o", out.to_str().unwrap()]);
        // The file is there from the beginning of the packing.
        while std::fs::read_dir(dir.path()).unwrap().count() == 0 {
            assert!(child.try_wait().unwrap().is_none(), "ended before it began to write");
            std::thread::yield_now();
        }
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing stays behind");
    }
}

#[test]
fn time_running_backwards_and_losses_are_said() {
    let (dir, path) = recordings::small(50);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(20, 30);
    lines.push("999999999,0,lost,,17,,,,,,,,");
    let bad = dir.path().join("bad.csv");
    std::fs::write(&bad, lines.join("\n") + "\n").unwrap();
    let bad = bad.to_str().unwrap();
    let commands: [&[&str]; 3] = [
        &["import", bad, "-o", "-"],
        &["predict", bad, "-o", "-"],
        &["eval", "--predictors", "fifo", bad],
    ];
    for args in commands {
        let assert = koracle(args).assert().success();
        let says = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(
            says.contains("time ran backwards") && says.contains("lost 17 events"),
            "{args:?} says {says:?}"
        );
    }
}

#[test]
fn a_fraction_of_nothing_is_no_zero() {
    let (dir, _) = recordings::small(0);
    let path = dir.path().join("wakeups.csv");
    let header =
        "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu";
    std::fs::write(&path, format!("{header}\n5,0,wakeup,1,2,a,120,,,,,,0\n")).unwrap();
    let path = path.to_str().unwrap();
    let report = json(&["eval", "--json", "--predictors", "tcn,fifo", path]);
    for of in [&report["traces"][0], &report["workloads"]["wakeups"]] {
        assert_eq!(of["decisions"], 0);
        for value in [&of["coverage"], &of["trivial_share"], &of["idle_share"]] {
            assert!(value.is_null(), "{of}");
        }
        for key in ["top1", "top3", "mrr", "nll", "ece"] {
            let fifo = of["pick"]["fifo"].as_object().unwrap();
            assert!(fifo.contains_key(key) && fifo[key].is_null(), "{key}: {of}");
        }
    }
    fails(&["eval", "--markdown", "--predictors", "fifo", path], 1, "no switch was recorded");
    // Beside a recording with figures it has a row of none.
    let (_other, other) = recordings::small(3_000);
    let both = ["eval", "--markdown", "--predictors", "fifo", path, other.to_str().unwrap()];
    let table = koracle(&both).assert().success();
    let table = String::from_utf8_lossy(&table.get_output().stdout).into_owned();
    let row = table.lines().find(|line| line.contains("wakeups")).unwrap();
    assert!(row.contains('–') && !row.contains("0.0") && !table.contains("NaN"), "{table}");
    let info = json(&["info", "--json", path]);
    assert!(info.as_object().unwrap().contains_key("coverage") && info["coverage"].is_null());
    let text = koracle(&["info", path]).assert().success();
    let text = String::from_utf8_lossy(&text.get_output().stdout).into_owned();
    assert!(
        text.contains("on 1 CPU [0]")
            && text.contains("0 events in 0 gaps")
            && !text.contains("NaN"),
        "{text}"
    );
}

#[test]
fn a_directory_stands_for_its_recordings() {
    let (dir, path) = recordings::small(3_000);
    let folder = dir.path().to_str().unwrap();
    std::fs::copy(&path, dir.path().join("again.csv")).unwrap();
    std::fs::create_dir(dir.path().join("more")).unwrap();
    std::fs::copy(&path, dir.path().join("more/inside.csv")).unwrap();
    for (name, text) in [
        ("notes.txt", "nothing recorded"),
        (".hidden.csv", "x"),
        ("small.toml", ""),
        ("empty.csv", ""),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let all = json(&["eval", "--json", "--predictors", "fifo", folder]);
    assert_eq!(all["traces"].as_array().unwrap().len(), 2, "{all}");
    let said = koracle(&["mistakes", "--predictor", "fifo", folder]).assert().success();
    assert!(String::from_utf8_lossy(&said.get_output().stdout).contains("in 2 recordings"));
    // Where one is meant, one is named.
    fails(&["info", folder], 1, "again.csv");
    let empty = tempfile::tempdir().unwrap();
    fails(&["eval", empty.path().to_str().unwrap()], 1, "no recording is in this directory");
}

#[test]
fn what_is_told_of_the_machine_is_kept_by_an_import() {
    let (dir, path) = recordings::small(3_000);
    let (input, output) = (path.to_str().unwrap(), dir.path().join("told.csv.zst"));
    let output = output.to_str().unwrap();
    koracle(&[
        "import",
        input,
        "-o",
        output,
        "--kernel",
        "6.1",
        "--hz",
        "300",
        "--slice",
        "2000000",
        "--autogroup",
        "on",
    ])
    .assert()
    .success();
    let told = json(&["info", "--json", output]);
    let of = |key: &str| {
        (told["inference"][key]["value"].clone(), told["inference"][key]["from"].clone())
    };
    assert_eq!(of("class"), ("CFS".into(), "recorded".into()), "{told}");
    assert_eq!(
        (of("hz").0, of("slice_ns").0, of("autogroup").0),
        (300.into(), 2_000_000.into(), true.into())
    );
    assert_eq!(told["kernel"], "6.1");
}

#[test]
fn one_name_on_several_machines_is_several_recordings() {
    let [a, b] =
        ["cfs", "6.1x4"].map(|machine| recordings::path(&format!("{machine}/timers-cyclic_run3")));
    let [a, b] = [&a, &b].map(|path| path.to_str().unwrap());
    let csv = |args: &[&str]| -> Vec<csv::StringRecord> {
        let out = koracle(args).assert().success().get_output().stdout.clone();
        csv::Reader::from_reader(&out[..]).records().map(Result::unwrap).collect()
    };
    let both = ["timers-cyclic_run3@6.1", "timers-cyclic_run3@6.1x4"];
    let model = ["--model", "assets/models/mlp.koracle"];
    let slices = csv(&[&["mistakes", a, b, "--csv", "--by", "trace,machine"], &model[..]].concat());
    let names: Vec<_> = slices.iter().map(|row| &row[1]).collect();
    assert_eq!(names, [both[0], both[1], "6.1", "6.1x4"]);
    assert!(
        slices[0][3] == slices[2][3]
            && slices[1][3] == slices[3][3]
            && slices[0][3] != slices[1][3]
    );
    let of = |filter: &str| csv(&["waits", a, b, "--csv", "--top", "5", "--where", filter]);
    for name in both {
        let rows = of(&format!("trace={name}"));
        assert!(rows.len() == 5 && rows.iter().all(|row| &row[0] == name), "{rows:?}");
    }
    let eval = json(&["eval", "--json", "--predictors", "fifo", a, b]);
    assert_eq!(eval["machines"].as_object().unwrap().keys().collect::<Vec<_>>(), ["6.1", "6.1x4"]);
    assert_eq!(json(&["info", "--json", a])["emulated"], true);
}

#[test]
fn what_accuracy_costs_is_told_of_every_configuration() {
    let model = ["--model", "assets/models/mlp.koracle"];
    let report = json(&[&["frontier", "--json", "--category", "cpu_bound"], &model[..]].concat());
    let rows = report["rows"].as_array().unwrap();
    let mut names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    let times: Vec<_> = rows.iter().map(|row| row["decision_ns"].as_u64().unwrap()).collect();
    assert!(
        times.is_sorted() && times[0] > 0 && rows[0]["leads"] == true,
        "the cheapest first, and it leads: {rows:?}"
    );
    let right =
        |name: &str| rows.iter().find(|row| row["name"] == name).unwrap()["pick"].as_f64().unwrap();
    assert!(right("tcn") > right("eevdf") && right("eevdf") > right("fifo"));
    assert!((right("mlp") - right("mlp'")).abs() < 1e-12, "the same network twice has two names");
    names.sort_unstable();
    assert_eq!(names, ["eevdf", "fifo", "kernel-oracle", "lstm", "mlp", "mlp'", "ppm", "tcn"]);
    fails(&["frontier", "--category", "cooking"], 2, "cooking");
}
