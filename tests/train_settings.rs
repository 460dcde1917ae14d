//! What a setting is for, seen in the numbers of a run: the order of epochs, the balance of
//! workloads, clipped gradients, weight decay, and the temperatures that the best model is kept
//! with.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use common::network::{one_thread, small};
use kernel_oracle::dataset::chunks::{Keep, Recording};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::weights::Weights;
use kernel_oracle::train::{Data, Outcome, Schedule, TrainConfig, run, validate};
use std::path::Path;

/// So small a rate that no number of the network moves.
const STILL: f64 = 1e-30;

fn config() -> TrainConfig {
    let schedule = Schedule::Constant;
    TrainConfig {
        model: small(),
        epochs: 2,
        batch: 1,
        chunk: 512,
        schedule,
        weight_decay: 0.0,
        ..TrainConfig::default()
    }
}

/// The first tokens of one CPU of a real recording.
fn part(name: &str, workload: &str, tokens: u32) -> Recording {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("traces/{name}.csv.zst"));
    let keep = Keep { decisions: 1_500, forecasts: 4_000, ..Keep::VALIDATION };
    let mut r = Recording::new(&kernel_oracle::ingest::open(&path).unwrap().trace, keep);
    r.workload = workload.into();
    r.cpus.truncate(1);
    r.cpus[0].picks.at.retain(|p| p.tokens <= tokens);
    r.cpus[0].asks.at.retain(|a| a.tokens <= tokens);
    r
}

fn hackbench(tokens: u32) -> Recording {
    part("hackbench-pipe-2g_run0", "hackbench", tokens)
}

/// The run's outcome and the losses of its steps.
fn fitted(config: &TrainConfig, data: &Data) -> (Outcome, Vec<[f32; 2]>) {
    let mut losses = Vec::new();
    let outcome = one_thread(|| {
        run(config, data, &Cancel::new(), &mut |p| {
            if p.stepped {
                // Of what was not asked in this chunk there is no loss.
                losses.push(p.figures.loss.map(|l| if l.is_nan() { 0.0 } else { l }));
            }
        })
    });
    (outcome.unwrap(), losses)
}

fn ordered(losses: &[[f32; 2]]) -> Vec<f32> {
    let mut all: Vec<f32> = losses.iter().map(|l| l[0] + l[1]).collect();
    all.sort_by(f32::total_cmp);
    all
}

#[test]
fn every_epoch_goes_through_the_same_chunks_in_another_order() {
    let data = Data { training: vec![hackbench(30_000)], validation: Vec::new() };
    let config = TrainConfig { learning_rate: STILL, epochs: 3, ..config() };
    let (_, losses) = fitted(&config, &data);
    let epochs: Vec<&[[f32; 2]]> = losses.chunks(losses.len() / 3).collect();
    let asked = epochs[0].iter().filter(|l| l[0] + l[1] > 0.0).count();
    assert!(asked > 6, "{asked} chunks");
    // Nothing was learned: a chunk's loss is the same in each epoch, and tells which one it is.
    assert_eq!(ordered(epochs[0]), ordered(epochs[1]));
    assert_eq!(ordered(epochs[1]), ordered(epochs[2]));
    assert!(
        epochs[0] != epochs[1] && epochs[1] != epochs[2] && epochs[0] != epochs[2],
        "{losses:?}"
    );
    assert_eq!(fitted(&config, &data).1, losses, "the same seed, the same order");
}

#[test]
fn a_small_workload_is_not_drowned_by_a_large_one() {
    let (large, small) = (hackbench(30_000), part("cpu-bound-8p_run0", "cpu", 900));
    let count = |r: &Recording| (r.cpus[0].picks.at.len() as f32, r.cpus[0].asks.at.len() as f32);
    let (n, m) = (count(&large), count(&small));
    assert!(n.0 > 4.0 * m.0 && m.0 > 10.0 && n.1 > 4.0 * m.1, "{n:?} {m:?}");
    let data = Data { training: vec![large, small], validation: Vec::new() };
    let still = TrainConfig { learning_rate: STILL, epochs: 1, ..config() };
    let (_, off) = fitted(&TrainConfig { balance: false, ..still.clone() }, &data);
    let (_, on) = fitted(&still, &data);
    assert_eq!(on.len(), off.len());
    // One over the root of its share, and 1 on average.
    for (question, (n, m)) in [(0, (n.0, m.0)), (1, (n.1, m.1))] {
        let scale = (n + m) / (n.sqrt() + m.sqrt());
        let expected = [scale / n.sqrt(), scale / m.sqrt()];
        assert!(expected[0] < 0.95 && expected[1] > 1.5, "{expected:?}");
        let mut seen = [0, 0];
        for (on, off) in on.iter().zip(&off).filter(|(_, off)| off[question] > 0.0) {
            let ratio = on[question] / off[question];
            let which = usize::from((ratio - expected[1]).abs() < (ratio - expected[0]).abs());
            assert!(
                (ratio / expected[which] - 1.0).abs() < 1e-3,
                "{ratio} is neither of {expected:?}"
            );
            seen[which] += 1;
        }
        assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    }
}

/// What every loss depends on.
const TRUNK: [&str; 2] = ["input.weight", "block0.taps"];

fn numbers(weights: &Weights) -> Vec<f32> {
    TRUNK.iter().flat_map(|n| weights.get(n).to_vec()).collect()
}

#[test]
fn gradients_are_cut_at_their_norm() {
    let data = Data { training: vec![hackbench(4_000)], validation: Vec::new() };
    let (still, _) = fitted(&TrainConfig { learning_rate: STILL, ..config() }, &data);
    let moved = |clip: f32| {
        let (outcome, _) = fitted(&TrainConfig { clip, ..config() }, &data);
        let pairs = numbers(&outcome.weights).into_iter().zip(numbers(&still.weights));
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    // Adam divides by the gradient's own size, but by no less than 1e-8: cut far below it, a
    // gradient moves nothing.
    let (free, cut) = (moved(1.0), moved(1e-14));
    assert!(free > 3e-3, "{free}");
    assert!(cut < free / 1_000.0, "{cut}, not cut {free}");
}

#[test]
fn weights_decay_by_rate_times_decay_at_every_step() {
    let data = Data { training: vec![hackbench(4_000)], validation: Vec::new() };
    let (still, _) = fitted(&TrainConfig { learning_rate: STILL, ..config() }, &data);
    // No gradient, so that decay is all that moves them.
    let only = TrainConfig { clip: 1e-14, learning_rate: 1e-2, weight_decay: 2.0, ..config() };
    let (decayed, steps) = fitted(&only, &data);
    // A step without a loss moves nothing, nor does it let decay.
    let steps = steps.iter().filter(|l| l[0] + l[1] > 0.0).count();
    let expected = (1.0 - 1e-2 * 2.0_f32).powi(steps as i32);
    assert!(expected < 0.95, "{expected} after {steps} steps");
    for name in TRUNK {
        for (a, b) in decayed.weights.get(name).iter().zip(still.weights.get(name)) {
            // Matrices are rounded to eight bits.
            assert!(
                (a - expected * b).abs() < 1e-5 + b.abs() / 200.0,
                "{name}: {b} became {a}, not {}",
                expected * b
            );
        }
    }
}

#[test]
fn the_best_model_is_kept_with_the_temperatures_of_its_validation() {
    let dir = tempfile::tempdir().unwrap();
    let data = Data { training: vec![hackbench(6_000)], validation: vec![hackbench(6_000)] };
    let config = TrainConfig { folder: Some(dir.path().into()), ..config() };
    let (outcome, _) = fitted(&config, &data);
    let kept = Weights::load(&dir.path().join("best.koracle")).unwrap();
    let measured = outcome.validation.temperature;
    assert!(measured.iter().all(|t| (t - 1.0).abs() > 0.01), "{measured:?}: as good as none");
    assert_eq!(kept.get("temperature"), measured);
    assert_eq!(outcome.weights.get("temperature"), measured);
    let last = Weights::load(&dir.path().join("last.koracle")).unwrap();
    assert!(last.get("temperature").iter().all(|t| (t - 1.0).abs() > 1e-6));
    // They are those that its own answers ask for, whatever it was kept with.
    let asked = validate(&kept, &data.validation).temperature;
    assert!(
        asked.iter().zip(&measured).all(|(a, b)| (a - b).abs() < 1e-4),
        "{asked:?}, not {measured:?}"
    );
}
