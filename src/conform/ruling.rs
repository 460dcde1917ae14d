//! What is said of a pick: that the rule leads to it, what explains it, or that nothing does.

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
    /// The rule leads to this one of [`super::Level::others`], or forbids the one that was taken (`None`).
    Broken(Option<usize>),
}
