//! The network, one event at a time: what the overlay, `koracle predict` and `koracle bench` run. Plain Rust, the same
//! answers as burn's to 1e-4 (held by `tests/model.rs` and `tests/models.rs`). A token costs O(1): per CPU and block a ring
//! keeps the inputs that the dilated taps will read, per layer of an LSTM its state. Nothing is allocated per event.

// The bodies must be part of the function that enables the instructions, or they are not compiled for them.
#![allow(clippy::inline_always)]

mod adapt;
mod net;
mod recent;
pub mod simd;

use super::networks::normalise;
use super::weights::Weights;
use super::{Predictor, Reads};
use crate::features::{CAND, Decision, Forecast, Outcome, QUERY, RANKS, TOKEN_X, Token};
use crate::trace::CpuId;
use adapt::{Adapt, Picks};
use net::{N, Net, SKIP};
use simd::{Work, add, add_product, dispatch, dot, relu, sigmoid, tanh};
use std::sync::Arc;

/// The streaming engine. A clone is a snapshot: it goes on from the same state.
#[derive(Clone, Debug)]
pub struct StreamEngine {
    net: Arc<Net>,
    cpus: Vec<Stream>,
    scratch: Scratch,
    /// `None`: the weights stay as they are.
    adapt: Option<Adapt>,
}

/// One CPU's state.
#[derive(Clone, Debug)]
struct Stream {
    /// `[C]`: after the last token; zero before the first.
    h: Vec<f32>,
    /// Per block: its last `(kernel - 1) * step` inputs, `[.., C]`, and the place of the oldest.
    rings: Vec<(Vec<f32>, usize)>,
    /// Per layer of an LSTM, `[3C]`: room for the layer's input, then h, then the cell's content.
    cells: Vec<Vec<f32>>,
}

/// Room for intermediate results.
#[derive(Clone, Debug)]
struct Scratch {
    /// `[C]`
    x: Vec<f32>,
    /// `[C]`
    y: Vec<f32>,
    /// `[4C]` for an LSTM.
    gates: Vec<f32>,
    /// `[max(CAND, QUERY)]`
    inputs: Vec<f32>,
    /// `[H + SKIP]`: what all candidates share.
    shared: Vec<f32>,
    /// `[H + SKIP]`
    z: Vec<f32>,
    /// `[hidden2]`
    z2: Vec<f32>,
    /// `[gate]`
    gate: Vec<f32>,
    /// `[RANKS, K]`: what all recent threads share, then one row for each.
    recent: Vec<f32>,
}

impl Stream {
    fn new(net: &Net) -> Self {
        let c = net.config.channels;
        let ring = |step: usize| (vec![0.0; (net.config.kernel - 1) * step * c], 0);
        Self {
            h: vec![0.0; c],
            rings: net.blocks.iter().map(|b| ring(b.step)).collect(),
            cells: vec![vec![0.0; 3 * c]; net.cells.len()],
        }
    }
}

impl StreamEngine {
    /// An engine before the first event of a trace with `cpus` CPUs. It learns from outcomes if its configuration says so
    /// ([`crate::predictor::networks::ModelConfig::adapt`]).
    pub fn new(weights: &Arc<Weights>, cpus: usize) -> Self {
        let mut engine = Self::frozen(weights, cpus);
        let config = engine.net.config;
        let last = if config.hidden2 > 0 { config.hidden2 } else { config.hidden };
        engine.adapt = config.adapt.then(|| Adapt::new(last, cpus));
        engine
    }

    /// An engine that learns nothing from outcomes: its answers depend on its receptive field alone.
    pub fn frozen(weights: &Arc<Weights>, cpus: usize) -> Self {
        let net = Arc::new(Net::new(weights));
        let config = net.config;
        let (c, h) = (config.channels, config.hidden + SKIP);
        let scratch = Scratch {
            x: vec![0.0; c],
            y: vec![0.0; c],
            gates: vec![0.0; if net.cells.is_empty() { 0 } else { 4 * c }],
            inputs: vec![0.0; CAND.max(QUERY)],
            shared: vec![0.0; h],
            z: vec![0.0; h],
            z2: vec![0.0; config.hidden2],
            gate: vec![0.0; config.gate],
            recent: vec![0.0; config.recent * RANKS],
        };
        Self { cpus: vec![Stream::new(&net); cpus], net, scratch, adapt: None }
    }

    /// The state `[C]` after the last token of `cpu`; empty for a CPU that the engine does not have.
    pub fn state(&self, cpu: CpuId) -> &[f32] {
        self.cpus.get(cpu.ix()).map_or(&[], |s| &s.h)
    }

    /// The stream of `cpu`; a CPU that the trace did not announce gets one when it first appears.
    fn reach(&mut self, cpu: CpuId) {
        while self.cpus.len() <= cpu.ix() {
            self.cpus.push(Stream::new(&self.net));
        }
        if let Some(adapt) = &mut self.adapt {
            adapt.reach(self.cpus.len());
        }
    }
}

impl Predictor for StreamEngine {
    fn name(&self) -> &'static str {
        self.net.config.kind.label()
    }

    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.reach(cpu);
        dispatch(Step { net: &self.net, stream: &mut self.cpus[cpu.ix()], scratch: &mut self.scratch, token });
    }

    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        self.reach(decision.cpu);
        scores.clear();
        let h = &self.cpus[decision.cpu.ix()].h;
        let (query, cand) = (decision.query, decision.features);
        let mut learned = self.adapt.as_mut().filter(|_| cand.len() > CAND).map(|a| &mut a.picks);
        if let Some(learned) = &mut learned {
            learned.open();
        }
        dispatch(Pick { net: &self.net, h, scratch: &mut self.scratch, query, cand, learned, scores });
        if let Some(adapt) = &mut self.adapt {
            adapt.picks.close(scores);
        }
    }

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut [f32; RANKS]) {
        self.reach(forecast.cpu);
        let h = &self.cpus[forecast.cpu.ix()].h;
        let Scratch { gate, recent: room, .. } = &mut self.scratch;
        let (votes, vote_x, recent) = (forecast.votes, forecast.vote_x, forecast.recent);
        dispatch(Ask { net: &self.net, h, gate, room, votes, vote_x, recent, scores });
        if let Some(adapt) = &mut self.adapt {
            adapt.forecast(forecast, scores);
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        if let Some(adapt) = &mut self.adapt {
            adapt.outcome(outcome);
        }
    }

    fn take_over(&mut self, other: &Self) {
        self.adapt.clone_from(&other.adapt);
    }

    fn reads(&self) -> Option<Reads<'_>> {
        let net = &self.net;
        let tokens = net.config.reach();
        Some(Reads { tokens, query: [&net.query_mean, &net.query_scale], cand: &net.cand_mean })
    }
}

struct Step<'a> {
    net: &'a Net,
    stream: &'a mut Stream,
    scratch: &'a mut Scratch,
    token: &'a Token,
}

impl Work for Step<'_> {
    type Out = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { net, stream, scratch, token } = self;
        let c = net.config.channels;
        let (x, y) = (&mut scratch.x[..], &mut scratch.y[..]);
        let row = |table: usize, class: u8| &net.tables[table][usize::from(class) * c..][..c];
        x.copy_from_slice(row(0, token.kind));
        add(x, row(1, token.rank));
        add(x, row(2, token.state));
        debug_assert_eq!(token.x.len(), TOKEN_X);
        add_product::<FMA>(&token.x, &net.input, x);
        relu(x);
        for (block, (ring, oldest)) in net.blocks.iter().zip(&mut stream.rings) {
            y.copy_from_slice(&block.bias);
            let slots = ring.len() / c;
            let mut at = *oldest;
            let mut taps = block.taps.chunks_exact(c * c);
            for weights in taps.by_ref().take(net.config.kernel - 1) {
                add_product::<FMA>(&ring[at * c..(at + 1) * c], weights, y);
                at += block.step;
                if at >= slots {
                    at -= slots;
                }
            }
            if let Some(weights) = taps.next() {
                add_product::<FMA>(x, weights, y);
            }
            relu(y);
            ring[*oldest * c..(*oldest + 1) * c].copy_from_slice(x);
            *oldest = if *oldest + 1 == slots { 0 } else { *oldest + 1 };
            add(x, &block.mix_bias);
            add_product::<FMA>(y, &block.mix, x);
        }
        for (cell, state) in net.cells.iter().zip(&mut stream.cells) {
            let gates = &mut scratch.gates[..];
            state[..c].copy_from_slice(x);
            gates.copy_from_slice(&cell.bias);
            // Input and h lie side by side: one product.
            add_product::<FMA>(&state[..2 * c], &cell.weights, gates);
            let (open, new) = gates.split_at_mut(3 * c);
            for g in open.iter_mut() {
                *g = sigmoid(*g);
            }
            for g in new.iter_mut() {
                *g = tanh(*g);
            }
            let (h, kept) = state[c..].split_at_mut(c);
            for j in 0..c {
                kept[j] = open[c + j] * kept[j] + open[j] * new[j];
            }
            for j in 0..c {
                h[j] = open[2 * c + j] * tanh(kept[j]);
            }
            x.copy_from_slice(h);
        }
        stream.h.copy_from_slice(x);
    }
}

struct Pick<'a> {
    net: &'a Net,
    h: &'a [f32],
    scratch: &'a mut Scratch,
    query: &'a [f32],
    cand: &'a [f32],
    learned: Option<&'a mut Picks>,
    scores: &'a mut Vec<f32>,
}

impl Work for Pick<'_> {
    type Out = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { net, h, scratch, query, cand, mut learned, scores } = self;
        let hidden = net.config.hidden;
        let Scratch { inputs, shared, z, z2, .. } = scratch;
        let norm = |to: &mut [f32], from: &[f32], mean: &[f32], scale: &[f32]| {
            for i in 0..from.len().min(to.len()) {
                to[i] = normalise(from[i], mean[i], scale[i]);
            }
        };
        shared.fill(0.0);
        let (head, _) = shared.split_at_mut(hidden);
        head.copy_from_slice(&net.bias);
        norm(&mut inputs[..QUERY], query, &net.query_mean, &net.query_scale);
        add_product::<FMA>(&inputs[..QUERY], &net.query, head);
        add_product::<FMA>(h, &net.state, head);
        for one in cand.chunks_exact(CAND) {
            norm(&mut inputs[..CAND], one, &net.cand_mean, &net.cand_scale);
            z.copy_from_slice(shared);
            add_product::<FMA>(&inputs[..CAND], &net.cand, z);
            let (z, skip) = z.split_at_mut(hidden);
            relu(z);
            let score = if z2.is_empty() {
                dot::<FMA>(z, &net.out)
            } else {
                z2.copy_from_slice(&net.second_bias);
                add_product::<FMA>(z, &net.second, z2);
                relu(z2);
                dot::<FMA>(z2, &net.out)
            };
            let last = if z2.is_empty() { &*z } else { &z2[..] };
            let more = learned.as_mut().map_or(0.0, |l| l.add::<FMA>(&inputs[..CAND], last));
            scores.push(score + skip[0] + more);
        }
    }
}

struct Ask<'a> {
    net: &'a Net,
    h: &'a [f32],
    gate: &'a mut [f32],
    room: &'a mut [f32],
    votes: &'a [u8; N],
    vote_x: &'a [f32; N],
    recent: &'a [f32],
    scores: &'a mut [f32; RANKS],
}

impl Work for Ask<'_> {
    type Out = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { net, h, gate, room, votes, vote_x, recent: known, scores } = self;
        let width = gate.len();
        gate.copy_from_slice(&net.gate_bias);
        add_product::<FMA>(h, &net.gate_state, gate);
        add_product::<FMA>(vote_x, &net.gate_votes[..N * width], gate);
        scores.copy_from_slice(&net.forecast_bias);
        add_product::<FMA>(h, &net.forecast_state, scores);
        add_product::<FMA>(vote_x, &net.forecast_votes[..N * RANKS], scores);
        // The one-hot inputs: one row each.
        for (j, &vote) in votes.iter().enumerate() {
            let row = N + j * RANKS + usize::from(vote);
            add(gate, &net.gate_votes[row * width..(row + 1) * width]);
            add(scores, &net.forecast_votes[row * RANKS..(row + 1) * RANKS]);
        }
        relu(gate);
        let mut weight = [0.0; N];
        weight.copy_from_slice(&net.gate_out_bias);
        add_product::<FMA>(gate, &net.gate_out, &mut weight);
        for (&vote, weight) in votes.iter().zip(weight) {
            scores[usize::from(vote)] += weight;
        }
        recent::score::<FMA>(&net.recent, h, room, votes, vote_x, known, scores);
        for z in scores.iter_mut() {
            *z *= net.forecast_cool;
        }
        scores[0] = f32::NEG_INFINITY;
    }
}
