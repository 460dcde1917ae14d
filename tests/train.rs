//! Runs under control: paused, stopped in the middle of an epoch, killed, out of disk, diverged.
//! Whatever happens, what is kept is whole, and a run that goes on ends with the bits of one that
//! never stopped.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::network::{one_thread, small};
use kernel_oracle::dataset::chunks::{Keep, Recording};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::weights::{Provenance, Weights};
use kernel_oracle::train::runs::{self, RunError, State};
use kernel_oracle::train::{
    Control, Data, Ending, Outcome, Phase, Progress, Stop, TrainConfig, TrainError,
};
use kernel_oracle::train::{run, run_controlled};
use std::path::Path;

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
                assert!(matches!(result, Err(TrainError::Cancelled)), "nothing was validated");
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
        pauses += if p.stepped { p.figures.paused_s } else { 0.0 };
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
        matches!(&kept.state, State::Failed(why) if why.starts_with(&format!("diverged at step {step}")))
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
    // A step that asked for no forecast has no loss of it.
    let steps = folder.join("metrics_steps.csv");
    let text = std::fs::read_to_string(&steps).unwrap();
    let first = text.lines().nth(1).unwrap();
    let mut fields: Vec<&str> = first.split(',').collect();
    fields[7] = "NaN";
    std::fs::write(&steps, text.replacen(first, &fields.join(","), 1)).unwrap();
    let mut again = Vec::new();
    runs::export(&folder, &mut again).unwrap();
    let again = String::from_utf8(again).unwrap();
    let row: Vec<&str> = again.lines().nth(1).unwrap().split(',').collect();
    assert!(row[8].is_empty() && !row[7].is_empty() && !again.contains("NaN"), "{again}");
    assert_eq!(
        again.lines().skip(2).collect::<Vec<_>>(),
        table.lines().skip(2).collect::<Vec<_>>()
    );
    // Never more than the run itself.
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    assert!(matches!(runs::delete(&folder), Err(RunError::NotEmpty(_))));
    assert!(folder.join("notes.txt").exists());
    assert!(matches!(runs::delete(&home.path().join("other")), Err(RunError::NoRun(_))));
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
            losses.push(p.figures.loss);
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
