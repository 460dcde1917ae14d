//! Reads the recordings that a run learns from and is chosen by: the catalog's train and validation splits, without
//! what is held out. Test recordings are never read here.

use super::{Data, TrainConfig};
use crate::dataset::catalog::{self, Catalog, CatalogError, Filter, Split};
use crate::dataset::chunks::{Keep, Recording};
use crate::ingest::{self, IngestError, Opened};
use crate::job::Cancel;
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Why there are no data.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no folder of recordings.
    #[error("the bundled recordings are not found")]
    NoFolder,
    /// The list of recordings cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A recording cannot be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A category that no recording has.
    #[error("no recording of category {name}; there are {}", known.join(", "))]
    Category {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Reads both splits; `opened` sees every recording that was read, and how many of how many are. With one rayon thread it
/// is one recording after the other.
pub fn data(
    config: &TrainConfig,
    cancel: &Cancel,
    opened: &(dyn Fn(&PathBuf, &Opened, [usize; 2]) + Sync),
) -> Result<Data, LoadError> {
    let dir = config.traces.clone().or_else(catalog::bundled_dir).ok_or(LoadError::NoFolder)?;
    let catalog = Catalog::load(&dir)?;
    for name in config.only.iter().chain(&config.hold_out) {
        if !catalog.entries.iter().any(|e| e.category == *name) {
            let known = catalog.categories().into_iter().map(String::from).collect();
            return Err(LoadError::Category { name: name.clone(), known });
        }
    }
    let wanted = |category: &String| {
        (config.only.is_empty() || config.only.contains(category)) && !config.hold_out.contains(category)
    };
    let all = catalog.entries.iter().filter(|e| e.split != Split::Test && wanted(&e.category)).count();
    let done = AtomicUsize::new(0);
    let read = |split, keep| {
        let filter = Filter { split: Some(split), ..Filter::default() };
        let entries: Vec<_> = catalog.select(&filter).filter(|e| wanted(&e.category)).collect();
        let recording = |path: PathBuf| {
            if cancel.is_cancelled() {
                return Err(LoadError::Cancelled);
            }
            let recording = ingest::open(&path)?;
            opened(&path, &recording, [done.fetch_add(1, Ordering::Relaxed) + 1, all]);
            Ok(Recording::new(&recording.trace, keep))
        };
        entries.par_iter().map(|e| recording(catalog.path(e))).collect::<Result<Vec<_>, LoadError>>()
    };
    Ok(Data { training: read(Split::Train, Keep::TRAINING)?, validation: read(Split::Validation, Keep::VALIDATION)? })
}
