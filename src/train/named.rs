//! A network by what somebody calls it: the kind of a bundled one, a model file, or a run (its
//! folder, or its name among the kept runs), in this order. Every place that asks for a model goes
//! by these rules.

use super::runs;
use crate::predictor::networks::Kind;
use crate::predictor::weights::{Weights, WeightsError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The model of a run's best epoch, in its folder.
pub const BEST: &str = "best.koracle";
/// What a run has from its first moment.
const CONFIG: &str = "config.toml";

/// A network that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its numbers.
    pub weights: Arc<Weights>,
    /// The file that they are from; `None` for a bundled one.
    pub file: Option<PathBuf>,
}

/// Why a name leads to no network.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// Nothing is called so.
    #[error("{name} is no {what}, run or model file; {what}s: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What else it could have been: a network, or any predictor.
        what: &'static str,
        /// Their names.
        known: String,
    },
    /// A run that has not come to the end of its first epoch.
    #[error("{0} has no model yet")]
    NoModel(String),
    /// A folder of something else.
    #[error("{0} is a folder, and no run: there is no {CONFIG} in it")]
    NoRun(String),
    /// There is one, and it cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// The model file that `name` means, if it means one that is there.
pub fn file(name: &Path) -> Option<PathBuf> {
    if name.to_str().is_some_and(|name| name.parse::<Kind>().is_ok()) {
        return None;
    }
    let of_run = runs::find(name).join(BEST);
    if name.is_file() { Some(name.into()) } else { Some(of_run).filter(|file| file.is_file()) }
}

/// Finds and reads it.
pub fn network(name: &Path) -> Result<Found, NameError> {
    if let Some(kind) = name.to_str().and_then(|name| name.parse::<Kind>().ok()) {
        return Ok(Found { weights: Arc::new(Weights::bundled_of(kind)?), file: None });
    }
    let Some(file) = file(name) else {
        let shown = name.display().to_string();
        let folder = runs::find(name);
        if folder.is_dir() {
            let is_run = folder.join(CONFIG).exists();
            return Err(if is_run { NameError::NoModel(shown) } else { NameError::NoRun(shown) });
        }
        let known = Kind::ALL.map(Kind::label).join(", ");
        return Err(NameError::Unknown { name: shown, what: "network", known });
    };
    Ok(Found { weights: Arc::new(Weights::load(&file)?), file: Some(file) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;

    #[test]
    fn a_kind_a_file_and_a_run_lead_to_a_network() {
        for kind in Kind::ALL {
            let found = network(Path::new(kind.label())).unwrap();
            assert_eq!((found.weights.config.kind, found.file), (kind, None));
        }
        let bundled = PathBuf::from("assets/models/mlp.koracle");
        assert_eq!(network(&bundled).unwrap().file, Some(bundled.clone()));
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("tcn-031");
        std::fs::create_dir(&run).unwrap();
        assert!(matches!(network(&run), Err(NameError::NoRun(_))));
        std::fs::write(run.join(CONFIG), "").unwrap();
        assert!(matches!(network(&run), Err(NameError::NoModel(_))));
        std::fs::copy(&bundled, run.join(BEST)).unwrap();
        let found = network(&run).unwrap();
        assert_eq!((found.weights.config.kind, found.file), (Kind::Mlp, Some(run.join(BEST))));
        std::fs::write(run.join(BEST), b"something else").unwrap();
        assert!(matches!(network(&run), Err(NameError::Weights(_))));
        let nothing = network(&dir.path().join("tcn-032")).unwrap_err().to_string();
        assert!(
            nothing.ends_with("tcn-032 is no network, run or model file; networks: tcn, lstm, mlp")
        );
    }
}
