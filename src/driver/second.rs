//! Who a second prediction row can show: a predictor by its name, the best model of a run, a model
//! file; and the job that lets it predict the open recording.

use super::predictions::PredictionJobs;
use crate::app::Msg;
use crate::app::second::{News, model_label};
use crate::app::ticket::Ticket;
use crate::evaluate::overlay::{self, Cache, OverlayError};
use crate::job::{Cancel, Job, JobError};
use crate::predictor::Predictor;
use crate::predictor::engine::{Choice, ChoiceError, Engine};
use crate::predictor::weights::Weights;
use crate::trace::Trace;
use crate::train::named::{self, NameError};
use std::path::Path;
use std::sync::Arc;

/// Finds the predictor that somebody asked for by name. The error is a sentence.
pub type NamedEngine<E> = fn(&Path) -> Result<Named<E>, String>;

/// How the engine of a predictor is made for a recording.
type Make<E> = Box<dyn Fn(&Trace) -> Result<E, String> + Send + Sync>;

/// A predictor that was found: the same weights for every recording that it is made for, whatever
/// becomes of the file.
pub struct Named<E> {
    /// Its name in the lanes.
    pub label: String,
    /// Of its weights, when its predictions are worth keeping.
    pub checksum: Option<u64>,
    make: Make<E>,
}

impl<E> Named<E> {
    /// With this name, made by `make`.
    pub fn new(
        label: String,
        checksum: Option<u64>,
        make: impl Fn(&Trace) -> Result<E, String> + Send + Sync + 'static,
    ) -> Self {
        Self { label, checksum, make: Box::new(make) }
    }

    /// The engine for this recording, in its state before the first event.
    pub fn engine(&self, trace: &Trace) -> Result<E, String> {
        (self.make)(trace)
    }
}

impl<E> std::fmt::Debug for Named<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Named")
            .field("label", &self.label)
            .field("checksum", &self.checksum)
            .finish_non_exhaustive()
    }
}

/// A predictor that was found by what somebody called it.
#[derive(Clone, Debug)]
pub struct Source {
    choice: Choice,
    model: Option<Arc<Weights>>,
    /// Its name in the lanes.
    pub label: String,
}

impl Source {
    /// Which predictor it is, and its weights if it is a network.
    pub fn parts(&self) -> (Choice, Option<&Arc<Weights>>) {
        (self.choice, self.model.as_ref())
    }

    /// The engine for this recording, in its state before the first event.
    pub fn engine(&self, trace: &Trace) -> Result<Engine, ChoiceError> {
        self.choice.make(self.model.as_ref(), trace)
    }
}

/// Finds a predictor by its name, or a network as [`named::network`] does.
pub fn find(who: &Path) -> Result<Source, NameError> {
    if let Some(choice) = who.to_str().and_then(|name| name.parse::<Choice>().ok()) {
        let model = choice.network().map(Weights::bundled_of).transpose()?.map(Arc::new);
        return Ok(Source { choice, model, label: choice.label().into() });
    }
    let found = named::network(who).map_err(|e| match e {
        NameError::Unknown { name, .. } => {
            let known: Vec<&str> = Choice::named().map(Choice::label).collect();
            NameError::Unknown { name, what: "predictor", known: known.join(", ") }
        }
        other => other,
    })?;
    let (choice, file) = (found.weights.config.kind.into(), found.file.unwrap_or_default());
    Ok(Source { choice, label: model_label(&file), model: Some(found.weights) })
}

/// The engine of what [`find`] finds. Only networks' predictions are worth keeping.
pub fn named_engine(who: &Path) -> Result<Named<Engine>, String> {
    let found = find(who).map_err(|e| e.to_string())?;
    let (label, checksum) = (found.label.clone(), found.model.as_ref().map(|m| m.checksum()));
    Ok(Named::new(label, checksum, move |trace| found.engine(trace).map_err(|e| e.to_string())))
}

impl<E: Predictor + Clone + Sync + 'static> PredictionJobs<E> {
    /// Predicts the whole recording by `who`, in chunks, for the second row; replaces who was there
    /// before.
    pub fn second(&mut self, ticket: Ticket, trace: Arc<Trace>, who: std::path::PathBuf) {
        let Some(named) = self.engines.named else { return };
        let (tx, done, folder) = (self.tx.clone(), self.tx.clone(), self.cache.clone());
        let work = move |cancel: &Cancel| {
            let found = named(&who)?;
            let engine = found.engine(&trace)?;
            let tell = |news| drop(tx.send(Msg::Second { ticket, news }));
            let cache = folder
                .zip(found.checksum)
                .map(|(dir, checksum)| Cache::new(&dir, &trace, checksum));
            tell(News::Named(found.label));
            let mut send = |chunk| tell(News::Predicted(chunk));
            let pass = match &cache {
                Some(cache) => overlay::run_cached(&trace, engine, cache, cancel, &mut send),
                None => overlay::run(&trace, engine, cancel, &mut send),
            };
            match pass {
                // Somebody else is asked for: nobody waits.
                Ok(_) | Err(OverlayError::Cancelled) => Ok(()),
                Err(e) => Err(e.to_string()),
            }
        };
        self.beside = Some(Job::spawn(
            "second",
            work,
            move |result: Result<Result<(), String>, JobError>| {
                if let Err(problem) = result.map_err(|e| e.to_string()).and_then(|r| r) {
                    let _ = done.send(Msg::Second { ticket, news: News::Failed(problem) });
                }
            },
        ));
    }

    /// Ends the second row's work.
    pub fn close_second(&mut self) {
        self.beside = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictor::networks::Kind;
    use std::path::PathBuf;

    #[test]
    fn a_name_a_file_and_a_run_lead_to_a_predictor() {
        for choice in Choice::named() {
            let found = find(Path::new(choice.label())).unwrap();
            assert_eq!((found.choice, found.label.as_str()), (choice, choice.label()));
            assert_eq!(found.model.is_some(), choice.needs_model());
        }
        let file = PathBuf::from("assets/models/mlp.koracle");
        let found = find(&file).unwrap();
        assert_eq!((found.choice, found.label.as_str()), (Choice::Network(Kind::Mlp), "mlp"));
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("tcn-031");
        std::fs::create_dir(&run).unwrap();
        assert!(find(&run).unwrap_err().to_string().contains("no run: there is no config.toml"));
        std::fs::write(run.join("config.toml"), "").unwrap();
        assert!(find(&run).unwrap_err().to_string().contains("has no model yet"));
        std::fs::copy(&file, run.join("best.koracle")).unwrap();
        for who in [run.clone(), run.join("best.koracle")] {
            let found = find(&who).unwrap();
            assert_eq!(
                (found.choice, found.label.as_str()),
                (Choice::Network(Kind::Mlp), "tcn-031")
            );
        }
        std::fs::write(run.join("best.koracle"), b"something else").unwrap();
        assert!(find(&run).unwrap_err().to_string().contains("best.koracle"));
        let nothing = find(Path::new("not-there")).unwrap_err().to_string();
        assert!(
            nothing.contains("not-there is no predictor") && nothing.contains("kernel-oracle"),
            "{nothing}"
        );
    }
}
