//! Performs effects: reads recordings, lists what can be opened, runs predictions and inspections,
//! each in a job of its own, and sends what came of it as messages. Decides nothing and draws
//! nothing.

mod causes;
mod compare;
mod complete;
mod load;
mod mistakes;
mod predictions;
mod recorder;
mod second;
mod trainer;
mod waits;

pub use causes::answer as answer_causes;
pub use compare::{answer as answer_compare, scored};
pub mod session;

pub use second::{Named, NamedEngine, Source, find, named_engine};
pub use waits::{answer as answer_waits, answer_tasks};

use crate::app::ticket::Ticket;
use crate::app::{Effect, Msg};
use crate::dataset::opening::StatedMachine;
use crate::dataset::recent;
use crate::ingest;
use crate::job::Job;
use crate::predictor::Predictor;
use crate::predictor::engine::Engine;
use crate::predictor::heuristics::Rule;
use crate::predictor::stream::StreamEngine;
use crate::predictor::weights::Weights;
use crate::stats::life::follow;
use crate::trace::{ThreadIx, Trace};
use mistakes::MistakesJobs;
use predictions::PredictionJobs;
use recorder::Recorder;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use trainer::Trainer;

/// Loads the engine that answers for a recording: in its state before any event, with a checksum of
/// its weights. The error is a sentence, with a baseline that runs in the model's place so that
/// queues and baselines are still known.
pub type LoadEngine<E> = fn(&Trace) -> Result<(E, u64), (E, String)>;

/// Makes the engine of given weights, in its state before any event, with a checksum of them.
pub type MakeEngine<E> = fn(&Trace, &Arc<Weights>) -> (E, u64);

/// How the predictors of a job are made.
#[derive(Debug)]
struct Engines<E> {
    /// The one that the program has without being told.
    load: LoadEngine<E>,
    /// For the models of training runs.
    make: Option<MakeEngine<E>>,
    /// For others, by their names.
    named: Option<NamedEngine<E>>,
}

impl<E> Engines<E> {
    fn new(load: LoadEngine<E>) -> Self {
        Self { load, make: None, named: None }
    }
}

impl<E> Clone for Engines<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Engines<E> {}

/// The streaming engine with these weights.
pub fn engine_of(trace: &Trace, weights: &Arc<Weights>) -> (Engine, u64) {
    (StreamEngine::new(weights, trace.cpus()).into(), weights.checksum())
}

/// The streaming engine with the bundled model; without a usable one, a baseline.
pub fn bundled_engine(trace: &Trace) -> Result<(Engine, u64), (Engine, String)> {
    let weights = Weights::bundled().map_err(|e| (Engine::rule(Rule::Eevdf), e.to_string()))?;
    let checksum = xxhash_rust::xxh3::xxh3_64(&weights.to_bytes());
    Ok((StreamEngine::new(&Arc::new(weights), trace.cpus()).into(), checksum))
}

/// Jobs of which one of a kind runs: a new one replaces the one before.
#[derive(Debug, Default)]
struct Jobs {
    list: Option<Job>,
    remember: Option<Job>,
    complete: Option<Job>,
    open: Option<Job>,
    follow: Option<Job>,
}

/// Holds the running jobs. A new recording cancels all work on the one before; dropping the driver
/// cancels everything.
#[derive(Debug)]
pub struct Driver<E> {
    tx: SyncSender<Msg>,
    jobs: Jobs,
    predictions: PredictionJobs<E>,
    mistakes: MistakesJobs<E>,
    recorder: Recorder,
    trainer: Trainer,
    waits: waits::WaitsJobs,
    causes: causes::CausesJobs,
    compare: compare::CompareJobs<E>,
    /// What is said of the recordings' machine.
    told: StatedMachine,
    /// Where the recordings that were opened last are remembered.
    recent: Option<PathBuf>,
}

impl<E: Predictor + Clone + Sync + 'static> Driver<E> {
    /// A driver that answers into `tx`, with the engine that `load` gives (called in the
    /// prediction's job). Predictions are kept in `cache`, a folder.
    pub fn new(tx: SyncSender<Msg>, load: LoadEngine<E>, cache: Option<PathBuf>) -> Self {
        let mistakes = MistakesJobs::new(tx.clone(), load);
        let (predictions, recorder) =
            (PredictionJobs::new(tx.clone(), load, cache), Recorder::new(tx.clone()));
        let trainer = Trainer::new(tx.clone(), crate::train::runs::home());
        let causes = causes::CausesJobs::new(tx.clone());
        let (waits, compare) =
            (waits::WaitsJobs::new(tx.clone()), compare::CompareJobs::new(tx.clone(), load));
        Self {
            predictions,
            mistakes,
            recorder,
            trainer,
            waits,
            causes,
            compare,
            tx,
            told: StatedMachine::default(),
            recent: None,
            jobs: Jobs::default(),
        }
    }

    /// Opens recordings with what is said of their machine.
    #[must_use]
    pub fn with_told(mut self, told: StatedMachine) -> Self {
        self.mistakes.machine = Arc::new(told.clone());
        self.compare.machine = Arc::new(told.clone());
        self.told = told;
        self
    }

    /// Remembers in this file which recordings were opened last.
    #[must_use]
    pub fn with_recent(mut self, file: Option<PathBuf>) -> Self {
        self.recent = file;
        self
    }

    /// Lets the models of training runs predict too.
    #[must_use]
    pub fn with_models(mut self, make: MakeEngine<E>) -> Self {
        for engines in
            [&mut self.predictions.engines, &mut self.mistakes.engines, &mut self.compare.engines]
        {
            engines.make = Some(make);
        }
        self
    }

    /// Lets other predictors answer too: in a second row, and on the Mistakes screen.
    #[must_use]
    pub fn with_second(mut self, named: NamedEngine<E>) -> Self {
        (self.predictions.engines.named, self.mistakes.engines.named) = (Some(named), Some(named));
        self
    }

    /// Keeps training runs in this folder.
    #[must_use]
    pub fn with_runs(mut self, home: Option<PathBuf>) -> Self {
        self.trainer.set_home(home);
        self
    }

    /// Ends all training with a checkpoint; what is still told meanwhile goes to `news`.
    pub fn leave(&mut self, messages: &Receiver<Msg>, news: &mut dyn FnMut(Msg)) {
        self.trainer.leave(messages, news);
    }

    /// Starts what is ordered and returns at once.
    pub fn perform(&mut self, effect: Effect) {
        let tx = self.tx.clone();
        // A send fails only when the interface is gone; then nobody waits for the answer.
        match effect {
            Effect::List { given } => self.list(given),
            Effect::Remember(path) => {
                let Some(file) = self.recent.clone() else { return };
                // That it could not be remembered is no news: the recording is open.
                let work = move |_: &_| recent::remember(&file, &path);
                self.jobs.remember = Some(Job::spawn("remember", work, |_| {}));
            }
            Effect::Complete { ticket, text } => {
                let work = move |_: &_| complete::complete(&text);
                self.jobs.complete = Some(Job::spawn("complete", work, move |result| {
                    let _ = tx.send(Msg::Completed { ticket, text: result.ok().flatten() });
                }));
            }
            Effect::Open { ticket, path } => {
                let path = complete::at_home(path);
                self.predictions.forget();
                self.waits.forget();
                self.causes.forget();
                self.predictions.close_second();
                let (file, told) = (path.clone(), self.told.clone());
                self.jobs.open = Some(Job::spawn(
                    "open",
                    move |_| load::load(&file, &told),
                    move |result| {
                        let result = result.map_err(|e| e.to_string()).and_then(|r| r);
                        let _ = tx.send(Msg::Opened { ticket, path, result: result.map(Arc::new) });
                    },
                ));
            }
            Effect::Mistakes(order) => self.mistakes.perform(order),
            Effect::Waits(order) => self.waits.perform(order),
            Effect::Causes(order) => self.causes.perform(order),
            Effect::Tasks(order) => self.waits.perform_tasks(order),
            Effect::Compare(order) => self.compare.perform(order),
            Effect::Recorder(order) => self.recorder.perform(order),
            Effect::Predict { ticket, trace, model } => {
                self.predictions.predict(ticket, trace, model);
            }
            Effect::Second { ticket, trace, who } => self.predictions.second(ticket, trace, who),
            Effect::Follow { ticket, trace, threads } => self.follow(ticket, trace, threads),
            Effect::CloseSecond => self.predictions.close_second(),
            Effect::Train(order) => self.trainer.perform(order),
            Effect::Look { ticket, trace, weights, label, events } => {
                self.predictions.look(ticket, &trace, &weights, label, events);
            }
            Effect::Early { ticket, trace, events } => {
                self.predictions.early(ticket, trace, events);
            }
            Effect::Inspect { ticket, trace, event, by } => {
                self.predictions.inspect(ticket, trace, event, by);
            }
        }
    }

    fn follow(&mut self, ticket: Ticket, trace: Arc<Trace>, threads: Vec<ThreadIx>) {
        let tx = self.tx.clone();
        let work = move |_: &_| {
            let lives = follow(&trace, &threads);
            threads.into_iter().zip(lives).collect()
        };
        self.jobs.follow = Some(Job::spawn("follow", work, move |result: Result<Vec<_>, _>| {
            let _ = tx.send(Msg::Followed { ticket, result: result.map_err(|e| e.to_string()) });
        }));
    }

    /// Lists what can be opened: first what is known at once, then with what lies in the working
    /// folder.
    fn list(&mut self, given: Vec<PathBuf>) {
        let (tx, early) = (self.tx.clone(), self.tx.clone());
        let recent = self.recent.clone().filter(|_| given.is_empty());
        let alone = given.is_empty();
        let work = move |_: &_| {
            let mut others = load::Others {
                recent: recent.map_or_else(Vec::new, |f| recent::load(&f)),
                here: Vec::new(),
            };
            let listed = load::list(&given, &others);
            if !alone {
                return listed;
            }
            let (entries, problem) = listed;
            let _ = early.send(Msg::Listed { entries, problem });
            others.here = ingest::some_within(Path::new("."), load::LOOKED_AT);
            load::list(&given, &others)
        };
        self.jobs.list = Some(Job::spawn("list", work, move |result| {
            let (entries, problem) = result.unwrap_or_else(|e| (Vec::new(), Some(e.to_string())));
            let _ = tx.send(Msg::Listed { entries, problem });
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::answers::{AnswerRow, Verdict};
    use crate::app::{App, Open};
    use crate::predictor::heuristics::Heuristic;
    use crate::trace::{CpuId, Nanos};
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::time::Duration;

    /// Runs the real loop without a screen until `done`, or fails after a minute without any
    /// message.
    fn run(
        app: &mut App,
        driver: &mut Driver<Heuristic>,
        rx: &Receiver<Msg>,
        effects: Vec<Effect>,
        done: impl Fn(&App) -> bool,
    ) {
        for effect in effects {
            driver.perform(effect);
        }
        while !done(app) {
            let msg = rx.recv_timeout(Duration::from_mins(1)).expect("something still runs");
            for effect in app.update(msg) {
                driver.perform(effect);
            }
        }
    }

    #[test]
    fn a_recording_is_read_predicted_and_explained() {
        let (tx, rx) = sync_channel(4);
        let mut driver: Driver<Heuristic> =
            Driver::new(tx, |_| Ok((Heuristic::new(Rule::Lifo, 0), 1)), None);
        let path = PathBuf::from("traces/cpu-bound-4p_run0.csv.zst");
        let (mut app, effects) = App::new(vec![path], (100, 30));
        let all = |app: &App| {
            app.timeline().is_some_and(|t| {
                let inspected = t.panes.inspector.shown.as_ref().map(|i| i.event) == t.event();
                t.answers.events_done == t.trace().len() && inspected && app.traces.listed
            })
        };
        run(&mut app, &mut driver, &rx, effects, all);
        let t = app.timeline().unwrap();
        for cpu in 0..t.trace().cpus() {
            assert_eq!(t.answers.known(cpu), t.trace().cpu_switches(CpuId(cpu as u16)).len());
        }
        let effects = app.update(Msg::Key(crate::app::input::Key::Char('n')));
        run(&mut app, &mut driver, &rx, effects, all);
        let t = app.timeline().unwrap();
        assert!(t.cursor.pos() > Nanos(0), "a miss was found");
        let (i, p) = (
            t.panes.inspector.shown.as_ref().unwrap(),
            t.answers.get(t.cpu, t.decision.unwrap()).unwrap(),
        );
        assert_eq!((i.real, i.candidates.len()), (p.real, usize::from(p.queue)));
        assert_eq!(
            i.candidates.first().map(|c| c.thread),
            Some(p.pick.thread),
            "both passes give one answer"
        );
    }

    #[test]
    fn without_a_model_the_recording_is_still_shown() {
        let (tx, rx) = sync_channel(4);
        let load = |_: &Trace| Err((Heuristic::new(Rule::Eevdf, 0), "no model here".into()));
        let mut driver: Driver<Heuristic> = Driver::new(tx, load, None);
        let (mut app, effects) =
            App::new(vec!["traces/cpu-bound-4p_run0.csv.zst".into()], (100, 30));
        let all =
            |app: &App| app.timeline().is_some_and(|t| t.answers.events_done == t.trace().len());
        run(&mut app, &mut driver, &rx, effects, all);
        let effects = app.update(Msg::Key(crate::app::input::Key::Char('.')));
        let asked = |app: &App| app.timeline().is_some_and(|t| t.panes.inspector.shown.is_some());
        run(&mut app, &mut driver, &rx, effects, asked);
        let t = app.timeline().unwrap();
        assert_eq!(
            (t.answers.no_model.as_deref(), &t.answers.failed),
            (Some("no model here"), &None)
        );
        let p = t.answers.get(0, t.answers.known(0) / 2).unwrap();
        assert_eq!((AnswerRow::Pick.guess(p), AnswerRow::Forecast.guess(p)), (None, None));
        assert_eq!(AnswerRow::Pick.verdict(p), Verdict::NoAnswer);
        assert!(
            t.answers.max_queue > 1 && AnswerRow::Baseline(1).guess(p).is_some(),
            "queues and baselines are there"
        );
        assert_eq!(t.answers.score(0, 0..t.answers.known(0)).counted, 0);
    }

    #[test]
    fn a_missing_file_is_an_error_with_its_name() {
        let (tx, rx) = sync_channel(4);
        let mut driver: Driver<Heuristic> =
            Driver::new(tx, |_| Err((Heuristic::new(Rule::Eevdf, 0), String::new())), None);
        let (mut app, effects) = App::new(vec!["not-there.csv.zst".into()], (100, 30));
        run(&mut app, &mut driver, &rx, effects, |app| {
            matches!(app.viewer.open, Open::Failed(..)) && app.traces.listed
        });
        let Open::Failed(_, problem) = &app.viewer.open else { panic!() };
        assert!(problem.contains("not-there.csv.zst"), "{problem}");
    }
}
