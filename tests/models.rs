//! The networks beside the TCN: the same answers from both engines on a real recording, one file
//! format, the same training. (The TCN's own tests are in `model.rs`.)

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod common;

use burn::tensor::Device;
use common::recordings;
use kernel_oracle::dataset::chunks::{Keep, Recording};
use kernel_oracle::features::{
    Decision, Extractor, Forecast, Outcome, RANKS, Sink, TOKEN_X, Token,
};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::dense::{Network, Questions, Tokens};
use kernel_oracle::predictor::engine::Choice;
use kernel_oracle::predictor::networks::{Kind, ModelConfig, Question};
use kernel_oracle::predictor::stream::StreamEngine;
use kernel_oracle::predictor::weights::{Problem, Provenance, Weights};
use kernel_oracle::trace::{CpuId, Trace};
use kernel_oracle::train::{Data, TrainConfig, run};
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

/// The streaming engine's answers, and per CPU what burn needs to give the same ones. The inputs
/// are not normalised.
struct Both {
    engine: StreamEngine,
    cpus: Vec<OneCpu>,
}

#[derive(Default)]
struct OneCpu {
    tokens: Vec<Token>,
    picks: Questions,
    asks: Questions,
    pick_scores: Vec<f32>,
    ask_scores: Vec<f32>,
}

impl Sink for Both {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.engine.token(cpu, token);
        self.cpus[cpu.ix()].tokens.push(*token);
    }

    fn decision(&mut self, d: &Decision<'_>) {
        let mut scores = Vec::new();
        self.engine.pick(d, &mut scores);
        if d.is_trivial() {
            return;
        }
        let one = &mut self.cpus[d.cpu.ix()];
        one.picks.of.extend(vec![one.picks.rows.len() as i32; scores.len()]);
        one.picks.rows.push(one.tokens.len() as i32);
        one.picks.query.extend(d.query.iter().map(|x| x.clamp(-8.0, 8.0)));
        one.picks.candidates.extend(d.features.iter().map(|x| x.clamp(-8.0, 8.0)));
        one.pick_scores.extend(scores);
    }

    fn outcome(&mut self, _: &Outcome) {}

    fn forecast(&mut self, f: &Forecast<'_>) {
        let mut scores = Vec::new();
        self.engine.forecast(f, &mut scores);
        let one = &mut self.cpus[f.cpu.ix()];
        one.asks.of.extend(vec![one.asks.rows.len() as i32; scores.len()]);
        one.asks.rows.push(one.tokens.len() as i32);
        one.asks.query.extend(f.query.iter().map(|x| x.clamp(-8.0, 8.0)));
        one.asks.candidates.extend(f.features.iter().map(|x| x.clamp(-8.0, 8.0)));
        one.ask_scores.extend(scores);
    }
}

fn tokens(of: &[Token]) -> Tokens {
    let class = |f: fn(&Token) -> u8| of.iter().map(|t| i32::from(f(t))).collect();
    Tokens {
        sequences: 1,
        classes: [class(|t| t.kind), class(|t| t.rank), class(|t| t.state)],
        x: of.iter().flat_map(|t| t.x).collect(),
    }
}

/// The greatest difference between the two engines' answers.
fn difference(weights: &Weights, trace: &Trace, events: usize) -> f32 {
    let engine = StreamEngine::frozen(&Arc::new(weights.clone()), trace.cpus());
    let mut both = Both { engine, cpus: (0..trace.cpus()).map(|_| OneCpu::default()).collect() };
    let mut extractor = Extractor::new(trace);
    for i in 0..events.min(trace.len()) {
        extractor.step(trace, i, &mut both);
    }
    let device = Device::flex();
    let network = Network::from_weights(weights, &device);
    let (mut compared, mut most) = (0, 0.0_f32);
    for one in &both.cpus {
        let h = network.trunk(&tokens(&one.tokens), &device);
        let pick: Vec<f32> = network
            .scores(Question::Pick, &h, &one.picks, &device)
            .into_data()
            .try_into_vec()
            .unwrap();
        let ask: Vec<f32> = network
            .scores(Question::Forecast, &h, &one.asks, &device)
            .into_data()
            .try_into_vec()
            .unwrap();
        assert_eq!((pick.len(), ask.len()), (one.pick_scores.len(), one.ask_scores.len()));
        let named = ask.into_iter().zip(one.ask_scores.iter().copied());
        for (a, b) in pick.into_iter().zip(one.pick_scores.iter().copied()).chain(named) {
            assert!(a.is_finite() && b.is_finite());
            most = most.max((a - b).abs());
            compared += 1;
        }
    }
    assert!(compared > 10_000, "{compared} scores");
    most
}

#[test]
fn both_engines_give_the_same_answers_for_every_kind() {
    // Over the whole recording: an error of a recurrent state would grow.
    let trace = recordings::open("hackbench-pipe-2g_run0");
    for kind in [Kind::Lstm, Kind::Mlp] {
        let most = difference(&fresh(ModelConfig::of(kind), 5), &trace, usize::MAX);
        assert!(most < 1e-4, "{}: {most}", kind.label());
        let most = difference(&fresh(odd(kind), 6), &trace, 8_000);
        assert!(most < 1e-4, "{} of odd size: {most}", kind.label());
    }
}

#[test]
fn the_lstm_has_as_many_parameters_as_the_tcn() {
    let [tcn, lstm, mlp] =
        Kind::ALL.map(|kind| fresh(ModelConfig::of(kind), 0).parameters() as f64);
    assert!((lstm / tcn - 1.0).abs() < 0.02 && lstm <= tcn, "{lstm} and {tcn}");
    assert!(mlp < tcn, "{mlp}: its heads alone");
}

fn made_up_tokens(n: usize) -> Vec<Token> {
    let token = |i: usize| {
        let mut x = [0.0; TOKEN_X];
        x.iter_mut().enumerate().for_each(|(j, x)| *x = ((i * 7 + j * 3) as f32).sin());
        Token { kind: (i % 5) as u8, rank: (i % RANKS) as u8, state: (i % 7) as u8, x }
    };
    (0..n).map(token).collect()
}

/// The states of both engines after every token.
fn states(weights: &Weights, of: &[Token]) -> [Vec<Vec<f32>>; 2] {
    let mut engine = StreamEngine::new(&Arc::new(weights.clone()), 1);
    let streamed = of.iter().map(|t| {
        engine.token(CpuId(0), t);
        engine.state(CpuId(0)).to_vec()
    });
    let streamed = streamed.collect();
    let h = Network::from_weights(weights, &Device::flex()).trunk(&tokens(of), &Device::flex());
    let h: Vec<f32> = h.into_data().try_into_vec().unwrap();
    [streamed, h.chunks(weights.config.channels).skip(1).map(<[f32]>::to_vec).collect()]
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

/// The first decisions of a recording.
fn little_data(decisions: usize) -> Data {
    let all = Keep { decisions: usize::MAX, forecasts: usize::MAX, ..Keep::TRAINING };
    let mut r = Recording::new(&recordings::open("hackbench-pipe-2g_run0"), all);
    r.cpus.truncate(1);
    let data = &mut r.cpus[0];
    data.picks.at.retain(|p| p.count > 0 && p.tokens <= 4_000);
    let end = data.picks.at[decisions - 1].tokens;
    data.picks.at.truncate(decisions);
    data.asks.at.retain(|a| a.count > 0 && a.tokens <= end);
    data.asks.at.truncate(decisions);
    Data { training: vec![r], validation: Vec::new() }
}

fn train(config: &TrainConfig, data: &Data) -> (Weights, [f32; 2]) {
    let mut loss = [0.0; 2];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let outcome =
        pool.install(|| run(config, data, &Cancel::new(), &mut |p| loss = p.figures.loss)).unwrap();
    let mut weights = outcome.weights;
    // The date differs between runs.
    weights.provenance = Provenance::default();
    (weights, loss)
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
        let (_, loss) = train(&config, &few);
        assert!(loss[0] < 0.1 && loss[1] < 0.1, "{}: {loss:?}", kind.label());
        let config = TrainConfig { model, epochs: 2, seed: 7, ..TrainConfig::default() };
        let again = train(&config, &more).0.to_bytes();
        assert_eq!(train(&config, &more).0.to_bytes(), again, "{}", kind.label());
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
