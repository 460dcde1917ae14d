//! Whom a thread wakes while it runs, and how often.

use super::ident::{Ident, NOBODY};

/// Threads kept.
const KEEP: usize = 8;
/// Highest rate that is told: one stint that woke many says little.
const MOST: f32 = 4.0;
/// What is kept of older stints when another one ends.
const FADE: f32 = 0.98;

/// Those that a thread woke in its stints.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wakes {
    who: [Ident; KEEP],
    count: [f32; KEEP],
    /// Stints, faded like the counts.
    stints: f32,
}

impl Wakes {
    pub const EMPTY: Self = Self { who: [NOBODY; KEEP], count: [0.0; KEEP], stints: 0.0 };

    /// It woke `who`; of too many the rarest is forgotten.
    pub fn add(&mut self, who: Ident) {
        if who == NOBODY {
            return;
        }
        let at = self.who.iter().position(|w| *w == who).unwrap_or_else(|| {
            let rarest =
                (0..KEEP).min_by(|a, b| self.count[*a].total_cmp(&self.count[*b])).unwrap_or(0);
            (self.who[rarest], self.count[rarest]) = (who, 0.0);
            rarest
        });
        self.count[at] += 1.0;
    }

    /// Its stint is over.
    pub fn end_stint(&mut self) {
        self.count.iter_mut().for_each(|n| *n *= FADE);
        self.stints = self.stints * FADE + 1.0;
    }

    /// Those that it woke, and wake-ups of each per stint.
    pub fn rates(&self) -> impl Iterator<Item = (Ident, f32)> {
        let stints = self.stints + 1.0;
        let woken = self.who.into_iter().zip(self.count).filter(|(who, _)| *who != NOBODY);
        woken.map(move |(who, count)| (who, (count / stints).min(MOST)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_stint_and_the_rarest_goes() {
        let mut wakes = Wakes::EMPTY;
        for _ in 0..200 {
            wakes.add(7);
            (0..5).for_each(|other| wakes.add(100 + other));
            wakes.add(NOBODY);
            wakes.end_stint();
        }
        let rate = |wakes: &Wakes, who| wakes.rates().find(|(w, _)| *w == who).map_or(0.0, |r| r.1);
        assert!((0.9..1.0).contains(&rate(&wakes, 7)), "{}", rate(&wakes, 7));
        (0..50).for_each(|other| wakes.add(200 + other));
        assert!(
            (0.9..1.0).contains(&rate(&wakes, 7)),
            "those that come once go first: {}",
            rate(&wakes, 7)
        );
        assert!(rate(&wakes, 5).abs() < f32::EPSILON && rate(&wakes, NOBODY).abs() < f32::EPSILON);
    }
}
