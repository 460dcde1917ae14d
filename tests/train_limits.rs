//! What a machine refuses while one trains, memory and disk, as a user meets it: the program ends
//! with its reason, the run is kept as failed, and goes on once there is room. What needs root says
//! so and is skipped; `environment` says when that is a failure.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "environment/mod.rs"]
mod environment;
#[path = "train/process.rs"]
mod process;
#[path = "train/tiny.rs"]
mod tiny;

use assert_cmd::cargo::cargo_bin;
use kernel_oracle::predictor::weights::{Provenance, Weights};
use kernel_oracle::train::runs::{self, KeptRun, State};
use process::{TINY, koracle, wait_for};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Child, Command, Output};
use tiny::tiny_catalog;

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// Starts a run and waits for its first checkpoint.
fn started(traces: &Path, run: &Path, epochs: &str) -> Child {
    let args =
        [&["train", "-o", run.to_str().unwrap(), "--batch", "1", "--epochs", epochs][..], &TINY]
            .concat();
    let mut child = koracle(traces, &args).spawn().unwrap();
    wait_for(&mut child, || run.join("checkpoint").exists());
    child
}

#[test]
fn what_cannot_fit_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let (traces, run) = (tiny_catalog(dir.path()), dir.path().join("run"));
    let name = run.to_str().unwrap();
    let out = koracle(&traces, &["train", "-o", name, "--memory-limit", "70"]).output().unwrap();
    let text = said(&out);
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("koracle: the run takes about 1")
            && text.contains("; --only takes fewer recordings")
            && text.contains("MiB are left under the memory limit"),
        "{text}"
    );
    let chosen = ["train", "-o", name, "--memory-limit", "70", "--only", "c"];
    let out = koracle(&traces, &chosen).output().unwrap();
    assert!(said(&out).starts_with("koracle: only: the run takes about 1"), "{}", said(&out));
    // In kilobytes: enough for the program, not for steps of so many chunks.
    let script = "ulimit -v 600000; exec \"$0\" train -o \"$1\" --batch 256 --chunk 4096";
    let mut limited = Command::new("bash");
    limited.args(["-c", script]).arg(cargo_bin("koracle")).arg(name).env("KORACLE_TRACES", &traces);
    let out = limited.output().unwrap();
    let text = said(&out);
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert!(
        text.contains("batch: the run takes about 1") && text.contains("left under ulimit -v"),
        "{text}"
    );
    assert!(!run.exists(), "nothing was made");
}

/// The memory that a process has mapped.
fn mapped(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmSize:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn a_run_that_is_about_to_have_no_memory_ends_as_failed_with_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let traces = tiny_catalog(dir.path());
    let (home, run) = (dir.path().join("runs"), dir.path().join("runs/it"));
    let child = started(&traces, &run, "10000");
    // Less than the program wants to keep free, more than the steps until it looks can take.
    let limit = format!("--as={}:", mapped(&child) + (48 << 20));
    let done =
        Command::new("prlimit").args(["--pid", &child.id().to_string(), &limit]).status().unwrap();
    assert!(done.success());
    let out = child.wait_with_output().unwrap();
    let text = said(&out);
    assert_eq!(out.status.code(), Some(1), "{text}");
    let KeptRun { state: State::Failed(why), last, resumable, .. } = runs::open(&run).unwrap()
    else {
        panic!("{text}")
    };
    let step = last.unwrap().step;
    assert!(
        why.starts_with(&format!("out of memory after step {step}: "))
            && why.ends_with("under ulimit -v"),
        "{why}"
    );
    assert!(text.contains(&why) && resumable, "{text}");
    assert!(text.contains(&format!("koracle train --resume {}", run.display())), "{text}");
    let list = koracle(&traces, &["runs", home.to_str().unwrap()]).output().unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.contains("failed") && list.contains(&why), "{list}");

    // With room again it goes on where it was, not at the checkpoint of an epoch before.
    let mut child =
        koracle(&traces, &["train", "--resume", run.to_str().unwrap()]).spawn().unwrap();
    wait_for(&mut child, || runs::steps(&run).len() > step);
    child.kill().unwrap();
    child.wait().unwrap();
    let rows: Vec<usize> = runs::steps(&run).iter().map(|s| s.step).collect();
    assert_eq!(rows, (1..=rows.len()).collect::<Vec<_>>());
    assert_eq!(
        runs::steps(&run)[step - 1..=step].iter().map(|s| s.session).collect::<Vec<_>>(),
        [0, 1]
    );
}

/// A small disk; gone when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(dir.path())
            .output();
        mount.is_ok_and(|out| out.status.success()).then(|| Self(dir))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn best(run: &Path) -> Vec<u8> {
    let mut weights = Weights::load(&run.join("best.koracle")).unwrap();
    // The date differs between runs.
    weights.provenance = Provenance::default();
    weights.to_bytes()
}

#[test]
fn on_a_full_disk_a_run_fails_and_goes_on_to_the_same_bits_when_there_is_room() {
    let Some(disk) = Disk::new() else {
        let test = "on_a_full_disk_a_run_fails_and_goes_on_to_the_same_bits_when_there_is_room";
        return environment::skip(test, environment::Need::Root);
    };
    let dir = tempfile::tempdir().unwrap();
    let traces = tiny_catalog(dir.path());
    let (whole, run) = (dir.path().join("whole"), disk.0.path().join("run"));
    let out = started(&traces, &whole, "8").wait_with_output().unwrap();
    assert!(out.status.success(), "{}", said(&out));

    let child = started(&traces, &run, "8");
    let filler = disk.0.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    let full = loop {
        if let Err(e) = file.write_all(&[1; 4096]) {
            break e;
        }
    };
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    // An open file would keep its blocks when it is removed.
    drop(file);
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    assert!(said(&out).contains("No space left on device"), "{}", said(&out));
    // Where the reason does not fit on the disk either, nobody could say how it ended.
    let kept = runs::open(&run).unwrap();
    assert!(
        matches!(kept.state, State::Failed(_) | State::Interrupted) && kept.resumable,
        "{:?}",
        kept.state
    );

    std::fs::remove_file(&filler).unwrap();
    let out = koracle(&traces, &["train", "--resume", run.to_str().unwrap()]).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
    assert_eq!(best(&run), best(&whole));
}
