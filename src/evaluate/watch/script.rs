//! What a panel is to be asked over a stretch of events, written down: the extractor can go ahead
//! on one thread while the panel answers on another. The panel hears the same words in the same
//! order, so that its answers are the same to the bit (`tests/stretch.rs`).

use super::{Answered, Exchange, Panel};
use crate::features::{
    ASK, CAND, Decision, Extractor, Forecast, Outcome, QUERY, Sink, THREAD, Token,
};
use crate::trace::{CpuId, Nanos, TaskState, ThreadIx, Trace};
use std::ops::Range;

/// One word of the extractor. Slices lie in the script's columns, one after the other.
#[derive(Clone, Copy, Debug)]
enum Call {
    /// What follows is about this event.
    Event(u32),
    Token(CpuId, Token),
    Decision(Choice),
    Outcome(Outcome),
    Forecast(Question),
}

/// A [`Decision`] without its slices.
#[derive(Clone, Copy, Debug)]
struct Choice {
    event: u32,
    cpu: CpuId,
    time: Nanos,
    prev: ThreadIx,
    prev_state: TaskState,
    stint: Nanos,
    candidates: usize,
}

/// A [`Forecast`] without its slices.
#[derive(Clone, Copy, Debug)]
struct Question {
    event: u32,
    cpu: CpuId,
    time: Nanos,
    running: ThreadIx,
    ranked: usize,
    candidates: usize,
    queue: usize,
}

/// The words about a stretch of events, in memory that is used again for the next stretch.
#[derive(Clone, Debug, Default)]
pub struct Script {
    calls: Vec<Call>,
    threads: Vec<ThreadIx>,
    rows: Vec<f32>,
    waited: Vec<Nanos>,
    lag: Vec<i64>,
    /// Behind the last event.
    end: usize,
}

/// How far the columns were read.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    threads: usize,
    rows: usize,
    times: usize,
}

/// The next `n` of a column.
fn next<'a, T>(column: &'a [T], at: &mut usize, n: usize) -> &'a [T] {
    *at += n;
    &column[*at - n..*at]
}

impl Script {
    /// Behind the last event that it is about.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Writes down these events, which the extractor takes next, in place of what was there.
    pub fn write(&mut self, extractor: &mut Extractor, trace: &Trace, events: Range<usize>) {
        self.calls.clear();
        self.threads.clear();
        self.rows.clear();
        self.waited.clear();
        self.lag.clear();
        self.end = events.end;
        for i in events {
            self.calls.push(Call::Event(i as u32));
            extractor.step(trace, i, self);
        }
    }

    /// Asks all of it, and hands over each switch.
    pub fn ask<P: Panel>(&self, exchange: &mut Exchange<P>, mut each: impl FnMut(Answered<'_>)) {
        let (mut read, mut decision) = (Read::default(), None);
        for call in &self.calls {
            match call {
                Call::Event(i) => {
                    if let Some(answered) = decision.take().and_then(|d| exchange.answered(d)) {
                        each(answered);
                    }
                    (exchange.event, exchange.outcome) = (*i, None);
                }
                Call::Token(cpu, token) => exchange.token(*cpu, token),
                Call::Decision(choice) => {
                    let asked = self.decision(choice, &mut read);
                    exchange.decision(&asked);
                    decision = Some(asked);
                }
                Call::Outcome(outcome) => exchange.outcome(outcome),
                Call::Forecast(question) => {
                    exchange.forecast(&self.forecast(question, &mut read));
                }
            }
        }
        if let Some(answered) = decision.and_then(|d| exchange.answered(d)) {
            each(answered);
        }
    }

    fn decision(&self, c: &Choice, read: &mut Read) -> Decision<'_> {
        let n = c.candidates;
        let lag = &self.lag[read.times..read.times + n];
        Decision {
            event: c.event,
            cpu: c.cpu,
            time: c.time,
            prev: c.prev,
            prev_state: c.prev_state,
            stint: c.stint,
            candidates: next(&self.threads, &mut read.threads, n),
            query: next(&self.rows, &mut read.rows, QUERY),
            features: next(&self.rows, &mut read.rows, n * CAND),
            waited: next(&self.waited, &mut read.times, n),
            lag,
        }
    }

    fn forecast(&self, q: &Question, read: &mut Read) -> Forecast<'_> {
        Forecast {
            event: q.event,
            cpu: q.cpu,
            time: q.time,
            running: q.running,
            candidates: next(&self.threads, &mut read.threads, q.candidates),
            ranked: q.ranked,
            queue: next(&self.threads, &mut read.threads, q.queue),
            query: next(&self.rows, &mut read.rows, ASK),
            features: next(&self.rows, &mut read.rows, q.candidates * THREAD),
        }
    }
}

impl Sink for Script {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.calls.push(Call::Token(cpu, *token));
    }

    fn decision(&mut self, d: &Decision<'_>) {
        self.threads.extend_from_slice(d.candidates);
        self.rows.extend_from_slice(d.query);
        self.rows.extend_from_slice(d.features);
        self.waited.extend_from_slice(d.waited);
        self.lag.extend_from_slice(d.lag);
        self.calls.push(Call::Decision(Choice {
            event: d.event,
            cpu: d.cpu,
            time: d.time,
            prev: d.prev,
            prev_state: d.prev_state,
            stint: d.stint,
            candidates: d.candidates.len(),
        }));
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.calls.push(Call::Outcome(*outcome));
    }

    fn forecast(&mut self, f: &Forecast<'_>) {
        self.threads.extend_from_slice(f.candidates);
        self.threads.extend_from_slice(f.queue);
        self.rows.extend_from_slice(f.query);
        self.rows.extend_from_slice(f.features);
        self.calls.push(Call::Forecast(Question {
            event: f.event,
            cpu: f.cpu,
            time: f.time,
            running: f.running,
            ranked: f.ranked,
            candidates: f.candidates.len(),
            queue: f.queue.len(),
        }));
    }
}
