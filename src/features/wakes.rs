//! Whom a thread wakes while it runs, and how often.

use super::follow::{Ident, NOBODY};

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

    /// Wake-ups of `who` per stint.
    pub fn rate(&self, who: Ident) -> f32 {
        if who == NOBODY {
            return 0.0;
        }
        let count: f32 =
            self.who.iter().zip(self.count).map(|(w, n)| if *w == who { n } else { 0.0 }).sum();
        (count / (self.stints + 1.0)).min(MOST)
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
        assert!((0.9..1.0).contains(&wakes.rate(7)), "{}", wakes.rate(7));
        (0..50).for_each(|other| wakes.add(200 + other));
        assert!(
            (0.9..1.0).contains(&wakes.rate(7)),
            "those that come once go first: {}",
            wakes.rate(7)
        );
        assert!(wakes.rate(5).abs() < f32::EPSILON && wakes.rate(NOBODY).abs() < f32::EPSILON);
    }
}
