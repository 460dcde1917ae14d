//! The networks beside the TCN: the same answers from both engines on a real recording, one file
//! format, the same training. (The TCN's own tests are in `model.rs`.)

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use burn::tensor::Device;
use common::engines::{difference, little_data, made_up_tokens, states, tokens, train};
use common::recordings;
use kernel_oracle::features::Token;
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::dense::{Network, Tokens};
use kernel_oracle::predictor::engine::Choice;
use kernel_oracle::predictor::networks::{Kind, ModelConfig};
use kernel_oracle::predictor::stream::StreamEngine;
use kernel_oracle::predictor::weights::{Problem, Weights};
use kernel_oracle::trace::{CpuId, Trace};
use kernel_oracle::train::TrainConfig;
use std::sync::Arc;

fn fresh(config: ModelConfig, seed: u64) -> Weights {
    Network::fresh(config, seed).unwrap()
}

/// Sizes that fill no register.
fn odd(kind: Kind) -> ModelConfig {
    let blocks = [3, 2, 0][Kind::ALL.iter().position(|k| *k == kind).unwrap()];
    ModelConfig {
        channels: 19,
        blocks,
        hidden: 21,
        hidden2: 9,
        forecast: 13,
        forecast2: 5,
        ..ModelConfig::of(kind)
    }
}

/// The greatest difference between the two engines' answers.
fn apart(weights: &Weights, trace: &Trace, events: usize) -> f32 {
    let (most, compared) = difference(weights, trace, events);
    assert!(compared > 10_000, "{compared} scores");
    most
}

#[test]
fn both_engines_give_the_same_answers_for_every_kind() {
    // Over the whole recording: an error of a recurrent state would grow.
    let trace = recordings::open("hackbench-pipe-2g_run0");
    for kind in [Kind::Lstm, Kind::Mlp] {
        let most = apart(&fresh(ModelConfig::of(kind), 5), &trace, usize::MAX);
        assert!(most < 1e-4, "{}: {most}", kind.label());
        let most = apart(&fresh(odd(kind), 6), &trace, 8_000);
        assert!(most < 1e-4, "{} of odd size: {most}", kind.label());
    }
}

#[test]
fn the_lstm_is_no_smaller_than_the_tcn() {
    let [tcn, lstm, mlp] =
        Kind::ALL.map(|kind| fresh(ModelConfig::of(kind), 0).parameters() as f64);
    assert!(lstm >= tcn, "{lstm} and {tcn}");
    assert!(mlp < tcn, "{mlp}: its heads alone");
}

#[test]
fn an_lstm_remembers_the_past_an_mlp_has_none_and_nobody_sees_the_future() {
    for (kind, changed) in [(Kind::Lstm, 20..60), (Kind::Mlp, 20..21)] {
        let weights = fresh(odd(kind), 3);
        let mut of = made_up_tokens(60);
        let before = states(&weights, &of);
        of[20].x.iter_mut().for_each(|x| *x += 3.0);
        let after = states(&weights, &of);
        for (before, after) in before.iter().zip(&after) {
            let differ: Vec<usize> = (0..60).filter(|&t| before[t] != after[t]).collect();
            // A forgetting LSTM may come back to the same bits late.
            let early = |t: &usize| *t < 40;
            assert!(differ.iter().all(|t| changed.contains(t)), "{}", kind.label());
            assert!(
                differ.iter().copied().filter(early).eq(changed.clone().filter(early)),
                "{}",
                kind.label()
            );
        }
    }
}

#[test]
fn sequences_side_by_side_do_not_mix() {
    // What training does: two sequences, time-major, must give what each gives alone.
    let device = Device::flex();
    let all = made_up_tokens(80);
    let (a, b) = all.split_at(40);
    for kind in Kind::ALL {
        let weights = fresh(odd(kind), 4);
        let network = Network::from_weights(&weights, &device);
        let mixed: Vec<Token> = a.iter().zip(b).flat_map(|(a, b)| [*a, *b]).collect();
        let side_by_side = Tokens { sequences: 2, ..tokens(&mixed) };
        let rows = |t: &Tokens| -> Vec<f32> {
            network.trunk(t, &device).into_data().try_into_vec().unwrap()
        };
        let (both, alone, c) =
            (rows(&side_by_side), [rows(&tokens(a)), rows(&tokens(b))], weights.config.channels);
        for t in 0..40 {
            for (s, alone) in alone.iter().enumerate() {
                let (x, y) = (&both[(1 + 2 * t + s) * c..][..c], &alone[(1 + t) * c..][..c]);
                assert!(
                    x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-5),
                    "{} at {t}",
                    kind.label()
                );
            }
        }
    }
}

#[test]
fn a_clone_of_an_lstm_is_a_snapshot() {
    let of = made_up_tokens(80);
    let mut engine = StreamEngine::new(&Arc::new(fresh(ModelConfig::of(Kind::Lstm), 4)), 1);
    of[..50].iter().for_each(|t| engine.token(CpuId(0), t));
    let mut copy = engine.clone();
    of[50..].iter().for_each(|t| engine.token(CpuId(0), t));
    assert_ne!(copy.state(CpuId(0)), engine.state(CpuId(0)));
    of[50..].iter().for_each(|t| copy.token(CpuId(0), t));
    assert_eq!(copy.state(CpuId(0)), engine.state(CpuId(0)));
}

#[test]
fn one_file_format_says_which_network_it_holds() {
    let trace = recordings::open("sysbench-threads-8t_run2");
    for kind in Kind::ALL {
        let weights = fresh(ModelConfig::of(kind), 9);
        let back = Weights::from_bytes(&weights.to_bytes()).unwrap();
        assert!(back == weights && back.config.kind == kind);
        assert_eq!(
            Choice::from(kind).make(Some(&Arc::new(back)), &trace).unwrap().name(),
            kind.label()
        );
    }
}

#[test]
fn a_file_that_names_no_kind_holds_a_tcn() {
    let bytes = fresh(ModelConfig::default(), 9).to_bytes();
    let text = b"\"kind\":\"tcn\",";
    let at = bytes.windows(text.len()).position(|w| w == text).unwrap();
    let header = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) - text.len() as u32;
    let mut old = [&bytes[..at], &bytes[at + text.len()..bytes.len() - 8]].concat();
    old[12..16].copy_from_slice(&header.to_le_bytes());
    old.extend(xxhash_rust::xxh3::xxh3_64(&old).to_le_bytes());
    assert_eq!(Weights::from_bytes(&old).unwrap(), fresh(ModelConfig::default(), 9));
    // A kind that this program does not know, and a size that the kind cannot have.
    let mut other = bytes[..bytes.len() - 8].to_vec();
    other[at + 8..at + 11].copy_from_slice(b"gru");
    other.extend(xxhash_rust::xxh3::xxh3_64(&other).to_le_bytes());
    assert!(
        matches!(Weights::from_bytes(&other), Err((_, Problem::Header(text))) if text.contains("gru"))
    );
    let mut other = bytes[..bytes.len() - 8].to_vec();
    other[at + 8..at + 11].copy_from_slice(b"mlp");
    other.extend(xxhash_rust::xxh3::xxh3_64(&other).to_le_bytes());
    assert!(
        matches!(Weights::from_bytes(&other), Err((_, Problem::Header(_)))),
        "an MLP has no blocks"
    );
}

#[test]
fn every_kind_learns_and_the_same_seed_gives_the_same_bits() {
    let (few, more) = (little_data(8), little_data(100));
    for kind in [Kind::Lstm, Kind::Mlp] {
        let model = ModelConfig {
            channels: 8,
            hidden: 16,
            hidden2: 8,
            forecast: 16,
            forecast2: 8,
            ..ModelConfig::of(kind)
        };
        let config =
            TrainConfig { model, epochs: 300, learning_rate: 1e-2, ..TrainConfig::default() };
        let (_, loss) = train(&config, &few).unwrap();
        assert!(loss[0] < 0.1 && loss[1] < 0.1, "{}: {loss:?}", kind.label());
        let config = TrainConfig { model, epochs: 2, seed: 7, ..TrainConfig::default() };
        let again = train(&config, &more).unwrap().0.to_bytes();
        assert_eq!(train(&config, &more).unwrap().0.to_bytes(), again, "{}", kind.label());
    }
}

#[test]
fn bundled_models_name_no_folder_of_one_machine() {
    for kind in Kind::ALL {
        let command = Weights::bundled_of(kind).unwrap().provenance.command;
        assert!(command.starts_with("koracle train"), "{command}");
        assert!(!command.split_whitespace().any(|word| word.starts_with('/')), "{command}");
    }
}
