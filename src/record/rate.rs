//! Events per second of a recording in progress.

use super::Progress;
use std::time::Duration;

/// Over less than this a rate would jump about.
const SPAN: Duration = Duration::from_millis(500);

/// Counts over the last half second or more.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    since: Duration,
    events: u64,
    last: Option<f64>,
}

impl Rate {
    /// The rate as of `p`; `None` until there was time enough to know one.
    pub fn of(&mut self, p: &Progress) -> Option<f64> {
        let passed = p.elapsed.saturating_sub(self.since);
        if passed >= SPAN {
            self.last = Some(p.events.saturating_sub(self.events) as f64 / passed.as_secs_f64());
            (self.since, self.events) = (p.elapsed, p.events);
        }
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_needs_half_a_second_and_forgets() {
        let mut rate = Rate::default();
        let at = |ms, events| Progress {
            elapsed: Duration::from_millis(ms),
            events,
            ..Progress::default()
        };
        assert_eq!(rate.of(&at(400, 9_000)), None);
        assert_eq!(rate.of(&at(500, 10_000)), Some(20_000.0));
        assert_eq!(rate.of(&at(700, 90_000)), Some(20_000.0));
        assert_eq!(rate.of(&at(1_500, 11_000)), Some(1_000.0));
    }
}
