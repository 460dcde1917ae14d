//! Models: one network's numbers with what is needed to run it and to make it again, and where the bundled ones are.
//! The layout of a model file is in [`file`]. Never half written (saved beside and renamed), never half read: a damaged
//! file is an error that names the file and the byte.

mod file;
mod inside;

use crate::dataset::places;
use crate::features::{CAND, QUERY, RANKS, RECENT, TOKEN_X, Token, VOTERS};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;
/// Names a model file to be used instead of the bundled one.
pub const ENV: &str = "KORACLE_MODEL";

/// Width of the embeddings of a token's kind, rank and state.
pub const EMBED: [usize; 3] = [4, 8, 4];
/// Inputs of the forecast's vote layers: `vote_x`, then one one-hot block of [`RANKS`] per vote.
pub const VOTES: usize = VOTERS + VOTERS * RANKS;
/// Normalised inputs are cut at this many standard deviations.
pub const CLAMP: f32 = 8.0;

/// What turns the tokens of a CPU into a state; inputs, heads and training are the same for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Dilated causal convolutions. Files that do not say what they are hold one.
    #[default]
    Tcn,
    /// Long short-term memory.
    Lstm,
    /// Nothing: the state is the last token's, with no sequence behind it.
    Mlp,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcn, Self::Lstm, Self::Mlp];

    /// Name on the command line, in reports, of files.
    pub fn label(self) -> &'static str {
        match self {
            Self::Tcn => "tcn",
            Self::Lstm => "lstm",
            Self::Mlp => "mlp",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|k| k.label() == name).ok_or_else(|| "no such network; known: tcn, lstm, mlp".into())
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
    /// Residual blocks of a TCN, block i looks back in steps of 2^i tokens; layers of an LSTM; 0 for an MLP.
    pub blocks: usize,
    /// Width of the pick head.
    pub hidden: usize,
    /// Width of its second layer; 0: none.
    pub hidden2: usize,
    /// Width of the layer that weighs the votes.
    pub gate: usize,
    /// Width of the layer that scores each thread of the recency list in a forecast.
    pub recent: usize,
    /// The last layer goes on learning while the network answers ([`crate::predictor::stream`]).
    pub adapt: bool,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            kind: Kind::Tcn,
            channels: 32,
            kernel: 3,
            blocks: 5,
            hidden: 32,
            hidden2: 32,
            gate: 32,
            recent: 16,
            adapt: true,
        }
    }
}

impl ModelConfig {
    /// The usual size of a kind: an LSTM has as many parameters as the TCN (0.1 % fewer), the heads are the same. The others
    /// are there for comparison and do not learn while they answer.
    pub fn of(kind: Kind) -> Self {
        let tcn = Self::default();
        match kind {
            Kind::Tcn => tcn,
            Kind::Lstm => Self { kind, channels: 48, kernel: 1, blocks: 1, adapt: false, ..tcn },
            Kind::Mlp => Self { kind, kernel: 1, blocks: 0, adapt: false, ..tcn },
        }
    }

    /// Tokens that an answer can depend on: `1 + (kernel - 1) (2^blocks - 1)`. An LSTM has no such limit when it
    /// answers; in training its state starts at zero as many tokens before a chunk as the usual TCN looks back.
    pub fn receptive_field(&self) -> usize {
        match self.kind {
            Kind::Tcn => 1 + (self.kernel - 1) * ((1 << self.blocks) - 1),
            Kind::Lstm => Self::default().receptive_field(),
            Kind::Mlp => 1,
        }
    }

    /// Every tensor's name and shape. Matrices are `[inputs, outputs]`; taps are `[kernel * C, C]`, the oldest first.
    pub fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        let (c, h, g) = (self.channels, self.hidden, self.gate);
        let mut shapes: Vec<(String, Vec<usize>)> = Vec::new();
        let mut add = |name: &str, shape: &[usize]| shapes.push((name.to_owned(), shape.to_vec()));
        add("norm.cand.mean", &[CAND]);
        add("norm.cand.scale", &[CAND]);
        add("norm.query.mean", &[QUERY]);
        add("norm.query.scale", &[QUERY]);
        add("temperature", &[2]);
        add("kind", &[Token::KINDS, EMBED[0]]);
        add("rank", &[RANKS, EMBED[1]]);
        add("state", &[Token::STATES, EMBED[2]]);
        add("input.weight", &[EMBED.iter().sum::<usize>() + TOKEN_X, c]);
        add("input.bias", &[c]);
        for i in 0..self.blocks {
            match self.kind {
                Kind::Tcn => {
                    add(&format!("block{i}.taps"), &[self.kernel * c, c]);
                    add(&format!("block{i}.bias"), &[c]);
                    add(&format!("block{i}.mix"), &[c, c]);
                    add(&format!("block{i}.mix_bias"), &[c]);
                }
                Kind::Lstm => {
                    add(&format!("lstm{i}.input"), &[c, 4 * c]);
                    add(&format!("lstm{i}.recurrent"), &[c, 4 * c]);
                    add(&format!("lstm{i}.bias"), &[4 * c]);
                }
                Kind::Mlp => {}
            }
        }
        add("pick.cand", &[CAND, h]);
        add("pick.query", &[QUERY, h]);
        add("pick.state", &[c, h]);
        add("pick.bias", &[h]);
        if self.hidden2 > 0 {
            add("pick.second", &[h, self.hidden2]);
            add("pick.second_bias", &[self.hidden2]);
        }
        add("pick.out", &[if self.hidden2 > 0 { self.hidden2 } else { h }, 1]);
        add("pick.skip", &[CAND, 1]);
        add("forecast.state", &[c, RANKS]);
        add("forecast.bias", &[RANKS]);
        add("forecast.votes", &[VOTES, RANKS]);
        add("gate.state", &[c, g]);
        add("gate.votes", &[VOTES, g]);
        add("gate.bias", &[g]);
        add("gate.out", &[g, VOTERS]);
        add("gate.out_bias", &[VOTERS]);
        let k = self.recent;
        add("recent.row", &[RECENT + VOTERS, k]);
        add("recent.state", &[c, k]);
        add("recent.votes", &[VOTERS, k]);
        add("recent.bias", &[k]);
        add("recent.out", &[k, 1]);
        add("recent.skip", &[RECENT + VOTERS, 1]);
        shapes
    }

    fn is_sane(&self) -> bool {
        let width = |n: usize| (1..=1024).contains(&n);
        let trunk = match self.kind {
            Kind::Tcn => (2..=16).contains(&self.kernel) && (1..=12).contains(&self.blocks),
            Kind::Lstm => (1..=12).contains(&self.blocks),
            Kind::Mlp => self.blocks == 0,
        };
        width(self.channels)
            && self.kernel <= 16
            && trunk
            && width(self.hidden)
            && self.hidden2 <= 1024
            && width(self.gate)
            && width(self.recent)
    }
}

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The command that made it.
    pub command: String,
    /// Revision of the program.
    pub revision: String,
    /// When, seconds since 1970 UTC.
    pub unix_time: u64,
    /// Seed of the training.
    pub seed: u64,
    /// Names of the recordings it was fitted to.
    pub trained_on: Vec<String>,
    /// What was measured on validation, by name.
    pub metrics: BTreeMap<String, f64>,
}

/// A network's numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Its size.
    pub config: ModelConfig,
    /// Where it comes from.
    pub provenance: Provenance,
    /// By the names of [`ModelConfig::shapes`], row-major.
    tensors: BTreeMap<String, Vec<f32>>,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// The file's content cannot be used.
    #[error("{path}, byte {byte}: {problem}")]
    Content {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        byte: u64,
        /// What is wrong there.
        problem: Problem,
    },
    /// A tensor is missing or has another number of elements than the configuration says.
    #[error("tensor {name}: {found} elements instead of {expected}")]
    Shape {
        /// Its name.
        name: String,
        /// Elements given.
        found: usize,
        /// Elements expected.
        expected: usize,
    },
    /// The model that [`ENV`] names cannot be used.
    #[error("{ENV}: {0}")]
    Named(Box<WeightsError>),
}

/// What can be wrong with a model file's content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is something else.
    #[error("not a koracle model")]
    NotAModel,
    /// It was written by another version of the program.
    #[error("model format {found}, this program reads {VERSION}")]
    Version {
        /// The file's version.
        found: u32,
    },
    /// It ends too early.
    #[error("truncated: {expected} bytes expected")]
    Truncated {
        /// Length it should have, as far as known.
        expected: u64,
    },
    /// Its bytes are not those that were written.
    #[error("the checksum does not match")]
    Checksum,
    /// Its header does not describe a network.
    #[error("header: {0}")]
    Header(String),
    /// One of its numbers is none, or has no end: a training that diverged, or a damaged file.
    #[error("tensor {tensor}: {value} cannot be computed with")]
    Number {
        /// The tensor.
        tensor: String,
        /// The number.
        value: String,
    },
    /// It was trained on other inputs than this program computes.
    #[error("the model was trained on feature layout {found:016x}, this program computes {expected:016x}")]
    Layout {
        /// The model's.
        found: u64,
        /// This program's.
        expected: u64,
    },
}

impl Weights {
    /// Checks that `tensors` are those of `config`.
    pub fn new(
        config: ModelConfig,
        provenance: Provenance,
        tensors: BTreeMap<String, Vec<f32>>,
    ) -> Result<Self, WeightsError> {
        for (name, shape) in config.shapes() {
            let expected = shape.iter().product();
            let found = tensors.get(&name).map_or(0, Vec::len);
            if found != expected {
                return Err(WeightsError::Shape { name, found, expected });
            }
        }
        Ok(Self { config, provenance, tensors })
    }

    /// A tensor by its name in [`ModelConfig::shapes`], row-major; empty for another name.
    pub fn get(&self, name: &str) -> &[f32] {
        self.tensors.get(name).map_or(&[], Vec::as_slice)
    }

    /// Replaces the temperatures of the pick and of the forecast head.
    pub fn set_temperature(&mut self, temperature: [f32; 2]) {
        self.tensors.insert("temperature".into(), temperature.to_vec());
    }

    /// The same numbers for an engine that learns nothing while it answers: what it says depends on its receptive
    /// field alone.
    #[must_use]
    pub fn frozen(&self) -> Self {
        let mut same = self.clone();
        same.config.adapt = false;
        same
    }

    /// Number of trained values and fixed scales.
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(Vec::len).sum()
    }

    /// Changes whenever the model does: part of the key of cached predictions.
    pub fn checksum(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.to_bytes())
    }

    /// Reads a model file.
    pub fn load(path: &Path) -> Result<Self, WeightsError> {
        let bytes = std::fs::read(path).map_err(|source| WeightsError::Io { path: path.into(), source })?;
        Self::from_bytes(&bytes).map_err(|(byte, problem)| WeightsError::Content { path: path.into(), byte, problem })
    }

    /// Writes a model file: beside it first, then renamed, so that a reader never sees half of it.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let written = std::fs::create_dir_all(folder).and_then(|()| crate::export::write_whole(path, &self.to_bytes()));
        written.map_err(|source| WeightsError::Io { path: path.into(), source })
    }

    /// The model that is used when none is named: [`ENV`], else [`Kind::Tcn`] of [`Self::bundled_of`].
    pub fn bundled() -> Result<Self, WeightsError> {
        match named() {
            Some(path) => Self::load(&path).map_err(|source| WeightsError::Named(Box::new(source))),
            None => Self::found(Kind::Tcn),
        }
    }

    /// The bundled model of a kind: for a TCN [`Self::bundled`], for another the file of its label, where
    /// [`places::find`] looks, else the one inside the program.
    pub fn bundled_of(kind: Kind) -> Result<Self, WeightsError> {
        if kind == Kind::Tcn { Self::bundled() } else { Self::found(kind) }
    }

    fn found(kind: Kind) -> Result<Self, WeightsError> {
        let path = format!("assets/models/{}.koracle", kind.label());
        if let Some(path) = places::find(&path) {
            return Self::load(&path);
        }
        let bytes = inside::model(kind);
        Self::from_bytes(bytes).map_err(|(byte, problem)| WeightsError::Content { path: path.into(), byte, problem })
    }
}

/// What [`ENV`] says; empty is the same as not set.
fn named() -> Option<PathBuf> {
    std::env::var_os(ENV).filter(|path| !path.is_empty()).map(PathBuf::from)
}
