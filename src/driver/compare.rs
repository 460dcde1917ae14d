//! The work behind the Compare screen and `koracle diff`: reading the other recording, asking a
//! model about both, and what differs.

use super::load::load;
use super::mistakes::Answerer;
use super::{Engines, LoadEngine};
use crate::app::Msg;
use crate::app::compare::{Asked, News, Order};
use crate::dataset::opening::StatedMachine;
use crate::evaluate::judged::judge;
use crate::job::{Cancel, Job, JobError};
use crate::predictor::Predictor;
use crate::stats::diff::{Scored, compare, compare_scored};
use crate::trace::Trace;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

/// The least probability that counts, as in the evaluation.
const LEAST: f32 = 1e-9;

/// How `engine`, in its state before the first event, does on the decisions of a recording. `None`
/// when cancelled. `done` hears of events walked.
pub fn scored<E: Predictor>(
    trace: &Trace,
    engine: &mut E,
    cancel: &Cancel,
    done: &(dyn Fn(u64) + Sync),
) -> Option<Vec<Scored>> {
    let judged = judge(trace, engine, cancel, done)?;
    let one = |j: crate::evaluate::judged::Judged| Scored {
        event: j.event,
        hit: j.hit,
        nats: j.p_real.map(|p| -p.max(LEAST).ln()),
    };
    Some(judged.into_iter().map(one).collect())
}

/// Gives who is asked about a recording, in its state before the first event, with a name; or says
/// why nobody is.
pub type Whoever<'a, E> = &'a dyn Fn(&Trace) -> Result<(E, String), String>;

/// Computes what is ordered, and tells it. This is what the jobs do; tests and fuzzers call it in
/// the place of a driver.
pub fn answer<E: Predictor>(
    order: Order,
    told: &StatedMachine,
    engine: Whoever<'_, E>,
    cancel: &Cancel,
    tell: &(dyn Fn(News) + Sync),
) {
    let (ticket, traces) = match order {
        Order::Read { ticket, path } => {
            tell(News::Read { ticket, result: load(&path, told).map(Arc::new) });
            return;
        }
        Order::Compare { ticket, traces, .. } => (ticket, traces),
    };
    let [a, b] = [&*traces[0], &*traces[1]];
    let of = (a.len() + b.len()) as u64;
    // What needs no model does not wait for one.
    let without = Arc::new(compare(a, b));
    tell(News::Compared { ticket, result: Ok(Arc::clone(&without)), asked: Asked::Pending(0, of) });
    let walked = AtomicU64::new(0);
    let done = |n: u64| {
        let before = walked.fetch_add(n, Ordering::Relaxed);
        if (before + n) * 50 / of.max(1) > before * 50 / of.max(1) {
            tell(News::Progress { ticket, done: before + n, of });
        }
    };
    let ask = |trace: &Trace| -> Result<Option<(Vec<Scored>, String)>, String> {
        let (mut engine, label) = engine(trace)?;
        Ok(scored(trace, &mut engine, cancel, &done).map(|scored| (scored, label)))
    };
    let both = ask(a).and_then(|first| Ok(first.zip(ask(b)?)));
    match both {
        // Nobody waits for it any more.
        Ok(None) => {}
        Ok(Some(((first, label), (second, _)))) => {
            let result = Ok(Arc::new(compare_scored([a, b], [&first, &second])));
            tell(News::Compared { ticket, result, asked: Asked::By(label) });
        }
        Err(problem) => {
            tell(News::Compared { ticket, result: Ok(without), asked: Asked::Nobody(problem) });
        }
    }
}

/// See the module. Each kind is one job at a time; a newer order replaces the one before.
#[derive(Debug)]
pub struct CompareJobs<E> {
    tx: SyncSender<Msg>,
    pub(super) engines: Engines<E>,
    /// What is said of the recordings' machine.
    pub(super) machine: Arc<StatedMachine>,
    reading: Option<Job>,
    comparing: Option<Job>,
}

impl<E: Predictor + Clone + Sync + 'static> CompareJobs<E> {
    /// Does nothing yet; `load` gives the engine.
    pub fn new(tx: SyncSender<Msg>, load: LoadEngine<E>) -> Self {
        Self {
            tx,
            engines: Engines::new(load),
            machine: Arc::default(),
            reading: None,
            comparing: None,
        }
    }

    /// Starts what is ordered and returns at once.
    pub fn perform(&mut self, order: Order) {
        // A send fails only when the interface is gone; then nobody waits for the answer.
        let (tx, failed, machine) = (self.tx.clone(), self.tx.clone(), Arc::clone(&self.machine));
        let engines = self.engines;
        let (place, ticket, whom) = match &order {
            Order::Read { ticket, .. } => (&mut self.reading, *ticket, None),
            Order::Compare { ticket, whom, .. } => {
                (&mut self.comparing, *ticket, Some(whom.clone()))
            }
        };
        let reads = whom.is_none();
        let work = move |cancel: &Cancel| {
            let engine = |trace: &Trace| {
                let who = Answerer::find(whom.clone().ok_or("nobody is asked")?, engines)?;
                match who.engine(trace)? {
                    (_, Some(problem)) => Err(problem),
                    (engine, None) => {
                        let label = who.label().unwrap_or(engine.name()).to_owned();
                        Ok((engine, label))
                    }
                }
            };
            answer(order, &machine, &engine, cancel, &|news| drop(tx.send(Msg::Compare(news))));
        };
        let done = move |result: Result<(), JobError>| {
            if let Err(problem) = result.map_err(|e| e.to_string()) {
                let news = if reads {
                    News::Read { ticket, result: Err(problem) }
                } else {
                    News::Compared {
                        ticket,
                        asked: Asked::Nobody(problem.clone()),
                        result: Err(problem),
                    }
                };
                let _ = failed.send(Msg::Compare(news));
            }
        };
        *place = Some(Job::spawn(if reads { "read-other" } else { "compare" }, work, done));
    }
}
