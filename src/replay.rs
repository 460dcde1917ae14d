//! Playback: the cursor that walks through a recording, and the level-of-detail index that draws
//! any stretch of it at the same cost. Time is always an argument: nothing here reads a clock, a
//! file or the screen.

mod columns;
pub mod levels;
pub mod load;
pub mod lod;
#[cfg(test)]
mod made;
mod stretches;

use crate::trace::Nanos;

/// Playback speeds as (numerator, denominator) of recorded time per real time, 1/100000x to 10x in
/// 1-2-5 steps.
pub const SPEEDS: [(u32, u32); 19] = [
    (1, 100_000),
    (1, 50_000),
    (1, 20_000),
    (1, 10_000),
    (1, 5_000),
    (1, 2_000),
    (1, 1_000),
    (1, 500),
    (1, 200),
    (1, 100),
    (1, 50),
    (1, 20),
    (1, 10),
    (1, 5),
    (1, 2),
    (1, 1),
    (2, 1),
    (5, 1),
    (10, 1),
];

/// The playhead: a position in recorded time, and how fast it moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pos: u64,
    end: u64,
    speed: usize,
    playing: bool,
    /// Real time and position at which the present speed began to count. Positions are computed
    /// from here, so that no rounding adds up however many frames are drawn.
    anchor: Option<(Nanos, u64)>,
}

impl Cursor {
    /// A cursor at the start of a recording that lasts `end`, paused, at 1/1000x.
    pub fn new(end: Nanos) -> Self {
        Self { pos: 0, end: end.0, speed: 6, playing: false, anchor: None }
    }

    /// Where the playhead is.
    pub fn pos(&self) -> Nanos {
        Nanos(self.pos)
    }

    /// True while it moves.
    pub fn is_playing(&self) -> bool {
        self.playing
    }

    /// Recorded time per real time.
    pub fn speed(&self) -> (u32, u32) {
        SPEEDS[self.speed]
    }

    /// Moves the playhead (clamped to the recording) without changing whether it plays.
    pub fn seek(&mut self, to: Nanos) {
        self.pos = to.0.min(self.end);
        self.anchor = None;
    }

    /// Starts or stops; starting at the end starts over.
    pub fn toggle(&mut self) {
        self.playing = !self.playing;
        self.anchor = None;
        if self.playing && self.pos >= self.end {
            self.pos = 0;
        }
    }

    /// Stops.
    pub fn pause(&mut self) {
        self.playing = false;
        self.anchor = None;
    }

    /// One step faster (`true`) or slower.
    pub fn change_speed(&mut self, faster: bool) {
        self.speed = if faster {
            (self.speed + 1).min(SPEEDS.len() - 1)
        } else {
            self.speed.saturating_sub(1)
        };
        self.anchor = None;
    }

    /// Picks the fastest speed at which `ns` of recorded time take at least `real` of real time.
    pub fn choose_speed(&mut self, ns: u64, real: Nanos) {
        let slow_enough = |&(num, den): &(u32, u32)| {
            u128::from(ns) * u128::from(den) >= u128::from(real.0) * u128::from(num)
        };
        self.speed = SPEEDS.iter().rposition(slow_enough).unwrap_or(0);
        self.anchor = None;
    }

    /// This speed, if it is one of [`SPEEDS`].
    pub fn set_speed(&mut self, speed: (u32, u32)) {
        if let Some(at) = SPEEDS.iter().position(|s| *s == speed) {
            self.speed = at;
            self.anchor = None;
        }
    }

    /// Moves the playhead to where it is at the real time `now`; stops at the end. The first call
    /// after a change only sets the start of counting.
    pub fn advance(&mut self, now: Nanos) {
        if !self.playing {
            return;
        }
        let (since, from) = *self.anchor.get_or_insert((now, self.pos));
        let (num, den) = self.speed();
        let moved = u128::from(now.since(since).0) * u128::from(num) / u128::from(den);
        self.pos = u64::try_from(u128::from(from) + moved).unwrap_or(u64::MAX).min(self.end);
        if self.pos >= self.end {
            self.pause();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_moves_the_playhead_at_its_speed_without_drift() {
        let mut c = Cursor::new(Nanos(1_000_000));
        c.toggle();
        c.advance(Nanos(5_000));
        assert_eq!(c.pos(), Nanos(0), "the first tick only starts counting");
        for step in 1..=1_000 {
            c.advance(Nanos(5_000 + step * 16_667));
        }
        assert_eq!(c.pos(), Nanos(16_667));
    }

    #[test]
    fn stops_at_the_end_and_starts_over() {
        let mut c = Cursor::new(Nanos(10));
        c.toggle();
        c.advance(Nanos(0));
        c.advance(Nanos(1_000_000));
        assert_eq!((c.pos(), c.is_playing()), (Nanos(10), false));
        c.toggle();
        assert_eq!((c.pos(), c.is_playing()), (Nanos(0), true));
        c.seek(Nanos(99));
        assert_eq!(c.pos(), Nanos(10));
    }

    #[test]
    fn speeds_stay_in_range() {
        let mut c = Cursor::new(Nanos(1));
        (0..40).for_each(|_| c.change_speed(true));
        assert_eq!(c.speed(), (10, 1));
        (0..40).for_each(|_| c.change_speed(false));
        assert_eq!(c.speed(), (1, 100_000));
        c.choose_speed(1_000_000, Nanos(1_000_000_000));
        assert_eq!(c.speed(), (1, 1_000));
        c.choose_speed(0, Nanos(1));
        assert_eq!(c.speed(), (1, 100_000));
    }
}
