//! The network in burn, dense over whole sequences: what is trained, and the reference the streaming engine is held to. One
//! causal trunk over the tokens of a CPU, two heads. Never reads a trace. The trunk has the layers that its tensors say:
//! blocks of dilated convolutions, cells of an LSTM (`lstm`), or none, so that h is made of the last token alone.
//!
//! ```text
//! token -> [kind|rank|state|x] -> linear, ReLU -> B blocks: y = x + M relu(sum_k W_k x[t - k 2^i] + b) -> h [T, C]
//! pick:     z_j = o . relu(S relu(Wc c_j + Wq q + Wh h + b) + b') + s . c_j      c, q normalised, cut at 8
//! forecast: z = Wo h + b + R v + sum over votes of g_i onehot(vote_i) + r        g = G relu(W [h, v] + b) + b'
//!           r_c = u . relu(E e_c + V v + Wr h + b) + t . e_c                      e_c: the thread behind class c, its votes
//! ```
//!
//! A convolution is a sum of matrix products over shifted rows (time-major `[T * N, C]`): burn's `conv1d` has a slow
//! backward pass.

mod lstm;
mod parts;
mod recent;

pub use lstm::Cut;

use super::networks::{ModelConfig, Start, Tensor as Tensors, VOTES};
use super::weights::{Provenance, Weights, WeightsError};
use crate::features::{CAND, QUERY, RANKS, RECENT, TOKEN_X, VOTERS};
use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use lstm::Cell;
use parts::Parts;
use recent::Recent;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// burn's random generator is one for the whole process: seeding and drawing must not be interleaved between jobs.
static RANDOM: Mutex<()> = Mutex::new(());

/// A residual block of the trunk.
#[derive(Module, Debug)]
struct Block {
    taps: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    mix: Param<Tensor<2>>,
    mix_bias: Param<Tensor<1>>,
}

/// The network. Each field is a tensor of [`ModelConfig::tensors`], at its `place` there.
#[derive(Module, Debug)]
pub struct Network {
    kind: Param<Tensor<2>>,
    rank: Param<Tensor<2>>,
    state: Param<Tensor<2>>,
    input: Param<Tensor<2>>,
    input_bias: Param<Tensor<1>>,
    blocks: Vec<Block>,
    cells: Vec<Cell>,
    pick_cand: Param<Tensor<2>>,
    pick_query: Param<Tensor<2>>,
    pick_state: Param<Tensor<2>>,
    pick_bias: Param<Tensor<1>>,
    pick_second: Option<Param<Tensor<2>>>,
    pick_second_bias: Option<Param<Tensor<1>>>,
    pick_out: Param<Tensor<2>>,
    pick_skip: Param<Tensor<2>>,
    forecast_state: Param<Tensor<2>>,
    forecast_bias: Param<Tensor<1>>,
    forecast_votes: Param<Tensor<2>>,
    gate_state: Param<Tensor<2>>,
    gate_votes: Param<Tensor<2>>,
    gate_bias: Param<Tensor<1>>,
    gate_out: Param<Tensor<2>>,
    gate_out_bias: Param<Tensor<1>>,
    recent: Recent,
}

/// Several sequences of tokens, time-major: row `t * sequences + s`.
pub struct Tokens {
    /// How many sequences side by side.
    pub sequences: usize,
    /// `[rows]` of `Token::kind`, `Token::rank`, `Token::state`.
    pub classes: [Vec<i32>; 3],
    /// `[rows, TOKEN_X]`.
    pub x: Vec<f32>,
}

/// Decisions over those sequences. Rows of h count from 1; row 0 is "no token yet".
#[derive(Default)]
pub struct Picks {
    /// `[decisions]`: row of h.
    pub rows: Vec<i32>,
    /// `[decisions, QUERY]`, normalised.
    pub query: Vec<f32>,
    /// `[candidates of all decisions, CAND]`, normalised.
    pub cand: Vec<f32>,
    /// `[candidates of all decisions]`: the decision each belongs to.
    pub of: Vec<i32>,
}

/// Forecasts over those sequences.
#[derive(Default)]
pub struct Asks {
    /// `[forecasts]`: row of h, as in [`Picks::rows`].
    pub rows: Vec<i32>,
    /// `[forecasts, VOTERS]`.
    pub votes: Vec<u8>,
    /// `[forecasts, VOTERS]`.
    pub vote_x: Vec<f32>,
    /// `[forecasts, RANKS - 2, RECENT]`; zero where there is no thread.
    pub recent: Vec<f32>,
}

impl Asks {
    /// Adds a forecast that reads row `row` of h; `known` is `[threads, RECENT]`.
    pub fn push(&mut self, row: i32, votes: &[u8; VOTERS], vote_x: &[f32; VOTERS], known: impl Iterator<Item = f32>) {
        self.rows.push(row);
        self.votes.extend(votes);
        self.vote_x.extend(vote_x);
        let from = self.recent.len();
        self.recent.extend(known);
        self.recent.resize(from + (RANKS - 2) * RECENT, 0.0);
    }
}

impl Network {
    /// Fresh parameters, drawn from `seed`; the same seed gives the same bits whatever else runs.
    pub fn new(config: &ModelConfig, seed: u64, device: &Device) -> Self {
        let _alone = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
        device.seed(seed);
        Self::build(&Parts::fresh(config, device))
    }

    /// The network of a model file.
    pub fn from_weights(weights: &Weights, device: &Device) -> Self {
        Self::build(&Parts::of(weights, device))
    }

    /// Each field is asked for once, in the order of [`ModelConfig::tensors`]: fresh ones are drawn in it.
    fn build(parts: &Parts<'_>) -> Self {
        let (mat, vec) = (|name: &str| parts.mat(name), |name: &str| parts.vec(name));
        Self {
            kind: mat("kind"),
            rank: mat("rank"),
            state: mat("state"),
            input: mat("input.weight"),
            input_bias: vec("input.bias"),
            blocks: parts
                .layers("block")
                .map(|of| Block {
                    taps: mat(&format!("{of}.taps")),
                    bias: vec(&format!("{of}.bias")),
                    mix: mat(&format!("{of}.mix")),
                    mix_bias: vec(&format!("{of}.mix_bias")),
                })
                .collect(),
            cells: parts
                .layers("lstm")
                .map(|of| Cell {
                    input: mat(&format!("{of}.input")),
                    recurrent: mat(&format!("{of}.recurrent")),
                    bias: vec(&format!("{of}.bias")),
                })
                .collect(),
            pick_cand: mat("pick.cand"),
            pick_query: mat("pick.query"),
            pick_state: mat("pick.state"),
            pick_bias: vec("pick.bias"),
            pick_second: parts.has("pick.second").then(|| mat("pick.second")),
            pick_second_bias: parts.has("pick.second_bias").then(|| vec("pick.second_bias")),
            pick_out: mat("pick.out"),
            pick_skip: mat("pick.skip"),
            forecast_state: mat("forecast.state"),
            forecast_bias: vec("forecast.bias"),
            forecast_votes: mat("forecast.votes"),
            gate_state: mat("gate.state"),
            gate_votes: mat("gate.votes"),
            gate_bias: vec("gate.bias"),
            gate_out: mat("gate.out"),
            gate_out_bias: vec("gate.out_bias"),
            recent: Recent::of(&mat, &vec),
        }
    }

    /// The states after every token, `[1 + rows, C]`; row 0 is zero: no token yet.
    pub fn trunk(&self, tokens: &Tokens, device: &Device) -> Tensor<2> {
        let mut x = self.convolved(tokens, device);
        for cell in &self.cells {
            x = cell.run(&x, tokens.sequences);
        }
        first_blank(x, device)
    }

    /// As [`Self::trunk`], for training: an LSTM's recurrence stays outside the graph, and [`Self::gradients`] goes
    /// back through it.
    pub fn trunk_cut(&self, tokens: &Tokens, device: &Device) -> (Tensor<2>, Vec<Cut>) {
        let mut x = self.convolved(tokens, device);
        let mut cuts = Vec::with_capacity(self.cells.len());
        for cell in &self.cells {
            let (h, cut) = cell.cut(&x, tokens.sequences);
            x = h;
            cuts.push(cut);
        }
        (first_blank(x, device), cuts)
    }

    /// Gradients of all parameters from those of the loss, through the cuts of [`Self::trunk_cut`].
    pub fn gradients(&self, loss: &Tensor<1>, cuts: &[Cut]) -> GradientsParams {
        lstm::gradients(loss, cuts, self)
    }

    /// After the first layer and the blocks, `[rows, C]`.
    fn convolved(&self, tokens: &Tokens, device: &Device) -> Tensor<2> {
        let rows = tokens.classes[0].len();
        let class = |i: usize| Tensor::<1, Int>::from_data(TensorData::new(tokens.classes[i].clone(), [rows]), device);
        let x = Tensor::<2>::from_data(TensorData::new(tokens.x.clone(), [rows, TOKEN_X]), device);
        let parts = vec![
            self.kind.val().select(0, class(0)),
            self.rank.val().select(0, class(1)),
            self.state.val().select(0, class(2)),
            x,
        ];
        let input = Tensor::cat(parts, 1).matmul(self.input.val()) + self.input_bias.val().unsqueeze();
        let mut x = relu(input);
        let c = x.dims()[1];
        for (i, block) in self.blocks.iter().enumerate() {
            let taps = block.taps.val();
            let kernel = taps.dims()[0] / c;
            let step = tokens.sequences << i;
            let before = Tensor::<2>::zeros([(kernel - 1) * step, c], device);
            let padded = Tensor::cat(vec![before, x.clone()], 0);
            let mut y: Tensor<2> = block.bias.val().unsqueeze();
            for k in 0..kernel {
                let shifted = padded.clone().slice([k * step..k * step + rows, 0..c]);
                y = shifted.matmul(taps.clone().slice([k * c..(k + 1) * c, 0..c])) + y;
            }
            x = x + relu(y).matmul(block.mix.val()) + block.mix_bias.val().unsqueeze();
        }
        x
    }

    /// Scores of all candidates of all decisions, `[candidates]`, before the temperature.
    pub fn pick(&self, h: &Tensor<2>, picks: &Picks, device: &Device) -> Tensor<1> {
        let (n, m) = (picks.rows.len(), picks.of.len());
        let ints = |v: &Vec<i32>| Tensor::<1, Int>::from_data(TensorData::new(v.clone(), [v.len()]), device);
        let query = Tensor::<2>::from_data(TensorData::new(picks.query.clone(), [n, QUERY]), device);
        let cand = Tensor::<2>::from_data(TensorData::new(picks.cand.clone(), [m, CAND]), device);
        let shared = query.matmul(self.pick_query.val())
            + h.clone().select(0, ints(&picks.rows)).matmul(self.pick_state.val())
            + self.pick_bias.val().unsqueeze();
        let mut z = relu(cand.clone().matmul(self.pick_cand.val()) + shared.select(0, ints(&picks.of)));
        if let (Some(weight), Some(bias)) = (&self.pick_second, &self.pick_second_bias) {
            z = relu(z.matmul(weight.val()) + bias.val().unsqueeze());
        }
        (z.matmul(self.pick_out.val()) + cand.matmul(self.pick_skip.val())).reshape([m])
    }

    /// Scores of all classes, `[forecasts, RANKS]`, before the temperature; class 0 is very low.
    pub fn forecast(&self, h: &Tensor<2>, asks: &Asks, device: &Device) -> Tensor<2> {
        const N: usize = VOTERS;
        let n = asks.rows.len();
        let mut input = vec![0.0_f32; n * VOTES];
        for (i, row) in input.chunks_exact_mut(VOTES).enumerate() {
            row[..N].copy_from_slice(&asks.vote_x[i * N..(i + 1) * N]);
            for (j, &vote) in asks.votes[i * N..(i + 1) * N].iter().enumerate() {
                row[N + j * RANKS + usize::from(vote)] = 1.0;
            }
        }
        let rows = Tensor::<1, Int>::from_data(TensorData::new(asks.rows.clone(), [n]), device);
        let v = Tensor::<2>::from_data(TensorData::new(input, [n, VOTES]), device);
        let h = h.clone().select(0, rows);
        let gate = h.clone().matmul(self.gate_state.val())
            + v.clone().matmul(self.gate_votes.val())
            + self.gate_bias.val().unsqueeze();
        let gate = relu(gate).matmul(self.gate_out.val()) + self.gate_out_bias.val().unsqueeze();
        let votes = v.clone().slice([0..n, N..VOTES]).reshape([n, N, RANKS]);
        let voted = (votes * gate.reshape([n, N, 1])).sum_dim(1).reshape([n, RANKS]);
        let voted = voted + self.recent.scores(&h, asks, device);
        let z = h.matmul(self.forecast_state.val())
            + self.forecast_bias.val().unsqueeze()
            + v.matmul(self.forecast_votes.val());
        let mut low = [0.0_f32; RANKS];
        low[0] = -1e9;
        z + voted + Tensor::<1>::from_data(low, device).unsqueeze()
    }

    /// The weights of an untrained network whose inputs are taken as they are: for tests, and to measure its speed.
    pub fn fresh(config: ModelConfig, seed: u64) -> Result<Weights, WeightsError> {
        let fixed = config.tensors().into_iter().filter_map(|t| match t.start {
            Start::Fixed(value) => Some((t.name.clone(), vec![value; t.count()])),
            _ => None,
        });
        let fixed = fixed.collect();
        Self::new(&config, seed, &Device::flex()).to_weights(config, Provenance::default(), fixed)
    }

    /// Takes the numbers out; `fixed` are the tensors that are not trained (normalisation, temperatures).
    pub fn to_weights(
        &self,
        config: ModelConfig,
        provenance: Provenance,
        mut fixed: BTreeMap<String, Vec<f32>>,
    ) -> Result<Weights, WeightsError> {
        fixed.extend(self.trained(&config));
        Weights::new(config, provenance, fixed)
    }

    /// The name of a tensor in which a number is none or has no end.
    pub fn diverged(&self, config: &ModelConfig) -> Option<String> {
        let tensors = self.trained(config);
        tensors.into_iter().find(|(_, x)| !x.iter().all(|x| x.is_finite())).map(|(name, _)| name)
    }

    /// The trained tensors that are there, in the order of [`ModelConfig::tensors`].
    fn trained(&self, config: &ModelConfig) -> Vec<(String, Vec<f32>)> {
        let found = parts::numbers(self);
        let tensors = config.tensors().into_iter().filter(Tensors::is_trained);
        tensors.filter_map(|t| Some((t.name, found.get(&t.place)?.clone()))).collect()
    }
}

/// Puts the state before the first token in front.
fn first_blank(x: Tensor<2>, device: &Device) -> Tensor<2> {
    let c = x.dims()[1];
    Tensor::cat(vec![Tensor::zeros([1, c], device), x], 0)
}
