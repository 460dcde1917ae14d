//! The network, one event at a time: what the overlay, `koracle predict` and `koracle bench` run.
//! Plain Rust, the same answers as burn's to 1e-4 (held by `tests/model.rs` and `tests/models.rs`).
//! A token costs O(1): per CPU and block a ring keeps the inputs that the dilated taps will read,
//! per layer of an LSTM its state. Nothing is allocated per event.

// The bodies must be part of the function that enables the instructions, or they are not compiled
// for them.
#![allow(clippy::inline_always)]

mod adapt;
mod beliefs;
mod head;
mod net;

use super::weights::Weights;
use super::{Predictor, Reads};
use crate::features::{CAND, Decision, Forecast, Outcome, TOKEN_X, Token};
use crate::simd::aligned::Aligned;
use crate::simd::each::{add, relu, sigmoid, tanh};
use crate::simd::products::{add_product, copy, tapped};
use crate::simd::{Lanes, Work, dispatch};
use crate::trace::CpuId;
use adapt::Adapt;
use head::{Ask, Asked, Room};
use net::Net;
use std::sync::Arc;

/// Taps of a block at most.
const MOST_TAPS: usize = 16;

/// The streaming engine. A clone is a snapshot: it goes on from the same state.
#[derive(Clone, Debug)]
pub struct StreamEngine {
    net: Arc<Net>,
    cpus: Vec<Stream>,
    scratch: Scratch,
    room: Room,
    /// The decision that was answered last.
    picked: Asked,
    /// `None`: the weights stay as they are.
    adapt: Option<Adapt>,
}

/// One CPU's state.
#[derive(Clone, Debug)]
struct Stream {
    /// `[C]`: after the last token; zero before the first.
    h: Aligned,
    /// Per block: its last `(kernel - 1) * step` inputs, `[.., C]`, and the place of the oldest.
    rings: Vec<(Aligned, usize)>,
    /// Per layer of an LSTM, `[3C]`: room for the layer's input, then h, then the cell's content.
    cells: Vec<Aligned>,
    /// `[H]` of either head: what h adds to every candidate. That of the pick is made as soon as h
    /// is there, since nobody waits for it then.
    of_state: [Aligned; 2],
    /// The forecast that was answered last.
    foretold: Asked,
}

/// Room for intermediate results.
#[derive(Clone, Debug)]
struct Scratch {
    /// `[C]`
    x: Aligned,
    /// `[C]`
    y: Aligned,
    /// `[4C]` for an LSTM.
    gates: Aligned,
}

impl Stream {
    fn new(net: &Net) -> Self {
        let c = net.config.channels;
        let ring = |step: usize| (Aligned::zeros((net.config.kernel - 1) * step * c), 0);
        Self {
            h: Aligned::zeros(c),
            rings: net.blocks.iter().map(|b| ring(b.step)).collect(),
            cells: vec![Aligned::zeros(3 * c); net.cells.len()],
            of_state: [0, 1].map(|head| net.heads[head].bias.clone()),
            foretold: Asked::default(),
        }
    }
}

impl StreamEngine {
    /// An engine before the first event of a trace with `cpus` CPUs. It learns from outcomes if its
    /// configuration says so ([`crate::predictor::networks::ModelConfig::adapt`]).
    pub fn new(weights: &Arc<Weights>, cpus: usize) -> Self {
        let mut engine = Self::frozen(weights, cpus);
        engine.adapt = engine.net.config.adapt.then(|| Adapt::new(&engine.net.heads));
        engine
    }

    /// An engine that learns nothing from outcomes: its answers depend on its receptive field
    /// alone.
    pub fn frozen(weights: &Arc<Weights>, cpus: usize) -> Self {
        let net = Arc::new(Net::new(weights));
        let c = net.config.channels;
        let gates = Aligned::zeros(if net.cells.is_empty() { 0 } else { 4 * c });
        let scratch = Scratch { x: Aligned::zeros(c), y: Aligned::zeros(c), gates };
        let cpus = vec![Stream::new(&net); cpus];
        Self {
            cpus,
            scratch,
            room: Room::new(&net.heads),
            picked: Asked::default(),
            net,
            adapt: None,
        }
    }

    /// The state `[C]` after the last token of `cpu`; empty for a CPU that the engine does not
    /// have.
    pub fn state(&self, cpu: CpuId) -> &[f32] {
        self.cpus.get(cpu.ix()).map_or(&[], |s| &s.h)
    }

    /// The stream of `cpu`; a CPU that the trace did not announce gets one when it first appears.
    fn reach(&mut self, cpu: CpuId) {
        while self.cpus.len() <= cpu.ix() {
            self.cpus.push(Stream::new(&self.net));
        }
    }
}

impl Predictor for StreamEngine {
    fn name(&self) -> &'static str {
        self.net.config.kind.label()
    }

    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.reach(cpu);
        dispatch(TrunkStep {
            net: &self.net,
            stream: &mut self.cpus[cpu.ix()],
            scratch: &mut self.scratch,
            token,
        });
        let Stream { h, of_state: [pick, _], .. } = &mut self.cpus[cpu.ix()];
        self.net.heads[0].of_state(h, pick);
    }

    fn pick(&mut self, decision: &Decision<'_>, scores: &mut Vec<f32>) {
        self.reach(decision.cpu);
        let Self { net, cpus, room, picked, adapt, .. } = self;
        picked.p.clear();
        if decision.features.len() <= CAND {
            // One candidate is certain, whatever its score.
            scores.clear();
            return scores.resize(decision.features.len() / CAND, 0.0);
        }
        let (weighs, extra) = match adapt {
            None => (&net.heads[0].weighs[..], &[][..]),
            Some(adapt) => adapt.about(decision),
        };
        let [state, _] = &cpus[decision.cpu.ix()].of_state;
        let (head, query, features, asked) =
            (&net.heads[0], decision.query, decision.features, picked);
        Ask { head, state, room, query, features, weighs, extra, asked, scores }.answer();
        if let Some(adapt) = &self.adapt {
            adapt.close(0, &mut self.picked, scores, decision.candidates);
        }
    }

    fn forecast(&mut self, forecast: &Forecast<'_>, scores: &mut Vec<f32>) {
        self.reach(forecast.cpu);
        let Self { net, cpus, room, adapt, .. } = self;
        let Stream { h, of_state: [_, state], foretold: asked, .. } = &mut cpus[forecast.cpu.ix()];
        net.heads[1].of_state(h, state);
        let weighs = adapt.as_ref().map_or(&net.heads[1].weighs[..], |a| a.weighs(1));
        let (query, features) = (forecast.query, forecast.features);
        asked.p.clear();
        let (head, extra) = (&net.heads[1], &[][..]);
        Ask { head, state, room, query, features, weighs, extra, asked, scores }.answer();
        if let Some(adapt) = adapt {
            adapt.close(1, asked, scores, forecast.candidates);
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        if let Some(adapt) = &mut self.adapt {
            let foretold = self.cpus.get_mut(outcome.cpu.ix()).map(|s| &mut s.foretold);
            adapt.outcome(outcome, &mut self.picked, foretold);
        }
    }

    fn take_over(&mut self, other: &Self) {
        self.adapt.clone_from(&other.adapt);
    }

    fn reads(&self) -> Option<Reads<'_>> {
        let net = &self.net;
        let tokens = net.config.reach();
        let [mean, scale] = &net.heads[0].query_norm;
        Some(Reads { tokens, query: [mean, scale], cand: &net.heads[0].row_norm[0] })
    }
}

struct TrunkStep<'a> {
    net: &'a Net,
    stream: &'a mut Stream,
    scratch: &'a mut Scratch,
    token: &'a Token,
}

impl Work for TrunkStep<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { net, stream, scratch, token } = self;
        let c = net.config.channels;
        let (x, y) = (&mut scratch.x[..], &mut scratch.y[..]);
        let row = |table: usize, class: u8| &net.tables[table][usize::from(class) * c..][..c];
        copy::<V>(x, row(0, token.kind));
        add(x, row(1, token.rank));
        add(x, row(2, token.state));
        debug_assert_eq!(token.x.len(), TOKEN_X);
        add_product::<V, _>(&token.x, &net.input, x);
        relu(x);
        for (block, (ring, oldest)) in net.blocks.iter().zip(&mut stream.rings) {
            let slots = ring.len() / c;
            let mut at = *oldest;
            let mut taken = [0; MOST_TAPS];
            let older = &mut taken[..net.config.kernel - 1];
            for place in &mut *older {
                *place = at;
                at += block.step;
                if at >= slots {
                    at -= slots;
                }
            }
            tapped::<V>(ring, older, x, &block.taps, &block.bias, y);
            copy::<V>(&mut ring[*oldest * c..(*oldest + 1) * c], x);
            *oldest = if *oldest + 1 == slots { 0 } else { *oldest + 1 };
            add(x, &block.mix_bias);
            add_product::<V, _>(y, &block.mix, x);
        }
        for (cell, state) in net.cells.iter().zip(&mut stream.cells) {
            let gates = &mut scratch.gates[..];
            copy::<V>(&mut state[..c], x);
            copy::<V>(gates, &cell.bias);
            // Input and h lie side by side: one product.
            add_product::<V, _>(&state[..2 * c], &cell.weights, gates);
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
            copy::<V>(x, h);
        }
        copy::<V>(&mut stream.h, x);
    }
}
