//! The weights as the streaming engine reads them: embeddings folded into the first layer,
//! temperatures into the last, rows contiguous in the order in which they are used. Made once per
//! model, shared by all engines.

use crate::features::{RANKS, Token};
use crate::predictor::networks::{EMBED, ModelConfig, Question};
use crate::predictor::weights::Weights;

/// Inputs beside the network's that only what is learned while answering reads.
pub(super) const EXTRA: usize = 5;

/// Rows of candidates are whole numbers of so many.
const PAD: usize = 16;

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
    /// `[KINDS, C]`, `[RANKS, C]`, `[STATES, C]`: embedding times its rows of the first layer; the
    /// bias is in the first.
    pub tables: [Vec<f32>; 3],
    /// `[TOKEN_X, C]`.
    pub input: Vec<f32>,
    pub blocks: Vec<Block>,
    pub cells: Vec<Cell>,
    pub heads: [Head; 2],
}

/// The head of a question. R inputs of a candidate, Q of the moment, H and L the widths of its
/// layers (L is H without a second).
#[derive(Debug)]
pub(super) struct Head {
    /// `[R]`: means and scales of the inputs.
    pub row_norm: [Vec<f32>; 2],
    /// `[Q]`
    pub query_norm: [Vec<f32>; 2],
    /// `[R, H]`
    pub row: Vec<f32>,
    /// `[Q, H]`
    pub query: Vec<f32>,
    /// `[C, H]`
    pub state: Vec<f32>,
    /// `[H]`
    pub bias: Vec<f32>,
    /// `[H, L]`; empty without a second layer.
    pub second: Vec<f32>,
    pub second_bias: Vec<f32>,
    /// `[W]`: weights of a candidate's row, its inputs, then its last layer, over the temperature;
    /// zeros behind.
    pub weighs: Vec<f32>,
    last: usize,
}

impl Head {
    fn new(w: &Weights, of: Question, temperature: f32) -> Self {
        let get = |part: &str| w.get(&format!("{}.{part}", of.label()));
        let norm =
            |name: &str| ["mean", "scale"].map(|part| w.get(&format!("{name}.{part}")).to_vec());
        let [row_norm, query_norm] = of.norms().map(norm);
        let mut weighs: Vec<f32> =
            ["skip", "out"].map(get).concat().iter().map(|x| x / temperature).collect();
        weighs.resize((weighs.len() + EXTRA).next_multiple_of(PAD), 0.0);
        Self {
            row_norm,
            query_norm,
            row: get("row").to_vec(),
            query: get("query").to_vec(),
            state: get("state").to_vec(),
            bias: get("bias").to_vec(),
            second: get("second").to_vec(),
            second_bias: get("second_bias").to_vec(),
            weighs,
            last: get("out").len(),
        }
    }

    /// R: inputs of a candidate.
    pub fn inputs(&self) -> usize {
        self.row_norm[0].len()
    }

    /// L: width of the last layer.
    pub fn last(&self) -> usize {
        self.last
    }
}

impl Net {
    pub(super) fn new(w: &Weights) -> Self {
        let config = w.config;
        let c = config.channels;
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
                    out.iter_mut()
                        .zip(weights)
                        .for_each(|(o, x)| *o += table[class * width + e] * x);
                }
            }
            row += width;
            folded
        });
        for out in tables[0].chunks_exact_mut(c) {
            out.iter_mut().zip(w.get("input.bias")).for_each(|(o, b)| *o += b);
        }
        // As many layers as there are tensors of.
        let layers =
            |first: fn(usize) -> String| (0..).take_while(move |i| !w.get(&first(*i)).is_empty());
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
                    weights: [get(&format!("lstm{i}.input")), get(&format!("lstm{i}.recurrent"))]
                        .concat(),
                    bias: get(&format!("lstm{i}.bias")),
                })
                .collect(),
            heads: Question::ALL.map(|of| {
                let temperature = w.get("temperature").get(of as usize).copied().unwrap_or(1.0);
                Head::new(w, of, temperature)
            }),
        }
    }
}
