//! What the Waits screen orders and is told.

use crate::app::ticket::Ticket;
use crate::stats::Table;
use crate::stats::blame::{Blame, Instead};
use crate::stats::view::{Query, View};
use crate::trace::Trace;
use std::sync::Arc;

/// An order to the outside. Answers carry the ticket of the table that they belong to.
#[derive(Clone, Debug)]
pub enum Order {
    /// Find all waits of a recording; answered by [`News::Collected`].
    Collect {
        /// For the answer.
        ticket: Ticket,
        /// How the recording is called.
        name: String,
        /// The recording.
        trace: Arc<Trace>,
    },
    /// Filter and sort; answered by [`News::Looked`]. Replaces the one before.
    Look {
        /// For the answer.
        ticket: Ticket,
        /// The waits.
        table: Arc<Table>,
        /// What is asked.
        query: Query,
        /// The answer before.
        old: Option<Arc<View>>,
    },
    /// Find who ran instead; answered by [`News::Told`]. Replaces the one before.
    Tell {
        /// For the answer.
        ticket: Ticket,
        /// The waits.
        table: Arc<Table>,
        /// In short of these rows.
        rows: Vec<u32>,
        /// And everything of this one.
        chosen: Option<u32>,
    },
    /// Find where the machine was crowded; answered by [`News::Crowded`].
    Crowd {
        /// For the answer.
        ticket: Ticket,
        /// The waits.
        table: Arc<Table>,
    },
}

/// A fact from outside.
#[derive(Debug)]
pub enum News {
    /// All waits, or why there are none.
    Collected {
        /// Of the order.
        ticket: Ticket,
        /// What was found.
        result: Result<Arc<Table>, String>,
    },
    /// The list.
    Looked {
        /// Of the order.
        ticket: Ticket,
        /// The answer.
        view: Arc<View>,
    },
    /// Who ran instead.
    Told {
        /// Of the order.
        ticket: Ticket,
        /// Per row, in short.
        rows: Vec<(u32, InShort)>,
        /// Everything of one row.
        chosen: Option<(u32, Arc<Blame>)>,
    },
    /// Where it was crowded.
    Crowded {
        /// Of the order.
        ticket: Ticket,
        /// The answer.
        crowd: Arc<Crowd>,
    },
    /// Something went wrong that only needs to be said.
    Trouble(String),
}

/// What a row of the list says beside its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InShort {
    /// Who had the CPU.
    pub instead: Instead,
    /// For how long of it a CPU was idle on which the thread may run, ns.
    pub idle: u64,
}

/// Equal parts of a recording.
pub const PARTS: usize = 240;

/// How crowded each of [`PARTS`] equal parts of a recording was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    /// The longest queue of one CPU.
    pub queues: Vec<u32>,
    /// Ns in which some CPU was idle while some thread waited.
    pub idle: Vec<u64>,
}

impl Crowd {
    /// The part with the longest queue, the first of equals, and its length. `None`: nobody ever
    /// waited.
    pub fn longest(&self) -> Option<(usize, u32)> {
        let most = self.queues.iter().copied().max().filter(|most| *most > 0)?;
        Some((self.queues.iter().position(|q| *q == most)?, most))
    }

    /// The part with the most idle time while somebody waited, and how much that was.
    pub fn most_idle(&self) -> Option<(usize, u64)> {
        let most = self.idle.iter().copied().max().filter(|most| *most > 0)?;
        Some((self.idle.iter().position(|ns| *ns == most)?, most))
    }

    /// From when to when a part is, of a recording of `span` ns.
    pub fn part(&self, k: usize, span: u64) -> [u64; 2] {
        let edge =
            |k: usize| (u128::from(span) * k as u128 / self.queues.len().max(1) as u128) as u64;
        [edge(k), edge(k + 1)]
    }
}
