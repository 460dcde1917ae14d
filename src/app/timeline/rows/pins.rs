//! Which tasks have rows, and what is known of them.

use crate::stats::life::Life;
use crate::trace::ThreadIx;

/// Tasks that can be pinned at a time.
pub const MOST: usize = 16;

/// The tasks that have rows.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    /// Who, the last one first.
    pub threads: Vec<ThreadIx>,
    /// What they did, as far as it is known.
    pub lives: Vec<(ThreadIx, Life)>,
}

impl Pins {
    /// Pins a task; the oldest one goes where there are too many. False when it was pinned.
    pub fn add(&mut self, thread: ThreadIx) -> bool {
        if self.threads.contains(&thread) {
            return false;
        }
        self.threads.truncate(MOST - 1);
        self.threads.insert(0, thread);
        true
    }

    /// Pins it no more, and forgets what it did. False when it was not pinned.
    pub fn remove(&mut self, thread: ThreadIx) -> bool {
        let n = self.threads.len();
        self.threads.retain(|&t| t != thread);
        self.lives.retain(|(t, _)| *t != thread);
        self.threads.len() < n
    }

    /// What is known of a pinned task; `None` while it is being followed.
    pub fn life(&self, thread: ThreadIx) -> Option<&Life> {
        self.lives.iter().find(|(t, _)| *t == thread).map(|(_, life)| life)
    }
}
