//! Who ran on a CPU, and who came in after a thread: what contexts are made of. Knows threads only
//! by ident.

use super::ident::{Ident, NOBODY};
use super::named::Shares;

/// Followers kept of a thread.
const KEEP: usize = 16;
/// Threads of a CPU's past that are known.
const REMEMBERED: usize = 6;

/// The last threads that ran on a CPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct History {
    /// Latest first; [`NOBODY`] before the first.
    pub ran: [Ident; REMEMBERED],
}

impl History {
    pub const EMPTY: Self = Self { ran: [NOBODY; REMEMBERED] };

    /// `who` runs now; nothing changes if it did already.
    pub fn push(&mut self, who: Ident) {
        if self.ran[0] != who {
            self.ran.rotate_right(1);
            self.ran[0] = who;
        }
    }
}

/// Followers of one thread with decayed counts (each new follower takes 5 % off the older ones),
/// over all CPUs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent {
    who: [Ident; KEEP],
    weight: [f32; KEEP],
    /// Sum over all followers, forgotten ones included.
    pub sum: f32,
    /// Who followed last, latest first.
    pub last: [Ident; 3],
}

impl Recent {
    pub const EMPTY: Self =
        Self { who: [NOBODY; KEEP], weight: [0.0; KEEP], sum: 0.0, last: [NOBODY; 3] };

    /// The share of each, for a column.
    pub fn shares(&self, column: usize) -> Shares<'_, KEEP> {
        let over = self.sum + 1e-3;
        Shares { who: &self.who, share: self.weight.map(|weight| weight / over), column }
    }

    /// Who followed most often of late; [`NOBODY`] before the first.
    pub fn top(&self) -> Ident {
        let at = (1..KEEP).fold(0, |at, i| if self.weight[i] > self.weight[at] { i } else { at });
        self.who[at]
    }

    pub fn add(&mut self, who: Ident) {
        let (mut at, mut least) = (0, f32::INFINITY);
        for (i, (w, weight)) in self.who.iter().zip(&mut self.weight).enumerate() {
            *weight *= 0.95;
            let rank = if *w == who { -1.0 } else { *weight };
            if rank < least {
                (at, least) = (i, rank);
            }
        }
        if self.who[at] != who {
            (self.who[at], self.weight[at]) = (who, 0.0);
        }
        self.weight[at] += 1.0;
        self.sum = self.sum * 0.95 + 1.0;
        self.last.rotate_right(1);
        self.last[0] = who;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_tells_who_ran_and_not_for_how_many_stints() {
        let mut history = History::EMPTY;
        for who in [1, 2, 2, 3, 1] {
            history.push(who);
        }
        assert_eq!(history.ran, [1, 3, 2, 1, NOBODY, NOBODY]);
    }

    #[test]
    fn recent_followers_fade() {
        let mut recent = Recent::EMPTY;
        recent.add(1);
        recent.add(2);
        assert_eq!(
            (&recent.who[..3], &recent.weight[..3]),
            (&[1, 2, NOBODY][..], &[0.95, 1.0, 0.0][..])
        );
        assert_eq!((recent.top(), Recent::EMPTY.top()), (2, NOBODY));
        assert!((recent.sum - 1.95).abs() < 1e-6 && recent.last == [2, 1, NOBODY]);
        for who in 10..60 {
            recent.add(who);
        }
        assert!(recent.weight.iter().all(|w| *w > 0.0));
    }
}
