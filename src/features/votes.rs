//! The inputs of a forecast: whom simple statistics and the queue name as the next task of a CPU, as classes of its
//! recency list, and how much each of them has to go on. Looks at the past and at the queue as it is now.

use super::follow::{Follow, Ident};
use super::history::{Idents, Lane, Past, log_count, log_time};
use super::layout::vote;
use super::{ORDERS, OTHER, VOTERS};
use crate::sched::runqueue::RunQueues;
use crate::sched::state::Table;
use crate::trace::{CpuId, Nanos, ThreadIx};

/// What the votes are made from: everything right after a switch.
pub(super) struct Booth<'a> {
    pub cpu: CpuId,
    pub now: Nanos,
    /// The thread that has just come in.
    pub running: ThreadIx,
    pub idle: bool,
    pub queues: &'a RunQueues,
    pub past: &'a Table<Past>,
    pub lane: &'a Lane,
    pub follow: &'a Follow,
    pub idents: &'a Idents,
    /// Whom the uncorrected and the corrected replay would take out of the queue.
    pub next_by_replay: [Option<ThreadIx>; 2],
}

/// Votes and columns of one forecast.
pub(super) struct Ballot {
    pub votes: [u8; VOTERS],
    pub x: [f32; VOTERS],
}

impl Ballot {
    pub fn new(booth: &Booth<'_>) -> Self {
        let mut ballot = Self { votes: [OTHER as u8; VOTERS], x: [0.0; VOTERS] };
        ballot.ask_followers(booth);
        ballot.ask_queue(booth);
        ballot
    }

    fn ask_followers(&mut self, booth: &Booth<'_>) {
        let class = |who: Ident| booth.idents.thread(who, booth.past).map_or(OTHER as u8, |t| booth.lane.rank(t));
        for (order, found) in booth.follow.here(&booth.lane.history, booth.cpu.ix()).into_iter().enumerate() {
            let Some(followers) = found else { continue };
            let (best, count) = followers.best();
            self.votes[2 * order] = class(best);
            self.votes[2 * order + 1] = class(followers.last);
            self.x[2 * order] = count / (followers.total as f32 + 0.5);
            self.x[2 * order + 1] = log_count(followers.total, 5.0);
        }
    }

    fn ask_queue(&mut self, booth: &Booth<'_>) {
        let queue = booth.queues.queue(booth.cpu);
        let n = queue.len();
        let place = |i: usize| queue.get(i).copied();
        let from_end = |i: usize| n.checked_sub(i).and_then(place);
        let [raw, fix] = booth.next_by_replay;
        let named = [place(0), place(1), from_end(1), from_end(2), fix, raw];
        for (vote, thread) in self.votes[2 * ORDERS..].iter_mut().zip(named) {
            *vote = thread.map_or(OTHER as u8, |t| booth.lane.rank(t));
        }
        let waited = |thread: Option<ThreadIx>| {
            thread.map_or(0.0, |t| log_time(booth.now.since(booth.queues.entry(t).enqueued).0))
        };
        self.x[vote::waiting] = log_count(n as u32, 3.0);
        self.x[vote::oldest_wait] = waited(place(0));
        self.x[vote::newest_wait] = waited(from_end(1));
        if let Some(past) = booth.past.get(booth.running.ix()).filter(|_| !booth.idle) {
            self.x[vote::avg_stint] = past.avg_stint;
            self.x[vote::stints_since_wake] = log_count(past.stints_since_wake.min(1_000), 4.0);
            self.x[vote::idle] = if past.kthread { 0.5 } else { 0.0 };
        } else {
            self.x[vote::idle] = 1.0;
        }
    }
}
