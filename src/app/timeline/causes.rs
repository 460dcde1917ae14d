//! What led to what is shown: the wake-ups before the selected stint, where the machine was
//! crowded, who ran between the marks. It is found outside, in jobs; here is what came of it.

use super::Timeline;
use super::kernel::{Judged, Kernel};
use super::rows::What;
use crate::app::layout::Room;
use crate::app::ticket::Ticket;
use crate::conform::picture::Picture;
use crate::stats::between::Between;
use crate::stats::blame::{Link, chain};
use crate::stats::{Table, Window};
use crate::trace::{CpuId, ThreadIx, Trace};
use std::sync::Arc;

/// An order to the outside.
#[derive(Clone, Debug)]
pub enum Order {
    /// Find all waits of a recording; answered by [`News::Collected`].
    Collect {
        /// For the answer.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
    },
    /// Find where it was crowded; answered by [`News::Crowded`]. Replaces the one before.
    Crowd {
        /// For the answer.
        ticket: Ticket,
        /// The waits.
        table: Arc<Table>,
        /// In equal parts of this.
        window: Window,
        /// So many of them.
        parts: usize,
    },
    /// Find who ran; answered by [`News::Between`]. Replaces the one before.
    Between {
        /// For the answer.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
        /// On this CPU above all.
        cpu: CpuId,
        /// In this time.
        window: Window,
    },
    /// Find why the kernel chose; answered by [`News::Picked`]. Replaces the one before.
    Pick {
        /// For the answer.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
        /// At this switch.
        event: usize,
    },
    /// Find a pick in which the rule is well seen; answered by [`News::Example`].
    Example {
        /// For the answer.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
    },
    /// Hold every pick against the rule; answered by [`News::Judged`].
    Judge {
        /// For the answer.
        ticket: Ticket,
        /// The recording.
        trace: Arc<Trace>,
    },
}

/// A fact from outside.
#[derive(Debug)]
pub enum News {
    /// All waits.
    Collected {
        /// Of the order.
        ticket: Ticket,
        /// The waits.
        table: Arc<Table>,
    },
    /// Where it was crowded.
    Crowded {
        /// Of the order.
        ticket: Ticket,
        /// The answer.
        crowd: Crowd,
    },
    /// Who ran.
    Between {
        /// Of the order.
        ticket: Ticket,
        /// The answer.
        between: Box<BetweenMarks>,
    },
    /// Why the kernel chose.
    Picked {
        /// Of the order.
        ticket: Ticket,
        /// At this switch.
        event: usize,
        /// The answer; `None` when there is none.
        picture: Option<Box<Picture>>,
    },
    /// A pick in which the rule is well seen.
    Example {
        /// Of the order.
        ticket: Ticket,
        /// Its switch, if there is one.
        event: Option<usize>,
    },
    /// The picks that the rule does not explain.
    Judged {
        /// Of the order.
        ticket: Ticket,
        /// The answer.
        judged: Arc<Judged>,
    },
    /// Something went wrong that only needs to be said.
    Trouble(String),
}

/// How crowded each of equal parts of a window was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    /// Where the window begins, and how wide it is, ns.
    pub window: (u64, u64),
    /// The longest queue of one CPU.
    pub queues: Vec<u32>,
    /// Ns in which some CPU was idle while some thread waited.
    pub idle: Vec<u64>,
}

impl Crowd {
    /// The longest queue in `from..to`, and the share of that time in which a CPU was idle while
    /// somebody waited, where it was asked about.
    pub fn within(&self, from: u64, to: u64) -> Option<(u32, f32)> {
        let (n, (start, width)) = (self.queues.len() as u128, self.window);
        let part =
            |t: u64| (u128::from(t.saturating_sub(start)) * n / u128::from(width.max(1))) as usize;
        if n == 0 || from < start || from >= start.saturating_add(width) {
            return None;
        }
        // The middle of a column lies in its own part, whatever the edges are rounded to.
        let first = part(from + (to.saturating_sub(from) / 2).min(width / (2 * n as u64).max(1)));
        let first = first.min(self.queues.len() - 1);
        let last = part(to.saturating_sub(1)).clamp(first, self.queues.len() - 1);
        let queue = self.queues[first..=last].iter().copied().max()?;
        let idle: u64 = self.idle.get(first..=last)?.iter().sum();
        let ns = u128::from(width) * (last + 1 - first) as u128 / n;
        Some((queue, (idle as f64 / ns.max(1) as f64).min(1.0) as f32))
    }
}

/// Who ran between two marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BetweenMarks {
    /// On this CPU above all.
    pub cpu: CpuId,
    /// Between these.
    pub window: Window,
    /// The answer.
    pub between: Between,
}

/// The wake-ups that led to a stint, or to the wait for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Woken {
    /// Who was woken.
    pub thread: ThreadIx,
    /// Where it came in, or would have.
    pub cpu: CpuId,
    /// When, ns since the start.
    pub to: u64,
    /// By whom, the last wake-up first.
    pub links: Vec<Link>,
}

/// Wake-ups of a chain.
const CHAIN: usize = 8;

impl Woken {
    /// Of a thread at a time: of the wait that it is in then, or the last one before. `exactly`:
    /// the one that ends then.
    fn of(t: &Table, thread: ThreadIx, at: u64, exactly: bool) -> Option<Self> {
        let rows = t.waits.of_thread(thread);
        let next = rows.partition_point(|r| t.waits.to(*r as usize) <= at);
        let waits_now = rows.get(next).filter(|r| !exactly && t.waits.from(**r as usize) <= at);
        let row = *waits_now.or_else(|| rows[..next].last())? as usize;
        let wait = t.waits.get(row);
        (!exactly || wait.to == at)
            .then(|| Self { thread, cpu: wait.cpu, to: wait.to, links: chain(t, row, CHAIN) })
            .filter(|woken| !woken.links.is_empty())
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Causes {
    /// Rows below the others that say where it was crowded are wanted.
    pub crowded: bool,
    /// The pane that says who ran between the marks is wanted.
    pub between: bool,
    /// All waits, once they are found.
    pub waits: Option<Arc<Table>>,
    /// Where it was crowded: the answer to what is visible, or to what was.
    pub crowd: Option<Crowd>,
    /// Who ran between the marks, or between those that there were.
    pub told: Option<Box<BetweenMarks>>,
    /// What led to the selected stint.
    pub woken: Option<Woken>,
    /// Why the kernel chose.
    pub kernel: Kernel,
    /// Of whom and when that is.
    of: Option<(ThreadIx, u64, bool)>,
}

impl Causes {
    /// Takes the waits.
    pub(in crate::app) fn collected(&mut self, table: Arc<Table>) {
        (self.waits, self.of) = (Some(table), None);
    }
}

impl Timeline {
    /// The time between the marks, when there are two.
    pub fn marked(&self) -> Option<Window> {
        match self.marks[..] {
            [a, b] => Some(Window { from: a.0.min(b.0), to: a.0.max(b.0) }),
            _ => None,
        }
    }

    /// What is shown of the time between the marks, when that is wanted and there are two.
    pub fn between(&self) -> Option<Window> {
        self.marked().filter(|_| self.causes.between)
    }

    /// Finds who woke the task whose stint is selected, when another one is.
    pub(in crate::app) fn look_who_woke(&mut self) {
        let of = match self.rows.on {
            What::Task(thread) => Some((thread, self.cursor.pos().0, false)),
            _ => self.event().map(|event| {
                let e = self.trace().event(event);
                (self.trace().tasks().thread_on(e.next, e.cpu), e.time.0, true)
            }),
        };
        if of == self.causes.of {
            return;
        }
        let Some(table) = &self.causes.waits else { return };
        self.causes.woken =
            of.and_then(|(thread, at, exactly)| Woken::of(table, thread, at, exactly));
        self.causes.of = of;
    }

    /// Shows where it was crowded, or no more; `room`: there would be some. The words for the last
    /// row.
    pub(in crate::app) fn show_crowd(&mut self, room: bool) -> String {
        self.causes.crowded = !self.causes.crowded;
        match (self.causes.crowded, room) {
            (false, _) => "no rows of crowding".into(),
            (true, true) => {
                "below: most threads that waited for one CPU; time in which a CPU was idle \
                 meanwhile"
                    .into()
            }
            (true, false) => "there is no room for these rows here".into(),
        }
    }

    /// Shows who ran between the marks, or no more; `panes`: there are any. The words for the last
    /// row.
    pub(in crate::app) fn show_between(&mut self, panes: bool) -> Option<String> {
        if self.marked().is_none() {
            self.causes.between = false;
            return Some("set two marks first (m): who ran between them?".into());
        }
        self.causes.between = !self.causes.between;
        self.panes.scroll = 0;
        let closed = self.causes.between && !panes;
        if closed && self.panes.room == Room::None {
            self.panes.room = Room::Some;
            return None;
        }
        closed.then(|| "there is no room for a pane here; 6 sums up the same time".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_for_another_window_is_shown_where_it_lies() {
        let crowd =
            Crowd { window: (1_000, 100), queues: vec![1, 2, 3, 4], idle: vec![0, 25, 5, 0] };
        let table = [
            ((1_000, 1_025), Some((1, 0.0))),
            ((1_025, 1_050), Some((2, 1.0))),
            ((1_050, 1_075), Some((3, 0.2))),
            ((1_025, 1_075), Some((3, 0.6))),
            ((1_000, 1_100), Some((4, 0.3))),
            ((1_030, 1_031), Some((2, 1.0))),
            ((999, 1_020), None),
            ((1_100, 1_125), None),
        ];
        for ((from, to), want) in table {
            assert_eq!(crowd.within(from, to), want, "{from}..{to}");
        }
        assert_eq!(Crowd::default().within(0, 1), None);
    }
}
