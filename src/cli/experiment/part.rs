//! One training of an experiment in its folder, and what it scores. Beside what `koracle train`
//! keeps there, `part.json` says of what configuration and recordings the folder is, and
//! `SPLIT-NAME.json` what was scored: so that nothing is taken for finished that belongs to
//! something else.

use super::super::door::say;
use super::super::eval::{self, Column};
use super::super::output;
use super::super::wrong;
use super::plan::{Part, Plan, TestSet};
use super::trained::{Finished, Trained};
use crate::dataset::catalog::{Catalog, Filter, Split};
use crate::dataset::chunks::{Keep, Recording};
use crate::dataset::opening::{self, StatedMachine};
use crate::evaluate::report::Report;
use crate::export;
use crate::job::Cancel;
use crate::train::{self, Data, Progress, TrainConfig};
use color_eyre::eyre::{Result, WrapErr, bail, eyre};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use xxhash_rust::xxh3::Xxh3;

/// `part.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    kind: String,
    filter: Filter,
    config: TrainConfig,
    /// Of the contents of all training and validation recordings.
    recordings: String,
    finished: Option<Finished>,
}

/// `SPLIT-NAME.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Scored {
    /// Of the contents of all recordings.
    recordings: String,
    report: Report,
}

/// What all parts share.
pub struct Context {
    catalog: Catalog,
    /// Of the experiment.
    pub folder: PathBuf,
    split: Split,
    /// Whether networks learn while they are scored; `None`: as each is.
    adapt: Option<bool>,
    /// Those read last: parts with the same recordings follow each other.
    data: Mutex<Option<(Filter, Arc<Data>)>>,
}

impl Context {
    /// For recordings and a folder.
    pub fn new(catalog: Catalog, folder: PathBuf, split: Split, adapt: Option<bool>) -> Self {
        Self { catalog, folder, split, adapt, data: Mutex::new(None) }
    }

    /// The recordings of a split.
    pub fn paths(&self, split: Split, filter: &Filter) -> Result<Vec<PathBuf>> {
        eval::paths(&self.catalog, &Filter { split: Some(split), ..filter.clone() })
    }

    /// Tells sets of recordings apart, by content.
    fn fingerprint(&self, splits: &[Split], filter: &Filter) -> Result<String> {
        let mut hash = Xxh3::new();
        for split in splits {
            hash.update(split.label().as_bytes());
            for path in self.paths(*split, filter)? {
                hash.update(&std::fs::read(&path).wrap_err_with(|| path.display().to_string())?);
            }
        }
        Ok(format!("{:016x}", hash.digest()))
    }

    fn data(&self, filter: &Filter) -> Result<Arc<Data>> {
        // Whoever comes second waits here instead of reading the same.
        let mut kept = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, data)) = kept.as_ref().filter(|(f, _)| f == filter) {
            return Ok(Arc::clone(data));
        }
        *kept = None; // freed before the next is read
        let read = |split, keep| {
            let paths = self.paths(split, filter)?;
            paths
                .iter()
                .map(|path| {
                    Ok(Recording::new(&opening::open(path, &StatedMachine::default())?.trace, keep))
                })
                .collect::<Result<Vec<_>>>()
        };
        let data = Arc::new(Data {
            training: read(Split::Train, Keep::TRAINING)?,
            validation: read(Split::Validation, Keep::VALIDATION)?,
        });
        *kept = Some((filter.clone(), Arc::clone(&data)));
        Ok(data)
    }

    /// What `columns` score on a test set: from `folder` if it was scored before.
    pub fn scored(
        &self,
        folder: &Path,
        title: &str,
        test: &TestSet,
        columns: &dyn Fn() -> Vec<Column>,
    ) -> Result<Report> {
        let recordings = self.fingerprint(&[self.split], &test.filter)?;
        let name = format!("{} {}{}.json", self.split.label(), test.name, suffix(self.adapt));
        let file = folder.join(slug(&name));
        if let Some(scored) = read::<Scored>(&file)?.filter(|s| s.recordings == recordings) {
            return Ok(scored.report);
        }
        say!("koracle: scoring {title}");
        let bar = output::progress(0, "scoring");
        let report = eval::report(
            &columns(),
            &self.paths(self.split, &test.filter)?,
            &StatedMachine::default(),
            &bar,
        )?;
        bar.finish_and_clear();
        std::fs::create_dir_all(folder).wrap_err_with(|| folder.display().to_string())?;
        write(&file, &Scored { recordings, report })?;
        // Read back, so that the same comes of it whether it was scored now or before.
        read::<Scored>(&file)?.map(|s| s.report).ok_or_else(|| eyre!("{}: is gone", file.display()))
    }
}

impl Part {
    /// For people.
    pub fn title(&self) -> String {
        format!("{} {}, seed {}", self.kind.label(), self.trained, self.config.seed)
    }

    /// Its folder.
    pub fn folder(&self, context: &Context) -> PathBuf {
        context.folder.join("runs").join(slug(&self.title()))
    }

    fn expected(&self, context: &Context) -> Result<Kept> {
        Ok(Kept {
            kind: self.kind.label().to_owned(),
            filter: self.filter.clone(),
            config: self.config.clone(),
            recordings: context.fingerprint(&[Split::Train, Split::Validation], &self.filter)?,
            finished: None,
        })
    }

    /// What its folder holds, which must be of this part; `None` when there is nothing yet.
    fn found(&self, context: &Context) -> Result<Option<Kept>> {
        let folder = self.folder(context);
        let Some(kept) = read::<Kept>(&folder.join("part.json"))? else { return Ok(None) };
        let expected = self.expected(context)?;
        if kept.recordings != expected.recordings {
            let name = folder.display();
            return Err(wrong(format!(
                "{name}: was trained on other recordings; choose another folder"
            )));
        }
        if (Kept { finished: None, ..kept.clone() }) != expected {
            let name = folder.display();
            return Err(wrong(format!(
                "{name}: was trained in another way; choose another folder"
            )));
        }
        Ok(Some(kept))
    }

    /// Its result, if it is finished.
    pub fn kept(&self, context: &Context) -> Result<Option<Trained>> {
        let finished = self.found(context)?.and_then(|kept| kept.finished);
        let folder = self.folder(context);
        Ok(finished.map(|finished| Trained { part: self.clone(), finished, folder }))
    }

    /// Trains it, from its last finished epoch if there is one.
    pub fn run(
        &self,
        context: &Context,
        cancel: &Cancel,
        report: &mut dyn FnMut(Progress),
    ) -> Result<Trained> {
        let folder = self.folder(context);
        std::fs::create_dir_all(&folder).wrap_err_with(|| folder.display().to_string())?;
        let file = folder.join("part.json");
        let before = self.found(context)?;
        let resume = before.is_some();
        let mut kept = match before {
            Some(kept) => kept,
            None => self.expected(context)?,
        };
        write(&file, &kept)?;
        let started = Instant::now();
        let data = context.data(&self.filter)?;
        let mut config = self.config.clone();
        (config.folder, config.resume) = (Some(folder.clone()), resume);
        config.command = super::command();
        config.revision = train::revision();
        let mut speeds = Vec::new();
        let outcome = train::run(&config, &data, cancel, &mut |p| {
            speeds.push(p.figures.events_per_s);
            report(p);
        })?;
        if outcome.cancelled {
            bail!("cancelled");
        }
        let [_, events_per_s, _] =
            crate::evaluate::figures::median(speeds.into_iter().filter(|s| *s > 0.0));
        let finished = Finished {
            epoch: outcome.epoch,
            validation: [outcome.validation.pick_top1, outcome.validation.forecast_top1],
            parameters: outcome.weights.parameters(),
            events_per_s: Some(events_per_s).filter(|s| !s.is_nan()),
            wall_s: (!resume).then(|| started.elapsed().as_secs_f64()),
        };
        kept.finished = Some(finished);
        write(&file, &kept)?;
        Ok(Trained { part: self.clone(), finished, folder })
    }
}

impl Trained {
    /// The trained network.
    pub fn column(&self) -> Result<Column> {
        super::super::model(Some(&self.folder.join("best.koracle"))).map(Column::of)
    }

    /// Its scores on each of its test sets.
    pub fn score(&self, context: &Context, plan: &Plan) -> Result<Vec<Report>> {
        let column = self.column()?;
        let score = |i: &usize| {
            let test = &plan.tests[*i];
            let title = format!("{} on {}", self.part.title(), test.name);
            context.scored(&self.folder, &title, test, &|| {
                vec![column.clone().adapting(context.adapt)]
            })
        };
        self.part.tests.iter().map(score).collect()
    }
}

/// Takes a folder for an experiment: a new or an empty one, or one that says itself that it is an
/// experiment's.
pub fn claim(folder: &Path) -> Result<()> {
    const MARK: &str = "experiment.json";
    let name = || folder.display().to_string();
    let marked = read::<Mark>(&folder.join(MARK)).is_ok_and(|mark| mark.is_some());
    let parts = std::fs::read_dir(folder.join("runs")).into_iter().flatten().flatten();
    let mut parts = parts.map(|part| part.path().join("part.json"));
    if marked || parts.any(|part| read::<Kept>(&part).is_ok_and(|kept| kept.is_some())) {
        return Ok(());
    }
    std::fs::create_dir_all(folder).wrap_err_with(name)?;
    let names =
        std::fs::read_dir(folder).wrap_err_with(name)?.flatten().map(|entry| entry.file_name());
    if let Some(other) = names.into_iter().find(|n| !n.to_str().is_some_and(export::is_temporary)) {
        return Err(wrong(format!(
            "{}: not an empty folder, and not an experiment's: it holds {}; choose another one",
            folder.display(),
            other.display()
        )));
    }
    write(&folder.join(MARK), &Mark { koracle: "experiment".into() })
}

/// `experiment.json`: says whose the folder is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    koracle: String,
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>> {
    let name = || file.display().to_string();
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).wrap_err_with(name)?)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).wrap_err_with(name),
    }
}

fn write(file: &Path, value: &impl Serialize) -> Result<()> {
    let name = || file.display().to_string();
    let mut text = serde_json::to_vec_pretty(value).wrap_err_with(name)?;
    text.push(b'\n');
    export::write_whole(file, &text).wrap_err_with(name)
}

/// What tells files of one wish for adaptation from those of another.
pub fn suffix(adapt: Option<bool>) -> &'static str {
    match adapt {
        None => "",
        Some(true) => "-adapt-on",
        Some(false) => "-adapt-off",
    }
}

/// A name that needs no quotes in a shell.
fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { ' ' };
    name.chars().map(plain).collect::<String>().split_whitespace().collect::<Vec<_>>().join("-")
}
