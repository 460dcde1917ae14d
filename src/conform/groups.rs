//! Which threads are in one group. A row says it of two at a time: where the one that leaves and
//! the one that comes in have the same group's state at the same moment, it is one group. All
//! switches together join them.

use crate::trace::ThreadIx;
use crate::trace::truth::{Of, TruthRow, Value};
use std::collections::HashSet;

/// What is known of two threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kin {
    /// They compete in one queue when they wait on one CPU.
    Same,
    /// They do not.
    Other,
    /// Nothing says so.
    Unknown,
}

/// The two of a switch are in one group then; `None` where one of them is in none.
pub fn together(row: TruthRow<'_>) -> Option<bool> {
    let group = |of| {
        let state =
            [Value::Vruntime, Value::Deadline, Value::Weight].map(|value| row.value(of, value));
        state[0].map(|_| state)
    };
    let depth = |of| row.value(of, Value::Depth);
    let (a, b) = (group(Of::PrevGroup)?, group(Of::NextGroup)?);
    Some(a == b && depth(Of::Prev) == depth(Of::Next))
}

/// The threads of a recording by group. Those in none (at the root queue) are not among them: a
/// thread that ends leaves its group for the root, so that how deep it is belongs to a moment and
/// not to a thread.
#[derive(Clone, Debug)]
pub struct Groups {
    /// A tree for each group that is known.
    parent: Vec<u32>,
    /// Roots that are not one group.
    apart: HashSet<(u32, u32)>,
}

impl Groups {
    /// Nothing is known of `threads` threads.
    pub fn new(threads: usize) -> Self {
        Self { parent: (0..threads as u32).collect(), apart: HashSet::new() }
    }

    /// Takes what a row says of its two threads, of which idle ones have no state.
    pub fn learn(&mut self, row: TruthRow<'_>, prev: ThreadIx, next: ThreadIx) {
        let Some(together) = together(row) else { return };
        if prev.ix().max(next.ix()) >= self.parent.len() {
            return;
        }
        if together {
            let (a, b) = (self.root(prev), self.root(next));
            self.parent[a as usize] = b;
        } else {
            self.apart.insert((prev.0, next.0));
        }
    }

    /// To be called once all rows are learnt.
    pub fn settle(&mut self) {
        let pairs = std::mem::take(&mut self.apart);
        for (a, b) in pairs {
            let (a, b) = (self.root(ThreadIx(a)), self.root(ThreadIx(b)));
            self.apart.extend([(a, b), (b, a)]);
        }
        for thread in 0..self.parent.len() as u32 {
            self.root(ThreadIx(thread));
        }
    }

    /// What is known of two threads that are in groups.
    pub fn kin(&self, a: ThreadIx, b: ThreadIx) -> Kin {
        let root = |thread: ThreadIx| {
            let mut at = thread.0;
            while self.parent[at as usize] != at {
                at = self.parent[at as usize];
            }
            at
        };
        let (a, b) = (root(a), root(b));
        match a == b {
            true => Kin::Same,
            _ if self.apart.contains(&(a, b)) => Kin::Other,
            _ => Kin::Unknown,
        }
    }

    fn root(&mut self, thread: ThreadIx) -> u32 {
        let mut at = thread.0;
        while self.parent[at as usize] != at {
            let up = self.parent[at as usize];
            self.parent[at as usize] = self.parent[up as usize];
            at = up;
        }
        at
    }
}
