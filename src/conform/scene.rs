//! One pick with all that competed for it, level by level: what a verdict rests on, and what is
//! drawn.

use super::ruling::{Cause, Ruling};
use crate::trace::{CpuId, Nanos, SchedClass, ThreadIx};

/// Who competes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A thread.
    Thread(ThreadIx),
    /// The group of the one that came in (or that stayed).
    Group,
    /// The first of the queue's tree, whoever it is.
    First,
    /// The only one whose state was not seen; what the queue's sums leave for it.
    Rest,
}

/// Where numbers are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The kernel's own state, recorded.
    Recorded,
    /// The corrected replay.
    Estimated,
}

/// One that competes on a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Who.
    pub who: Who,
    /// The queue's average less its virtual time (CFS: the queue's floor less it), virtual ns;
    /// `None`: not seen.
    pub lag_ns: Option<i64>,
    /// Its virtual deadline less the average, virtual ns.
    pub deadline_ns: Option<i64>,
    /// Whether it may be taken, where known.
    pub eligible: Option<bool>,
    /// Weight: 1024 for nice 0.
    pub weight: i64,
    /// Asleep, but on the queue until its lag is used up.
    pub delayed: bool,
    /// The pick came to it, and took it off the queue.
    pub gone: bool,
    /// It is the one that leaves.
    pub prev: bool,
    /// Its state was read at this very switch.
    pub sure: bool,
}

impl Level {
    /// The rule forbids the one that was taken, and not the one that it leads to: only the latter is
    /// eligible.
    pub fn forbids(&self) -> bool {
        let Ruling::Broken(Some(at)) = self.ruling else { return false };
        let other = self.others.get(at).and_then(|m| m.eligible);
        (self.chosen.eligible, other) == (Some(false), Some(true))
    }
}

/// What else is known of a pick in one queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The one taken is the one that ran (a group of which another task comes in).
    pub runs_on: bool,
    /// It ran, and had not used up what it is protected for.
    pub protected: bool,
    /// It was marked to be preferred: its task went to sleep and others are left in it.
    pub buddy: bool,
    /// The one that left gave up the CPU of its own will.
    pub yielded: bool,
}

/// One queue in which the pick was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Tasks, or groups and the tasks beside them.
    pub of_groups: bool,
    /// The one that was taken.
    pub chosen: Member,
    /// The others, as far as they are known.
    pub others: Vec<Member>,
    /// So many competed, as the kernel counts.
    pub count: usize,
    /// Of these so many in `others` have a state that was not seen, or are not even there; but for
    /// those that may not be taken.
    pub unseen: usize,
    /// What is known adds up to the queue's own sums: nobody is missing, and no number is out of
    /// date.
    pub exact: bool,
    /// Deadline of the first of the queue's tree less the average (CFS: its virtual time less the
    /// floor), where known.
    pub first_ns: Option<i64>,
    /// What else is known of the one that was taken.
    pub marks: Marks,
    /// CFS: so far behind the first may a buddy be, at weight 1024.
    pub granularity_ns: i64,
    /// What the rule says.
    pub ruling: Ruling,
}

/// One pick.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// The switch event.
    pub event: usize,
    /// When.
    pub time: Nanos,
    /// Where.
    pub cpu: CpuId,
    /// Whose rule.
    pub class: SchedClass,
    /// Where its numbers are from.
    pub from: Whence,
    /// Who came in.
    pub chosen: ThreadIx,
    /// Who left.
    pub prev: ThreadIx,
    /// From the root down; empty where another class came in, or nothing is known.
    pub levels: Vec<Level>,
    /// Of all levels: the first that is broken, else the first that is explained.
    pub ruling: Ruling,
}

impl Scene {
    /// The level that decided: the one whose ruling is that of the pick; when all are as the rule
    /// says, the lowest on which there was a choice.
    pub fn decisive(&self) -> Option<&Level> {
        let choice = self.levels.iter().rev().find(|l| l.count > 1).or(self.levels.last());
        match self.ruling {
            Ruling::Consistent => choice,
            ruling => self.levels.iter().find(|l| l.ruling == ruling).or(choice),
        }
    }

    /// Sums up the levels.
    pub(super) fn conclude(&mut self) {
        let weight = |r: Ruling| match r {
            Ruling::Broken(_) => 3,
            Ruling::Explained(Cause::Unseen | Cause::Group) => 2,
            Ruling::Explained(_) => 1,
            Ruling::Consistent => 0,
        };
        let rulings = self.levels.iter().map(|l| l.ruling);
        self.ruling =
            rulings.fold(self.ruling, |worst, r| if weight(r) > weight(worst) { r } else { worst });
    }
}
