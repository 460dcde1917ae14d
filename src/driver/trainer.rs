//! Training runs as jobs: each on its own thread, under a handle, telling its steps in batches.
//! Recordings are read once for all runs that learn from the same. Which run may start is decided
//! elsewhere (`app::train`).

use crate::app::Msg;
use crate::app::ticket::Ticket;
use crate::app::train::{News, Order};
use crate::dataset::catalog::{self, Catalog};
use crate::export::NewFile;
use crate::job::Job;
use crate::predictor::weights::Weights;
use crate::train::memory::{self, Outlook, Room};
use crate::train::options;
use crate::train::runs::{self, Step};
use crate::train::{self, Control, Data, Progress, Stop, TrainConfig, load};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Steps are told at most so often; what happened in between is told together.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// At the end of the program, runs have so long to finish their step and keep a checkpoint.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where recordings come from, and what of them is learnt from.
type Source = (Option<PathBuf>, [Vec<String>; 3]);
/// Recordings that a run still holds.
type Shared = Arc<Mutex<Vec<(Source, Weak<Data>)>>>;

/// A run in work. Dropping it kills the run.
#[derive(Debug)]
struct Running {
    control: Control,
    _job: Job,
    over: Receiver<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.kill();
    }
}

/// See the module.
#[derive(Debug)]
pub struct Trainer {
    tx: SyncSender<Msg>,
    home: Option<PathBuf>,
    running: BTreeMap<Ticket, Running>,
    shared: Shared,
}

impl Trainer {
    /// Nothing runs yet; new runs get a folder in `home`.
    pub fn new(tx: SyncSender<Msg>, home: Option<PathBuf>) -> Self {
        Self { tx, home, running: BTreeMap::new(), shared: Shared::default() }
    }

    /// Keeps runs in another folder.
    pub fn set_home(&mut self, home: Option<PathBuf>) {
        self.home = home;
    }

    /// Does what is ordered and returns at once.
    pub fn perform(&mut self, order: Order) {
        match order {
            Order::List => {
                let home = self.home.clone();
                self.chore(move || list(home.as_deref()));
            }
            Order::Memory => self.chore(|| News::Memory(outlook())),
            Order::Start { id, config } => self.start(id, *config),
            Order::Pause(id) => self.with(id, Control::pause),
            Order::Resume(id) => self.with(id, Control::resume),
            Order::Stop(id) => self.with(id, |c| c.stop(Stop::Validate)),
            Order::Kill(id) => self.with(id, Control::kill),
            Order::Show(id) => self.with(id, Control::show),
            Order::Read(id, path) => {
                self.chore(move || News::Steps { id, steps: runs::steps(&path) });
            }
            Order::Delete(id, path) => {
                self.chore(move || News::Deleted {
                    id,
                    result: runs::delete(&path).map_err(|e| e.to_string()),
                });
            }
            Order::Export(path) => self.chore(move || News::Exported { result: export(&path) }),
            Order::Model { id, path, current } => self.chore(move || {
                let result = Weights::load(&path.join("best.koracle"))
                    .map(Arc::new)
                    .map_err(|e| e.to_string());
                News::Model { id, current, result }
            }),
        }
    }

    fn with(&self, id: Ticket, act: impl FnOnce(&Control)) {
        if let Some(running) = self.running.get(&id) {
            act(&running.control);
        }
    }

    fn chore(&self, work: impl FnOnce() -> News + Send + 'static) {
        let tx = self.tx.clone();
        // A chore that panics has nothing to tell; a send fails only when the interface is gone.
        let job = Job::spawn(
            "chore",
            |_| work(),
            move |news| {
                if let Ok(news) = news {
                    let _ = tx.send(Msg::Train(news));
                }
            },
        );
        // It is short and nobody cancels it: it ends by itself.
        drop(job);
    }

    fn start(&mut self, id: Ticket, mut config: TrainConfig) {
        let control = Control::default();
        let (tx, done, handle) = (self.tx.clone(), self.tx.clone(), control.clone());
        let (shared, home) = (Arc::clone(&self.shared), self.home.clone());
        let (finished, over) = sync_channel(1);
        let place = Arc::new(Mutex::new(config.folder.clone()));
        let folder = Arc::clone(&place);
        let work = move |_: &_| {
            let path = if let Some(path) = config.folder.clone() {
                path
            } else {
                let home = home.ok_or("there is no folder for runs: KORACLE_RUNS names one")?;
                runs::new_folder(&home, config.model.kind.label())
                    .map_err(|e| format!("{}: {e}", home.display()))?
            };
            *folder.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.clone());
            let _ = tx.send(Msg::Train(News::Made { id, path: path.clone() }));
            config.folder = Some(path.clone());
            if config.resume {
                // As it was started: what a run is resumed with must be what it was begun with.
                let kept = runs::open(&path).map_err(|e| e.to_string())?.config;
                config = TrainConfig { resume: true, folder: Some(path), ..kept };
                config.check().map_err(|e| e.to_string())?;
            } else {
                config.command = options::command_line(&config);
                config.revision = train::revision();
            }
            let reading = tx.clone();
            let read = move |counts| drop(reading.send(Msg::Train(News::Reading { id, counts })));
            let data = shared_data(&shared, &config, &handle, &read).inspect_err(|_| {
                // Nothing was kept in the folder made for it: then it is empty, and goes.
                let _ = config.folder.as_ref().map(std::fs::remove_dir);
            })?;
            let mut teller = Teller {
                id,
                tx,
                steps: Vec::new(),
                told: Instant::now(),
                last: Progress::default(),
            };
            let outcome = train::run_controlled(&config, &data, &handle, &mut |p| teller.tell(p));
            match outcome {
                Ok(outcome) => Ok(outcome.ending),
                Err(train::TrainError::Cancelled) if handle.cancel().is_cancelled() => {
                    Ok(train::Ending::Killed)
                }
                Err(train::TrainError::Cancelled) => Ok(train::Ending::Stopped),
                Err(e) => Err(e.to_string()),
            }
        };
        let job = Job::spawn("train", work, move |result| {
            let result: Result<_, String> = result.map_err(|e| e.to_string()).and_then(|r| r);
            let path = place.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let resumable = path.and_then(|p| runs::open(&p).ok()).is_some_and(|r| r.resumable);
            // First: whoever waits for the end must not wait for the interface.
            let _ = finished.send(());
            let _ = done.send(Msg::Train(News::Ended { id, result, resumable }));
        });
        self.running.insert(id, Running { control, _job: job, over });
    }

    /// Ends all runs with a checkpoint and waits until they have, though not for ever. Their last
    /// news go to `news`.
    pub fn leave(&mut self, messages: &Receiver<Msg>, news: &mut dyn FnMut(Msg)) {
        self.running.values().for_each(|r| r.control.stop(Stop::Leave));
        let start = Instant::now();
        let mut open: Vec<&Running> = self.running.values().collect();
        while !open.is_empty() && start.elapsed() < PATIENCE {
            // A run that has something to tell waits for the channel.
            if let Ok(msg) = messages.recv_timeout(Duration::from_millis(5)) {
                news(msg);
            }
            open.retain(|r| r.over.try_recv().is_err());
        }
        while let Ok(msg) = messages.recv_timeout(Duration::from_millis(20)) {
            news(msg);
        }
        self.running.clear();
    }
}

/// Collects steps and tells them together.
struct Teller {
    id: Ticket,
    tx: SyncSender<Msg>,
    steps: Vec<Step>,
    told: Instant,
    last: Progress,
}

impl Teller {
    fn tell(&mut self, p: Progress) {
        if p.stepped {
            self.steps.push(Step {
                epoch: p.epoch,
                step: p.step,
                session: p.session,
                wall_s: p.figures.wall_s,
                paused_s: p.figures.paused_s,
                learning_rate: p.figures.learning_rate,
                pick_loss: p.figures.loss[0],
                forecast_loss: p.figures.loss[1],
                events_per_s: p.figures.events_per_s,
            });
        }
        let rare = p.phase != self.last.phase
            || p.weights.is_some()
            || p.validation.is_some()
            || p.baselines.is_some();
        let failing = p.figures.loss.iter().any(|l| l.is_infinite());
        self.last = Progress { weights: None, validation: None, baselines: None, ..p.clone() };
        if rare || failing || self.told.elapsed() > TELL_EVERY || p.step == p.steps {
            self.told = Instant::now();
            let steps = std::mem::take(&mut self.steps);
            let _ =
                self.tx.send(Msg::Train(News::Progress { id: self.id, steps, now: Box::new(p) }));
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if !self.steps.is_empty() {
            let (steps, now) =
                (std::mem::take(&mut self.steps), Box::new(std::mem::take(&mut self.last)));
            let _ = self.tx.send(Msg::Train(News::Progress { id: self.id, steps, now }));
        }
    }
}

/// The recordings of a run: those that another run holds, or read now.
fn shared_data(
    shared: &Shared,
    config: &TrainConfig,
    control: &Control,
    read: &(dyn Fn([usize; 2]) + Sync),
) -> Result<Arc<Data>, String> {
    let source = (
        config.traces.clone(),
        [&config.only, &config.hold_out, &config.kernels].map(Clone::clone),
    );
    // Whoever wants the same waits until they are read once.
    let mut known = shared.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|(_, data)| data.strong_count() > 0);
    if let Some(data) =
        known.iter().find(|(s, _)| *s == source).and_then(|(_, data)| data.upgrade())
    {
        return Ok(data);
    }
    let data = load::data(config, control.cancel(), &|_, _, counts| read(counts))
        .map(Arc::new)
        .map_err(|e| e.to_string())?;
    known.push((source, Arc::downgrade(&data)));
    Ok(data)
}

fn outlook() -> Outlook {
    let catalog = match catalog::bundled_dir() {
        Some(dir) => Catalog::load(&dir).map_err(|e| e.to_string()),
        None => Err(catalog::NOT_FOUND.to_owned()),
    };
    let room = Room::now(None);
    match catalog {
        Ok(catalog) => {
            let sizes = memory::sizes(&catalog);
            Outlook { room, recordings: catalog.entries, sizes, ..Outlook::default() }
        }
        Err(problem) => Outlook { room, missing: Some(problem), ..Outlook::default() },
    }
}

fn list(home: Option<&Path>) -> News {
    let (kept, problems) = match home.map(runs::list) {
        None => (Vec::new(), vec!["there is no folder for runs".into()]),
        Some(Err(e)) => (Vec::new(), vec![e.to_string()]),
        Some(Ok((kept, problems))) => (kept, problems.iter().map(ToString::to_string).collect()),
    };
    let catalog = catalog::bundled_dir().and_then(|dir| Catalog::load(&dir).ok());
    let kinds = catalog.map(|c| c.kinds()).unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    News::Kept { runs: kept, problems, kinds, cpus }
}

/// `NAME.csv` in the working folder, never over another file.
fn export(folder: &Path) -> Result<PathBuf, String> {
    let name =
        folder.file_name().map_or_else(|| "run".into(), |n| n.to_string_lossy().into_owned());
    let path = PathBuf::from(format!("{name}.csv"));
    let fail = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    if path.is_symlink() || path.exists() {
        return Err(fail(&"is there already"));
    }
    let file = NewFile::create(&path).map_err(|e| fail(&e))?;
    runs::export(folder, &mut file.file()).map_err(|e| fail(&e))?;
    match file.finish_new() {
        Ok(()) => Ok(path),
        Err(e) => Err(fail(&e)),
    }
}
