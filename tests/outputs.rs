//! What is written from outside: nothing that is not ours is lost, links stay, a file is whole or
//! not there, and signals, full disks and killed processes leave nothing behind.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "train/process.rs"]
mod process;
#[path = "train/tiny.rs"]
mod tiny;

use kernel_oracle::train::TrainConfig;
use kernel_oracle::train::runs::{self, State};
use process::{TINY, wait_for};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tiny::tiny_catalog;

const HEADER: &str =
    "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu";

/// A folder to work in, with the recording `in.csv`.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.put("in.csv", &events("a"));
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.at(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|e| e.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn run(&self, args: &[&str]) -> Output {
        koracle(self.0.path()).args(args).output().unwrap()
    }

    fn done(&self, args: &[&str]) {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    }

    /// It is wrong usage to write there; it says so, and changes nothing.
    fn refused(&self, args: &[&str], says: &[&str]) {
        self.failed(2, args, says);
    }

    /// It fails with this code, says so, and changes nothing.
    fn failed(&self, code: i32, args: &[&str], says: &[&str]) {
        let before: Vec<_> =
            self.names().into_iter().map(|n| (std::fs::read(self.at(&n)).ok(), n)).collect();
        let out = self.run(args);
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(code), "{args:?}: {text}");
        for words in says {
            assert!(text.contains(words), "{args:?} says {text:?}, not {words:?}");
        }
        let after: Vec<_> =
            self.names().into_iter().map(|n| (std::fs::read(self.at(&n)).ok(), n)).collect();
        assert_eq!(before, after, "{args:?} changed something");
    }
}

fn koracle(folder: &Path) -> Command {
    let mut command = process::koracle(folder, &[]);
    command
        .env_remove("KORACLE_TRACES")
        .current_dir(folder)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// A recording of a few switches between two tasks.
fn events(name: &str) -> String {
    let row = |i: u64| {
        format!(
            "{},0,switch,{},{},{name},120,R,{},{name},120,,\n",
            1_000 * i,
            1 + i % 2,
            1 + i % 2,
            2 - i % 2
        )
    };
    format!("{HEADER}\n{}", (0..20).map(row).collect::<String>())
}

#[test]
fn a_foreign_file_with_the_name_of_the_metadata_is_left_alone() {
    let place = Place::new();
    for foreign in
        ["[package]\nname = \"mine\"\n", "", "not toml", "name = \"x\"\nworkload = \"y\"\n"]
    {
        place.put("Cargo.toml", foreign);
        place.refused(
            &["import", "in.csv", "-o", "Cargo.csv.zst"],
            &["Cargo.toml", "another name", "--force"],
        );
        place.refused(&["import", "in.csv", "-o", "Cargo.csv"], &["Cargo.toml"]);
    }
    place.done(&["import", "in.csv", "-o", "Cargo.csv.zst", "--force"]);
    assert!(place.text("Cargo.toml").contains("start_ns"));
    // Ours may be replaced, together with its recording.
    place.put("in.csv", &events("b"));
    place.done(&["import", "in.csv", "-o", "Cargo.csv.zst"]);
    // But not by another recording beside that one.
    place.refused(&["import", "in.csv", "-o", "Cargo.csv"], &["Cargo.toml", "another recording"]);
    std::fs::create_dir(place.at("folder.toml")).unwrap();
    for force in [&["--force"][..], &[]] {
        place.refused(
            &[&["import", "in.csv", "-o", "folder.csv"], force].concat(),
            &["folder.toml", "no plain file"],
        );
    }
}

#[test]
fn what_is_read_is_not_written() {
    let place = Place::new();
    std::fs::hard_link(place.at("in.csv"), place.at("hard.csv")).unwrap();
    symlink("in.csv", place.at("link.csv")).unwrap();
    place.put("v2.toml", &events("a"));
    for out in ["in.csv", "./in.csv", "hard.csv", "link.csv"] {
        place.refused(&["import", "in.csv", "-o", out], &["being read", "another name"]);
        place.refused(&["export", "in.csv", "--format", "csv", "-o", out], &["being read"]);
        place.refused(&["predict", "in.csv", "--predictor", "lifo", "-o", out], &["being read"]);
    }
    for force in [&["--force"][..], &[]] {
        place.refused(
            &[&["import", "v2.toml", "-o", "v2.csv.zst"], force].concat(),
            &["v2.toml", "being read"],
        );
    }
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/tcn.koracle");
    std::fs::copy(model, place.at("m.koracle")).unwrap();
    place.refused(
        &["predict", "in.csv", "--model", "m.koracle", "-o", "m.koracle"],
        &["being read"],
    );
    // The same metadata for both, unless it is a part only.
    place.done(&["import", "in.csv", "-o", "x.csv"]);
    // Metadata are read, too, and are nobody's table.
    place.refused(
        &["export", "x.csv", "--format", "csv", "-o", "x.toml"],
        &["x.toml", "being read"],
    );
    place.refused(
        &["predict", "x.csv", "--predictor", "lifo", "-o", "x.toml"],
        &["x.toml", "being read"],
    );
    place.refused(
        &["predict", "in.csv", "--predictor", "lifo", "-o", "x.toml"],
        &["x.toml", "metadata of a recording"],
    );
    place.refused(
        &["import", "x.csv", "-o", "x.csv.zst", "--events", "5"],
        &["x.toml", "same metadata"],
    );
    place.done(&["import", "x.csv", "-o", "x.csv.zst"]);
    // Of two recordings with the same metadata neither is replaced by a third.
    place.refused(&["import", "in.csv", "-o", "x.csv"], &["x.toml", "another recording"]);
    place.put("notes.csv", "mine\n");
    place.refused(
        &["import", "in.csv", "-o", "notes.csv"],
        &["notes.csv", "no native recording", "--force"],
    );
    place.done(&["import", "in.csv", "-o", "notes.csv", "--force"]);
    let out = place.run(&["record", "--local", "--seconds", "1", "-o", "notes.csv", "--", "true"]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.code() == Some(2) && said.contains("a file of this name is there"),
        "{said}"
    );
}

#[test]
fn a_link_is_written_through_or_refused_but_never_replaced() {
    let place = Place::new();
    std::fs::create_dir(place.at("far")).unwrap();
    symlink("far/out.csv", place.at("out.csv")).unwrap();
    for _ in ["made", "replaced"] {
        place.done(&["predict", "in.csv", "--predictor", "lifo", "-o", "out.csv"]);
        assert!(place.at("out.csv").is_symlink());
        assert!(place.text("far/out.csv").starts_with("time_ns,cpu"));
    }
    // A recording is two files, and only one of them is behind the link.
    place.refused(&["import", "in.csv", "-o", "out.csv"], &["out.csv", "link"]);
    symlink("far/meta", place.at("two.toml")).unwrap();
    place.refused(&["import", "in.csv", "-o", "two.csv.zst", "--force"], &["two.toml", "link"]);
    assert!(!place.at("far/meta").exists());
    // What the shell opened stays what it is.
    let file = std::fs::File::create(place.at("shell.csv")).unwrap();
    let args = ["predict", "in.csv", "--predictor", "lifo", "-o", "/dev/stdout"];
    assert!(koracle(place.0.path()).args(args).stdout(file).status().unwrap().success());
    assert!(
        place.text("shell.csv").starts_with("time_ns,cpu") && Path::new("/dev/stdout").is_symlink()
    );
}

#[test]
fn a_run_is_kept_in_an_empty_folder_or_where_it_was_asked_for() {
    let place = Place::new();
    let traces = tiny_catalog(&place.0.path().join(""));
    let begin =
        [&["train", "--epochs", "1", "--traces", traces.to_str().unwrap()], &TINY[..]].concat();
    let train = |name, more: &[&'static str]| [&begin[..], &["-o", name], more].concat();
    for (name, file) in [
        ("site", "config.toml"),
        ("models", "best.koracle"),
        ("notes", "notes.txt"),
        ("other", "plan.json"),
    ] {
        std::fs::create_dir(place.at(name)).unwrap();
        place.put(&format!("{name}/{file}"), "mine = 1\n");
        place.refused(&train(name, &[]), &[name, file, "another"]);
        if name == "notes" {
            place.done(&train(name, &["--force"]));
        } else {
            place.refused(&train(name, &["--force"]), &[name, file, "another"]);
        }
        assert_eq!(place.text(&format!("{name}/{file}")), "mine = 1\n");
        let names = std::fs::read_dir(place.at(name)).unwrap().count();
        assert!(names == 1 || name == "notes", "nothing was put into {name}");
        place.refused(&["experiment", "seeds", "-o", name], &[name, "another"]);
    }
    place.refused(&train("notes", &[]), &["holds a run already", "--force"]);
    place.failed(
        1,
        &["runs", "--delete", "site", "--yes"],
        &["site/config.toml", "nothing is removed"],
    );
    place.failed(1, &["runs", "--delete", "other", "--yes"], &["other", "no run is kept here"]);
    assert!(place.at("other/plan.json").exists() && place.at("site/config.toml").exists());
    // All that a run writes has the permissions of any file.
    let usual = std::fs::metadata(place.at("notes/notes.txt")).unwrap().mode();
    for entry in std::fs::read_dir(place.at("notes")).unwrap().flatten() {
        assert_eq!(entry.metadata().unwrap().mode(), usual, "{}", entry.path().display());
    }
    symlink("notes", place.at("linked")).unwrap();
    place.failed(1, &["runs", "--delete", "linked", "--yes"], &["linked", "this is a link"]);
    for name in ["config.toml", "metrics_steps.csv", "best.koracle"] {
        let name = format!("notes/{name}");
        place.refused(
            &["runs", "--export", "notes", "-o", &name],
            &[&name, "belongs to a training run"],
        );
        place.refused(
            &["predict", "in.csv", "--predictor", "lifo", "-o", &name],
            &[&name, "belongs to"],
        );
    }
    place.failed(1, &["runs", "--delete", "notes", "--yes"], &["other files"]);
}

#[test]
fn a_run_goes_on_without_its_best_model_but_not_with_senseless_settings() {
    let place = Place::new();
    let traces = tiny_catalog(place.0.path());
    let args = [&["train", "-o", "run", "--batch", "1", "--epochs", "2"][..], &TINY].concat();
    let start = || {
        let mut command = koracle(place.0.path());
        command
            .args(&args)
            .env("KORACLE_TRACES", &traces)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let mut child = start();
    wait_for(&mut child, || place.at("run/checkpoint").exists());
    // It may have come to its end.
    let _ = child.kill();
    child.wait().unwrap();
    let config = place.text("run/config.toml");
    place.put("run/config.toml", &config.replace("epochs = 2", "epochs = 0"));
    place.failed(1, &["train", "--resume", "run"], &["config.toml", "epochs: 0 is not in 1 to"]);
    place.put("run/config.toml", &config);
    std::fs::remove_file(place.at("run/best.koracle")).unwrap();
    let out = koracle(place.0.path())
        .args(["train", "--resume", "run"])
        .env("KORACLE_TRACES", &traces)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(place.at("run/best.koracle").exists());
    // Even when no step is left.
    for name in ["best.koracle", "ended.json"] {
        std::fs::remove_file(place.at("run").join(name)).unwrap();
    }
    let out = koracle(place.0.path())
        .args(["train", "--resume", "run"])
        .env("KORACLE_TRACES", &traces)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(place.at("run/best.koracle").exists());
}

#[test]
fn a_training_is_stopped_with_a_checkpoint_by_every_signal_that_ends_programs() {
    let place = Place::new();
    let traces = tiny_catalog(place.0.path());
    for (signal, code) in [("-HUP", 129), ("-QUIT", 131), ("-TERM", 143)] {
        let name = format!("run{signal}");
        let args = [&["train", "-o", &name, "--batch", "1", "--epochs", "9"][..], &TINY].concat();
        let mut command = koracle(place.0.path());
        command
            .args(args)
            .env("KORACLE_TRACES", &traces)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        wait_for(&mut child, || runs::steps(&place.at(&name)).len() > 2);
        assert!(
            Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        let run = runs::open(&place.at(&name)).unwrap();
        assert!(run.resumable && matches!(run.state, State::Ended(_)), "{signal}: {:?}", run.state);
    }
}

#[test]
fn who_shall_outlive_the_terminal_does() {
    let place = Place::new();
    let traces = tiny_catalog(place.0.path());
    let args = [&["train", "-o", "run", "--batch", "1", "--epochs", "1"][..], &TINY].concat();
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(assert_cmd::cargo::cargo_bin("koracle"))
        .args(args);
    command
        .current_dir(place.0.path())
        .env("KORACLE_TRACES", &traces)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    wait_for(&mut child, || runs::steps(&place.at("run")).len() > 1);
    assert!(
        Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_a_killed_process_left_goes_with_the_next_file() {
    let place = Place::new();
    let packed = concat!(env!("CARGO_MANIFEST_DIR"), "/traces/hackbench-pipe-2g_run3.csv.zst");
    let mut child =
        koracle(place.0.path()).args(["import", packed, "-o", "new.csv.zst"]).spawn().unwrap();
    let left =
        || place.names().into_iter().filter(|n| n.starts_with(".koracle-")).collect::<Vec<_>>();
    wait_for(&mut child, || !left().is_empty());
    // While it lives, nobody takes its file away.
    place.done(&["predict", "in.csv", "--predictor", "lifo", "-o", "first.csv"]);
    assert_eq!(left().len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(left().len(), 1, "it was killed while it wrote");
    place.put(".koracle-results.tmp", "mine");
    place.done(&["predict", "in.csv", "--predictor", "lifo", "-o", "second.csv"]);
    assert_eq!(left(), [".koracle-results.tmp"]);
}

#[test]
fn a_full_disk_is_a_failure_of_everything_that_prints() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let place = Place::new();
    let commands: [&[&str]; 7] = [
        &["--help"],
        &["--version"],
        &["train", "--help"],
        &["completions", "bash"],
        &["workloads"],
        &["info", "in.csv"],
        &["export", "in.csv", "--format", "csv", "-o", "-"],
    ];
    for args in commands {
        let out = koracle(place.0.path()).args(args).stdout(full()).output().unwrap();
        let says = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{args:?}: {says}");
        assert!(says.contains("standard output: No space left"), "{args:?}: {says}");
    }
}

#[test]
fn settings_of_a_run_are_known_by_themselves() {
    let place = Place::new();
    std::fs::create_dir(place.at("run")).unwrap();
    place.put("run/config.toml", &toml::to_string_pretty(&TrainConfig::default()).unwrap());
    assert_eq!(runs::holds(&place.at("run")), runs::Holds::Run);
    place.done(&["runs", "--delete", "run", "--yes"]);
    assert!(!place.at("run").exists());
}
