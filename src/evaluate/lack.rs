//! Why there is nothing to score in a recording, said in the words of who recorded it.

use crate::trace::Trace;

/// What a recording lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// Nothing came in anywhere.
    #[error("no switch was recorded: sched_switch says who came in")]
    Switches,
    /// All that happened is context.
    #[error(
        "too few events, since the first ones and the first switch of each CPU are context; a \
         longer recording has more"
    )]
    Length,
    /// Nobody can tell who waited.
    #[error(
        "no wake-ups were recorded, so who could come in is not known and no pick is asked; \
         sched_wakeup says it"
    )]
    Wakeups,
    /// At most one thread waited, always.
    #[error(
        "two threads never waited for a CPU at once, so there was nothing to pick; a busier \
         machine has more"
    )]
    Choice,
}

impl Lack {
    /// Of a recording with so many scored decisions, and so many of them with a choice. `None`:
    /// there is something to score.
    pub fn of(trace: &Trace, decisions: u64, non_trivial: u64) -> Option<Self> {
        match () {
            () if non_trivial > 0 && trace.knows_queues() => None,
            () if trace.switch_count() == 0 => Some(Self::Switches),
            () if decisions == 0 => Some(Self::Length),
            () if !trace.knows_queues() => Some(Self::Wakeups),
            () => Some(Self::Choice),
        }
    }

    /// Forecasts are scored all the same: they need neither a choice nor wake-ups.
    pub fn is_of_picks(self) -> bool {
        matches!(self, Self::Wakeups | Self::Choice)
    }
}

/// Why no pick is asked at the switch `event`: a predictor's answer to it counts nowhere.
pub fn not_asked(trace: &Trace, event: usize) -> Option<&'static str> {
    match () {
        () if !trace.knows_queues() => Some("no wake-ups recorded"),
        () if trace.follows_unknown(event) => Some("unknown time before"),
        () => None,
    }
}
