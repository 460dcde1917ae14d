//! Reads the recordings that a run learns from and is chosen by: the catalog's train and validation
//! splits, without what is held out. Test recordings are never read here.

use super::{Data, TrainConfig, memory};
use crate::dataset::catalog::{self, Catalog, CatalogError, Split};
use crate::dataset::chunks::{Keep, Recording};
use crate::dataset::opening::{self, StatedMachine};
use crate::ingest::{IngestError, Opened};
use crate::job::Cancel;
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Why there are no data.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no folder of recordings.
    #[error("{}", catalog::NOT_FOUND)]
    NoFolder,
    /// The list of recordings cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A recording cannot be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A name that no recording has, or none is left to train on.
    #[error("{0}")]
    Unknown(String),
    /// They do not fit.
    #[error(transparent)]
    Memory(#[from] memory::Short),
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Why this configuration finds nothing to train on in this catalog: a name that no recording has,
/// or all are left out.
pub fn wrong(catalog: &Catalog, config: &TrainConfig) -> Option<String> {
    let filter = config.filter(Split::Train);
    let none = || {
        "no recording is left to train on: all are held out, or none is of all the kinds named"
            .to_owned()
    };
    catalog.unknown(&filter).or_else(|| catalog.select(&filter).next().is_none().then(none))
}

/// Reads both splits; `opened` sees every recording that was read, and how many of how many are.
/// With one rayon thread it is one recording after the other.
pub fn data(
    config: &TrainConfig,
    cancel: &Cancel,
    opened: &(dyn Fn(&PathBuf, &Opened, [usize; 2]) + Sync),
) -> Result<Data, LoadError> {
    let dir = config.traces.clone().or_else(catalog::bundled_dir).ok_or(LoadError::NoFolder)?;
    let catalog = Catalog::load(&dir)?;
    if let Some(problem) = wrong(&catalog, config) {
        return Err(LoadError::Unknown(problem));
    }
    let count = |split| catalog.select(&config.filter(split)).count();
    let all = count(Split::Train) + count(Split::Validation);
    let done = AtomicUsize::new(0);
    let read = |split, keep| {
        let filter = config.filter(split);
        let entries: Vec<_> = catalog.select(&filter).collect();
        let recording = |path: PathBuf| {
            if cancel.is_cancelled() {
                return Err(LoadError::Cancelled);
            }
            memory::reading(config)?;
            let recording = opening::open(&path, &StatedMachine::default())?;
            opened(&path, &recording, [done.fetch_add(1, Ordering::Relaxed) + 1, all]);
            Ok(Recording::new(&recording.trace, keep))
        };
        entries
            .par_iter()
            .map(|e| recording(catalog.path(e)))
            .collect::<Result<Vec<_>, LoadError>>()
    };
    Ok(Data {
        training: read(Split::Train, Keep::TRAINING)?,
        validation: read(Split::Validation, Keep::VALIDATION)?,
    })
}
