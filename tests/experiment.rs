//! Experiments from outside: what is trained and scored, that a killed one goes on where it was,
//! that finished parts are left alone, that nothing of another configuration or of other recordings
//! is taken for finished. On the beginnings of a few bundled training recordings, with a split of
//! their own.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use serde_json::Value;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

/// Rows of each recording.
const ROWS: usize = 2_500;

/// A folder of recordings: two workloads, the second of them also as if from another kernel.
fn recordings(folder: &Path) {
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut catalog = String::new();
    let mut add = |from: &str,
                   skip: usize,
                   category: &str,
                   kernel: &str,
                   run: usize,
                   split: &str| {
        let packed = std::fs::read(bundled.join(format!("{from}.csv.zst"))).unwrap();
        let text = String::from_utf8(zstd::stream::decode_all(&packed[..]).unwrap()).unwrap();
        let workload = from.split("_run").next().unwrap();
        let cpus = if kernel.starts_with("6.1.") { 4 } else { 2 };
        let name = format!("{workload}-{kernel}-{run}");
        let mut lines = text.split_inclusive('\n');
        let rows: String = lines.next().into_iter().chain(lines.skip(skip).take(ROWS)).collect();
        std::fs::write(folder.join(format!("{name}.csv")), rows).unwrap();
        let about =
            [("name", &*name), ("workload", workload), ("category", category), ("kernel", kernel)];
        let toml: Vec<String> =
            about.iter().map(|(key, value)| format!("{key} = \"{value}\"")).collect();
        std::fs::write(
            folder.join(format!("{name}.toml")),
            format!("{}\ncpus = {cpus}\n", toml.join("\n")),
        )
        .unwrap();
        write!(
            catalog,
            "[[trace]]\nfile = \"{name}.csv\"\nworkload = \"{workload}\"\ncategory = \
             \"{category}\"\nrun = {run}\nkernel = \"{kernel}\"\ncpus = {cpus}\nsplit = \
             \"{split}\"\n"
        )
        .unwrap();
    };
    for (run, split) in ["train", "validation", "test"].into_iter().enumerate() {
        add("hackbench-pipe-2g_run0", run * ROWS, "hackbench", "6.18.44", run, split);
        add("sysbench-threads-8t_run0", run * ROWS, "sysbench_threads", "6.18.44", run, split);
        add("sysbench-threads-8t_run1", run * ROWS, "sysbench_threads", "6.1.0-38", run, split);
    }
    std::fs::write(folder.join("catalog.toml"), catalog).unwrap();
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("traces")).unwrap();
        recordings(&dir.path().join("traces"));
        Self { dir }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str], folder: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_koracle"));
        command.arg("experiment").args(args).arg("-o").arg(self.folder(folder));
        command
            .env("KORACLE_TRACES", self.folder("traces"))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str], folder: &str) -> (Value, String) {
        let Output { status, stdout, stderr } =
            self.command(args, folder).arg("--json").output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert!(status.success(), "{args:?}: {said}");
        (serde_json::from_slice(&stdout).unwrap(), said)
    }

    fn fails(&self, args: &[&str], folder: &str, says: &str) {
        let output = self.command(args, folder).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && said.contains(says),
            "{args:?} says {said:?}, not {says:?}"
        );
    }
}

/// What must not depend on when and how often it was run: no times, no command line.
fn lasting(results: &Value) -> Value {
    let mut results = results.clone();
    results.as_object_mut().unwrap().remove("command");
    for training in results["trainings"].as_array_mut().unwrap() {
        training
            .as_object_mut()
            .unwrap()
            .retain(|key, _| !["wall_s", "events_per_s"].contains(&key.as_str()));
    }
    results
}

/// When the models in an experiment's folder were written, by run.
fn models(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let runs = std::fs::read_dir(folder.join("runs"))
        .unwrap()
        .map(|e| e.unwrap().path().join("best.koracle"));
    let mut models: Vec<_> = runs.filter(|p| p.is_file()).collect();
    models.sort();
    models.into_iter().map(|p| (p.clone(), p.metadata().unwrap().modified().unwrap())).collect()
}

#[test]
fn each_category_is_held_out_in_turn_and_finished_parts_stay() {
    let place = Place::new();
    let asked = ["hold-out", "--model", "tcn", "--epochs", "1", "--seeds", "2", "--jobs", "2"];
    let (results, said) = place.run(&asked, "a");
    assert!(
        said.contains("epoch 1 of 1, validation macro"),
        "plain lines without a terminal: {said}"
    );
    assert_eq!(said.matches("scoring tcn").count(), 4, "{said}");
    let rows = results["rows"].as_array().unwrap();
    let of = |key: &str| rows.iter().map(|r| r[key].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(of("tested"), ["hackbench", "sysbench_threads"]);
    assert_eq!(of("trained"), ["without hackbench", "without sysbench_threads"]);
    let both = rows[1]["workloads"].as_object().unwrap();
    assert_eq!(
        both.keys().collect::<Vec<_>>(),
        ["sysbench-threads-8t@6.18", "sysbench-threads-8t@6.1x4"]
    );
    for row in rows {
        for question in ["pick", "forecast"] {
            let tcn = &row["macro"][question]["tcn"];
            let [low, middle, high] =
                ["top1_min", "top1", "top1_max"].map(|key| tcn[key].as_f64().unwrap());
            assert!(low <= middle && middle <= high && tcn["seeds"] == 2, "{tcn}");
            assert!(row["macro"][question]["ppm"]["top1"].is_number(), "beside the baselines");
            assert!(
                ["won", "tied", "lost"].contains(&row[question]["each"]["ppm"].as_str().unwrap())
            );
        }
    }
    assert_eq!(results["trainings"].as_array().unwrap().len(), 4);
    let folder = place.folder("a");
    let config =
        std::fs::read_to_string(folder.join("runs/tcn-without-hackbench-seed-1/config.toml"))
            .unwrap();
    assert!(
        config.contains("hold_out = [\"hackbench\"]") && config.contains("seed = 1"),
        "{config}"
    );
    for run in ["hackbench", "sysbench_threads"] {
        // Nothing of the held-out category, nothing of another split.
        let model =
            std::fs::read(folder.join(format!("runs/tcn-without-{run}-seed-0/best.koracle")))
                .unwrap();
        let header = String::from_utf8_lossy(&model[..model.len().min(20_000)]).into_owned();
        let (_, list) = header.split_once("\"trained_on\":[").unwrap();
        let list = list.split(']').next().unwrap();
        assert!(!list.contains(&run.replace('_', "-")) && list.contains("-0\""), "{list}");
        assert!(!list.contains("-1\"") && !list.contains("-2\""), "{list}");
    }
    let table = std::fs::read_to_string(folder.join("results.md")).unwrap();
    assert!(
        table.contains("| without hackbench") && table.contains("koracle experiment hold-out"),
        "{table}"
    );

    let before = models(&folder);
    let (again, said) = place.run(&asked, "a");
    assert_eq!(
        (said.matches("finished before").count(), said.contains("scoring")),
        (4, false),
        "{said}"
    );
    assert_eq!((models(&folder), lasting(&again)), (before.clone(), lasting(&results)));
    // One more seed: only that is trained.
    let (more, said) =
        place.run(&["hold-out", "--model", "tcn", "--epochs", "1", "--seeds", "3"], "a");
    assert_eq!(
        (said.matches("finished before").count(), more["seeds"].as_u64()),
        (4, Some(3)),
        "{said}"
    );
    assert!(before.iter().all(|model| models(&folder).contains(model)));

    place.fails(
        &["hold-out", "--model", "tcn", "--epochs", "2"],
        "a",
        "was trained in another way",
    );
    std::fs::write(place.folder("traces/hackbench-pipe-2g-6.18.44-1.csv"), "x").unwrap();
    place.fails(
        &["hold-out", "--model", "tcn", "--epochs", "1"],
        "a",
        "was trained on other recordings",
    );
}

#[test]
fn a_killed_experiment_goes_on_and_ends_as_if_nothing_had_happened() {
    let place = Place::new();
    let asked = ["seeds", "--epochs", "3", "--seeds", "2"];
    let (whole, _) = place.run(&asked, "whole");
    let folder = place.folder("killed");
    let mut child = place
        .command(&asked, "killed")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It is said when the checkpoint is there.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("seed 1: epoch 1 of 3")), "nothing was trained");
    child.kill().unwrap();
    child.wait().unwrap();
    let before = models(&folder);
    assert_eq!(before.len(), 2);
    assert!(!folder.join("results.json").exists());
    let (resumed, said) = place.run(&asked, "killed");
    assert!(said.contains("tcn all, seed 0: finished before"), "{said}");
    assert_eq!(models(&folder)[0], before[0], "the finished training is left alone");
    assert!(
        !said.contains("seed 1: epoch 1 of 3"),
        "the training under way goes on after its last epoch: {said}"
    );
    assert_eq!(lasting(&resumed), lasting(&whole));
    let table =
        |name: &str| std::fs::read_to_string(place.folder(name).join("results.md")).unwrap();
    let body = |text: &str| text.split_once("####").unwrap().1.to_owned();
    assert_eq!(body(&table("killed")), body(&table("whole")));
}

#[test]
fn kernels_are_trained_and_scored_crosswise() {
    let place = Place::new();
    let (results, _) = place.run(&["kernels", "--epochs", "1", "--seeds", "1"], "a");
    let rows = results["rows"].as_array().unwrap();
    let pairs: Vec<_> =
        rows.iter().map(|r| [&r["trained"], &r["tested"]].map(|v| v.as_str().unwrap())).collect();
    assert_eq!(pairs, [["EEVDF", "EEVDF"], ["EEVDF", "CFS"], ["CFS", "EEVDF"], ["CFS", "CFS"]]);
    let top1 = |row: usize| rows[row]["macro"]["pick"]["tcn"]["top1"].as_f64().unwrap();
    let drops = results["drops"].as_array().unwrap();
    assert_eq!(
        (drops.len(), &drops[0]["trained"], &drops[0]["tested"]),
        (2, &"EEVDF".into(), &"CFS".into())
    );
    assert!((drops[0]["pick_points"].as_f64().unwrap() - 100.0 * (top1(3) - top1(1))).abs() < 1e-9);
    assert!((drops[1]["pick_points"].as_f64().unwrap() - 100.0 * (top1(0) - top1(2))).abs() < 1e-9);
    assert_eq!(rows[1]["traces"], 1);
    place.fails(&["kernels", "--kernel", "6.18"], "b", "name two");
    place.fails(
        &["kernels", "--kernel", "6.18,5.15", "--kernel", "6.1"],
        "b",
        "no recording of kernel 6.18,5.15",
    );
    place.fails(&["hold-out", "--category", "nginx"], "b", "no recording of category nginx");
    place.fails(&["seeds", "--model", "fifo"], "b", "fifo is not trained");
    place.fails(&["seeds", "--category", "hackbench"], "b", "--category is for hold-out");
}

#[test]
fn each_machine_is_left_out_in_turn() {
    let place = Place::new();
    let (results, _) = place.run(&["machines", "--epochs", "1", "--seeds", "1"], "a");
    let rows = results["rows"].as_array().unwrap();
    let pairs: Vec<_> =
        rows.iter().map(|r| [&r["trained"], &r["tested"]].map(|v| v.as_str().unwrap())).collect();
    assert_eq!(
        pairs,
        [["all", "6.18"], ["all", "6.1x4"], ["without 6.18", "6.18"], ["without 6.1x4", "6.1x4"]]
    );
    let traces: Vec<_> = rows.iter().map(|r| r["traces"].as_u64().unwrap()).collect();
    assert_eq!(traces, [2, 1, 2, 1]);
    let drops = results["drops"].as_array().unwrap();
    let top1 = |row: usize| rows[row]["macro"]["pick"]["tcn"]["top1"].as_f64().unwrap();
    assert_eq!(
        (drops.len(), &drops[0]["trained"], &drops[0]["tested"]),
        (2, &"without 6.18".into(), &"6.18".into())
    );
    assert!((drops[0]["pick_points"].as_f64().unwrap() - 100.0 * (top1(0) - top1(2))).abs() < 1e-9);
    let held =
        std::fs::read_to_string(place.folder("a/runs/tcn-without-6.18-seed-0/part.json")).unwrap();
    assert!(held.contains("\"hold_out\": [\n      \"6.18\"\n    ]"), "{held}");
    place.fails(
        &["machines", "--machine", "6.18x8"],
        "b",
        "no recording of machine 6.18x8; there are 6.18, 6.1x4",
    );
    place.fails(&["machines", "--kernel", "6.18"], "b", "of one machine");
    place.fails(&["seeds", "--machine", "6.18"], "b", "--machine is for machines");
}

#[test]
fn networks_are_compared_in_size_and_speed() {
    let place = Place::new();
    let asked = [
        "models",
        "--model",
        "tcn",
        "--epochs",
        "1",
        "--seeds",
        "1",
        "--kernel",
        "6.18",
        "--split",
        "validation",
    ];
    let (results, _) = place.run(&asked, "a");
    assert_eq!(
        (&results["split"], results["rows"].as_array().unwrap().len()),
        (&"validation".into(), 1)
    );
    let speed = &results["speed"][0];
    assert_eq!(speed["model"], "tcn");
    for key in ["parameters", "token_ns", "decision_ns", "train_events_per_s"] {
        assert!(speed[key].as_f64().unwrap() > 0.0, "{key}: {speed}");
    }
    assert_eq!(results["trainings"][0]["parameters"], speed["parameters"]);
    assert!(
        results["rows"][0]["workloads"].get("sysbench-threads-8t").is_some(),
        "one kernel: plain names"
    );
}
