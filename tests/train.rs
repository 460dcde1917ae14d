//! Runs under control: paused, stopped in the middle of an epoch, killed, out of disk, diverged.
//! Whatever happens, what is kept is whole, and a run that goes on ends with the bits of one that
//! never stopped.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "train/process.rs"]
mod process;
#[path = "train/tiny.rs"]
mod tiny;

use assert_cmd::cargo::cargo_bin;
use kernel_oracle::dataset::chunks::{Keep, Recording};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::networks::ModelConfig;
use kernel_oracle::predictor::weights::{Provenance, Weights};
use kernel_oracle::train::runs::{self, RunError, State};
use kernel_oracle::train::{
    Control, Data, Ending, Outcome, Phase, Progress, Stop, TrainConfig, TrainError,
};
use kernel_oracle::train::{run, run_controlled};
use process::{TINY, koracle, wait_for};
use std::path::Path;
use std::process::Command;
use tiny::tiny_catalog;

fn small() -> ModelConfig {
    ModelConfig {
        channels: 8,
        kernel: 2,
        blocks: 3,
        hidden: 16,
        hidden2: 8,
        forecast: 16,
        forecast2: 8,
        ..ModelConfig::default()
    }
}

/// The first decisions of one CPU of a real recording, to fit to and to choose by.
fn data() -> Data {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/hackbench-pipe-2g_run0.csv.zst");
    let keep = Keep { decisions: 1_500, forecasts: 4_000, ..Keep::VALIDATION };
    let mut r = Recording::new(&kernel_oracle::ingest::open(&path).unwrap().trace, keep);
    r.cpus.truncate(1);
    let cpu = &mut r.cpus[0];
    cpu.picks.at.retain(|p| p.tokens <= 6_000);
    cpu.asks.at.retain(|a| a.tokens <= 6_000);
    Data { training: vec![r.clone()], validation: vec![r] }
}

fn config(folder: &Path) -> TrainConfig {
    let folder = Some(folder.to_path_buf());
    TrainConfig {
        model: small(),
        epochs: 3,
        batch: 1,
        folder,
        resume: true,
        ..TrainConfig::default()
    }
}

fn one_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(work)
}

fn bits(mut weights: Weights) -> Vec<u8> {
    // The date differs between runs.
    weights.provenance = Provenance::default();
    weights.to_bytes()
}

fn controlled(
    config: &TrainConfig,
    data: &Data,
    control: &Control,
    mut see: impl FnMut(&Progress) + Send,
) -> Result<Outcome, TrainError> {
    one_thread(|| run_controlled(config, data, control, &mut |p| see(&p)))
}

/// What an undisturbed run ends with, its model and its table of steps.
fn undisturbed(data: &Data) -> (Vec<u8>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let outcome = controlled(&config(dir.path()), data, &Control::default(), |_| {}).unwrap();
    assert_eq!((outcome.ending, outcome.cancelled), (Ending::Finished, false));
    (bits(outcome.weights), runs::steps(dir.path()).len())
}

#[test]
fn a_run_stopped_at_any_step_goes_on_bit_for_bit() {
    let data = data();
    let (whole, steps) = undisturbed(&data);
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    // In the first epoch, right before its last step, in the second one; with validation and
    // without.
    for (at, how) in
        [(2, Stop::Leave), (steps / 3 - 1, Stop::Validate), (steps / 3 + 2, Stop::Validate)]
    {
        let control = Control::default();
        let result = controlled(&config, &data, &control, |p| {
            if p.stepped && p.step == at {
                control.stop(how);
            }
        });
        match (at, result) {
            (2, result) => {
                assert!(matches!(result, Err(TrainError::Cancelled)), "nothing was validated")
            }
            (_, result) => assert!(result.unwrap().cancelled),
        }
        let kept = runs::open(dir.path()).unwrap();
        assert_eq!((kept.state, kept.resumable), (State::Ended(Ending::Stopped), true));
        assert_eq!((kept.last.unwrap().step, kept.steps), (at, steps));
    }
    let outcome = controlled(&config, &data, &Control::default(), |_| {}).unwrap();
    assert_eq!(bits(outcome.weights), whole);
    let kept = runs::open(dir.path()).unwrap();
    assert_eq!((kept.state.clone(), kept.resumable), (State::Ended(Ending::Finished), false));
    assert_eq!((kept.sessions.len(), kept.epochs.len()), (4, 3));
    let table = runs::steps(dir.path());
    assert_eq!(table.iter().map(|s| s.step).collect::<Vec<_>>(), (1..=steps).collect::<Vec<_>>());
    assert_eq!(table.last().unwrap().session, 3);
    assert!(table.windows(2).all(|w| w[0].wall_s <= w[1].wall_s), "time goes on over sessions");
}

#[test]
fn a_killed_run_goes_on_from_its_last_checkpoint() {
    let data = data();
    let (whole, steps) = undisturbed(&data);
    let dir = tempfile::tempdir().unwrap();
    let control = Control::new(&Cancel::new());
    let result = controlled(&config(dir.path()), &data, &control, |p| {
        if p.step == steps / 3 + 2 {
            control.kill();
        }
    });
    assert_eq!(result.unwrap().ending, Ending::Killed);
    assert_eq!(runs::open(dir.path()).unwrap().state, State::Ended(Ending::Killed));
    let mut first = None;
    let outcome = controlled(&config(dir.path()), &data, &Control::default(), |p| {
        first = first.or(p.stepped.then_some(p.step));
    });
    assert_eq!(first, Some(steps / 3 + 1), "the first epoch was kept");
    assert_eq!(bits(outcome.unwrap().weights), whole);
}

#[test]
fn a_pause_rests_and_shows_the_weights_and_changes_nothing() {
    let data = data();
    let (whole, steps) = undisturbed(&data);
    let dir = tempfile::tempdir().unwrap();
    let control = Control::default();
    let (mut phases, mut shown, mut pauses) = (Vec::new(), 0, 0.0);
    let outcome = controlled(&config(dir.path()), &data, &control, |p| {
        if phases.last() != Some(&p.phase) {
            phases.push(p.phase);
        }
        if p.stepped && p.step == 2 {
            control.pause();
        }
        // Resting, it still shows its weights; then it goes on.
        if p.phase == Phase::Paused {
            control.show();
        }
        if p.weights.is_some() && p.validation.is_none() {
            shown += 1;
            assert_eq!(p.step, 2);
            control.resume();
        }
        pauses += if p.stepped { p.paused_s } else { 0.0 };
    });
    assert_eq!(bits(outcome.unwrap().weights), whole);
    assert_eq!(shown, 1);
    assert_eq!(phases[..3], [Phase::Training, Phase::Paused, Phase::Training]);
    assert_eq!(phases.iter().filter(|p| **p == Phase::Validating).count(), 3);
    let rows = runs::steps(dir.path());
    assert_eq!(
        (rows.len(), rows.iter().filter(|s| s.paused_s > 0.0).count()),
        (steps, usize::from(pauses > 0.0005))
    );
}

#[test]
fn a_damaged_checkpoint_is_never_loaded() {
    let data = data();
    let (whole, steps) = undisturbed(&data);
    let dir = tempfile::tempdir().unwrap();
    let stop_at = |at: usize| {
        let control = Control::default();
        let mut first = None;
        let _ = controlled(&config(dir.path()), &data, &control, |p| {
            first = first.or(p.stepped.then_some(p.step));
            if p.step >= at {
                control.stop(Stop::Leave);
            }
        });
        first.unwrap()
    };
    assert_eq!(stop_at(2), 1);
    assert_eq!(stop_at(4), 3);
    // A bit is flipped, the end is missing, nothing is there: the one before it is taken.
    let newest = dir.path().join("checkpoint");
    let before = std::fs::read(dir.path().join("checkpoint.previous")).unwrap();
    let good = std::fs::read(&newest).unwrap();
    for bad in [
        [&good[..good.len() / 2], &[good[good.len() / 2] ^ 1], &good[good.len() / 2 + 1..]]
            .concat(),
        good[..good.len() - 9].to_vec(),
        Vec::new(),
    ] {
        std::fs::write(&newest, bad).unwrap();
        std::fs::write(dir.path().join("checkpoint.previous"), &before).unwrap();
        assert_eq!(stop_at(3), 3, "goes on from the one before");
        assert_eq!(
            std::fs::read(dir.path().join("checkpoint.previous")).unwrap(),
            before,
            "the good one stays"
        );
    }
    // What a kill in the middle of a write leaves: half a temporary file. It is not looked at, and
    // taken away. A process of this number that began with the machine is long gone.
    let left = dir.path().join(format!(".koracle-{}-1-AbC123.tmp", std::process::id()));
    std::fs::write(&left, &good[..100]).unwrap();
    let outcome = controlled(&config(dir.path()), &data, &Control::default(), |_| {}).unwrap();
    assert_eq!(bits(outcome.weights), whole);
    assert!(!left.exists());
    assert_eq!(runs::steps(dir.path()).len(), steps);

    // Nothing whole is left: an error that says so, not a fresh start.
    for name in ["checkpoint", "checkpoint.previous"] {
        std::fs::write(dir.path().join(name), &good[..50]).unwrap();
    }
    let error = controlled(&config(dir.path()), &data, &Control::default(), |_| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("damaged"), "{error}");
}

#[test]
fn a_learning_rate_of_a_thousand_ends_as_diverged_with_its_curve() {
    let dir = tempfile::tempdir().unwrap();
    let config = TrainConfig { learning_rate: 1e3, ..config(dir.path()) };
    let mut last = 0;
    let result = controlled(&config, &data(), &Control::default(), |p| last = p.step);
    let Err(TrainError::Diverged { step, .. }) = result else { panic!("{result:?}") };
    assert!(step > 1 && step == last, "{step}");
    let kept = runs::open(dir.path()).unwrap();
    assert!(
        matches!(&kept.state, State::Failed(why) if why.starts_with(&format!("diverged at step \
        {step}")))
    );
    assert_eq!(runs::steps(dir.path()).len(), step, "the step that diverged is part of the curve");
}

#[test]
fn a_panic_is_a_failed_run_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let result = controlled(&config(dir.path()), &data(), &Control::default(), |p| {
        assert!(p.step < 2, "boom");
    });
    assert!(matches!(result, Err(TrainError::Panicked(why)) if why == "boom"));
    assert_eq!(
        runs::open(dir.path()).unwrap().state,
        State::Failed("the training panicked: boom".into())
    );
}

#[test]
fn patience_ends_a_run_early() {
    let dir = tempfile::tempdir().unwrap();
    // What is learned is wrong in the validation: there somebody else came in. So the better it
    // learns, the worse the score, whatever the inputs are; that it never falls in 40 epochs is not
    // to be expected.
    let mut data = data();
    for cpu in &mut data.validation[0].cpus {
        cpu.picks
            .at
            .iter_mut()
            .filter(|p| p.count > 1)
            .for_each(|p| p.target = (p.target + 1) % p.count);
        cpu.asks
            .at
            .iter_mut()
            .filter(|a| a.count > 0)
            .for_each(|a| a.target = (a.target + 1) % a.count);
    }
    let config = TrainConfig { patience: 1, epochs: 40, ..config(dir.path()) };
    let outcome = controlled(&config, &data, &Control::default(), |_| {}).unwrap();
    assert_eq!(outcome.ending, Ending::Early);
    let kept = runs::open(dir.path()).unwrap();
    assert_eq!((kept.epochs.len(), kept.resumable), (outcome.epoch + 1, false));
}

#[test]
fn kept_runs_are_listed_exported_and_deleted() {
    let home = tempfile::tempdir().unwrap();
    let folder = runs::new_folder(home.path(), "tcn").unwrap();
    assert_eq!(folder.file_name().unwrap(), "tcn-001");
    let data = data();
    let outcome = one_thread(|| run(&config(&folder), &data, &Cancel::new(), &mut |_| {})).unwrap();
    assert_eq!(runs::new_folder(home.path(), "tcn").unwrap().file_name().unwrap(), "tcn-002");
    std::fs::create_dir(home.path().join("other")).unwrap();
    std::fs::create_dir(home.path().join("broken")).unwrap();
    std::fs::write(home.path().join("broken/config.toml"), "epochs = \"many\"").unwrap();
    let (list, problems) = runs::list(home.path()).unwrap();
    assert_eq!((list.len(), problems.len()), (1, 1));
    let run = &list[0];
    assert_eq!((run.best().unwrap().epoch, run.name.as_str()), (outcome.epoch, "tcn-001"));
    assert!((run.best().unwrap().validation.score() - outcome.validation.score()).abs() < 1e-4);
    assert_eq!(run.best().unwrap().validation.workloads.len(), 1);
    let eevdf = run.baselines.iter().find(|b| b.name == "eevdf").unwrap();
    assert!(eevdf.pick_top1.unwrap() > 0.5 && eevdf.forecast_top1.is_none());
    assert!(!run.sessions[0].kernel.is_empty() && run.sessions[0].threads == 1);
    let mut table = Vec::new();
    runs::export(&folder, &mut table).unwrap();
    let table = String::from_utf8(table).unwrap();
    assert_eq!(table.lines().count(), 1 + run.steps);
    assert_eq!(
        table.lines().filter(|l| !l.ends_with(",,,,")).count(),
        1 + 3 - 1 + 1,
        "heading and epochs"
    );
    // Never more than the run itself.
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    assert!(matches!(runs::delete(&folder), Err(RunError::NotEmpty(_))));
    assert!(folder.join("notes.txt").exists());
    assert!(matches!(runs::delete(&home.path().join("other")), Err(RunError::NoRun(_))));
}

fn best(run: &Path) -> Vec<u8> {
    bits(Weights::load(&run.join("best.koracle")).unwrap())
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
    assert!(matches!(runs::open(&run).unwrap().state, State::Failed(why) if why.contains("too \
        large")));
    let out = koracle(&traces, &["train", "--resume", name]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// The losses of every step, and the model's score.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn course(
    device: kernel_oracle::train::Target,
    data: &Data,
) -> Result<(Vec<[f32; 2]>, f64), TrainError> {
    let mut losses = Vec::new();
    let config =
        TrainConfig { model: small(), epochs: 1, batch: 1, device, ..TrainConfig::default() };
    let outcome = controlled(&config, data, &Control::default(), |p| {
        if p.stepped {
            losses.push(p.loss);
        }
    })?;
    Ok((losses, outcome.validation.pick_top1))
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
#[test]
fn a_device_ends_with_the_losses_of_the_cpu() {
    use kernel_oracle::train::Target;
    let data = data();
    let (cpu, score) = course(Target::Cpu, &data).unwrap();
    for device in [Target::Cuda(None), Target::Wgpu(None)].into_iter().filter(|d| d.check().is_ok())
    {
        match course(device, &data) {
            Err(TrainError::Device(why)) => println!("skipped: {why}"),
            Err(e) => panic!("{device}: {e}"),
            Ok((losses, its)) => {
                assert_eq!(losses.len(), cpu.len());
                for (step, (a, b)) in losses.iter().zip(&cpu).enumerate() {
                    let far = a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-2 * b.abs().max(0.1));
                    assert!(!far, "{device}, step {}: {a:?}, on the CPU {b:?}", step + 1);
                }
                assert!((its - score).abs() < 0.02, "{device}: {its}, on the CPU {score}");
            }
        }
    }
}
