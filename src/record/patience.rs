//! How long a recorded machine is waited for, by this machine's own clock: a guest that is
//! connected and stuck, or that talks without an end, ends as one whose connection breaks. Times
//! are arguments.

use super::Stage;
use std::time::{Duration, Instant};

/// From the start to the plan's first word, and from there to the workload. `ssh` gives up after
/// ten seconds.
pub const ANSWER: Duration = Duration::from_mins(1);
/// The same with a probe: bpftrace is started four times, which takes an emulated guest minutes. As
/// long again until it prints what it has: it reads all of that first.
const PROBED: Duration = Duration::from_mins(5);
/// A workload that does not end by itself is killed two seconds after its limit; then the guest
/// needs a moment.
const GRACE: Duration = Duration::from_secs(10);
/// So long it may take until the next [`PIECE`] of pages: long for any connection that is worth
/// waiting for.
const STALL: Duration = Duration::from_secs(30);
const PIECE: u64 = 64 << 10;
/// Cleaning up takes less, if anybody does it.
const CLEAN: Duration = Duration::from_secs(5);
/// For what is in the pipe when the connection is cut.
const REST: Duration = Duration::from_secs(2);

/// What has been done to end it, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Nothing: it goes on.
    Going,
    /// The plan was told to end the workload.
    Stopping,
    /// Its input was closed.
    HungUp,
    /// The connection was cut.
    Cut,
}

/// The next thing that ends it, and when.
#[derive(Debug)]
pub struct Patience {
    step: Step,
    until: Instant,
    answer: Duration,
    /// How long is waited for what is fetched.
    fetch: Duration,
    /// Bytes of pages at the last extension.
    seen: u64,
}

impl Patience {
    /// From here on the plan's first word is waited for; `probed`: it starts a probe, too.
    pub fn new(now: Instant, probed: bool) -> Self {
        let (answer, fetch) = if probed { (PROBED, PROBED) } else { (ANSWER, STALL) };
        Self { step: Step::Going, until: now + ANSWER, answer, fetch, seen: 0 }
    }

    /// How long is waited from the plan's first word to the workload.
    pub fn answer(&self) -> Duration {
        self.answer
    }

    /// What has been done.
    pub fn step(&self) -> Step {
        self.step
    }

    /// True when the time for what is waited for is over.
    pub fn is_over(&self, now: Instant) -> bool {
        now > self.until
    }

    /// A stage begins; `limit` is the workload's.
    pub fn enter(&mut self, stage: Stage, limit: Duration, now: Instant) {
        if self.step > Step::Stopping {
            return;
        }
        self.until = match stage {
            Stage::Connecting => now + ANSWER,
            Stage::Probing => now + self.answer,
            Stage::Recording => now + limit + GRACE,
            Stage::Fetching => now + self.fetch,
            _ => now + STALL,
        };
    }

    /// Pages come, so many bytes until now, or something else that brings the end nearer: that is
    /// worth waiting for.
    pub fn comes(&mut self, bytes: u64, now: Instant) {
        if bytes >= self.seen + PIECE {
            self.seen = bytes;
            self.extend(now);
        }
    }

    /// Something that comes once for each CPU.
    pub fn extend(&mut self, now: Instant) {
        if self.step <= Step::Stopping {
            self.until = self.until.max(now + STALL);
        }
    }

    /// The next step is taken.
    pub fn take(&mut self, step: Step, now: Instant) {
        self.step = step;
        self.until = now
            + match step {
                Step::Going | Step::Stopping => GRACE,
                Step::HungUp => CLEAN,
                Step::Cut => REST,
            };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_has_its_time_and_no_more() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut p = Patience::new(start, true);
        p.enter(Stage::Probing, Duration::ZERO, start);
        assert!(!p.is_over(at(300)) && p.is_over(at(301)));
        p.enter(Stage::Fetching, Duration::ZERO, start);
        assert!(!p.is_over(at(300)) && p.is_over(at(301)), "bpftrace prints at its end");
        let mut p = Patience::new(start, false);
        assert!(!p.is_over(at(60)) && p.is_over(at(61)));
        p.enter(Stage::Recording, Duration::from_secs(5), at(1));
        assert!(!p.is_over(at(16)) && p.is_over(at(17)));
        // A drip is not worth waiting for, a stream is.
        p.comes(1, at(15));
        p.comes(PIECE - 1, at(15));
        assert!(p.is_over(at(17)));
        p.comes(PIECE, at(15));
        assert!(!p.is_over(at(45)) && p.is_over(at(46)));
        // When it was hung up nothing it says wins it time.
        p.take(Step::HungUp, at(46));
        p.comes(1 << 40, at(47));
        p.enter(Stage::Fetching, Duration::from_secs(5), at(47));
        assert!(p.step() == Step::HungUp && !p.is_over(at(51)) && p.is_over(at(52)));
        p.take(Step::Cut, at(52));
        assert!(!p.is_over(at(54)) && p.is_over(at(55)));
    }
}
