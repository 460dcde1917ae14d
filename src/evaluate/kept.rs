//! States of a pass over a recording, kept along the way so that a later walk can begin near any event. Their number and
//! their memory are bounded: when they take too much, every other one is dropped and they are kept half as often.

use crate::features::Extractor;
use crate::trace::Trace;
use std::collections::BTreeMap;

/// Bytes for what the states know of threads: this much, or so much for each event of the recording, whichever is more.
const LEAST_BYTES: usize = 128 << 20;
const BYTES_PER_EVENT: usize = 160;

/// States by the event that comes next.
#[derive(Debug)]
pub(super) struct Kept<S> {
    apart: usize,
    limit: usize,
    /// Each with the bytes that it does not share with those before it.
    states: BTreeMap<usize, (S, usize)>,
}

impl<S> Kept<S> {
    /// None yet; later one every `apart` events, at least one.
    pub fn new(apart: usize, trace: &Trace) -> Self {
        let limit = LEAST_BYTES.max(trace.len().saturating_mul(BYTES_PER_EVENT));
        Self { apart: apart.max(1), limit, states: BTreeMap::new() }
    }

    /// Number of states.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Keeps what `state` makes of the extractor, which is about to take event `i`, if one belongs there.
    pub fn keep(&mut self, i: usize, extractor: &mut Extractor, state: impl FnOnce(Extractor) -> S) {
        if i == 0 || !i.is_multiple_of(self.apart) || self.states.contains_key(&i) {
            return;
        }
        let bytes = extractor.own_bytes();
        self.states.insert(i, (state(extractor.snapshot()), bytes));
        while self.states.len() > 2 && self.states.values().map(|(_, b)| b).sum::<usize>() > self.limit {
            self.thin(extractor.most_bytes());
        }
    }

    /// Drops every other state. What a dropped one had alone may live on in the next, which cannot have more than `most`.
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
    pub fn nearest(&self, event: usize) -> Option<(usize, &S)> {
        self.states.range(..=event).next_back().map(|(i, (state, _))| (*i, state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Decision, Forecast, Outcome, Sink, Token};
    use crate::trace::{CpuId, Event, EventKind, Nanos, Pid, TaskState, TraceBuilder, TraceMeta};

    struct Deaf;
    impl Sink for Deaf {
        fn token(&mut self, _: CpuId, _: &Token) {}
        fn decision(&mut self, _: &Decision<'_>) {}
        fn outcome(&mut self, _: &Outcome) {}
        fn forecast(&mut self, _: &Forecast<'_>) {}
    }

    /// One thread after the other comes in on one CPU, `threads` of them again and again, far apart in their tables.
    fn round(threads: usize, events: usize) -> Trace {
        let mut b = TraceBuilder::with_capacity(events);
        let tasks: Vec<_> = (0..threads).map(|i| b.task(Pid(i as i32 + 1), b"t")).collect();
        let at = |i: usize| tasks[i * 33 % threads];
        for i in 0..events {
            let blank = Event::blank(Nanos(i as u64 * 100), CpuId(0));
            let (task, next, state) = (at(i), at(i + 1), TaskState::SLEEP);
            b.push(Event { kind: EventKind::Switch, task, next, state, prio: 120, next_prio: 120, ..blank }, Pid(-1));
        }
        b.finish(TraceMeta { cpus: 1, ..TraceMeta::default() })
    }

    #[test]
    fn states_are_dropped_when_they_take_too_much() {
        let trace = round(1_001, 4_000);
        let mut extractor = Extractor::new(&trace);
        let mut kept = Kept::new(100, &trace);
        kept.limit = 4 * extractor.most_bytes();
        for i in 0..trace.len() {
            kept.keep(i, &mut extractor, |e| e);
            extractor.step(&trace, i, &mut Deaf);
        }
        assert!(kept.apart >= 400, "{}", kept.apart);
        assert!(kept.len() >= 2 && kept.states.values().map(|(_, b)| b).sum::<usize>() <= kept.limit);
        let (at, _) = kept.nearest(3_999).unwrap();
        assert!(at.is_multiple_of(kept.apart) && at + kept.apart > 3_999);
        assert!(kept.nearest(kept.apart - 1).is_none());
    }
}
