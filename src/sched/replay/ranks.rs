//! Where a thread stands among those that wait for an open decision.

// The bodies must be part of the function that enables the instructions, or they are not compiled
// for them.
#![allow(clippy::inline_always)]

use super::HYPOTHESES;
use super::queue::GROUPS;
use crate::simd::{Lanes, less_wide};

/// Up to this many waiting threads a rank is found by counting, all lanes at once; among more by
/// searching in what was sorted once.
const COUNTED: usize = 96;

/// The keys of everyone who waits for an open decision; filled by need.
#[derive(Clone, Debug)]
pub(super) struct Ranks<const N: usize> {
    /// By thread: its key, the largest number where it is not eligible.
    pub keys: Vec<[i64; N]>,
    /// By lane: the same, ascending. Only of many.
    pub sorted: Vec<i64>,
    pub least: [i64; N],
    /// What the virtual times of the CPU's queues are measured from: of its root, and of each
    /// group.
    pub bases: [[i64; N]; 1 + GROUPS],
    pub fresh: bool,
}

impl<const N: usize> Ranks<N> {
    pub fn new() -> Self {
        Self {
            keys: Vec::new(),
            sorted: Vec::new(),
            least: [0; N],
            bases: [[0; N]; 1 + GROUPS],
            fresh: false,
        }
    }

    /// Another decision.
    pub fn stale(&mut self) {
        self.fresh = false;
    }

    pub fn sort(&mut self) {
        self.sorted.clear();
        if self.keys.len() <= COUNTED {
            return;
        }
        for h in 0..N {
            let from = self.sorted.len();
            self.sorted.extend(self.keys.iter().map(|keys| keys[h]));
            self.sorted[from..].sort_unstable();
        }
    }

    /// How many are before each key.
    #[inline(always)]
    pub fn before<V: Lanes>(&self, key: &[i64; N]) -> [i64; N] {
        let mut before = [0; N];
        if !self.sorted.is_empty() {
            for (h, sorted) in self.sorted.chunks_exact(self.keys.len()).enumerate().take(N) {
                before[h] = sorted.partition_point(|other| *other < key[h]) as i64;
            }
        } else if let (keys, Some(key), true) =
            (self.keys.as_flattened().as_chunks().0, key.first_chunk(), N == HYPOTHESES)
        {
            before.copy_from_slice(&less_wide::<V>(keys, key));
        } else {
            for other in &self.keys {
                for h in 0..N {
                    before[h] += i64::from(other[h] < key[h]);
                }
            }
        }
        before
    }
}
