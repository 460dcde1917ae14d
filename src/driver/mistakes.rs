//! The work behind the Mistakes screen: predicting all decisions of recordings, filtering and
//! summing up, taking one decision apart, keeping filters. Each kind is one job at a time; a newer
//! order replaces the one before.

use super::{Engines, LoadEngine, Named, NamedEngine};
use crate::app::Msg;
use crate::app::mistakes::{Explanation, Found, ModelChoice, News, Opaque, Order, Origin};
use crate::app::ticket::Ticket;
use crate::conform::{Picks, picks_of, picture::Picture};
use crate::dataset::opening::{self, StatedMachine};
use crate::evaluate::mistakes::Table;
use crate::evaluate::mistakes::collect::{collect_keeping, latencies, states};
use crate::evaluate::mistakes::view::{Query, View};
use crate::evaluate::mistakes::why::{WhyError, describe, explain_from, same_shape};
use crate::evaluate::watch::States;
use crate::export;
use crate::job::{Cancel, Job};
use crate::places::User;
use crate::predictor::Predictor;
use crate::trace::Trace;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

/// Where filters are kept: `koracle/filters` in the user's configuration folder (XDG). `None`
/// without a home.
fn filters_file() -> Option<PathBuf> {
    Some(User::Config.folder()?.join("filters"))
}

/// Those that competed, as far as they are shown.
const COMPETED: usize = 9;

/// What explanations were made of: the next decision is often of the same.
#[derive(Debug, Default)]
struct Last {
    /// A recording that was read, and its file.
    read: Mutex<Option<(PathBuf, Arc<Trace>)>>,
    picks: Mutex<Option<Arc<Picks>>>,
}

/// See the module.
#[derive(Debug)]
pub struct MistakesJobs<E> {
    tx: SyncSender<Msg>,
    pub(super) engines: Engines<E>,
    /// What is said of the recordings' machine.
    pub(super) machine: Arc<StatedMachine>,
    /// Of the last explanation.
    last: Arc<Last>,
    collecting: Option<Job>,
    looking: Option<Job>,
    explaining: Option<Job>,
    keeping: Option<Job>,
}

impl<E: Predictor + Clone + Sync + 'static> MistakesJobs<E> {
    /// Does nothing yet; `load` gives the engine.
    pub fn new(tx: SyncSender<Msg>, load: LoadEngine<E>) -> Self {
        Self {
            tx,
            engines: Engines::new(load),
            machine: Arc::default(),
            last: Arc::default(),
            collecting: None,
            looking: None,
            explaining: None,
            keeping: None,
        }
    }

    /// Starts what is ordered and returns at once.
    pub fn perform(&mut self, order: Order) {
        match order {
            Order::Collect { ticket, origins, whom, other } => {
                (self.looking, self.explaining) = (None, None);
                self.collecting = Some(self.collect(ticket, origins, whom, other));
            }
            Order::Look { ticket, found, query, old } => {
                self.looking = Some(self.look(ticket, found, query, old));
            }
            Order::Explain { ticket, origin, found, row } => {
                self.explaining = Some(self.explain(ticket, origin, found, row));
            }
            Order::LoadFilters => self.keeping = Some(self.load_filters()),
            Order::SaveFilters(filters) => self.keeping = Some(self.save_filters(filters)),
        }
    }

    /// Says something to the interface. A send fails only when that is gone; then nobody waits for
    /// the answer.
    fn teller(&self) -> impl Fn(News) -> bool + Send + use<E> {
        let tx = self.tx.clone();
        move |news| tx.send(Msg::Mistakes(news)).is_ok()
    }

    fn collect(
        &self,
        ticket: Ticket,
        origins: Vec<Origin>,
        whom: ModelChoice,
        other: Option<PathBuf>,
    ) -> Job {
        let (tell, done) = (self.teller(), self.teller());
        let engines = self.engines;
        let machine = Arc::clone(&self.machine);
        let work = move |cancel: &Cancel| {
            let told = |done, of| tell(News::Progress { ticket, done, of });
            let other = other.map(|who| by_name(engines.named, &who)).transpose()?;
            let who = Answerer::find(whom, engines)?;
            gather(&origins, &machine, &who, other.as_ref(), cancel, &told)
        };
        Job::spawn("mistakes", work, move |result| {
            let result = result.map_err(|e| e.to_string()).and_then(|r| r);
            // A cancelled order has been replaced: its ticket is an old one, and its answer changes
            // nothing.
            done(News::Collected { ticket, result: result.map(Arc::new) });
        })
    }

    fn look(&self, ticket: Ticket, found: Arc<Found>, query: Query, old: Option<Arc<View>>) -> Job {
        let done = self.teller();
        let work = move |_: &_| View::new(&found.table, &found.latencies, query, old.as_deref());
        Job::spawn_wide("filter", work, move |result| {
            done(match result {
                Ok(view) => News::Looked { ticket, view: Arc::new(view) },
                Err(e) => News::Trouble(e.to_string()),
            });
        })
    }

    fn explain(&self, ticket: Ticket, origin: Origin, found: Arc<Found>, row: usize) -> Job {
        let done = self.teller();
        let (last, machine) = (Arc::clone(&self.last), Arc::clone(&self.machine));
        let work =
            move |cancel: &Cancel| told::<E>((&origin, &machine), &found, row, &last, cancel);
        Job::spawn("explain", work, move |result| {
            let result = match result {
                Ok(None) => return,
                Ok(Some(result)) => result,
                Err(e) => Err(e.to_string()),
            };
            done(News::Explained { ticket, row, result: result.map(Arc::new) });
        })
    }

    fn load_filters(&self) -> Job {
        let done = self.teller();
        let work = |_: &_| read(filters_file());
        Job::spawn("filters", work, move |result| {
            done(News::Filters(result.unwrap_or_default()));
        })
    }

    fn save_filters(&self, filters: Vec<String>) -> Job {
        let done = self.teller();
        let work = move |_: &_| filters_file().map_or(Ok(()), |path| save(&path, &filters));
        Job::spawn("filters", work, move |result| {
            let problem = match result {
                Ok(Ok(())) => return,
                Ok(Err(e)) => e.to_string(),
                Err(e) => e.to_string(),
            };
            done(News::Trouble(format!("the filter could not be kept: {problem}")));
        })
    }
}

fn open(origin: &Origin, machine: &StatedMachine) -> Result<Arc<Trace>, String> {
    match origin {
        Origin::Open(_, trace) => Ok(Arc::clone(trace)),
        Origin::File(path) => opening::open(path, machine)
            .map(|opened| Arc::new(opened.trace))
            .map_err(|e| e.to_string()),
    }
}

/// As [`open`], but a file is not read again while it is the same one.
fn open_again(
    origin: &Origin,
    machine: &StatedMachine,
    Last { read, .. }: &Last,
) -> Result<Arc<Trace>, String> {
    let Origin::File(path) = origin else { return open(origin, machine) };
    let last = read.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((_, trace)) = last.filter(|(of, _)| of == path) {
        return Ok(trace);
    }
    let trace = open(origin, machine)?;
    *read.lock().unwrap_or_else(PoisonError::into_inner) = Some((path.clone(), Arc::clone(&trace)));
    Ok(trace)
}

fn by_name<E>(named: Option<NamedEngine<E>>, who: &Path) -> Result<Named<E>, String> {
    named.ok_or_else(|| format!("{} cannot be asked here", who.display()))?(who)
}

/// The first predictor, once it is found.
pub(super) enum Answerer<E> {
    /// The one that the program has without being told.
    Usual(LoadEngine<E>),
    Named(Named<E>),
}

impl<E: 'static> Answerer<E> {
    pub(super) fn find(whom: ModelChoice, engines: Engines<E>) -> Result<Self, String> {
        Ok(match (whom, engines.make) {
            (ModelChoice::Named(who), _) => Self::Named(by_name(engines.named, &who)?),
            (ModelChoice::Current(Some((label, weights))), Some(make)) => {
                Self::Named(Named::new(label, None, move |trace| Ok(make(trace, &weights).0)))
            }
            (ModelChoice::Current(_), _) => Self::Usual(engines.load),
        })
    }

    /// Its name, if that is known without its engine.
    pub(super) fn label(&self) -> Option<&str> {
        if let Self::Named(named) = self { Some(&named.label) } else { None }
    }

    /// The engine; why it is only a stand-in, if it is.
    pub(super) fn engine(&self, trace: &Trace) -> Result<(E, Option<String>), String> {
        match self {
            Self::Named(named) => named.engine(trace).map(|engine| (engine, None)),
            Self::Usual(load) => Ok(match load(trace) {
                Ok((engine, _)) => (engine, None),
                // The table says when there is no model; then the baseline in its place is asked.
                Err((engine, problem)) => (engine, Some(problem)),
            }),
        }
    }
}

fn gather<E: Predictor + Clone + Sync + 'static>(
    origins: &[Origin],
    machine: &StatedMachine,
    who: &Answerer<E>,
    other: Option<&Named<E>>,
    cancel: &Cancel,
    told: &dyn Fn(usize, usize) -> bool,
) -> Result<Found, String> {
    let (mut tables, mut walks) = (Vec::new(), Vec::new());
    let mut found = Found::default();
    for (i, origin) in origins.iter().enumerate() {
        if !told(i, origins.len()) || cancel.is_cancelled() {
            return Err("cancelled".into());
        }
        let trace = open(origin, machine)?;
        let (model, no_model) = who.engine(&trace)?;
        let states = states(&trace, model);
        let mut second = other.map(|named| named.engine(&trace)).transpose()?;
        let second = second.as_mut().map(|e| e as &mut dyn Predictor);
        let table =
            collect_keeping(&trace, origin.path().clone(), &states, second, cancel, &|_| {});
        tables.push(table.ok_or("cancelled")?);
        found.no_model = no_model;
        if i == 0 {
            found.latencies = latencies(&trace, &mut states.model().clone(), cancel);
        }
        walks.push(Arc::new(states));
    }
    found.table = Table::join(tables);
    if let Answerer::Named(named) = who {
        found.table.models[0].clone_from(&named.label);
    }
    if let Some(named) = other {
        found.table.models[1].clone_from(&named.label);
    }
    found.held = Opaque::new(walks);
    Ok(found)
}

/// `None`: nobody waits for it any more.
fn told<E: Predictor + Clone + Sync + 'static>(
    (origin, machine): (&Origin, &StatedMachine),
    found: &Found,
    row: usize,
    last: &Last,
    cancel: &Cancel,
) -> Option<Result<Explanation, String>> {
    let table = &found.table;
    let walks: Option<&Vec<Arc<States<E>>>> = found.held.get();
    let Some(states) = walks.and_then(|w| w.get(table.source_ix(row))) else {
        return Some(Err("nobody is there to ask".into()));
    };
    let trace = match open_again(origin, machine, last) {
        Ok(trace) => trace,
        Err(problem) => return Some(Err(problem)),
    };
    let event = table.event(row);
    match explain_from(&trace, states, event, &same_shape(table, row), None, cancel) {
        Err(WhyError::Cancelled) => None,
        Err(e) => Some(Err(e.to_string())),
        Ok(why) => {
            let now = trace.time(event);
            let past = why
                .past
                .iter()
                .map(|m| (describe(&trace, m.what), now.since(trace.time(m.what)).0));
            let scene = picks_of(&last.picks, &trace).at(event);
            let kernel = scene.map(|scene| Picture::of(&trace, &scene, COMPETED));
            let unknown = trace.follows_unknown(why.event);
            Some(Ok(Explanation { past: past.collect(), why, unknown, kernel }))
        }
    }
}

/// One filter a line; a file that cannot be read is the same as none.
fn read(path: Option<PathBuf>) -> Vec<String> {
    let text = path.and_then(|p| std::fs::read_to_string(p).ok()).unwrap_or_default();
    text.lines().map(str::trim).filter(|l| !l.is_empty()).map(String::from).collect()
}

fn save(path: &Path, filters: &[String]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let lines: String = filters.iter().flat_map(|filter| [filter.as_str(), "\n"]).collect();
    export::write_whole(path, lines.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::input::Key;
    use crate::app::mistakes::{Data, Explained};
    use crate::app::{App, Effect, Open, Tab};
    use crate::driver::Driver;
    use crate::evaluate::mistakes::Column;
    use crate::predictor::heuristics::{Heuristic, Rule};
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::time::Duration;

    #[test]
    fn filters_are_kept_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new").join("filters");
        assert!(read(Some(path.clone())).is_empty() && read(None).is_empty());
        let filters = ["cpu=0 and prev=\"a b\"".to_owned(), "not hit".to_owned()];
        save(&path, &filters).unwrap();
        assert_eq!(read(Some(path)), filters);
    }

    /// The program without a screen, and with rules for predictors.
    struct Program {
        app: App,
        driver: Driver<Heuristic>,
        rx: Receiver<Msg>,
    }

    impl Program {
        fn new(path: &str) -> Self {
            let (tx, rx) = sync_channel(64);
            let driver: Driver<Heuristic> =
                Driver::new(tx, |_| Ok((Heuristic::new(Rule::Followed, 0), 1)), None);
            let driver = driver.with_second(|who| match who.to_str().and_then(Rule::parse) {
                Some(rule) => {
                    Ok(Named::new(rule.label().into(), None, move |_| Ok(Heuristic::new(rule, 0))))
                }
                None => Err(format!("{} is nobody", who.display())),
            });
            let (app, effects) = App::new(vec![path.into()], (140, 40));
            let mut program = Self { app, driver, rx };
            program.perform(effects);
            program
        }

        fn perform(&mut self, effects: Vec<Effect>) {
            for effect in effects {
                self.driver.perform(effect);
            }
        }

        fn take(&mut self, msg: Msg) {
            let effects = self.app.update(msg);
            self.perform(effects);
        }

        /// Presses keys, and waits until something is so.
        fn until(&mut self, keys: &[Key], done: impl Fn(&App) -> bool) {
            for key in keys {
                self.take(Msg::Key(*key));
            }
            while !done(&self.app) {
                let msg = self.rx.recv_timeout(Duration::from_mins(1));
                self.take(msg.expect("something still runs"));
            }
        }

        /// The same for a text and Enter.
        fn typed_until(&mut self, text: &str, done: impl Fn(&App) -> bool) {
            let keys: Vec<Key> = text.chars().map(Key::Char).chain([Key::Enter]).collect();
            self.until(&keys, done);
        }
    }

    fn shown(app: &App) -> bool {
        app.mistakes.view.is_some() && !app.mistakes.is_stale()
    }

    fn explained(app: &App) -> bool {
        shown(app) && matches!(app.mistakes.why.told, Explained::Ready(..))
    }

    /// The whole way: a recording, its mistakes, a filter, a decision explained, the timeline at
    /// that decision, back.
    #[test]
    fn from_the_list_to_the_decision_and_on() {
        let mut program = Program::new("traces/cpu-bound-8p_run0.csv.zst");
        program.until(&[], |app| matches!(app.viewer.open, Open::Ready(_)));
        program.until(&[Key::Char('3')], explained);
        let all = program.app.mistakes.view.as_ref().unwrap().rows.len();
        program.typed_until("/p>0.5 and cpu=1", |app| shown(app) && !app.mistakes.filter.editing);
        let view = program.app.mistakes.view.clone().unwrap();
        assert!(!view.rows.is_empty() && view.rows.len() < all, "{} of {all}", view.rows.len());
        let Data::Ready(found) = &program.app.mistakes.decisions.data else { panic!() };
        let (found, row) = (Arc::clone(found), view.rows[3] as usize);
        program.until(
            &[Key::Down, Key::Down, Key::Down],
            |app| matches!(app.mistakes.why.told, Explained::Ready(r, _) if r == row),
        );
        program.until(&[Key::Enter], |app| app.tab == Tab::Timeline);
        let at = |app: &App| app.timeline().unwrap().event();
        let event = |place: usize| Some(found.table.event(view.rows[place] as usize));
        assert_eq!(at(&program.app), event(3));
        // From here n and N follow the filtered list.
        program.until(&[Key::Char('n')], |_| true);
        assert_eq!(at(&program.app), event(4));
        program.until(&[Key::Char('N'), Key::Char('N')], |_| true);
        assert_eq!(at(&program.app), event(2));
        assert_eq!(program.app.mistakes.row(), Some(view.rows[2] as usize));
        another_predictors(&mut program);
    }

    /// Another predictor's mistakes: everything is of it, the explanation too.
    fn another_predictors(program: &mut Program) {
        program.typed_until("3plifo", explained);
        are_of_lifo(&program.app);
        // Who is not found changes nothing; a second predictor is found in the same way.
        let nobody = |app: &App| app.message.as_deref() == Some("mr-x is nobody");
        program.typed_until("pmr-x", nobody);
        program.until(&[], explained);
        are_of_lifo(&program.app);
        program.typed_until("Clrr", |app| {
            explained(app) && app.mistakes.found().unwrap().table.has_other()
        });
        are_of_lifo(&program.app);
        let view = program.app.mistakes.view.as_ref().unwrap();
        assert_eq!(view.versus.as_ref().unwrap().name, "lrr");
    }

    fn are_of_lifo(app: &App) {
        let found = app.mistakes.found().unwrap();
        let total = app.mistakes.view.as_ref().unwrap().sums.total;
        assert_eq!((found.table.models[0].as_str(), total.hits), ("lifo", total.baselines[2]));
        let row = app.mistakes.row().unwrap();
        let Explained::Ready(of, told) = &app.mistakes.why.told else { panic!() };
        let pred = Column::Pred.thread(&found.table, row);
        assert_eq!((*of, pred), (row, Some(told.why.candidates[0].thread)));
    }
}
