//! A wait on the timeline: the marks stand at its ends, and all of it is visible.

use crate::app::timeline::Timeline;
use crate::app::timeline::rows::What;
use crate::stats::Table;
use crate::trace::{CpuId, Nanos, ThreadIx};

/// From becoming runnable to coming in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Who waited; [`ThreadIx::NONE`]: it is no wait of one thread.
    pub thread: ThreadIx,
    /// Where it came in, or would have.
    pub cpu: CpuId,
    /// Ns since the start.
    pub from: u64,
    /// The same.
    pub to: u64,
    /// The switch that brought it in; `None`: it is not known to have come in.
    pub event: Option<usize>,
}

impl Span {
    /// Of a wait.
    pub fn of(table: &Table, row: usize) -> Self {
        let wait = table.waits.get(row);
        let event = (!table.waits.is_open(row)).then_some(wait.last as usize);
        Self { thread: wait.thread, cpu: wait.cpu, from: wait.from, to: wait.to, event }
    }
}

impl Timeline {
    /// Goes to the switch that ended a wait (to its beginning when there is none), with the marks at its ends, all of it in the
    /// window, and a row of who waited. The thread that got that row, if it had none.
    pub(in crate::app) fn show_wait(&mut self, span: Span) -> Option<ThreadIx> {
        let new = !self.rows.pinned().contains(&span.thread) && self.pin(span.thread);
        if !span.event.is_some_and(|event| self.go_to_event(event)) {
            self.cursor.pause();
            self.choose(What::Cpu(span.cpu.ix()));
            self.seek(Nanos(span.from));
        }
        self.marks = vec![Nanos(span.from), Nanos(span.to)];
        let length = span.to.saturating_sub(span.from);
        // What came in is to be seen, too.
        let width = (length.saturating_mul(3) / 2).max(1_000);
        self.view = self.view.at(span.from.saturating_sub((width - length) / 2), width);
        new.then_some(span.thread)
    }
}
