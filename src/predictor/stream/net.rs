//! The weights as the streaming engine reads them: embeddings folded into the first layer,
//! temperatures into the last, matrices in pairs of rows ([`pairs`]) in the order in which they are
//! used. Made once per model, shared by all engines.

use crate::features::{RANKS, Token};
use crate::predictor::networks::{EMBED, ModelConfig, Question};
use crate::predictor::weights::Weights;
use crate::simd::aligned::Aligned;
use crate::simd::products::pairs;

/// Inputs beside the network's that only what is learned while answering reads.
pub(super) const EXTRA: usize = 5;

/// Rows of candidates are whole numbers of so many.
pub(super) const PAD: usize = 16;

/// A block of the trunk.
#[derive(Debug)]
pub(super) struct Block {
    pub taps: Aligned,
    pub bias: Aligned,
    /// `[C, C]`
    pub mix: Aligned<u32>,
    pub mix_bias: Aligned,
    /// Tokens between two taps.
    pub step: usize,
}

/// A layer of an LSTM trunk. Gates: input, forget, output, new content.
#[derive(Debug)]
pub(super) struct Cell {
    /// `[2C, 4C]`: rows of the input, then of the state.
    pub weights: Aligned<u32>,
    pub bias: Aligned,
}

/// Everything the engine reads.
#[derive(Debug)]
pub(super) struct Net {
    pub config: ModelConfig,
    /// `[KINDS, C]`, `[RANKS, C]`, `[STATES, C]`: embedding times its rows of the first layer; the
    /// bias is in the first.
    pub tables: [Aligned; 3],
    /// `[TOKEN_X, C]`.
    pub input: Aligned<u32>,
    pub blocks: Vec<Block>,
    pub cells: Vec<Cell>,
    pub heads: [Head; 2],
}

/// The head of a question. R inputs of a candidate, Q of the moment, H and L the widths of its
/// layers (L is H without a second), whole numbers of registers.
#[derive(Debug)]
pub(super) struct Head {
    /// `[R]`: means and scales of the inputs.
    pub row_norm: [Aligned; 2],
    /// `[Q]`
    pub query_norm: [Aligned; 2],
    /// `[R, H]`
    pub row: Aligned<u32>,
    /// `[Q, H]`, `[C, H]`: what all candidates share, of the moment and of the state.
    pub query: Aligned<u32>,
    pub state: Aligned<u32>,
    /// `[H]`
    pub bias: Aligned,
    /// `[H, L]`; empty without a second layer.
    pub second: Aligned<u32>,
    pub second_bias: Aligned,
    /// `[W]`: weights of a candidate's row, its last layer, then its inputs, over the temperature;
    /// zeros behind.
    pub weighs: Aligned,
    last: usize,
}

/// Rows of `width` numbers with zeros behind each, up to a whole number of registers.
fn widened(rows: &[f32], width: usize) -> Vec<f32> {
    let mut wide = Vec::with_capacity(rows.len() / width.max(1) * width.next_multiple_of(PAD));
    for row in rows.chunks(width.max(1)) {
        wide.extend(row);
        wide.resize(wide.len().next_multiple_of(PAD), 0.0);
    }
    wide
}

impl Head {
    /// Layers are made as wide as whole registers: what is beyond them is always zero.
    fn new(w: &Weights, of: Question, temperature: f32) -> Self {
        let get = |part: &str| w.get(&format!("{}.{part}", of.label()));
        let norm = |name: &str| {
            ["mean", "scale"].map(|part| Aligned::from(w.get(&format!("{name}.{part}"))))
        };
        let [row_norm, query_norm] = of.norms().map(norm);
        let (hidden, second) = (get("bias").len(), get("second_bias").len());
        let wide = hidden.next_multiple_of(PAD);
        let mut second_rows = widened(get("second"), second);
        if second > 0 {
            second_rows.resize(wide * second.next_multiple_of(PAD), 0.0);
        }
        let row = widened(get("row"), hidden);
        let out = get("out");
        let mut weighs: Vec<f32> = [&widened(out, out.len()), get("skip")]
            .concat()
            .iter()
            .map(|x| x / temperature)
            .collect();
        weighs.resize((weighs.len() + EXTRA).next_multiple_of(PAD), 0.0);
        Self {
            row_norm,
            query_norm,
            row: pairs(&row, wide),
            query: pairs(&widened(get("query"), hidden), wide),
            state: pairs(&widened(get("state"), hidden), wide),
            bias: widened(get("bias"), hidden).into(),
            second: pairs(&second_rows, second.next_multiple_of(PAD)),
            second_bias: widened(get("second_bias"), second).into(),
            weighs: weighs.into(),
            last: out.len().next_multiple_of(PAD),
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
        let get = |name: &str| Aligned::from(w.get(name));
        let first = w.get("input.weight");
        let mut row = 0;
        let names = ["kind", "rank", "state"];
        let counts = [Token::KINDS, RANKS, Token::STATES];
        let mut tables: [Aligned; 3] = std::array::from_fn(|t| {
            let (table, width) = (w.get(names[t]), EMBED[t]);
            let mut folded = Aligned::zeros(counts[t] * c);
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
            input: pairs(&first[row * c..], c),
            blocks: layers(|i| format!("block{i}.taps"))
                .map(|i| Block {
                    taps: get(&format!("block{i}.taps")),
                    bias: get(&format!("block{i}.bias")),
                    mix: pairs(w.get(&format!("block{i}.mix")), c),
                    mix_bias: get(&format!("block{i}.mix_bias")),
                    step: 1 << i,
                })
                .collect(),
            cells: layers(|i| format!("lstm{i}.input"))
                .map(|i| Cell {
                    weights: pairs(
                        &["input", "recurrent"].map(|of| w.get(&format!("lstm{i}.{of}"))).concat(),
                        4 * c,
                    ),
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
