//! The extractor itself.

use super::Sink;
use crate::trace::{ThreadIx, Trace};

/// Walks a trace once; see the room's documentation. Cloning it takes a snapshot of all state.
#[derive(Clone, Debug)]
pub struct Extractor {}

impl Extractor {
    /// Events at the start of a trace that are context only: at most this many, and at most a tenth of the trace.
    pub const WARM_UP: usize = 2_000;

    /// State for a trace before its first event.
    pub fn new(trace: &Trace) -> Self {
        let _ = (trace, ThreadIx::NONE);
        Self {}
    }

    /// Takes event `i` (in order, each once) and tells `sink` what follows from it.
    pub fn step<S: Sink>(&mut self, trace: &Trace, i: usize, sink: &mut S) {
        let _ = (trace, i, sink);
    }
}
