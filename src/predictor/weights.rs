//! Models: one network's numbers with what is needed to run it and to make it again, and where the
//! bundled ones are. The layout of a model file is in `weights::file`. Never half written (saved
//! beside and renamed), never half read: a damaged file is an error that names the file and the
//! byte.

mod file;

use super::networks::{Kind, ModelConfig};
use crate::places;
use crate::simd::rounded;
use crate::text::counted;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;
/// Names a model file to be used instead of the bundled one.
pub const ENV: &str = "KORACLE_MODEL";

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
    /// By the names of [`ModelConfig::tensors`], row-major.
    tensors: BTreeMap<String, Vec<f32>>,
}

/// What helps where a file was damaged.
const AGAIN: &str = "copy it again, or train it anew";

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
    /// It ends before the end that its header tells.
    #[error("the file is cut short: by its header it has {} bytes; {AGAIN}", .expected)]
    Truncated {
        /// Length it should have.
        expected: u64,
    },
    /// It ends before its header does: how long it should be is not known.
    #[error("the file is cut short: it ends inside its header; {AGAIN}")]
    Headless,
    /// It goes on behind the end that its header tells.
    #[error("{} too many: by its header the file ends here; {AGAIN}", counted(*.more, "byte"))]
    Longer {
        /// So many bytes more.
        more: u64,
    },
    /// Its bytes are not those that were written.
    #[error("the checksum does not match: bytes in the file were changed; {AGAIN}")]
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
    #[error(
        "the model was trained on other inputs than this version of the program makes (layout \
         {found:016x}, here {expected:016x}): train one anew, `koracle train --config RUN`"
    )]
    Layout {
        /// The model's.
        found: u64,
        /// This program's.
        expected: u64,
    },
}

impl Weights {
    /// Checks that `tensors` are those of `config`, and rounds to bfloat16 what is multiplied as
    /// such ([`super::networks::Tensor::halves`]), so that both engines read the same numbers.
    pub fn new(
        config: ModelConfig,
        provenance: Provenance,
        mut tensors: BTreeMap<String, Vec<f32>>,
    ) -> Result<Self, WeightsError> {
        for tensor in config.tensors() {
            let (expected, found) = (tensor.count(), tensors.get(&tensor.name).map_or(0, Vec::len));
            if found != expected {
                return Err(WeightsError::Shape { name: tensor.name, found, expected });
            }
            if tensor.halves {
                tensors.get_mut(&tensor.name).into_iter().flatten().for_each(|x| *x = rounded(*x));
            }
        }
        Ok(Self { config, provenance, tensors })
    }

    /// A tensor by its name in [`ModelConfig::tensors`], row-major; empty for another name.
    pub fn get(&self, name: &str) -> &[f32] {
        self.tensors.get(name).map_or(&[], Vec::as_slice)
    }

    /// Replaces the temperatures of the pick and of the forecast head.
    pub fn set_temperature(&mut self, temperature: [f32; 2]) {
        self.tensors.insert("temperature".into(), temperature.to_vec());
    }

    /// The same numbers for an engine that learns nothing while it answers: what it says depends on
    /// its receptive field alone.
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
        let bytes =
            std::fs::read(path).map_err(|source| WeightsError::Io { path: path.into(), source })?;
        Self::from_bytes(&bytes).map_err(|(byte, problem)| WeightsError::Content {
            path: path.into(),
            byte,
            problem,
        })
    }

    /// Writes a model file: beside it first, then renamed, so that a reader never sees half of it.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| crate::export::write_whole(path, &self.to_bytes()));
        written.map_err(|source| WeightsError::Io { path: path.into(), source })
    }

    /// The model that is used when none is named: [`ENV`], else [`Kind::Tcn`] of
    /// [`Self::bundled_of`].
    pub fn bundled() -> Result<Self, WeightsError> {
        match named() {
            Some(path) => Self::load(&path).map_err(|source| WeightsError::Named(Box::new(source))),
            None => Self::found(Kind::Tcn),
        }
    }

    /// The bundled model of a kind: for a TCN [`Self::bundled`], for another the file of its label,
    /// where [`places::find`] looks, else the one inside the program.
    pub fn bundled_of(kind: Kind) -> Result<Self, WeightsError> {
        if kind == Kind::Tcn { Self::bundled() } else { Self::found(kind) }
    }

    fn found(kind: Kind) -> Result<Self, WeightsError> {
        let path = format!("assets/models/{}.koracle", kind.label());
        if let Some(path) = places::find(&path) {
            return Self::load(&path);
        }
        let bytes = kind.bundled();
        Self::from_bytes(bytes).map_err(|(byte, problem)| WeightsError::Content {
            path: path.into(),
            byte,
            problem,
        })
    }
}

/// What [`ENV`] says; empty is the same as not set.
fn named() -> Option<PathBuf> {
    std::env::var_os(ENV).filter(|path| !path.is_empty()).map(PathBuf::from)
}
