//! The weights as the streaming engine reads them: embeddings folded into the first layer, temperatures into the last,
//! rows contiguous in the order in which they are used. Made once per model, shared by all engines.

use super::recent::Layer;
use crate::features::{CAND, QUERY, RANKS, Token, VOTERS};
use crate::predictor::networks::{EMBED, ModelConfig};
use crate::predictor::weights::Weights;

/// Votes of a forecast.
pub(super) const N: usize = VOTERS;
/// Columns added to the pick head's first layer: the linear part, padded to a register.
pub(super) const SKIP: usize = 8;

/// A block of the trunk.
#[derive(Debug)]
pub(super) struct Block {
    pub taps: Vec<f32>,
    pub bias: Vec<f32>,
    pub mix: Vec<f32>,
    pub mix_bias: Vec<f32>,
    /// Tokens between two taps.
    pub step: usize,
}

/// A layer of an LSTM trunk. Gates: input, forget, output, new content.
#[derive(Debug)]
pub(super) struct Cell {
    /// `[2C, 4C]`: rows of the input, then of the state.
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
}

/// Everything the engine reads.
#[derive(Debug)]
pub(super) struct Net {
    pub config: ModelConfig,
    /// `[KINDS, C]`, `[RANKS, C]`, `[STATES, C]`: embedding times its rows of the first layer; the bias is in the first.
    pub tables: [Vec<f32>; 3],
    /// `[TOKEN_X, C]`.
    pub input: Vec<f32>,
    pub blocks: Vec<Block>,
    pub cells: Vec<Cell>,
    pub cand_mean: Vec<f32>,
    pub cand_scale: Vec<f32>,
    pub query_mean: Vec<f32>,
    pub query_scale: Vec<f32>,
    /// `[CAND, H + SKIP]`: column H is the linear part.
    pub cand: Vec<f32>,
    pub query: Vec<f32>,
    pub state: Vec<f32>,
    pub bias: Vec<f32>,
    pub second: Vec<f32>,
    pub second_bias: Vec<f32>,
    /// Over the temperature, like column H of `cand`.
    pub out: Vec<f32>,
    pub forecast_state: Vec<f32>,
    pub forecast_bias: Vec<f32>,
    pub forecast_votes: Vec<f32>,
    pub gate_state: Vec<f32>,
    pub gate_votes: Vec<f32>,
    pub gate_bias: Vec<f32>,
    pub gate_out: Vec<f32>,
    pub gate_out_bias: Vec<f32>,
    /// Scores each thread of the recency list in a forecast.
    pub recent: Layer,
    /// One over the forecast's temperature.
    pub forecast_cool: f32,
}

impl Net {
    pub(super) fn new(w: &Weights) -> Self {
        let config = w.config;
        let (c, h) = (config.channels, config.hidden);
        let get = |name: &str| w.get(name).to_vec();
        let first = w.get("input.weight");
        let mut row = 0;
        let names = ["kind", "rank", "state"];
        let counts = [Token::KINDS, RANKS, Token::STATES];
        let mut tables: [Vec<f32>; 3] = std::array::from_fn(|t| {
            let (table, width) = (w.get(names[t]), EMBED[t]);
            let mut folded = vec![0.0; counts[t] * c];
            for (class, out) in folded.chunks_exact_mut(c).enumerate() {
                for e in 0..width {
                    let weights = &first[(row + e) * c..(row + e + 1) * c];
                    out.iter_mut().zip(weights).for_each(|(o, x)| *o += table[class * width + e] * x);
                }
            }
            row += width;
            folded
        });
        for out in tables[0].chunks_exact_mut(c) {
            out.iter_mut().zip(w.get("input.bias")).for_each(|(o, b)| *o += b);
        }
        let cool: Vec<f32> = w.get("temperature").iter().map(|t| 1.0 / t).collect();
        let mut cand = vec![0.0; CAND * (h + SKIP)];
        for (i, row) in cand.chunks_exact_mut(h + SKIP).enumerate() {
            row[..h].copy_from_slice(&w.get("pick.cand")[i * h..(i + 1) * h]);
            row[h] = w.get("pick.skip")[i] * cool[0];
        }
        debug_assert_eq!(w.get("pick.query").len(), QUERY * h);
        // As many layers as there are tensors of.
        let layers = |first: fn(usize) -> String| (0..).take_while(move |i| !w.get(&first(*i)).is_empty());
        Self {
            config,
            tables,
            input: first[row * c..].to_vec(),
            blocks: layers(|i| format!("block{i}.taps"))
                .map(|i| Block {
                    taps: get(&format!("block{i}.taps")),
                    bias: get(&format!("block{i}.bias")),
                    mix: get(&format!("block{i}.mix")),
                    mix_bias: get(&format!("block{i}.mix_bias")),
                    step: 1 << i,
                })
                .collect(),
            cells: layers(|i| format!("lstm{i}.input"))
                .map(|i| Cell {
                    weights: [get(&format!("lstm{i}.input")), get(&format!("lstm{i}.recurrent"))].concat(),
                    bias: get(&format!("lstm{i}.bias")),
                })
                .collect(),
            cand_mean: get("norm.cand.mean"),
            cand_scale: get("norm.cand.scale"),
            query_mean: get("norm.query.mean"),
            query_scale: get("norm.query.scale"),
            cand,
            query: get("pick.query"),
            state: get("pick.state"),
            bias: get("pick.bias"),
            second: get("pick.second"),
            second_bias: get("pick.second_bias"),
            out: w.get("pick.out").iter().map(|x| x * cool[0]).collect(),
            forecast_state: get("forecast.state"),
            forecast_bias: get("forecast.bias"),
            forecast_votes: get("forecast.votes"),
            gate_state: get("gate.state"),
            gate_votes: get("gate.votes"),
            gate_bias: get("gate.bias"),
            gate_out: get("gate.out"),
            gate_out_bias: get("gate.out_bias"),
            recent: Layer {
                row: get("recent.row"),
                state: get("recent.state"),
                votes: get("recent.votes"),
                bias: get("recent.bias"),
                out: get("recent.out"),
                skip: get("recent.skip"),
            },
            forecast_cool: cool[1],
        }
    }
}
