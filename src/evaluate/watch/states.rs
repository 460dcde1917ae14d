//! States of a watch, kept along the way so that a later walk can begin near any event. They share
//! what did not change between them. Their number and their memory are bounded: when they take too
//! much, every other one is dropped and they are kept half as often.

use super::{Beside, Panel, Watch};
use crate::predictor::Predictor;
use crate::trace::Trace;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes for what the states know of threads: this much, or so much for each event of the
/// recording, whichever is more.
const LEAST_BYTES: usize = 128 << 20;
const BYTES_PER_EVENT: usize = 160;

/// The states of one recording's watch, by the event that comes next. More are kept as walks go
/// over the recording.
#[derive(Debug)]
pub struct States<E> {
    start: Watch<Beside<E>>,
    apart: usize,
    kept: Mutex<Kept<Watch<Beside<E>>>>,
    /// Where the last cancelled walk stopped.
    left: Mutex<Option<(usize, Watch<Beside<E>>)>>,
}

impl<E: Predictor + Clone> States<E> {
    /// Only the state before the first event of `trace`, with a `panel` that has seen nothing.
    /// Later at most `most` are kept, at least `apart` events apart.
    pub fn new(trace: &Trace, panel: Beside<E>, most: usize, apart: usize) -> Self {
        Self::every(apart.max(trace.len().div_ceil(most.max(1))), trace, panel)
    }

    /// As [`Self::new`], but a state is kept every `apart` events (at least one).
    pub fn every(apart: usize, trace: &Trace, panel: Beside<E>) -> Self {
        let (start, apart) = (Watch::new(trace, panel), apart.max(1));
        Self { start, apart, kept: Mutex::new(Kept::new(apart, trace)), left: Mutex::default() }
    }

    /// Number of states, the first one included.
    pub fn len(&self) -> usize {
        1 + lock(&self.kept).states.len()
    }

    /// Never: the start is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The model that has seen nothing.
    pub fn model(&self) -> &E {
        &self.start.panel().model
    }

    /// The event that follows the latest state at or before `event`.
    pub fn before(&self, event: usize) -> usize {
        let left = lock(&self.left).as_ref().map(|(i, _)| *i).filter(|i| *i <= event);
        let kept = lock(&self.kept).nearest(event).map(|(i, _)| i);
        left.max(kept).unwrap_or(0)
    }

    /// The latest state at or before `event`, and the event that follows it.
    pub fn nearest(&self, event: usize) -> (usize, Watch<Beside<E>>) {
        let (left, kept) = (lock(&self.left), lock(&self.kept));
        let left = left.as_ref().filter(|(i, _)| *i <= event).map(|(i, watch)| (*i, watch));
        let nearest = kept.nearest(event).into_iter().chain(left).max_by_key(|(i, _)| *i);
        let (i, watch) = nearest.unwrap_or((0, &self.start));
        (i, watch.clone())
    }

    /// Takes the state of a walk that was cancelled before event `i`.
    pub fn leave(&self, i: usize, watch: Watch<Beside<E>>) {
        *lock(&self.left) = Some((i, watch));
    }

    /// Keeps a copy of `watch`, which is about to take event `i`, if one belongs there.
    pub fn keep(&self, i: usize, watch: &mut Watch<Beside<E>>) {
        self.keep_part(i, watch, Beside::clone);
    }

    /// As [`Self::keep`], of a watch with more seats than are kept.
    pub fn keep_part<P: Panel>(
        &self,
        i: usize,
        watch: &mut Watch<P>,
        part: impl FnOnce(&P) -> Beside<E>,
    ) {
        // They are never kept more often than at first.
        if i == 0 || !i.is_multiple_of(self.apart) {
            return;
        }
        let mut kept = lock(&self.kept);
        if kept.wants(i) {
            let (own, most) = (watch.extractor.own_bytes(), watch.extractor.most_bytes());
            let part = part(watch.panel());
            kept.insert(i, watch.snapshot_with(part), own, most);
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// States by the event that comes next, within a bound of memory.
#[derive(Debug)]
struct Kept<S> {
    apart: usize,
    limit: usize,
    /// Each with the bytes that it does not share with those before it.
    states: BTreeMap<usize, (S, usize)>,
}

impl<S> Kept<S> {
    /// None yet; later one every `apart` events.
    fn new(apart: usize, trace: &Trace) -> Self {
        let limit = LEAST_BYTES.max(trace.len().saturating_mul(BYTES_PER_EVENT));
        Self { apart, limit, states: BTreeMap::new() }
    }

    fn wants(&self, i: usize) -> bool {
        i > 0 && i.is_multiple_of(self.apart) && !self.states.contains_key(&i)
    }

    /// Keeps a state with `bytes` of its own, of which none can have more than `most`.
    fn insert(&mut self, i: usize, state: S, bytes: usize, most: usize) {
        self.states.insert(i, (state, bytes));
        while self.states.len() > 2
            && self.states.values().map(|(_, b)| b).sum::<usize>() > self.limit
        {
            self.thin(most);
        }
    }

    /// Drops every other state. What a dropped one had alone may live on in the next, which cannot
    /// have more than `most`.
    fn thin(&mut self, most: usize) {
        self.apart = self.apart.saturating_mul(2);
        let (apart, mut dropped) = (self.apart, 0);
        self.states.retain(|i, (_, bytes)| {
            let stays = i.is_multiple_of(apart);
            if stays {
                *bytes = (*bytes + std::mem::take(&mut dropped)).min(most);
            } else {
                dropped += *bytes;
            }
            stays
        });
    }

    /// The latest state at or before `event`, and the event that follows it.
    fn nearest(&self, event: usize) -> Option<(usize, &S)> {
        self.states.range(..=event).next_back().map(|(i, (state, _))| (*i, state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictor::heuristics::{Heuristic, Rule};
    use crate::trace::{CpuId, Event, EventKind, Nanos, Pid, TaskState, TraceBuilder, TraceMeta};

    /// One thread after the other comes in on one CPU, `threads` of them again and again, far apart
    /// in their tables.
    fn round(threads: usize, events: usize) -> Trace {
        let mut b = TraceBuilder::with_capacity(events);
        let tasks: Vec<_> = (0..threads).map(|i| b.task(Pid(i as i32 + 1), b"t")).collect();
        let at = |i: usize| tasks[i * 33 % threads];
        for i in 0..events {
            let blank = Event::blank(Nanos(i as u64 * 100), CpuId(0));
            let (task, next, state) = (at(i), at(i + 1), TaskState::SLEEP);
            b.push(
                Event {
                    kind: EventKind::Switch,
                    task,
                    next,
                    state,
                    prio: 120,
                    next_prio: 120,
                    ..blank
                },
                Pid(-1),
            );
        }
        b.finish(TraceMeta { cpus: 1, ..TraceMeta::default() })
    }

    #[test]
    fn states_are_dropped_when_they_take_too_much() {
        let trace = round(1_001, 4_000);
        let states = States::every(100, &trace, Beside::picking(Heuristic::new(Rule::Fifo, 0)));
        let (_, mut watch) = states.nearest(0);
        lock(&states.kept).limit = 4 * watch.extractor.most_bytes();
        for i in 0..trace.len() {
            states.keep(i, &mut watch);
            watch.step(&trace, i);
        }
        let kept = lock(&states.kept);
        assert!(kept.apart >= 400, "{}", kept.apart);
        assert!(
            kept.states.len() >= 2
                && kept.states.values().map(|(_, b)| b).sum::<usize>() <= kept.limit
        );
        let (at, _) = kept.nearest(3_999).unwrap();
        assert!(at.is_multiple_of(kept.apart) && at + kept.apart > 3_999);
        assert!(kept.nearest(kept.apart - 1).is_none());
    }
}
