//! The work behind the Mistakes screen: predicting all decisions of recordings, filtering and summing up, taking one
//! decision apart, keeping filters. Each kind is one job at a time; a newer order replaces the one before.

use super::LoadEngine;
use crate::app::Msg;
use crate::app::mistakes::{Found, News, Order, Origin, Told};
use crate::evaluate::mistakes::Table;
use crate::evaluate::mistakes::collect::{collect, latencies};
use crate::evaluate::mistakes::view::View;
use crate::evaluate::mistakes::why::{WhyError, describe, explain, same_shape};
use crate::ingest;
use crate::job::{Cancel, Job};
use crate::predictor::Predictor;
use crate::predictor::stream::StreamEngine;
use crate::predictor::weights::Weights;
use crate::trace::Trace;
use etcetera::BaseStrategy;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Where filters are kept: `koracle/filters` in the user's configuration folder (XDG). `None` without a home.
fn filters_file() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.config_dir().join("koracle").join("filters"))
}

/// See the module.
#[derive(Debug)]
pub struct Desk<E> {
    tx: SyncSender<Msg>,
    load: LoadEngine<E>,
    collecting: Option<Job>,
    looking: Option<Job>,
    explaining: Option<Job>,
    keeping: Option<Job>,
}

impl<E: Predictor + Clone + Sync + 'static> Desk<E> {
    /// Does nothing yet; `load` gives the engine.
    pub fn new(tx: SyncSender<Msg>, load: LoadEngine<E>) -> Self {
        Self { tx, load, collecting: None, looking: None, explaining: None, keeping: None }
    }

    /// Starts what is ordered and returns at once.
    pub fn perform(&mut self, order: Order) {
        // A send fails only when the interface is gone; then nobody waits for the answer.
        let (tx, done, load) = (self.tx.clone(), self.tx.clone(), self.load);
        match order {
            Order::Collect { number, origins, other } => {
                (self.looking, self.explaining) = (None, None);
                let work = move |cancel: &Cancel| {
                    let told = |done, of| tx.send(Msg::Mistakes(News::Progress { number, done, of })).is_ok();
                    gather(&origins, other.as_deref(), load, cancel, &told)
                };
                self.collecting = Some(Job::spawn("mistakes", work, move |result| {
                    let result = result.map_err(|e| e.to_string()).and_then(|r| r);
                    // A cancelled order has been replaced: its number is an old one, and its answer changes nothing.
                    let _ = done.send(Msg::Mistakes(News::Collected { number, result: result.map(Arc::new) }));
                }));
            }
            Order::Look { number, found, query, old } => {
                let work = move |_: &_| View::new(&found.table, &found.latencies, query, old.as_deref());
                self.looking = Some(Job::spawn("filter", work, move |result| {
                    let news = match result {
                        Ok(view) => News::Looked { number, view: Arc::new(view) },
                        Err(e) => News::Trouble(e.to_string()),
                    };
                    let _ = done.send(Msg::Mistakes(news));
                }));
            }
            Order::Explain { number, origin, found, row } => {
                let work = move |cancel: &Cancel| told(&origin, &found.table, row, load, cancel);
                self.explaining = Some(Job::spawn("explain", work, move |result| {
                    let result = match result {
                        Ok(None) => return,
                        Ok(Some(result)) => result,
                        Err(e) => Err(e.to_string()),
                    };
                    let _ = done.send(Msg::Mistakes(News::Explained { number, row, result: result.map(Arc::new) }));
                }));
            }
            Order::LoadFilters => {
                self.keeping = Some(Job::spawn(
                    "filters",
                    |_| read(filters_file()),
                    move |result| {
                        let _ = done.send(Msg::Mistakes(News::Filters(result.unwrap_or_default())));
                    },
                ));
            }
            Order::SaveFilters(filters) => {
                let work = move |_: &_| filters_file().map_or(Ok(()), |path| save(&path, &filters));
                self.keeping = Some(Job::spawn("filters", work, move |result| {
                    let problem = match result {
                        Ok(Ok(())) => return,
                        Ok(Err(e)) => e.to_string(),
                        Err(e) => e.to_string(),
                    };
                    let problem = format!("the filter could not be kept: {problem}");
                    let _ = done.send(Msg::Mistakes(News::Trouble(problem)));
                }));
            }
        }
    }
}

fn open(origin: &Origin) -> Result<Arc<Trace>, String> {
    match origin {
        Origin::Open(_, trace) => Ok(Arc::clone(trace)),
        Origin::File(path) => ingest::open(path).map(|opened| Arc::new(opened.trace)).map_err(|e| e.to_string()),
    }
}

fn gather<E: Predictor>(
    origins: &[Origin],
    other: Option<&Path>,
    load: LoadEngine<E>,
    cancel: &Cancel,
    told: &dyn Fn(usize, usize) -> bool,
) -> Result<Found, String> {
    let other = other.map(|path| Weights::load(path).map(Arc::new).map_err(|e| e.to_string())).transpose()?;
    let mut tables = Vec::new();
    let mut found = Found::default();
    for (i, origin) in origins.iter().enumerate() {
        if !told(i, origins.len()) || cancel.is_cancelled() {
            return Err("cancelled".into());
        }
        let trace = open(origin)?;
        let engine = || match load(&trace) {
            Ok((engine, _)) => (engine, None),
            Err((engine, problem)) => (engine, Some(problem)),
        };
        let (mut model, no_model) = engine();
        let mut second = other.as_ref().map(|w| StreamEngine::new(w, trace.cpus()));
        let second = second.as_mut().map(|e| e as &mut dyn Predictor);
        let table = collect(&trace, origin.path().clone(), &mut model, second, cancel, &|_| {});
        tables.push(table.ok_or("cancelled")?);
        found.no_model = no_model;
        if i == 0 {
            found.latencies = latencies(&trace, &mut engine().0, cancel);
        }
    }
    found.table = Table::join(tables);
    if other.is_some() {
        found.table.models[1] = "the other model".into();
    }
    Ok(found)
}

/// `None`: nobody waits for it any more.
fn told<E: Predictor + Clone>(
    origin: &Origin,
    table: &Table,
    row: usize,
    load: LoadEngine<E>,
    cancel: &Cancel,
) -> Option<Result<Told, String>> {
    let trace = match open(origin) {
        Ok(trace) => trace,
        Err(problem) => return Some(Err(problem)),
    };
    // The table says when there is no model; then the baseline in its place is explained.
    let engine = match load(&trace) {
        Ok((engine, _)) | Err((engine, _)) => engine,
    };
    let event = table.event(row);
    match explain(&trace, engine, event, &same_shape(table, row), None, cancel) {
        Err(WhyError::Cancelled) => None,
        Err(e) => Some(Err(e.to_string())),
        Ok(why) => {
            let now = trace.time(event);
            let past = why.past.iter().map(|m| (describe(&trace, m.what), now.since(trace.time(m.what)).0));
            Some(Ok(Told { past: past.collect(), why }))
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
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    for filter in filters {
        writeln!(file, "{filter}")?;
    }
    file.persist(path).map(|_| ()).map_err(|e| e.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::input::Key;
    use crate::app::mistakes::{Data, Explained};
    use crate::app::{App, Open, Tab};
    use crate::driver::Driver;
    use crate::predictor::heuristics::{Heuristic, Rule};
    use std::sync::mpsc::sync_channel;
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

    /// The whole way: a recording, its mistakes, a filter, a decision explained, the timeline at that decision, back.
    #[test]
    fn from_the_list_to_the_decision_and_on() {
        let (tx, rx) = sync_channel(64);
        let mut driver: Driver<Heuristic> = Driver::new(tx, |_| Ok((Heuristic::new(Rule::Followed, 0), 1)), None);
        let path = PathBuf::from("traces/cpu-bound-8p_run0.csv.zst");
        let (mut app, effects) = App::new(vec![path], (140, 40));
        for e in effects {
            driver.perform(e);
        }
        let mut until = |app: &mut App, keys: &[Key], done: &dyn Fn(&App) -> bool| {
            for key in keys {
                app.update(Msg::Key(*key)).into_iter().for_each(|e| driver.perform(e));
            }
            while !done(app) {
                let msg = rx.recv_timeout(Duration::from_mins(1)).expect("something still runs");
                app.update(msg).into_iter().for_each(|e| driver.perform(e));
            }
        };
        until(&mut app, &[], &|app| matches!(app.open, Open::Ready(_)));
        let shown = |app: &App| app.mistakes.view.is_some() && !app.mistakes.is_stale();
        until(&mut app, &[Key::Char('3')], &|app| shown(app) && matches!(app.mistakes.why, Explained::Ready(..)));
        let all = app.mistakes.view.as_ref().unwrap().rows.len();
        let typed: Vec<Key> = "/p>0.5 and cpu=1".chars().map(Key::Char).chain([Key::Enter]).collect();
        until(&mut app, &typed, &|app| shown(app) && !app.mistakes.editing);
        let view = app.mistakes.view.clone().unwrap();
        assert!(!view.rows.is_empty() && view.rows.len() < all, "{} of {all}", view.rows.len());
        let Data::Ready(found) = &app.mistakes.data else { panic!() };
        let (found, row) = (Arc::clone(found), view.rows[3] as usize);
        let down = [Key::Down, Key::Down, Key::Down];
        until(&mut app, &down, &|app| matches!(app.mistakes.why, Explained::Ready(r, _) if r == row));
        until(&mut app, &[Key::Enter], &|app| app.tab == Tab::Timeline);
        assert_eq!(app.timeline().unwrap().event(), Some(found.table.event(row)));
        // From here n and N follow the filtered list.
        until(&mut app, &[Key::Char('n')], &|_| true);
        assert_eq!(app.timeline().unwrap().event(), Some(found.table.event(view.rows[4] as usize)));
        until(&mut app, &[Key::Char('N'), Key::Char('N')], &|_| true);
        assert_eq!(app.timeline().unwrap().event(), Some(found.table.event(view.rows[2] as usize)));
        assert_eq!(app.mistakes.row(), Some(view.rows[2] as usize));
    }
}
