//! The network in burn, dense over whole sequences: what is trained, and the reference the
//! streaming engine is held to. One causal trunk over the tokens of a CPU, two heads. Never reads a
//! trace. The trunk has the layers that its tensors say: blocks of dilated convolutions, cells of
//! an LSTM (`lstm`), or none, so that h is made of the last token alone.
//!
//! ```text
//! token -> [kind|rank|state|x] -> linear, ReLU -> B blocks: y = x + M relu(sum_k w_k * x[t - k 2^i] + b) -> h [T, C]
//! head:  z_j = o . relu(S relu(Wr r_j + Wq q + Wh h + b) + b') + s . r_j      r_j, q normalised, cut at 8
//! ```
//!
//! Both questions have such a head: `r_j` is what is known of candidate j, q what is known of the
//! moment.
//!
//! A convolution has taps for each channel alone (`w_k` `[C]`, times x element by element); `M`
//! mixes the channels. It is a sum over shifted rows (time-major `[T * N, C]`): burn's `conv1d` has
//! a slow backward pass.

mod head;
mod lstm;
mod parts;

pub use head::Questions;
pub use lstm::Cut;

use super::networks::{ModelConfig, Question, Start, Tensor as Tensors};
use super::weights::{Provenance, Weights, WeightsError};
use crate::features::TOKEN_X;
use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use head::Head;
use lstm::Cell;
use parts::Parts;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// burn's random generator is one for the whole process: seeding and drawing must not be
/// interleaved between jobs.
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
    pick: Head,
    forecast: Head,
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

    /// Each field is asked for once, in the order of [`ModelConfig::tensors`]: fresh ones are drawn
    /// in it.
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
            pick: Head::of(Question::Pick, parts),
            forecast: Head::of(Question::Forecast, parts),
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

    /// As [`Self::trunk`], for training: an LSTM's recurrence stays outside the graph, and
    /// [`Self::gradients`] goes back through it.
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
        let class = |i: usize| {
            Tensor::<1, Int>::from_data(TensorData::new(tokens.classes[i].clone(), [rows]), device)
        };
        let x = Tensor::<2>::from_data(TensorData::new(tokens.x.clone(), [rows, TOKEN_X]), device);
        let parts = vec![
            self.kind.val().select(0, class(0)),
            self.rank.val().select(0, class(1)),
            self.state.val().select(0, class(2)),
            x,
        ];
        let input =
            Tensor::cat(parts, 1).matmul(self.input.val()) + self.input_bias.val().unsqueeze();
        let mut x = relu(input);
        let c = x.dims()[1];
        for (i, block) in self.blocks.iter().enumerate() {
            let taps = block.taps.val();
            let kernel = taps.dims()[0];
            let step = tokens.sequences << i;
            let before = Tensor::<2>::zeros([(kernel - 1) * step, c], device);
            let padded = Tensor::cat(vec![before, x.clone()], 0);
            let mut y: Tensor<2> = block.bias.val().unsqueeze();
            for k in 0..kernel {
                let shifted = padded.clone().slice([k * step..k * step + rows, 0..c]);
                y = shifted * taps.clone().slice([k..k + 1, 0..c]) + y;
            }
            x = x + relu(y).matmul(block.mix.val()) + block.mix_bias.val().unsqueeze();
        }
        x
    }

    /// Scores of all candidates of all questions of a kind, `[candidates]`, before the temperature.
    /// `h` is [`Self::trunk`]'s.
    pub fn scores(
        &self,
        of: Question,
        h: &Tensor<2>,
        questions: &Questions,
        device: &Device,
    ) -> Tensor<1> {
        let head = match of {
            Question::Pick => &self.pick,
            Question::Forecast => &self.forecast,
        };
        head.scores(of, h, questions, device)
    }

    /// The weights of an untrained network whose inputs are taken as they are: for tests, and to
    /// measure its speed.
    pub fn fresh(config: ModelConfig, seed: u64) -> Result<Weights, WeightsError> {
        let fixed = config.tensors().into_iter().filter_map(|t| match t.start {
            Start::Fixed(value) => Some((t.name.clone(), vec![value; t.count()])),
            _ => None,
        });
        let fixed = fixed.collect();
        Self::new(&config, seed, &Device::flex()).to_weights(config, Provenance::default(), fixed)
    }

    /// Takes the numbers out; `fixed` are the tensors that are not trained (normalisation,
    /// temperatures).
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
