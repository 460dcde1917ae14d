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

/// What a wait that is shown has changed on the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lit {
    /// Who got a row for it.
    thread: Option<ThreadIx>,
    /// Its marks.
    marks: [Nanos; 2],
    /// Width of the window before, and with it, ns.
    width: [u64; 2],
}

impl Lit {
    /// The row of this thread is wanted for itself now.
    pub(in crate::app) fn keep(&mut self, thread: ThreadIx) {
        self.thread = self.thread.filter(|lit| *lit != thread);
    }
}

impl Timeline {
    /// Goes to the switch that ended a wait (to its beginning when there is none), with the marks
    /// at its ends, all of it in the window, and a row of who waited. `before`: the wait that was
    /// shown until now.
    pub(in crate::app) fn show_wait(&mut self, span: Span, before: Option<Lit>) -> Lit {
        let other = before.and_then(|lit| lit.thread).filter(|thread| *thread != span.thread);
        if let Some(other) = other {
            self.unpin(other);
        }
        let had = before.is_some_and(|lit| lit.thread == Some(span.thread));
        let new = !self.rows.pinned().contains(&span.thread) && self.pin(span.thread);
        if !span.event.is_some_and(|event| self.go_to_event(event)) {
            self.cursor.pause();
            self.choose(What::Cpu(span.cpu.ix()));
            self.seek(Nanos(span.from));
        }
        let marks = [Nanos(span.from), Nanos(span.to)];
        self.marks = marks.into();
        let length = span.to.saturating_sub(span.from);
        // What came in is to be seen, too.
        let width = (length.saturating_mul(3) / 2).max(1_000);
        let wide = before.map_or(self.view.width, |lit| lit.width[0]);
        self.view = self.view.at(span.from.saturating_sub((width - length) / 2), width);
        Lit { thread: (had || new).then_some(span.thread), marks, width: [wide, self.view.width] }
    }

    /// Something else is to be shown: takes away what a wait had changed, as far as it is as it was
    /// left.
    pub(in crate::app) fn leave_wait(&mut self, lit: Lit) {
        if let Some(thread) = lit.thread {
            self.unpin(thread);
        }
        if self.marks == lit.marks {
            self.marks.clear();
        }
        if self.view.width == lit.width[1] {
            self.view = self.view.at(self.view.start, lit.width[0]);
        }
    }
}
