//! How often the replay's pick is right, beside what the rule would pick with the kernel's own
//! state: the most that any replay of the same rule can reach.

use super::ruling::{Cause, Ruling};
use crate::trace::SchedClass;

/// Picks out of several that waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// How many.
    pub picks: u64,
    /// The replay would have made them too.
    pub replay: u64,
    /// With the kernel's own state the rule leads to them.
    pub right: u64,
    /// It leads to another one.
    pub wrong: u64,
    /// Of these the replay would have made.
    pub decided_replay: u64,
}

impl Bound {
    /// Counts a pick. What a rule only allows, as CFS does buddies of which nothing is recorded, it
    /// does not lead to.
    pub(super) fn count(&mut self, replay: bool, ruling: Ruling, class: SchedClass) {
        let cfs = class == SchedClass::Cfs;
        let right = match ruling {
            Ruling::Broken(_) => Some(false),
            Ruling::Explained(Cause::Buddy | Cause::Yield) if cfs => Some(false),
            Ruling::Consistent
            | Ruling::Explained(Cause::Protected | Cause::Delayed | Cause::Buddy) => Some(true),
            Ruling::Explained(_) => None,
        };
        self.picks += 1;
        self.replay += u64::from(replay);
        self.right += u64::from(right == Some(true));
        self.wrong += u64::from(right == Some(false));
        self.decided_replay += u64::from(right.is_some() && replay);
    }

    /// Share of the decided picks to which the rule leads; `None` without any.
    pub fn share(&self) -> Option<f64> {
        share(self.right, self.right + self.wrong)
    }

    /// Share of the picks that can be decided.
    pub fn decided(&self) -> Option<f64> {
        share(self.right + self.wrong, self.picks)
    }

    /// Share of all that the replay would have made.
    pub fn replayed(&self) -> Option<f64> {
        share(self.replay, self.picks)
    }

    /// The same of those that can be decided.
    pub fn replayed_decided(&self) -> Option<f64> {
        share(self.decided_replay, self.right + self.wrong)
    }
}

fn share(n: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| n as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_only_allows_it_does_not_lead_to() {
        let all = [Ruling::Consistent, Ruling::Broken(None), Ruling::Explained(Cause::Buddy)];
        let all = all.into_iter().chain([Ruling::Explained(Cause::Unseen)]);
        let mut bounds = [Bound::default(); 2];
        for ruling in all {
            bounds[0].count(true, ruling, SchedClass::Eevdf);
            bounds[1].count(true, ruling, SchedClass::Cfs);
        }
        assert_eq!(bounds.map(|b| (b.picks, b.right, b.wrong)), [(4, 2, 1), (4, 1, 2)]);
        assert_eq!((bounds[0].decided(), bounds[0].replayed()), (Some(0.75), Some(1.0)));
        assert_eq!(Bound::default().share(), None);
    }
}
