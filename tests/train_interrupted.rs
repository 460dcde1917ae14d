//! `koracle train` as a process that is killed, interrupted, and that nothing more can be written
//! for: what it kept is whole, and it goes on from there. A program of its own: a process that is
//! being started holds the locks of whoever starts it for a moment, and so would those of the runs
//! in `train.rs`.

#![allow(clippy::unwrap_used)] // helper functions of a test are tests too

#[path = "train/process.rs"]
mod process;
#[path = "train/tiny.rs"]
mod tiny;

use assert_cmd::cargo::cargo_bin;
use kernel_oracle::predictor::weights::{Provenance, Weights};
use kernel_oracle::train::Ending;
use kernel_oracle::train::runs::{self, State};
use process::{TINY, koracle, wait_for};
use std::path::Path;
use std::process::Command;
use tiny::tiny_catalog;

fn best(run: &Path) -> Vec<u8> {
    let mut weights = Weights::load(&run.join("best.koracle")).unwrap();
    // The date differs between runs.
    weights.provenance = Provenance::default();
    weights.to_bytes()
}

const EPOCHS: [&str; 2] = ["--epochs", "3"];

#[test]
fn a_process_killed_again_and_again_ends_with_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let traces = tiny_catalog(dir.path());
    let (whole, cut) = (dir.path().join("whole"), dir.path().join("cut"));
    let output = ["--batch", "1", "-o"];
    let args = |run: &Path| {
        [&["train"][..], &TINY, &EPOCHS, &output, &[run.to_str().unwrap()]].concat().join(" ")
    };
    let split = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
    let line = split(&args(&whole));
    let done =
        koracle(&traces, &line.iter().map(String::as_str).collect::<Vec<_>>()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    // Killed when the first checkpoint appears, while a file is being written, in an epoch.
    let mut line = split(&args(&cut));
    let entries = || std::fs::read_dir(&cut).into_iter().flatten().flatten();
    let writing = || entries().any(|e| e.file_name().to_string_lossy().starts_with(".koracle-"));
    let rows = || runs::steps(&cut).len();
    let moments: [&dyn Fn() -> bool; 3] =
        [&|| rows() > 3, &writing, &|| cut.join("checkpoint").exists()];
    for (i, moment) in moments.iter().enumerate() {
        let mut child =
            koracle(&traces, &line.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
        wait_for(&mut child, moment);
        let _ = child.kill();
        child.wait().unwrap();
        if i == 0 {
            assert_eq!(
                runs::open(&cut).unwrap().state,
                State::Interrupted,
                "nobody could say how it ended"
            );
        }
        line = vec!["train".into(), "--resume".into(), cut.to_str().unwrap().into()];
    }
    let done =
        koracle(&traces, &line.iter().map(String::as_str).collect::<Vec<_>>()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(best(&cut), best(&whole));
    assert_eq!(runs::open(&cut).unwrap().state, State::Ended(Ending::Finished));
}

#[test]
fn ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let traces = tiny_catalog(dir.path());
    let run = dir.path().join("run");
    let args =
        [&["train", "--json", "-o", run.to_str().unwrap()][..], &TINY, &EPOCHS, &["--batch", "1"]]
            .concat();
    let mut child = koracle(&traces, &args).spawn().unwrap();
    wait_for(&mut child, || runs::steps(&run).len() > 2);
    assert!(
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success()
    );
    let out = child.wait_with_output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains(&format!("koracle train --resume {}", run.display())), "{stderr}");
    let events: Vec<serde_json::Value> =
        stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(
        (events[0]["event"].as_str(), events[0]["epochs"].as_u64()),
        (Some("start"), Some(3))
    );
    assert_eq!(events.last().unwrap()["event"], "end");
    assert_eq!(runs::open(&run).unwrap().state, State::Ended(Ending::Stopped));

    let out =
        koracle(&traces, &["train", "--json", "--resume", run.to_str().unwrap()]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let stdout = String::from_utf8_lossy(&out.stdout);
    let events: Vec<serde_json::Value> =
        stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(events.last().unwrap()["ending"], "finished");
    assert!(
        events.iter().any(|e| e["event"] == "epoch" && e["validation"]["pick_top1"].is_number())
    );
    let out = koracle(&traces, &["runs", "--json", dir.path().to_str().unwrap()]).output().unwrap();
    let list: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        (list[0]["name"].as_str(), list[0]["state"]["ended"].as_str()),
        (Some("run"), Some("finished"))
    );
}

/// A limit on the size of a file fails a write in the middle, as a full disk does, and needs no
/// rights to set up.
#[test]
fn when_nothing_more_can_be_written_the_last_checkpoint_stays() {
    let dir = tempfile::tempdir().unwrap();
    let traces = tiny_catalog(dir.path());
    let run = dir.path().join("run");
    let name = run.to_str().unwrap();
    let args = [&["train", "-o", name][..], &TINY, &EPOCHS, &["--batch", "1"]].concat();
    let mut child = koracle(&traces, &args).spawn().unwrap();
    wait_for(&mut child, || run.join("checkpoint").exists());
    let _ = child.kill();
    child.wait().unwrap();
    let good = std::fs::read(run.join("checkpoint")).unwrap();
    // Half of one: there is room for every other file of the run, and none for a checkpoint
    // whatever its size becomes.
    let blocks = (good.len() / 2 / 1024).to_string();
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" train --resume \"$1\"");
    let mut limited = Command::new("bash");
    limited
        .args(["-c", &script])
        .arg(cargo_bin("koracle"))
        .arg(name)
        .env("KORACLE_TRACES", &traces);
    let out = limited.output().unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("File too large") && stderr.contains("checkpoint"), "{stderr}");
    assert_eq!(std::fs::read(run.join("checkpoint")).unwrap(), good, "as it was");
    assert!(
        matches!(runs::open(&run).unwrap().state, State::Failed(why) if why.contains("too large"))
    );
    let out = koracle(&traces, &["train", "--resume", name]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
