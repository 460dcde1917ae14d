//! The network: both engines give the same answers on a real recording, only the past counts,
//! training is reproducible and can learn, a damaged model file is an error that says where.

#![allow(clippy::unwrap_used)] // helpers of tests are test code too

mod common;

use burn::tensor::Device;
use common::engines::{difference, little_data, made_up_tokens, states, train};
use common::network::{one_thread, small};
use common::recordings;
use kernel_oracle::dataset::chunks::{Keep, Recording, chunks};
use kernel_oracle::dataset::questions::Questions as Kept;
use kernel_oracle::features::{ASK, CAND, QUERY, THREAD};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::dense::Network;
use kernel_oracle::predictor::networks::{Kind, ModelConfig};
use kernel_oracle::predictor::stream::StreamEngine;
use kernel_oracle::predictor::weights::{Problem, Provenance, Weights, WeightsError};
use kernel_oracle::trace::{CpuId, Trace};
use kernel_oracle::train::{Data, TrainConfig, TrainError, run};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Fresh weights with normalisation and temperatures that are not trivial.
fn weights(config: ModelConfig, seed: u64) -> Weights {
    let wave =
        |n: usize, at: f32| (0..n).map(|i| at + 0.1 * (i as f32).sin()).collect::<Vec<f32>>();
    let fixed = BTreeMap::from([
        ("norm.cand.mean".to_owned(), wave(CAND, 0.2)),
        ("norm.cand.scale".to_owned(), wave(CAND, 2.0)),
        ("norm.query.mean".to_owned(), wave(QUERY, 0.1)),
        ("norm.query.scale".to_owned(), wave(QUERY, 1.5)),
        ("norm.thread.mean".to_owned(), wave(THREAD, 0.2)),
        ("norm.thread.scale".to_owned(), wave(THREAD, 2.0)),
        ("norm.ask.mean".to_owned(), wave(ASK, 0.1)),
        ("norm.ask.scale".to_owned(), wave(ASK, 1.5)),
        ("temperature".to_owned(), vec![1.3, 0.8]),
    ]);
    Network::new(&config, seed, &Device::flex())
        .to_weights(config, Provenance::default(), fixed)
        .unwrap()
}

fn engines_agree(weights: &Weights, trace: &Trace, events: usize) {
    let (most, compared) = difference(weights, trace, events);
    assert!(most < 1e-4, "{most} apart");
    assert!(compared > 2_000, "{compared} scores");
}

#[test]
fn both_engines_give_the_same_answers_on_a_real_recording() {
    engines_agree(
        &weights(ModelConfig::default(), 5),
        &recordings::open("hackbench-pipe-2g_run0"),
        usize::MAX,
    );
}

#[test]
fn both_engines_agree_for_odd_sizes_too() {
    let trace = recordings::open("io-mixed_run1");
    let odd = ModelConfig {
        channels: 19,
        kernel: 4,
        blocks: 3,
        hidden: 21,
        hidden2: 0,
        forecast: 13,
        forecast2: 0,
        ..ModelConfig::of(Kind::Tcn)
    };
    engines_agree(&weights(odd, 1), &trace, 8_000);
    engines_agree(
        &weights(ModelConfig { kernel: 2, hidden2: 9, forecast2: 6, ..odd }, 2),
        &trace,
        8_000,
    );
}

#[test]
fn the_bundled_model_runs_in_both_engines() {
    let weights =
        Weights::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/tcn.koracle"))
            .unwrap();
    engines_agree(&weights, &recordings::open("sysbench-threads-8t_run2"), 10_000);
}

#[test]
fn only_the_past_within_the_receptive_field_counts() {
    let config = ModelConfig { channels: 16, kernel: 3, blocks: 3, ..ModelConfig::default() };
    let deeper = ModelConfig { blocks: 5, ..config };
    assert_eq!((config.receptive_field(), deeper.receptive_field()), (15, 63));
    let weights = weights(config, 3);
    let mut of = made_up_tokens(60);
    let before = states(&weights, &of);
    of[20].x.iter_mut().for_each(|x| *x += 3.0);
    let after = states(&weights, &of);
    for (before, after) in before.iter().zip(&after) {
        let changed: Vec<usize> = (0..60).filter(|&t| before[t] != after[t]).collect();
        assert_eq!(changed, (20..20 + config.receptive_field()).collect::<Vec<_>>());
    }
}

#[test]
fn a_clone_of_the_engine_is_a_snapshot() {
    let of = made_up_tokens(80);
    let mut engine = StreamEngine::new(&Arc::new(weights(ModelConfig::default(), 4)), 1);
    of[..50].iter().for_each(|t| engine.token(CpuId(0), t));
    let mut copy = engine.clone();
    of[50..].iter().for_each(|t| engine.token(CpuId(0), t));
    assert_ne!(copy.state(CpuId(0)), engine.state(CpuId(0)));
    of[50..].iter().for_each(|t| copy.token(CpuId(0), t));
    assert_eq!(copy.state(CpuId(0)), engine.state(CpuId(0)));
}

#[test]
fn a_model_file_comes_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/model.koracle");
    let mut weights = weights(ModelConfig::default(), 9);
    weights.provenance.metrics.insert("pick".into(), 0.5);
    weights.save(&path).unwrap();
    assert_eq!(Weights::load(&path).unwrap(), weights);
    assert_eq!(
        std::fs::read_dir(dir.path().join("new")).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn a_damaged_model_file_is_an_error_that_says_where() {
    let bytes = weights(ModelConfig::default(), 9).to_bytes();
    let n = bytes.len();
    // Wherever it is cut: what its size should be, or that the header ends too early to say it.
    for cut in [9, 15, 100] {
        assert_eq!(Weights::from_bytes(&bytes[..cut]), Err((cut as u64, Problem::Headless)));
    }
    for cut in [n / 2, n - 9, n - 8, n - 1] {
        let problem = Problem::Truncated { expected: n as u64 };
        assert_eq!(Weights::from_bytes(&bytes[..cut]), Err((cut as u64, problem)), "{cut}");
    }
    for more in [1, 8, 5_000] {
        let longer = [&bytes[..], &vec![7; more]].concat();
        let problem = Problem::Longer { more: more as u64 };
        assert_eq!(Weights::from_bytes(&longer), Err((n as u64, problem)));
    }
    for not in [&b""[..], b"KORACOLA", b"PK\x03\x04 something else entirely"] {
        assert_eq!(Weights::from_bytes(not), Err((0, Problem::NotAModel)));
    }
    let mut newer = bytes.clone();
    newer[8] = 9;
    assert_eq!(Weights::from_bytes(&newer), Err((8, Problem::Version { found: 9 })));
    for at in [20, 200, n / 2, n - 9, n - 1] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        let (_, problem) = Weights::from_bytes(&flipped).unwrap_err();
        assert_eq!(problem, Problem::Checksum, "bit flipped in byte {at}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.koracle");
    std::fs::write(&path, &bytes[..n / 2]).unwrap();
    let text = Weights::load(&path).unwrap_err().to_string();
    assert!(text.contains("m.koracle") && text.contains(&format!("byte {}", n / 2)), "{text}");
    assert!(matches!(Weights::load(&dir.path().join("none")), Err(WeightsError::Io { .. })));
}

/// A model with numbers that are none would answer, and nothing would say that its answers mean
/// nothing.
#[test]
fn numbers_that_are_none_are_refused_by_name() {
    let good = weights(small(), 4);
    let device = Device::flex();
    assert_eq!(Network::from_weights(&good, &device).diverged(&small()), None);
    for value in [f32::NAN, f32::INFINITY] {
        let mut tensors: BTreeMap<String, Vec<f32>> = small()
            .shapes()
            .into_iter()
            .map(|(name, _)| (name.clone(), good.get(&name).to_vec()))
            .collect();
        tensors.get_mut("forecast.bias").unwrap()[0] = value;
        let bad = Weights::new(small(), Provenance::default(), tensors).unwrap();
        assert_eq!(
            Network::from_weights(&bad, &device).diverged(&small()).as_deref(),
            Some("forecast.bias")
        );
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bad.koracle");
        bad.save(&path).unwrap();
        let said = Weights::load(&path).unwrap_err().to_string();
        assert!(said.contains("bad.koracle, byte ") && said.contains("forecast.bias"), "{said}");
    }
}

#[test]
fn a_model_for_other_inputs_is_refused() {
    let bytes = weights(ModelConfig::default(), 9).to_bytes();
    let old = kernel_oracle::features::layout_hash().to_string();
    let at = bytes.windows(old.len()).position(|w| w == old.as_bytes()).unwrap();
    let mut other = bytes[..bytes.len() - 8].to_vec();
    let last = at + old.len() - 1;
    other[last] = if other[last] == b'1' { b'2' } else { b'1' };
    other.extend(xxhash_rust::xxh3::xxh3_64(&other).to_le_bytes());
    assert!(matches!(Weights::from_bytes(&other), Err((_, Problem::Layout { .. }))));
}

#[test]
fn eight_decisions_and_forecasts_are_learnt_by_heart() {
    let data = little_data(8);
    let config =
        TrainConfig { model: small(), epochs: 300, learning_rate: 1e-2, ..TrainConfig::default() };
    let (_, loss) = train(&config, &data).unwrap();
    assert!(loss[0] < 0.05 && loss[1] < 0.05, "{loss:?}");
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_does_not() {
    let data = little_data(200);
    let config = TrainConfig { model: small(), epochs: 2, seed: 7, ..TrainConfig::default() };
    // Side by side: the generator of random numbers is shared by the whole process.
    let (a, b) = std::thread::scope(|s| {
        let one = s.spawn(|| train(&config, &data).unwrap().0);
        (train(&config, &data).unwrap().0, one.join().unwrap())
    });
    assert_eq!(a.to_bytes(), b.to_bytes());
    let other = train(&TrainConfig { seed: 8, ..config }, &data).unwrap().0;
    assert_ne!(a.to_bytes(), other.to_bytes());
}

#[test]
fn a_resumed_run_ends_with_the_same_bits() {
    let data = little_data(200);
    let dir = tempfile::tempdir().unwrap();
    let config = TrainConfig { model: small(), epochs: 4, ..TrainConfig::default() };
    let whole = train(&config, &data).unwrap().0;
    let kept = TrainConfig { folder: Some(dir.path().into()), resume: true, ..config };
    let cancel = Cancel::new();
    let outcome = one_thread(|| {
        run(&kept, &data, &cancel, &mut |p| {
            if p.epoch == 3 {
                cancel.cancel();
            }
        })
    });
    assert!(outcome.unwrap().cancelled);
    assert_eq!(train(&kept, &data).unwrap().0.to_bytes(), whole.to_bytes());
    let rows = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap().lines().count();
    assert_eq!(rows("metrics_epochs.csv"), 5);
    assert_eq!(
        rows("metrics_steps.csv"),
        1 + 4 * chunks(&data.training).len().div_ceil(kept.batch)
    );
    assert!(Weights::load(&dir.path().join("best.koracle")).is_ok());
    let other = TrainConfig { learning_rate: 1.0, ..kept };
    assert!(
        matches!(train(&other, &data), Err(TrainError::Folder { .. })),
        "another configuration is refused"
    );
}

#[test]
fn a_training_that_diverges_says_at_which_step() {
    let data = little_data(200);
    // The first step leaves weights whose answers are no numbers.
    let config =
        TrainConfig { model: small(), epochs: 2, learning_rate: 1e30, ..TrainConfig::default() };
    assert!(matches!(train(&config, &data), Err(TrainError::Diverged { step: 2, .. })));
    assert!(matches!(train(&config, &Data::default()), Err(TrainError::NoData)));
}

#[test]
fn training_data_keep_the_real_one_among_the_sampled() {
    let trace = recordings::open("hackbench-pipe-4g_run0");
    let all = Recording::new(
        &trace,
        Keep { candidates: [usize::MAX; 2], decisions: usize::MAX, forecasts: usize::MAX },
    );
    let few = Recording::new(
        &trace,
        Keep { candidates: [5; 2], decisions: usize::MAX, forecasts: usize::MAX },
    );
    let mut sampled = 0;
    for (all, few) in all.cpus.iter().zip(&few.cpus) {
        for (all, few, width) in [(&all.picks, &few.picks, CAND), (&all.asks, &few.asks, THREAD)] {
            assert_eq!(all.at.len(), few.at.len());
            for (i, (a, f)) in all.at.iter().zip(&few.at).enumerate() {
                assert_eq!(f.count, a.count.min(5));
                let real = |of: &Kept, target: u16| {
                    let mut rows = Vec::new();
                    of.candidates(i, &mut rows);
                    rows.chunks_exact(width).nth(target.into()).map(<[f32]>::to_vec)
                };
                assert_eq!(real(all, a.target), real(few, f.target));
                sampled += usize::from(f.count < a.count);
            }
        }
    }
    assert!(sampled > 100);
    let thin =
        Recording::new(&trace, Keep { candidates: [5; 2], decisions: 1_000, forecasts: 2_000 });
    let kept: usize = thin.cpus.iter().map(|c| c.picks.at.len()).sum();
    assert!((700..1_400).contains(&kept), "{kept}");
}
