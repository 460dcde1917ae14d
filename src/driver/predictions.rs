//! Predictions and inspections of the open recording. One job predicts everything in order; one
//! answers questions about single decisions, always the newest question first, and drops those that
//! nobody waits for any more.

use crate::app::Msg;
use crate::app::ticket::Ticket;
use crate::app::train::live::LiveModel;
use crate::evaluate::overlay::{self, Cache, Chunk, Guess, Inspection, OverlayError};
use crate::evaluate::watch::States;
use crate::job::{Cancel, Job, JobError};
use crate::predictor::Predictor;
use crate::predictor::weights::Weights;
use crate::trace::Trace;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// What inspections of one recording start from. Opens once the engine is loaded, or could not be.
#[derive(Debug)]
struct Gate<E> {
    state: Mutex<Option<Result<Arc<States<E>>, String>>>,
    opened: Condvar,
}

impl<E> Gate<E> {
    fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(None), opened: Condvar::new() })
    }

    fn set(&self, to: Result<Arc<States<E>>, String>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
        self.opened.notify_all();
    }

    fn wait(&self) -> Result<Arc<States<E>>, String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state =
            self.opened.wait_while(state, |s| s.is_none()).unwrap_or_else(PoisonError::into_inner);
        state.clone().unwrap_or_else(|| Err("no answer".into()))
    }
}

/// A question about one decision.
#[derive(Debug)]
struct Question<E> {
    ticket: Ticket,
    trace: Arc<Trace>,
    event: usize,
    gate: Arc<Gate<E>>,
    /// It belongs to a stretch that was answered before the walk got there, and which begins at
    /// this event.
    early: Option<usize>,
    /// Other weights are asked.
    other: Option<Other<E>>,
}

/// The engine of a training run's weights, and what it is asked with.
#[derive(Debug)]
struct Other<E> {
    label: String,
    engine: E,
    context: usize,
    states: Arc<States<E>>,
}

/// The newest question, and whom to wake for it.
#[derive(Debug)]
struct Inbox<E> {
    state: Mutex<Waiting<E>>,
    bell: Condvar,
}

#[derive(Debug)]
struct Waiting<E> {
    newest: Option<Question<E>>,
    /// The question being answered: its ticket and event, for the case that answering panics.
    current: (Ticket, usize),
    /// Stops the answer in the making.
    cancel: Cancel,
    /// A job waits at the bell or is answering.
    staffed: bool,
    closed: bool,
}

impl<E> Inbox<E> {
    fn with<T>(&self, act: impl FnOnce(&mut Waiting<E>) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Blocks until there is a question; `None` when the program ends.
    fn take(&self) -> Option<(Question<E>, Cancel)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |w: &mut Waiting<E>| w.newest.is_none() && !w.closed;
        let mut state = self.bell.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        let question = state.newest.take().filter(|_| !state.closed)?;
        state.current = (question.ticket, question.event);
        state.cancel = Cancel::new();
        Some((question, state.cancel.clone()))
    }
}

/// See the module.
#[derive(Debug)]
pub struct PredictionJobs<E> {
    pub(super) tx: SyncSender<Msg>,
    pub(super) engines: super::Engines<E>,
    pub(super) cache: Option<PathBuf>,
    gate: Arc<Gate<E>>,
    predicting: Option<Job>,
    looking: Option<Job>,
    /// Predicts what is seen before the walk gets there.
    hurrying: Option<Job>,
    /// That stretch of the open recording.
    early: Option<(Ticket, Range<usize>)>,
    /// Predicts for the second row.
    pub(super) beside: Option<Job>,
    /// States of the walk for stretches of the open recording.
    states: Option<(Ticket, Arc<States<E>>)>,
    answering: Option<Job>,
    inbox: Arc<Inbox<E>>,
}

impl<E> Drop for PredictionJobs<E> {
    fn drop(&mut self) {
        self.inbox.with(|w| {
            w.closed = true;
            w.cancel.cancel();
        });
        self.inbox.bell.notify_all();
        self.gate.set(Err("the program ends".into()));
    }
}

impl<E: Predictor + Clone + Sync + 'static> PredictionJobs<E> {
    /// Knows nothing yet; `load` gives the engine, `cache` is where predictions are kept.
    pub fn new(tx: SyncSender<Msg>, load: super::LoadEngine<E>, cache: Option<PathBuf>) -> Self {
        let waiting = Waiting {
            newest: None,
            current: (Ticket::default(), 0),
            cancel: Cancel::new(),
            staffed: false,
            closed: false,
        };
        let inbox = Arc::new(Inbox { state: Mutex::new(waiting), bell: Condvar::new() });
        let gate = Gate::new();
        Self {
            tx,
            engines: super::Engines::new(load),
            cache,
            gate,
            predicting: None,
            looking: None,
            hurrying: None,
            early: None,
            beside: None,
            states: None,
            answering: None,
            inbox,
        }
    }

    /// Stops all work on the recording that was open.
    pub fn forget(&mut self) {
        (self.predicting, self.looking, self.states) = (None, None, None);
        (self.hurrying, self.early) = (None, None);
        self.inbox.with(|w| {
            w.newest = None;
            w.cancel.cancel();
        });
        // Whoever waits at the old gate must not wait for ever.
        self.gate.set(Err("another recording was opened".into()));
        self.gate = Gate::new();
    }

    /// Predicts a stretch with other weights; replaces the stretch before, done or not.
    pub fn look(
        &mut self,
        ticket: Ticket,
        trace: &Arc<Trace>,
        weights: &Arc<Weights>,
        label: String,
        events: Range<usize>,
    ) {
        let Some(make) = self.engines.make else { return };
        // What the stretch says must be what an inspection of one of its decisions says, which
        // starts elsewhere.
        let (engine, _) = make(trace, &Arc::new(weights.frozen()));
        let states = self.states(ticket, trace, &engine);
        let (trace, context, tx) =
            (Arc::clone(trace), weights.config.receptive_field(), self.tx.clone());
        let work = move |cancel: &Cancel| {
            overlay::stretch(&trace, &states, engine, events, context, cancel)
        };
        self.looking = Some(Job::spawn("look", work, move |result| {
            if let Ok(Ok(stretch)) = result {
                let _ = tx.send(Msg::Looked { ticket, label, stretch });
            }
        }));
    }

    /// Predicts a stretch before the walk gets there; replaces the stretch before, done or not.
    pub fn early(&mut self, ticket: Ticket, trace: Arc<Trace>, events: Range<usize>) {
        self.early = Some((ticket, events.clone()));
        let (gate, tx) = (Arc::clone(&self.gate), self.tx.clone());
        let work = move |cancel: &Cancel| {
            let engine = gate.wait().ok()?.model().clone();
            overlay::early(&trace, engine, events, overlay::WARM, cancel).ok()
        };
        self.hurrying = Some(Job::spawn("early", work, move |result| {
            if let Ok(Some(stretch)) = result {
                let _ = tx.send(Msg::Early { ticket, stretch });
            }
        }));
    }

    /// The states of the walk for engines of other weights.
    fn states(&mut self, ticket: Ticket, trace: &Trace, engine: &E) -> Arc<States<E>> {
        let known = self.states.take().filter(|(of, _)| *of == ticket);
        let (_, states) =
            known.unwrap_or_else(|| (ticket, Arc::new(overlay::states(trace, engine.clone()))));
        self.states = Some((ticket, Arc::clone(&states)));
        states
    }

    /// Predicts the whole recording, in chunks; with `model` if one is given.
    pub fn predict(&mut self, ticket: Ticket, trace: Arc<Trace>, model: Option<Arc<Weights>>) {
        self.forget();
        let make = self.engines.make;
        let (tx, done, gate, load) =
            (self.tx.clone(), self.tx.clone(), Arc::clone(&self.gate), self.engines.load);
        let (failed, folder) = (Arc::clone(&gate), self.cache.clone());
        let work = move |cancel: &Cancel| {
            // Without a model the baselines answer; their predictions are quick to make and not
            // kept.
            let given = model.zip(make).map(|(weights, make)| make(&trace, &weights));
            let (engine, checksum) = match given.map_or_else(|| load(&trace), Ok) {
                Ok((engine, checksum)) => (engine, Some(checksum)),
                Err((stand_in, problem)) => {
                    let _ = tx.send(Msg::NoModel { ticket, problem });
                    (stand_in, None)
                }
            };
            // Questions need not wait for the whole pass: until it is done they start from the
            // beginning.
            gate.set(Ok(Arc::new(overlay::states(&trace, engine.clone()))));
            let cache =
                folder.zip(checksum).map(|(dir, checksum)| Cache::new(&dir, &trace, checksum));
            let mut send = |mut chunk: Chunk| {
                if checksum.is_none() {
                    // What the stand-in names is not the model's answer.
                    let all = chunk.per_cpu.iter_mut().flatten();
                    all.for_each(|p| (p.pick, p.forecast) = (Guess::NONE, Guess::NONE));
                }
                let _ = tx.send(Msg::Predicted { ticket, chunk });
            };
            let pass = match &cache {
                Some(cache) => overlay::run_cached(&trace, engine, cache, cancel, &mut send),
                None => overlay::run(&trace, engine, cancel, &mut send),
            };
            match pass {
                Ok(states) => gate.set(Ok(states)),
                // Another recording was opened: nobody waits.
                Err(OverlayError::Cancelled) => {}
                Err(e) => return Err(e.to_string()),
            }
            Ok(())
        };
        self.predicting = Some(Job::spawn(
            "predict",
            work,
            move |result: Result<Result<(), String>, JobError>| {
                if let Err(problem) = result.map_err(|e| e.to_string()).and_then(|r| r) {
                    failed.set(Err(problem.clone()));
                    let _ = done.send(Msg::PredictionFailed { ticket, problem });
                }
            },
        ));
    }

    /// Asks about one decision; replaces the question before, taken up or not.
    pub fn inspect(
        &mut self,
        ticket: Ticket,
        trace: Arc<Trace>,
        event: usize,
        by: Option<LiveModel>,
    ) {
        let other = by.zip(self.engines.make).map(|(LiveModel { label, weights }, make)| {
            let (engine, _) = make(&trace, &Arc::new(weights.frozen()));
            let states = self.states(ticket, &trace, &engine);
            Other { label, engine, context: weights.config.receptive_field(), states }
        });
        let early =
            self.early.as_ref().filter(|(of, events)| *of == ticket && events.contains(&event));
        let early = early.map(|(_, events)| events.start);
        let question =
            Question { ticket, trace, event, gate: Arc::clone(&self.gate), early, other };
        let staffed = self.inbox.with(|w| {
            w.newest = Some(question);
            w.cancel.cancel();
            std::mem::replace(&mut w.staffed, true)
        });
        self.inbox.bell.notify_one();
        if staffed {
            return;
        }
        let (inbox, tx) = (Arc::clone(&self.inbox), self.tx.clone());
        let (left, done) = (Arc::clone(&self.inbox), self.tx.clone());
        let work = move |_: &Cancel| {
            while let Some((q, cancel)) = inbox.take() {
                let (ticket, event) = (q.ticket, q.event);
                let Some(result) = answer(&q, &cancel) else { continue };
                let by = q.other.map(|o| o.label);
                if tx.send(Msg::Inspected { ticket, event, by, result }).is_err() {
                    return;
                }
            }
        };
        self.answering = Some(Job::spawn("inspect", work, move |result| {
            let (ticket, event) = left.with(|w| {
                w.staffed = false;
                w.current
            });
            if let Err(e) = result {
                let _ = done.send(Msg::Inspected {
                    ticket,
                    event,
                    by: None,
                    result: Err(e.to_string()),
                });
            }
        }));
    }
}

/// `None` when nobody waits for the answer any more.
fn answer<E: Predictor + Clone>(
    q: &Question<E>,
    cancel: &Cancel,
) -> Option<Result<Inspection, String>> {
    let result = if let Some(Other { engine, context, states, .. }) = &q.other {
        overlay::inspect_by(&q.trace, states, engine.clone(), q.event, *context, cancel)
    } else {
        match q.gate.wait() {
            Ok(states) => match q
                .early
                .filter(|first| states.before(q.event) + overlay::WARM < *first)
            {
                Some(first) => {
                    overlay::inspect_early(&q.trace, states.model().clone(), first, q.event, cancel)
                }
                None => overlay::inspect(&q.trace, &states, q.event, cancel),
            },
            Err(problem) => return Some(Err(problem)),
        }
    };
    match result {
        Err(OverlayError::Cancelled) => None,
        result => Some(result.map_err(|e| e.to_string())),
    }
}
