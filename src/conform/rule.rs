//! The rules: what a queue's numbers say of the one that was taken out of it. Nothing here knows
//! events or where numbers are from.

use super::scene::{Level, Member};

/// What explains a pick that is not simply the first by the rule, or keeps it from being judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Nothing was queued: the idle task.
    Idle,
    /// The one that came in is of another class, which goes before all fair tasks.
    RealTime,
    /// It ran on: it had not used up what it is protected for.
    Protected,
    /// It was to be preferred: its group's task went to sleep, or it had been preempted by a
    /// wake-up (CFS).
    Buddy,
    /// The one before it by the rule had just yielded (CFS).
    Yield,
    /// The one before it by the rule was asleep, and was taken off the queue instead.
    Delayed,
    /// Levels of groups that were not recorded decided.
    Group,
    /// Somebody who may have been before it waits with a state that was not seen.
    Unseen,
}

impl Cause {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::Idle,
        Self::RealTime,
        Self::Protected,
        Self::Buddy,
        Self::Yield,
        Self::Delayed,
        Self::Group,
        Self::Unseen,
    ];

    /// As in JSON.
    pub fn label(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::RealTime => "real_time",
            Self::Protected => "protected",
            Self::Buddy => "buddy",
            Self::Yield => "yield",
            Self::Delayed => "delayed",
            Self::Group => "group",
            Self::Unseen => "unseen",
        }
    }
}

/// What is said of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The rule alone leads to it.
    Consistent,
    /// The rule and this.
    Explained(Cause),
    /// The rule leads to this one of [`Level::others`], or forbids the one that was taken (`None`).
    Broken(Option<usize>),
}

/// EEVDF (6.6 and later): the earliest deadline among the eligible, ties aside.
pub(super) fn eevdf(level: &Level) -> Ruling {
    let chosen = &level.chosen;
    if level.count <= 1 && !level.others.iter().any(|m| m.gone) {
        return Ruling::Consistent;
    }
    let Some(deadline) = chosen.deadline_ns else { return Ruling::Explained(Cause::Unseen) };
    let before = |m: &Member| m.deadline_ns.is_some_and(|d| d < deadline);
    let first = |of: &dyn Fn(&Member) -> bool| {
        let all = level
            .others
            .iter()
            .enumerate()
            .filter(|(_, m)| before(m) && m.eligible == Some(true) && of(m));
        all.min_by_key(|(_, m)| m.deadline_ns).map(|(i, _)| i)
    };
    let awake = first(&|m| !m.delayed);
    if chosen.eligible != Some(true) {
        return Ruling::Broken(awake.filter(|at| level.exact || level.others[*at].sure));
    }
    if awake.is_some() && level.marks.buddy {
        return Ruling::Explained(Cause::Buddy);
    }
    if awake.is_some() && level.marks.protected {
        return Ruling::Explained(Cause::Protected);
    }
    if let Some(at) = awake {
        // A number of another moment counts only when all of them add up.
        let sure = level.exact || level.others[at].sure;
        return if sure { Ruling::Broken(awake) } else { Ruling::Explained(Cause::Unseen) };
    }
    if first(&|m| m.delayed).is_some() {
        return Ruling::Explained(Cause::Delayed);
    }
    // The first of the queue's tree is the earliest: who is not before that is before everybody.
    let leads = level.first_ns.is_some_and(|first| deadline <= first);
    if level.unseen > 0 && !leads { Ruling::Explained(Cause::Unseen) } else { Ruling::Consistent }
}

/// CFS (before 6.6): the smallest virtual time, or a buddy that is not too far behind it.
pub(super) fn cfs(level: &Level) -> Ruling {
    let Some(lag) = level.chosen.lag_ns else { return Ruling::Explained(Cause::Unseen) };
    // More lag is less virtual time.
    let left = level.others.iter().enumerate().filter(|(_, m)| m.lag_ns.is_some_and(|l| l > lag));
    let left = left.max_by_key(|(_, m)| m.lag_ns);
    let Some((at, first)) = left else {
        let unseen = level.unseen > 0 && level.first_ns.is_none();
        return if unseen { Ruling::Explained(Cause::Unseen) } else { Ruling::Consistent };
    };
    let behind = first.lag_ns.map_or(0, |l| l.saturating_sub(lag));
    if behind > level.granularity_ns * super::state::NICE_0 / first.weight.max(1) {
        return Ruling::Broken(Some(at));
    }
    Ruling::Explained(if first.prev && level.marks.yielded { Cause::Yield } else { Cause::Buddy })
}
