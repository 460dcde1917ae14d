//! The steps of a CPU's sequence: one token per switch, wake-up and migration that concerns it.

use super::Token;
use super::candidates::{Board, state_class};
use super::history::{CpuHistory, ThreadHistory, log_count, log_time, scale_prio};
use super::ident::NOBODY;
use super::layout::{CAND, TOKEN_X, cand, token};
use crate::trace::{CpuId, Event, Nanos, ThreadIx};

/// What every token says about its task and its CPU.
pub(super) struct Subject<'a> {
    pub thread: ThreadIx,
    pub idle: bool,
    pub past: &'a ThreadHistory,
    pub lane: &'a CpuHistory,
    /// Length of the CPU's queue after the event.
    pub queue_len: usize,
}

fn flag(on: bool) -> f32 {
    f32::from(u8::from(on))
}

fn base(kind: u8, now: Nanos, subject: &Subject<'_>) -> Token {
    let mut x = [0.0; TOKEN_X];
    x[token::dt] = subject.lane.token.map_or(0.0, |t| log_time(now.since(t).0));
    x[token::queue_len] = log_count(subject.queue_len as u32, 3.0);
    x[token::prio] = scale_prio(if subject.idle { 120 } else { subject.past.prio });
    x[token::idle] = flag(subject.idle);
    x[token::kthread] = flag(subject.past.kthread && !subject.idle);
    Token { kind, rank: subject.lane.rank(subject.thread), state: 0, x }
}

/// A switch. `subject` is the thread that came in, `board` the decision, `place` its place there.
pub(super) fn switch(
    e: &Event,
    subject: &Subject<'_>,
    stint: Nanos,
    board: &Board,
    place: Option<usize>,
    prev: &ThreadHistory,
) -> Token {
    let mut t = base(0, e.time, subject);
    t.state = state_class(e.state);
    t.x[token::stint] = log_time(stint.0);
    t.x[token::fifo] = 0.5;
    t.x[token::fix_rank] = 1.0;
    if subject.idle {
        (t.x[token::fifo], t.x[token::fix_rank]) = (0.0, 0.0);
    } else if let Some(i) = place {
        let row = &board.rows[i * CAND..][..CAND];
        let copied = [
            (token::oldest, cand::oldest),
            (token::newest, cand::newest),
            (token::fifo, cand::fifo_frac),
            (token::waited, cand::wait),
            (token::passed, cand::passed),
            (token::raw_hit, cand::raw_picked),
            (token::fix_hit, cand::fix_picked),
            (token::fix_rank, cand::fix_rank),
        ];
        for (to, from) in copied {
            t.x[to] = row[from];
        }
    }
    t.x[token::followed] =
        flag(subject.past.ident != NOBODY && prev.followers.last[0] == subject.past.ident);
    t
}

/// A wake-up (`kind` 1 or 2) after `slept`, or a migration (3 in, 4 away), executed on `by` for the
/// queue of `cpu`.
pub(super) fn other(kind: u8, e: &Event, cpu: CpuId, subject: &Subject<'_>, slept: u64) -> Token {
    let mut t = base(kind, e.time, subject);
    t.x[token::slept] = log_time(slept);
    t.x[token::local] = flag(e.cpu == cpu);
    t
}
