//! A checkpoint is one file: a header, the network, the optimiser, a checksum. It is written beside
//! and renamed, the one before is kept as `checkpoint.previous`, and nothing of a file is used
//! before its checksum is found right.
//!
//! ```text
//! "korachk\x01"  length of the header u32  header (JSON)  network  optimiser  xxh3 of all before u64
//! ```

use super::TrainError;
use super::learner::{Learner, State};
use crate::export::{sync_folder, write_whole};
use crate::predictor::networks::ModelConfig;
use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: [u8; 8] = *b"korachk\x01";
/// Newest first. The first one is there for a moment only: it is whole, but the others have not
/// made room yet.
pub(super) const NAMES: [&str; 3] = ["checkpoint.new", "checkpoint", "checkpoint.previous"];

#[derive(Serialize, Deserialize)]
struct Header {
    state: State,
    /// Bytes of network and optimiser.
    lengths: [usize; 2],
}

/// A checkpoint whose bytes are those that were written.
pub(super) struct Kept {
    pub state: State,
    path: PathBuf,
    model: Vec<u8>,
    optimiser: Vec<u8>,
}

fn problem(path: &Path, what: &dyn std::fmt::Display) -> TrainError {
    TrainError::Folder { path: path.into(), problem: what.to_string() }
}

/// Writes the checkpoint of `folder`; after an error the ones before are as they were.
pub(super) fn save(folder: &Path, learner: &Learner) -> Result<(), TrainError> {
    let [beside, path, previous] = NAMES.map(|name| folder.join(name));
    let model = learner.model.clone().into_record().into_bytes().map_err(|e| problem(&path, &e))?;
    let optimiser = learner.optimiser.into_bytes().map_err(|e| problem(&path, &e))?;
    let header = Header { state: learner.state.clone(), lengths: [model.len(), optimiser.len()] };
    let header = serde_json::to_vec(&header).map_err(|e| problem(&path, &e))?;
    let mut bytes =
        [&MAGIC[..], &(header.len() as u32).to_le_bytes(), &header, &model, &optimiser].concat();
    let sum = xxh3_64(&bytes);
    bytes.extend(sum.to_le_bytes());
    write_whole(&beside, &bytes).map_err(|e| problem(&path, &e))?;
    match std::fs::rename(&path, &previous) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(problem(&path, &e)),
        _ => {}
    }
    std::fs::rename(&beside, &path)
        .and_then(|()| sync_folder(&path))
        .map_err(|e| problem(&path, &e))
}

/// The newest checkpoint that is whole. `None` when there never was one; an error when there are
/// only damaged ones. Damaged ones newer than it are taken away, so that the next one written does
/// not make them the previous one.
pub(super) fn newest(folder: &Path) -> Result<Option<Kept>, TrainError> {
    let mut found = None;
    let mut damaged = Vec::new();
    for path in NAMES.map(|name| folder.join(name)) {
        match std::fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => found = found.or(Some(problem(&path, &e))),
            Ok(bytes) => {
                if let Some(kept) = parse(&bytes, &path) {
                    let _ = damaged.iter().try_for_each(std::fs::remove_file);
                    return Ok(Some(kept));
                }
                found = found.or_else(|| Some(problem(&path, &"the checkpoint is damaged")));
                damaged.push(path);
            }
        }
    }
    found.map_or(Ok(None), Err)
}

fn parse(bytes: &[u8], path: &Path) -> Option<Kept> {
    let (body, sum) = bytes.split_last_chunk::<8>()?;
    if !body.starts_with(&MAGIC) || xxh3_64(body) != u64::from_le_bytes(*sum) {
        return None;
    }
    let length = u32::from_le_bytes(*body[MAGIC.len()..].first_chunk::<4>()?) as usize;
    let (header, numbers) = body.get(MAGIC.len() + 4..)?.split_at_checked(length)?;
    let header: Header = serde_json::from_slice(header).ok()?;
    let (model, optimiser) = numbers.split_at_checked(header.lengths[0])?;
    let whole = optimiser.len() == header.lengths[1];
    whole.then(|| Kept {
        state: header.state,
        path: path.into(),
        model: model.to_vec(),
        optimiser: optimiser.to_vec(),
    })
}

impl Kept {
    /// Puts the numbers into a learner of the same configuration. What has
    /// diverged is refused: from there nothing is learned any more.
    pub(super) fn load(
        self,
        config: &ModelConfig,
        learner: Learner,
    ) -> Result<Learner, TrainError> {
        let bad = |e: &dyn std::fmt::Display| problem(&self.path, e);
        let record =
            ModuleRecord::from_bytes(Bytes::from_bytes_vec(self.model)).map_err(|e| bad(&e))?;
        let model = learner.model.try_load_record(record).map_err(|e| bad(&e))?;
        if let Some(tensor) = model.diverged(config) {
            return Err(bad(&format!(
                "tensor {tensor} has numbers that cannot be computed with: the training diverged"
            )));
        }
        let optimiser = learner
            .optimiser
            .from_bytes(Bytes::from_bytes_vec(self.optimiser))
            .map_err(|e| bad(&e))?;
        Ok(Learner { state: self.state, model, optimiser })
    }
}
