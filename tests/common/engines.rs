//! A network in both engines, asked the same of a recording, and trained on a little of one.

use super::network::one_thread;
use super::recordings;
use burn::tensor::Device;
use kernel_oracle::dataset::chunks::{Keep, Recording};
use kernel_oracle::features::{
    Decision, Extractor, Forecast, Outcome, RANKS, Sink, TOKEN_X, Token,
};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::dense::{Network, Questions, Tokens};
use kernel_oracle::predictor::networks::{Question, normalise};
use kernel_oracle::predictor::stream::StreamEngine;
use kernel_oracle::predictor::weights::{Provenance, Weights};
use kernel_oracle::trace::{CpuId, Trace};
use kernel_oracle::train::{Data, TrainConfig, TrainError, run};
use std::sync::Arc;

fn row(w: &Weights, what: &str, x: &[f32]) -> Vec<f32> {
    let (mean, scale) = (w.get(&format!("norm.{what}.mean")), w.get(&format!("norm.{what}.scale")));
    x.iter()
        .enumerate()
        .map(|(i, &x)| normalise(x, mean[i % mean.len()], scale[i % scale.len()]))
        .collect()
}

/// Runs the streaming engine and notes everything burn needs to answer the same questions.
struct Both<'a> {
    weights: &'a Weights,
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

impl Sink for Both<'_> {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.engine.token(cpu, token);
        self.cpus[cpu.ix()].tokens.push(*token);
    }

    fn decision(&mut self, d: &Decision<'_>) {
        let mut scores = Vec::new();
        self.engine.pick(d, &mut scores);
        assert_eq!(scores.len(), d.candidates.len());
        if d.is_trivial() {
            return;
        }
        let one = &mut self.cpus[d.cpu.ix()];
        one.picks.of.extend(vec![one.picks.rows.len() as i32; scores.len()]);
        one.picks.rows.push(one.tokens.len() as i32);
        one.picks.query.extend(row(self.weights, "query", d.query));
        one.picks.candidates.extend(row(self.weights, "cand", d.features));
        one.pick_scores.extend(scores);
    }

    fn outcome(&mut self, _: &Outcome) {}

    fn forecast(&mut self, f: &Forecast<'_>) {
        let mut scores = Vec::new();
        self.engine.forecast(f, &mut scores);
        let one = &mut self.cpus[f.cpu.ix()];
        one.asks.of.extend(vec![one.asks.rows.len() as i32; scores.len()]);
        one.asks.rows.push(one.tokens.len() as i32);
        one.asks.query.extend(row(self.weights, "ask", f.query));
        one.asks.candidates.extend(row(self.weights, "thread", f.features));
        one.ask_scores.extend(scores);
    }
}

pub fn tokens(of: &[Token]) -> Tokens {
    let class = |f: fn(&Token) -> u8| of.iter().map(|t| i32::from(f(t))).collect();
    Tokens {
        sequences: 1,
        classes: [class(|t| t.kind), class(|t| t.rank), class(|t| t.state)],
        x: of.iter().flat_map(|t| t.x).collect(),
    }
}

/// How far the answers of both engines are apart at most, and how many scores were compared.
pub fn difference(weights: &Weights, trace: &Trace, events: usize) -> (f32, usize) {
    // What is learned has a temperature of its own.
    let engine = StreamEngine::frozen(&Arc::new(weights.clone()), trace.cpus());
    let cpus = (0..trace.cpus()).map(|_| OneCpu::default()).collect();
    let mut both = Both { weights, engine, cpus };
    let mut extractor = Extractor::new(trace);
    for i in 0..events.min(trace.len()) {
        extractor.step(trace, i, &mut both);
    }
    let device = Device::flex();
    let network = Network::from_weights(weights, &device);
    let temperature = weights.get("temperature");
    let (mut most, mut compared) = (0.0_f32, 0);
    for one in &both.cpus {
        let h = network.trunk(&tokens(&one.tokens), &device);
        let scores = |question, asked| -> Vec<f32> {
            network.scores(question, &h, asked, &device).into_data().try_into_vec().unwrap()
        };
        let burn = [scores(Question::Pick, &one.picks), scores(Question::Forecast, &one.asks)];
        let stream = [&one.pick_scores, &one.ask_scores];
        for ((burn, stream), temperature) in burn.iter().zip(stream).zip(temperature) {
            assert_eq!(burn.len(), stream.len());
            for (burn, stream) in burn.iter().map(|x| x / temperature).zip(stream) {
                assert!(burn.is_finite() && stream.is_finite(), "{stream} and {burn}");
                most = most.max((burn - stream).abs());
            }
            compared += burn.len();
        }
    }
    (most, compared)
}

pub fn made_up_tokens(n: usize) -> Vec<Token> {
    let token = |i: usize| {
        let mut x = [0.0; TOKEN_X];
        x.iter_mut().enumerate().for_each(|(j, x)| *x = ((i * 7 + j * 3) as f32).sin());
        Token { kind: (i % 5) as u8, rank: (i % RANKS) as u8, state: (i % 7) as u8, x }
    };
    (0..n).map(token).collect()
}

/// The states of both engines after every token.
pub fn states(weights: &Weights, of: &[Token]) -> [Vec<Vec<f32>>; 2] {
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

/// The first chunks of a recording in which something was decided.
pub fn little_data(decisions: usize) -> Data {
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

pub fn train(config: &TrainConfig, data: &Data) -> Result<(Weights, [f32; 2]), TrainError> {
    let mut loss = [0.0; 2];
    let outcome = one_thread(|| run(config, data, &Cancel::new(), &mut |p| loss = p.figures.loss))?;
    let mut weights = outcome.weights;
    // The date differs between runs.
    weights.provenance = Provenance::default();
    Ok((weights, loss))
}
