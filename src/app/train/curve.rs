//! The measurements of one run as they are drawn: every step, smoothed before anything is left out,
//! and summed up in pyramids so that a chart costs the same after a hundred and after a million
//! steps.

use crate::replay::levels::{Levels, Merge};
use crate::train::runs::Step;
use std::ops::Range;

/// What is measured at every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    /// Pick and weighted forecast loss together.
    Loss,
    /// The pick's.
    PickLoss,
    /// The forecast's.
    ForecastLoss,
    /// Tokens per second.
    Throughput,
    /// The learning rate; it is not noisy and not smoothed.
    Rate,
}

/// Noisy series, in the order of the arrays below.
const NOISY: usize = 4;
/// Weight of what was, per step, in the exponential moving average.
const MEMORY: f64 = 0.97;

/// Lowest and highest of each noisy series.
#[derive(Clone, Copy, Debug)]
struct Band([[f32; 2]; NOISY]);

impl Merge for Band {
    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            // `min` and `max` leave out what is no number.
            *mine = [mine[0].min(theirs[0]), mine[1].max(theirs[1])];
        }
    }
}

/// The steps of a run.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    steps: Vec<Step>,
    /// De-biased exponential moving averages after each step.
    smooth: Vec<[f32; NOISY]>,
    /// Sum and weight of the averages.
    average: [(f64, f64); NOISY],
    bands: Levels<Band>,
    /// Steps before which the run had rested or had not been running.
    breaks: Vec<usize>,
    /// Weight of the forecast's loss.
    weight: f32,
}

impl Curve {
    /// An empty curve of a run with this weight of the forecast's loss.
    pub fn new(weight: f32) -> Self {
        Self { weight, ..Self::default() }
    }

    /// All steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn noisy(&self, s: &Step) -> [f32; NOISY] {
        let total = if self.weight > 0.0 {
            s.pick_loss + self.weight * s.forecast_loss
        } else {
            s.pick_loss
        };
        [total, s.pick_loss, s.forecast_loss, s.events_per_s as f32]
    }

    /// Takes the next step. One that is already there, or comes before the last (the run went back
    /// to a checkpoint), replaces what follows it.
    pub fn push(&mut self, step: Step) {
        if self.steps.last().is_some_and(|last| last.step >= step.step) {
            let from = self.steps.partition_point(|s| s.step < step.step);
            let kept: Vec<Step> = self.steps[..from].to_vec();
            *self = Self::new(self.weight);
            for s in kept {
                self.push(s);
            }
        }
        if self.steps.last().is_some_and(|last| last.session != step.session || step.paused_s > 0.0)
        {
            self.breaks.push(self.steps.len());
        }
        let raw = self.noisy(&step);
        let mut smooth = [f32::NAN; NOISY];
        for ((x, (sum, weight)), out) in raw.iter().zip(&mut self.average).zip(&mut smooth) {
            if x.is_finite() {
                *sum = MEMORY * *sum + (1.0 - MEMORY) * f64::from(*x);
                *weight = MEMORY * *weight + (1.0 - MEMORY);
            }
            if *weight > 0.0 {
                *out = (*sum / *weight) as f32;
            }
        }
        self.bands.push(Band(raw.map(|x| if x.is_finite() { [x, x] } else { [f32::NAN; 2] })));
        self.smooth.push(smooth);
        self.steps.push(step);
    }

    /// Lowest and highest of a series over these steps.
    pub fn band(&self, series: Series, range: Range<usize>) -> Option<[f64; 2]> {
        let Some(place) = place(series) else {
            let ends = [range.start, range.end.checked_sub(1)?]
                .map(|i| self.steps.get(i).map(|s| s.learning_rate));
            let [a, b] = [ends[0]?, ends[1]?];
            return Some([a.min(b), a.max(b)]);
        };
        let mut out = [f32::NAN; 2];
        self.bands.fold(range, |band| {
            let [low, high] = band.0[place];
            out = [out[0].min(low), out[1].max(high)];
        });
        (!out[0].is_nan()).then(|| out.map(f64::from))
    }

    /// The smoothed value after step `i` (its index, from 0).
    pub fn smooth(&self, series: Series, i: usize) -> Option<f64> {
        let value = match place(series) {
            Some(place) => f64::from(self.smooth.get(i)?[place]),
            None => self.steps.get(i)?.learning_rate,
        };
        value.is_finite().then_some(value)
    }

    /// The value of step `i` itself.
    pub fn raw(&self, series: Series, i: usize) -> Option<f64> {
        let step = self.steps.get(i)?;
        let value =
            place(series).map_or(step.learning_rate, |place| f64::from(self.noisy(step)[place]));
        value.is_finite().then_some(value)
    }

    /// True when the run rested somewhere between steps `a` and `b` (indices).
    pub fn broken(&self, a: usize, b: usize) -> bool {
        let next = self.breaks.partition_point(|&i| i <= a);
        self.breaks.get(next).is_some_and(|&i| i <= b)
    }
}

fn place(series: Series) -> Option<usize> {
    match series {
        Series::Loss => Some(0),
        Series::PickLoss => Some(1),
        Series::ForecastLoss => Some(2),
        Series::Throughput => Some(3),
        Series::Rate => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(n: usize, pick: f32) -> Step {
        Step {
            epoch: 1,
            step: n,
            pick_loss: pick,
            forecast_loss: 1.0,
            wall_s: n as f64,
            ..Step::default()
        }
    }

    fn curve(losses: &[f32]) -> Curve {
        let mut curve = Curve::new(0.5);
        losses.iter().enumerate().for_each(|(i, &x)| curve.push(step(i + 1, x)));
        curve
    }

    #[test]
    fn smoothing_is_not_drawn_to_zero_and_skips_what_is_no_number() {
        let c = curve(&[4.0, 4.0, f32::NAN, 4.0]);
        for i in 0..4 {
            assert!((c.smooth(Series::PickLoss, i).unwrap() - 4.0).abs() < 1e-6, "{i}");
        }
        assert_eq!((c.raw(Series::PickLoss, 2), c.raw(Series::Loss, 3)), (None, Some(4.5)));
        let falling = curve(&[3.0, 2.0, 1.0]);
        let smooth: Vec<f64> =
            (0..3).map(|i| falling.smooth(Series::PickLoss, i).unwrap()).collect();
        assert!(smooth[0] > smooth[1] && smooth[1] > smooth[2] && smooth[2] > 1.9, "{smooth:?}");
    }

    #[test]
    fn bands_are_those_of_all_steps() {
        let losses: Vec<f32> = (0..500).map(|i| ((i * 37) % 101) as f32).collect();
        let c = curve(&losses);
        for range in [0..500, 3..4, 17..230, 499..500] {
            let these = &losses[range.clone()];
            let low = these.iter().copied().fold(f32::INFINITY, f32::min);
            let high = these.iter().copied().fold(0.0, f32::max);
            assert_eq!(c.band(Series::PickLoss, range), Some([f64::from(low), f64::from(high)]));
        }
        assert_eq!(c.band(Series::PickLoss, 5..5), None);
    }

    #[test]
    fn pauses_and_sessions_break_the_line_and_going_back_replaces() {
        let mut c = curve(&[1.0, 2.0, 3.0]);
        c.push(Step { paused_s: 4.0, ..step(4, 3.0) });
        c.push(step(5, 3.0));
        c.push(Step { session: 1, ..step(6, 3.0) });
        assert_eq!(
            (c.broken(0, 2), c.broken(2, 3), c.broken(3, 4), c.broken(0, 5)),
            (false, true, false, true)
        );
        c.push(Step { session: 2, ..step(2, 9.0) });
        assert_eq!(c.steps().len(), 2);
        assert_eq!((c.raw(Series::PickLoss, 1), c.broken(0, 1)), (Some(9.0), true));
    }
}
