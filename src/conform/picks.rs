//! All picks of a recording, any of which can be asked for. What is learned of who waits is learned
//! once, and states along the way are kept, so that a later question begins near its event.

use super::estimate;
use super::judge::{Judge, QueueState};
use super::scene::{Scene, Whence};
use crate::sched::follow::Follower;
use crate::sched::replay::{KernelReplay, Rules};
use crate::trace::Trace;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// States that are kept at most, and events between two of them at least.
const KEPT: usize = 64;
const APART: usize = 4_096;

/// The picks of a recording.
#[derive(Debug)]
pub struct Picks {
    trace: Arc<Trace>,
    apart: usize,
    /// `None` until somebody asks.
    judge: Mutex<Option<Walker>>,
}

/// Who judges, with states by the event that comes next.
#[derive(Debug)]
enum Walker {
    Recorded(Box<Judge>, BTreeMap<usize, QueueState>),
    Estimated(BTreeMap<usize, Follower>),
}

impl Picks {
    /// Of `trace`; nothing is computed yet.
    pub fn new(trace: Arc<Trace>) -> Self {
        let apart = trace.len().div_ceil(KEPT).max(APART);
        Self::every(apart, trace)
    }

    /// As [`Self::new`], with a state every `apart` events (at least one).
    pub fn every(apart: usize, trace: Arc<Trace>) -> Self {
        Self { trace, apart: apart.max(1), judge: Mutex::new(None) }
    }

    /// The recording.
    pub fn trace(&self) -> &Arc<Trace> {
        &self.trace
    }

    /// Where most numbers are from: where there is any recorded state, no pick without it is judged
    /// by [`Self::walk`].
    pub fn from(&self) -> Whence {
        if self.trace.truth().is_some_and(|t| !t.is_empty()) {
            Whence::Recorded
        } else {
            Whence::Estimated
        }
    }

    /// The pick of switch `event`: from the recorded state where it has some, else from the
    /// corrected replay. `None` when the event is no switch.
    pub fn at(&self, event: usize) -> Option<Scene> {
        let mut found = None;
        let recorded = self.trace.truth().is_some_and(|t| t.at(event).is_some());
        let mut keep = |scene: &Scene| {
            if scene.event == event {
                found = Some(scene.clone());
            }
        };
        if recorded == (self.from() == Whence::Recorded) {
            self.between(event, event, &mut keep);
        } else {
            // A switch without a row in a recording that has some.
            let mut follower = self.follower();
            (0..=event.min(self.trace.len().saturating_sub(1)))
                .filter_map(|i| estimate::step(&mut follower, &self.trace, i))
                .for_each(|scene| keep(&scene));
        }
        found
    }

    /// Hands over all picks in order: those with recorded state, or all from the replay.
    pub fn walk(&self, each: &mut dyn FnMut(&Scene)) {
        self.between(0, self.trace.len(), each);
    }

    fn follower(&self) -> Follower {
        Follower::new(
            &self.trace,
            KernelReplay::under(&self.trace, Rules::of(self.trace.machine()), true),
        )
    }

    /// Hands over those from the nearest state before `first` up to `last`.
    fn between(&self, first: usize, last: usize, each: &mut dyn FnMut(&Scene)) {
        let trace = &*self.trace;
        let mut place = self.judge.lock().unwrap_or_else(PoisonError::into_inner);
        let walker = place.get_or_insert_with(|| match self.from() {
            Whence::Recorded => {
                let judge = Box::new(Judge::new(trace));
                let run = judge.run.clone();
                Walker::Recorded(judge, BTreeMap::from([(0, run)]))
            }
            Whence::Estimated => Walker::Estimated(BTreeMap::from([(0, self.follower())])),
        });
        match walker {
            Walker::Recorded(judge, kept) => {
                let Some((&from, run)) = kept.range(..=first).next_back() else { return };
                judge.run = run.clone();
                let mut due = (from / self.apart + 1) * self.apart;
                let rows = trace.truth().into_iter().flat_map(|t| t.rows_from(from));
                for (event, row) in rows.take_while(|(event, _)| *event <= last) {
                    if event >= due {
                        kept.entry(event).or_insert_with(|| judge.run.clone());
                        due = (event / self.apart + 1) * self.apart;
                    }
                    each(&judge.step(trace, event, row));
                }
            }
            Walker::Estimated(kept) => {
                let Some((&from, follower)) = kept.range(..=first).next_back() else { return };
                let mut follower = follower.clone();
                for i in from..trace.len().min(last.saturating_add(1)) {
                    if i > from && i.is_multiple_of(self.apart) {
                        kept.entry(i).or_insert_with(|| follower.snapshot());
                    }
                    if let Some(scene) = estimate::step(&mut follower, trace, i) {
                        each(&scene);
                    }
                }
            }
        }
    }
}

/// The picks of `trace`: those that were asked last, if they are of the same recording.
pub fn picks_of(last: &Mutex<Option<Arc<Picks>>>, trace: &Arc<Trace>) -> Arc<Picks> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    match &*last {
        Some(picks) if Arc::ptr_eq(&picks.trace, trace) => Arc::clone(picks),
        _ => Arc::clone(last.insert(Arc::new(Picks::new(Arc::clone(trace))))),
    }
}
