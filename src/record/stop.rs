//! How somebody ends a recording early: once, and the workload ends while the rest is fetched;
//! twice, and the machine is not waited for any more.

use crate::job::Cancel;

/// A request to end a recording. Clones are the same request.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Cancel,
    leave: Cancel,
}

impl Stop {
    /// No request yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks; asked before, it means to leave at once.
    pub fn ask(&self) {
        if self.asked.is_cancelled() {
            self.leave.cancel();
        }
        self.asked.cancel();
    }

    /// The flag of the first request, for what can only be cancelled.
    pub fn asked(&self) -> &Cancel {
        &self.asked
    }

    /// The workload is to end, and what came is to be kept.
    pub fn is_asked(&self) -> bool {
        self.asked.is_cancelled() || self.leaving()
    }

    /// Nobody waits for the machine any more.
    pub fn leaving(&self) -> bool {
        self.leave.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_request_is_to_leave() {
        let stop = Stop::new();
        let other = stop.clone();
        assert!(!stop.is_asked() && !stop.leaving());
        other.ask();
        assert!(stop.is_asked() && !stop.leaving() && stop.asked().is_cancelled());
        stop.ask();
        assert!(other.leaving());
    }
}
