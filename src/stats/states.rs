//! What each thread did when, in one pass over the events.
//!
//! ```text
//! absent ── first named ──> unknown ── wake-up ──> runnable ── comes in ──> running ── leaves R ──> runnable
//!                                                    ^                         │ leaves S, D
//!                                                    └────── wake-up ── sleeping, blocked      leaves X, Z: absent
//! ```
//!
//! A thread's span begins with the first event that names it and ends with the recording, less the
//! time in which it was dead. Its pieces follow each other without a gap or an overlap. Unknown is:
//!
//! - a thread that ran on a CPU whose time becomes unknown ([`crate::trace::Trace::unknown`]),
//!   until an event says where it is;
//! - a thread that waited or slept on a CPU across a loss there, from the loss on: it may have run
//!   in between;
//! - a thread that waited and was never seen to come in, from where nobody knows who ran on its CPU;
//! - a thread that turns out to have done something else than what the events had said: all since
//!   they said it. So it is with whoever sleeps and comes in without having been woken, and with
//!   whoever was woken, waits and is woken again: it ran in between.

mod walk;

pub use walk::walk;

use crate::trace::{CpuId, ThreadIx};

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doing {
    /// It has a CPU.
    Running,
    /// It waits for one.
    Runnable,
    /// It sleeps, interruptible or in any other way than the next one.
    Sleeping,
    /// It sleeps uninterruptibly (D).
    Blocked,
    /// The recording does not say.
    Unknown,
}

/// What makes a thread runnable, or moves it while it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// It was woken.
    Wakeup,
    /// It left a CPU without wanting to sleep.
    Preempted,
    /// It was moved to another CPU while it waited.
    Migrated,
    /// It was just forked.
    New,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Wakeup, Self::Preempted, Self::Migrated, Self::New];

    /// In filters and machine output.
    pub fn label(self) -> &'static str {
        match self {
            Self::Wakeup => "wakeup",
            Self::Preempted => "preempted",
            Self::Migrated => "migrated",
            Self::New => "new",
        }
    }
}

/// "No event": what lasts until the recording ends.
pub const NO_EVENT: u32 = u32::MAX;

/// A thread doing one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Who; never an idle thread.
    pub thread: ThreadIx,
    /// What.
    pub doing: Doing,
    /// Where it runs; whose queue it is in at the end; where it ran before it slept.
    /// [`CpuId::NONE`]: not known.
    pub cpu: CpuId,
    /// When, ns since the start.
    pub from: u64,
    /// Until when; more than `from`.
    pub to: u64,
    /// The event at or before the end that says so (the recording's last one when nothing does):
    /// names are asked for there.
    pub last: u32,
}

/// From becoming runnable to coming in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Who waited; never an idle thread.
    pub thread: ThreadIx,
    /// Where it came in; whose queue it was in when it did not.
    pub cpu: CpuId,
    /// When it became runnable, ns since the start.
    pub from: u64,
    /// When it came in; when what is known of it ended before: at a loss, or with the recording.
    pub to: u64,
    /// The event that made it runnable.
    pub first: u32,
    /// The switch that brought it in; [`NO_EVENT`] when there is none.
    pub last: u32,
    /// What made it runnable; never [`Cause::Migrated`].
    pub began: Cause,
    /// The same, or [`Cause::Migrated`] when it was moved while it waited.
    pub kind: Cause,
    /// Who ran where it was woken (idle, say, under an interrupt); [`ThreadIx::NONE`] when not
    /// known or not woken.
    pub waker: ThreadIx,
    /// Where that was.
    pub waker_cpu: CpuId,
}

/// Takes what [`walk()`] finds. Calls for one thread come by time.
pub trait Sink {
    /// A thread did something.
    fn piece(&mut self, _: &Piece) {}
    /// A wait is over, or what is known of it.
    fn waited(&mut self, _: &Wait) {}
    /// A thread comes in on another CPU than last time (`moved`), or the same.
    fn came_in(&mut self, _: ThreadIx, _cpu: CpuId, _moved: bool, _event: u32) {}
    /// A thread leaves a CPU, runnable or not.
    fn left(&mut self, _: ThreadIx, _runnable: bool, _event: u32) {}
    /// A thread becomes runnable by a wake-up or a fork.
    fn woken(&mut self, _: ThreadIx, _waker: ThreadIx, _event: u32) {}
}
