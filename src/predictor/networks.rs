//! The networks there are, and what each is made of. A kind is one entry of the table here: its
//! name, its usual size, what it may be sized to, and the layers of its trunk; inputs, heads and
//! training are the same for all. [`ModelConfig::tensors`] is the one list of a network's tensors:
//! the network in burn ([`super::dense`]), the streaming engine ([`super::stream`]) and model files
//! ([`super::weights`]) all go by its names. A kind that needs a layer which neither engine has
//! brings it to both.

use crate::features::{ASK, CAND, QUERY, RANKS, THREAD, TOKEN_X, Token};
use crate::simd::rounded;
use serde::{Deserialize, Serialize};

/// Width of the embeddings of a token's kind, rank and state.
pub const EMBED: [usize; 3] = [4, 8, 4];
/// Normalised inputs are cut at this many standard deviations.
pub const CLAMP: f32 = 8.0;

/// Maps raw inputs to what the network reads: `(x - mean) * scale`, cut at [`CLAMP`] and rounded to
/// bfloat16, since that is what a head's first layer multiplies.
#[allow(clippy::inline_always)] // part of code that is compiled for wider registers
#[inline(always)]
pub fn normalise(x: f32, mean: f32, scale: f32) -> f32 {
    rounded(((x - mean) * scale).clamp(-CLAMP, CLAMP))
}

/// A tensor of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name in model files.
    pub name: String,
    /// Its place among the fields of [`super::dense::Network`], which checkpoints know it by.
    pub place: String,
    /// Matrices are `[inputs, outputs]`; taps are `[kernel, C]`, the oldest first.
    pub shape: Vec<usize>,
    /// What is in it before training.
    pub start: Start,
    /// Its numbers are bfloat16: what is multiplied is read from memory, and half as much of it
    /// takes half the time.
    pub halves: bool,
}

/// What a tensor begins as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// All this value, and it is not trained: normalisation and temperatures.
    Fixed(f32),
    /// Zeros.
    Zero,
    /// Uniform within one over the root of so many inputs.
    Uniform(usize),
    /// Normal, with a deviation of one half.
    Normal,
    /// An LSTM's bias: zeros, but one for the forget gate.
    Forget,
}

impl Tensor {
    fn new(name: &str, place: &str, shape: &[usize], start: Start) -> Self {
        Self { name: name.into(), place: place.into(), shape: shape.into(), start, halves: false }
    }

    /// A matrix `[inputs, outputs]` that a vector is multiplied with.
    fn matrix(name: &str, place: &str, [inputs, outputs]: [usize; 2]) -> Self {
        let start = Start::Uniform(inputs);
        Self { halves: true, ..Self::new(name, place, &[inputs, outputs], start) }
    }

    /// A weight and its bias have the place of their name.
    fn head(name: &str, shape: &[usize], start: Start) -> Self {
        Self::new(name, &name.replace('.', "_"), shape, start)
    }

    /// It is trained.
    pub fn is_trained(&self) -> bool {
        !matches!(self.start, Start::Fixed(_))
    }

    /// Number of its values.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What a network is asked. Each question has a head of its own, of the same shape: every candidate
/// is scored from what is known of it, of the moment, and of the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Who comes in now?
    Pick,
    /// Who will be next?
    Forecast,
}

impl Question {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Pick, Self::Forecast];

    /// First part of the names of its tensors.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pick => "pick",
            Self::Forecast => "forecast",
        }
    }

    /// Columns of a candidate's inputs, and of the moment's.
    pub fn inputs(self) -> [usize; 2] {
        match self {
            Self::Pick => [CAND, QUERY],
            Self::Forecast => [THREAD, ASK],
        }
    }

    /// Names of the normalisation of the two, without `.mean` and `.scale`.
    pub fn norms(self) -> [&'static str; 2] {
        match self {
            Self::Pick => ["norm.cand", "norm.query"],
            Self::Forecast => ["norm.thread", "norm.ask"],
        }
    }
}

/// The tensors of a head over a trunk of `c` channels.
fn head(of: Question, c: usize, [first, second]: [usize; 2]) -> Vec<Tensor> {
    use Start::{Uniform, Zero};
    let [row, query] = of.inputs();
    let name = |part: &str| format!("{}.{part}", of.label());
    let add = |part: &str, shape: &[usize], start| {
        let name = name(part);
        Tensor::new(&name, &name, shape, start)
    };
    let matrix = |part: &str, shape| Tensor::matrix(&name(part), &name(part), shape);
    let mut list = vec![
        matrix("row", [row, first]),
        matrix("query", [query, first]),
        matrix("state", [c, first]),
        add("bias", &[first], Zero),
    ];
    if second > 0 {
        list.push(matrix("second", [first, second]));
        list.push(add("second_bias", &[second], Zero));
    }
    let last = if second > 0 { second } else { first };
    list.extend([add("out", &[last, 1], Uniform(last)), add("skip", &[row, 1], Uniform(row))]);
    list
}

/// What is said of a kind of network.
struct Entry {
    /// Name on the command line, in reports, of files.
    label: &'static str,
    /// The model file in `assets/models`, as it was when the program was built: for a binary that
    /// was copied away.
    bundled: &'static [u8],
    /// The usual size, from the TCN's.
    usual: fn(ModelConfig) -> ModelConfig,
    /// Least and most taps and layers: of a model file, and of one to be trained.
    read: [(usize, usize); 2],
    trained: [(usize, usize); 2],
    /// Tokens that an answer can depend on; `None`: all of them.
    reach: fn(&ModelConfig) -> Option<usize>,
    /// What a layer remembers for the way back, in states per token.
    remembered: usize,
    /// The tensors of layer i of its trunk.
    layer: fn(&ModelConfig, usize) -> Vec<Tensor>,
}

const TCN: Entry = Entry {
    label: "tcn",
    bundled: include_bytes!("../../assets/models/tcn.koracle"),
    usual: |tcn| tcn,
    read: [(2, 16), (1, 12)],
    trained: [(2, 8), (1, 12)],
    reach: |m| Some(1 + (m.kernel - 1) * ((1 << m.blocks) - 1)),
    remembered: 5,
    layer: convolution,
};

/// As many parameters as a TCN whose taps mix the channels (38,696): it is there for comparison.
const LSTM: Entry = Entry {
    label: "lstm",
    bundled: include_bytes!("../../assets/models/lstm.koracle"),
    usual: |tcn| ModelConfig { channels: 48, kernel: 1, blocks: 1, ..tcn },
    read: [(0, 16), (1, 12)],
    trained: [(1, 1), (1, 12)],
    reach: |_| None,
    remembered: 24,
    layer: cell,
};

const MLP: Entry = Entry {
    label: "mlp",
    bundled: include_bytes!("../../assets/models/mlp.koracle"),
    usual: |tcn| ModelConfig { kernel: 1, blocks: 0, ..tcn },
    read: [(0, 16), (0, 0)],
    trained: [(1, 1), (0, 0)],
    reach: |_| Some(1),
    remembered: 5,
    layer: |_, _| Vec::new(),
};

/// A residual block of dilated taps: each channel has taps of its own, and one matrix mixes them (a
/// depthwise separable convolution: Chollet 2017), a third of the products of taps that mix.
fn convolution(m: &ModelConfig, i: usize) -> Vec<Tensor> {
    let c = m.channels;
    let names = |part: &str| [format!("block{i}.{part}"), format!("blocks.{i}.{part}")];
    let add = |part: &str, shape: &[usize], start| {
        let [name, place] = names(part);
        Tensor::new(&name, &place, shape, start)
    };
    let [mix, place] = names("mix");
    vec![
        add("taps", &[m.kernel, c], Start::Uniform(m.kernel)),
        add("bias", &[c], Start::Zero),
        Tensor::matrix(&mix, &place, [c, c]),
        add("mix_bias", &[c], Start::Zero),
    ]
}

/// A layer of an LSTM. Gates: input, forget, output, new content.
fn cell(m: &ModelConfig, i: usize) -> Vec<Tensor> {
    let c = m.channels;
    let names = |part: &str| [format!("lstm{i}.{part}"), format!("cells.{i}.{part}")];
    let matrix = |part: &str| {
        let [name, place] = names(part);
        Tensor::matrix(&name, &place, [c, 4 * c])
    };
    let [bias, place] = names("bias");
    vec![matrix("input"), matrix("recurrent"), Tensor::new(&bias, &place, &[4 * c], Start::Forget)]
}

/// Makes the kinds of the entries.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $entry:ident;)*) => {
        /// What turns the tokens of a CPU into a state; inputs, heads and training are the same for
        /// all.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: [Self; [$(stringify!($kind)),*].len()] = [$(Self::$kind),*];

            fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$kind => &$entry,)*
                }
            }
        }
    };
}

kinds! {
    /// Dilated causal convolutions. Files that do not say what they are hold one.
    #[default]
    Tcn: TCN;
    /// Long short-term memory.
    Lstm: LSTM;
    /// Nothing: the state is the last token's, with no sequence behind it.
    Mlp: MLP;
}

impl Kind {
    /// Name on the command line, in reports, of files.
    pub fn label(self) -> &'static str {
        self.entry().label
    }

    /// The bytes of its bundled model, as part of the program.
    pub fn bundled(self) -> &'static [u8] {
        self.entry().bundled
    }

    /// Least and most taps and layers of a network to be trained.
    pub fn trained(self) -> [(usize, usize); 2] {
        self.entry().trained
    }

    /// Whether a network of this kind has a choice in this part of its size, `kernel` or `blocks`.
    pub fn has(self, setting: &str) -> bool {
        let [kernel, blocks] = self.trained();
        match setting {
            "kernel" => kernel.0 < kernel.1,
            "blocks" => blocks.0 < blocks.1,
            _ => true,
        }
    }

    /// What a layer of its trunk is called.
    pub fn layer(self) -> &'static str {
        if self == Self::Tcn { "block" } else { "layer" }
    }

    /// What a layer remembers in training for the way back, in states per token.
    pub fn remembered(self) -> usize {
        self.entry().remembered
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::label).join(", ");
        let found = Self::ALL.into_iter().find(|k| k.label() == name);
        found.ok_or_else(|| format!("no such network; known: {}", known()))
    }
}

/// Size of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelConfig {
    /// What its trunk is.
    pub kind: Kind,
    /// Channels C of the trunk.
    pub channels: usize,
    /// Taps of a block; an LSTM and an MLP have none.
    pub kernel: usize,
    /// Residual blocks of a TCN, block i looks back in steps of 2^i tokens; layers of an LSTM; 0
    /// for an MLP.
    pub blocks: usize,
    /// Width of the pick head.
    pub hidden: usize,
    /// Width of its second layer; 0: none.
    pub hidden2: usize,
    /// Width of the forecast head.
    pub forecast: usize,
    /// Width of its second layer; 0: none.
    pub forecast2: usize,
    /// The last layer goes on learning while the network answers ([`crate::predictor::stream`]).
    pub adapt: bool,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            kind: Kind::Tcn,
            channels: 32,
            kernel: 3,
            blocks: 3,
            hidden: 48,
            hidden2: 0,
            forecast: 32,
            forecast2: 0,
            adapt: true,
        }
    }
}

impl ModelConfig {
    /// The usual size of a kind; the heads are the same.
    pub fn of(kind: Kind) -> Self {
        Self { kind, ..(kind.entry().usual)(Self::default()) }
    }

    /// Tokens that an answer can depend on; `None`: all of them, however faintly.
    pub fn reach(&self) -> Option<usize> {
        (self.kind.entry().reach)(self)
    }

    /// Tokens that an answer can depend on: `1 + (kernel - 1) (2^blocks - 1)`. An LSTM has no such
    /// limit when it answers; in training its state starts at zero as many tokens before a chunk as
    /// the usual TCN looks back.
    pub fn receptive_field(&self) -> usize {
        let usual = || Self::default().reach().unwrap_or(1);
        self.reach().unwrap_or_else(usual)
    }

    /// Every tensor, in the order of model files, which is that in which fresh ones are drawn.
    pub fn tensors(&self) -> Vec<Tensor> {
        use Start::{Fixed, Normal, Zero};
        let c = self.channels;
        let fixed = |name: &str, n: usize, value: f32| Tensor::new(name, "", &[n], Fixed(value));
        let inputs = EMBED.iter().sum::<usize>() + TOKEN_X;
        let mut list = vec![
            fixed("norm.cand.mean", CAND, 0.0),
            fixed("norm.cand.scale", CAND, 1.0),
            fixed("norm.query.mean", QUERY, 0.0),
            fixed("norm.query.scale", QUERY, 1.0),
            fixed("norm.thread.mean", THREAD, 0.0),
            fixed("norm.thread.scale", THREAD, 1.0),
            fixed("norm.ask.mean", ASK, 0.0),
            fixed("norm.ask.scale", ASK, 1.0),
            fixed("temperature", 2, 1.0),
            Tensor::head("kind", &[Token::KINDS, EMBED[0]], Normal),
            Tensor::head("rank", &[RANKS, EMBED[1]], Normal),
            Tensor::head("state", &[Token::STATES, EMBED[2]], Normal),
            Tensor::matrix("input.weight", "input", [inputs, c]),
            Tensor::head("input.bias", &[c], Zero),
        ];
        list.extend((0..self.blocks).flat_map(|i| (self.kind.entry().layer)(self, i)));
        list.extend(Question::ALL.into_iter().flat_map(|q| head(q, c, self.widths(q))));
        list
    }

    /// Widths of the layers of a head; the second may be 0: none.
    pub fn widths(&self, of: Question) -> [usize; 2] {
        match of {
            Question::Pick => [self.hidden, self.hidden2],
            Question::Forecast => [self.forecast, self.forecast2],
        }
    }

    /// Every tensor's name and shape, in the same order.
    pub fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        self.tensors().into_iter().map(|t| (t.name, t.shape)).collect()
    }

    /// A network of this size can be read from a file.
    pub(super) fn is_sane(&self) -> bool {
        let within = |n: usize, (least, most): (usize, usize)| (least..=most).contains(&n);
        let [taps, layers] = self.kind.entry().read;
        let widths = [self.channels, self.hidden, self.forecast];
        widths.into_iter().all(|n| within(n, (1, 1024)))
            && self.hidden2.max(self.forecast2) <= 1024
            && within(self.kernel, taps)
            && within(self.blocks, layers)
    }
}
