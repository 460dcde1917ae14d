//! What the charts show and which stretch of it: metric, axis, zoom, cursor. Arithmetic only; the
//! curves are the runs'.

use super::curve::Series;
use super::run::Run;
use crate::train::runs::{Epoch, Step};
use crate::train::{Baseline, Validation};

/// A chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Both losses together, training and validation.
    #[default]
    Loss,
    /// The pick's.
    PickLoss,
    /// The forecast's.
    ForecastLoss,
    /// Pick accuracy on validation.
    Pick,
    /// Forecast accuracy on validation.
    Forecast,
    /// Tokens per second.
    Throughput,
    /// Learning rate.
    Rate,
}

impl Metric {
    /// In the order of the key that changes it.
    pub const ALL: [Self; 7] = [
        Self::Loss,
        Self::PickLoss,
        Self::ForecastLoss,
        Self::Pick,
        Self::Forecast,
        Self::Throughput,
        Self::Rate,
    ];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Loss => "loss, nats",
            Self::PickLoss => "pick loss, nats",
            Self::ForecastLoss => "forecast loss, nats",
            Self::Pick => "pick, % of validation",
            Self::Forecast => "forecast, % of validation",
            Self::Throughput => "thousand events/s",
            Self::Rate => "learning rate",
        }
    }

    /// The series of steps that it shows.
    pub fn series(self) -> Option<Series> {
        match self {
            Self::Loss => Some(Series::Loss),
            Self::PickLoss => Some(Series::PickLoss),
            Self::ForecastLoss => Some(Series::ForecastLoss),
            Self::Pick | Self::Forecast => None,
            Self::Throughput => Some(Series::Throughput),
            Self::Rate => Some(Series::Rate),
        }
    }

    /// True when the series is noisy: drawn faint, and smoothed over it.
    pub fn is_noisy(self) -> bool {
        !matches!(self, Self::Rate | Self::Pick | Self::Forecast)
    }

    /// True for the accuracies, which are also known of each workload.
    pub fn is_accuracy(self) -> bool {
        matches!(self, Self::Pick | Self::Forecast)
    }

    /// Its value at the end of an epoch. `weight` is that of the forecast's loss; an accuracy is
    /// that on `workload`, if one is given.
    pub fn validated(self, v: &Validation, weight: f32, workload: Option<&str>) -> Option<f64> {
        if let Some(scores) =
            workload.filter(|_| self.is_accuracy()).map(|name| v.workloads.get(name))
        {
            let scores = scores?;
            let (n, top1) = match self {
                Self::Pick => (scores.picks, scores.pick_top1),
                _ => (scores.forecasts, scores.forecast_top1),
            };
            return (n > 0).then_some(100.0 * top1);
        }
        let value = match self {
            Self::Loss => v.nll[0] + f64::from(weight) * v.nll[1],
            Self::PickLoss => v.nll[0],
            Self::ForecastLoss => v.nll[1],
            Self::Pick => 100.0 * v.pick_top1,
            Self::Forecast => 100.0 * v.forecast_top1,
            Self::Throughput | Self::Rate => return None,
        };
        value.is_finite().then_some(value)
    }

    /// What a simple rule scores, on all or on one workload.
    pub fn baseline(self, b: &Baseline, workload: Option<&str>) -> Option<f64> {
        let both = match workload {
            Some(name) => *b.workloads.get(name)?,
            None => [b.pick_top1, b.forecast_top1],
        };
        match self {
            Self::Pick => both[0].map(|x| 100.0 * x),
            Self::Forecast => both[1].map(|x| 100.0 * x),
            _ => None,
        }
    }

    /// A step's value in the unit of the title.
    pub fn unit(self, x: f64) -> f64 {
        if self == Self::Throughput { x / 1e3 } else { x }
    }
}

/// What the horizontal axis counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Axis {
    /// Steps.
    #[default]
    Step,
    /// Epochs, with fractions.
    Epoch,
    /// Seconds since the run began, pauses included.
    Wall,
}

impl Axis {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Epoch => "epoch",
            Self::Wall => "seconds",
        }
    }

    /// Where a step is.
    pub fn of(self, run: &Run, s: &Step) -> f64 {
        match self {
            Self::Step => s.step as f64,
            Self::Epoch => s.step as f64 / run.per_epoch() as f64,
            Self::Wall => s.wall_s,
        }
    }

    /// Where an epoch ends.
    pub fn of_epoch(self, e: &Epoch) -> f64 {
        match self {
            Self::Step => e.step as f64,
            Self::Epoch => e.epoch as f64,
            Self::Wall => e.wall_s,
        }
    }

    /// Where the last step of a run is.
    pub fn end(self, run: &Run) -> f64 {
        let steps = run.curve.steps().last().map_or(0.0, |s| self.of(run, s));
        steps.max(run.epochs.last().map_or(0.0, |e| self.of_epoch(e)))
    }
}

/// The state of the charts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// The large one.
    pub metric: Metric,
    /// The horizontal axis of all.
    pub axis: Axis,
    /// The vertical axis of losses and the learning rate is logarithmic.
    pub log: bool,
    /// The workload whose accuracy is shown; `None`: the mean over all.
    pub workload: Option<String>,
    /// The visible stretch; `None`: everything, also as it grows.
    pub zoom: Option<(f64, f64)>,
    /// Where values are read.
    pub cursor: Option<f64>,
}

impl Chart {
    /// The visible stretch, when the runs end at `end`.
    pub fn window(&self, end: f64) -> (f64, f64) {
        self.zoom.unwrap_or((0.0, if end > 0.0 { end } else { 1.0 }))
    }

    /// The next or the previous chart.
    pub fn turn(&mut self, forward: bool) {
        let n = Metric::ALL.len();
        let at = Metric::ALL.iter().position(|m| *m == self.metric).unwrap_or(0);
        self.metric = Metric::ALL[(at + if forward { 1 } else { n - 1 }) % n];
    }

    /// The accuracy of the next or the previous of these workloads, or of all together.
    pub fn turn_workload(&mut self, names: &[&str], forward: bool) {
        // Place 0 is all of them.
        let at = self
            .workload
            .as_ref()
            .and_then(|w| names.iter().position(|n| n == w))
            .map_or(0, |i| i + 1);
        let n = names.len() + 1;
        let to = (at + if forward { 1 } else { n - 1 }) % n;
        self.workload = to.checked_sub(1).and_then(|i| names.get(i)).map(|name| (*name).to_owned());
        if !self.metric.is_accuracy() {
            self.metric = Metric::Pick;
        }
    }

    /// Another horizontal axis; zoom and cursor belonged to the one before.
    pub fn next_axis(&mut self) {
        self.axis = match self.axis {
            Axis::Step => Axis::Epoch,
            Axis::Epoch => Axis::Wall,
            Axis::Wall => Axis::Step,
        };
        (self.zoom, self.cursor) = (None, None);
    }

    /// Narrower or wider around the cursor, else around the newest.
    pub fn zoom(&mut self, closer: bool, end: f64) {
        let (from, to) = self.window(end);
        let width = (to - from) * if closer { 2.0 / 3.0 } else { 1.5 };
        if width >= end * (1.0 - 1e-9) || width <= 0.0 {
            self.zoom = None;
            return;
        }
        let pivot = self.cursor.unwrap_or(to).clamp(from, to);
        let share = (pivot - from) / (to - from).max(f64::MIN_POSITIVE);
        let start = (pivot - share * width).clamp(0.0, end - width);
        self.zoom = Some((start, start + width));
    }

    /// Earlier or later by a quarter.
    pub fn pan(&mut self, later: bool, end: f64) {
        let Some((from, to)) = self.zoom else { return };
        let width = to - from;
        let start = (from + if later { width / 4.0 } else { -width / 4.0 })
            .clamp(0.0, (end - width).max(0.0));
        self.zoom = Some((start, start + width));
    }

    /// Moves the cursor by a hundredth of what is visible; the first time it appears at the right.
    pub fn read(&mut self, later: bool, end: f64) {
        let (from, to) = self.window(end);
        let by = (to - from) / 100.0 * if later { 1.0 } else { -1.0 };
        let at = self.cursor.map_or(to, |at| at + by);
        self.cursor = Some(at.clamp(0.0, end.max(to)));
        let at = self.cursor.unwrap_or(at);
        if at < from || at > to {
            let start = (at - (to - from) / 2.0).clamp(0.0, (end - (to - from)).max(0.0));
            self.zoom = Some((start, start + (to - from)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zoom_keeps_the_cursor_and_ends_at_everything() {
        let mut chart = Chart { cursor: Some(50.0), ..Chart::default() };
        chart.zoom(true, 100.0);
        let (from, to) = chart.window(100.0);
        assert!((to - from - 200.0 / 3.0).abs() < 1e-9 && (50.0 - from) / (to - from) > 0.49);
        chart.pan(true, 100.0);
        assert!(chart.window(100.0).0 > from);
        chart.zoom(false, 100.0);
        assert_eq!(
            (chart.zoom, chart.window(120.0)),
            (None, (0.0, 120.0)),
            "it grows with the run"
        );
    }

    #[test]
    fn an_accuracy_is_of_all_or_of_one_workload() {
        use crate::train::Scores;
        let mut chart = Chart::default();
        let seen: Vec<_> = (0..3)
            .map(|_| {
                chart.turn_workload(&["a", "b"], true);
                chart.workload.clone()
            })
            .collect();
        assert_eq!(
            (seen, chart.metric),
            (vec![Some("a".into()), Some("b".into()), None], Metric::Pick)
        );
        chart.turn_workload(&["a", "b"], false);
        assert_eq!(chart.workload.as_deref(), Some("b"));
        let scores = Scores { picks: 9, pick_top1: 0.25, forecasts: 0, forecast_top1: 0.0 };
        let v = Validation {
            pick_top1: 0.5,
            workloads: [("b".to_owned(), scores)].into(),
            ..Validation::default()
        };
        let of = |metric: Metric, workload| metric.validated(&v, 1.0, workload);
        assert_eq!(
            [None, Some("b"), Some("c")].map(|w| of(Metric::Pick, w)),
            [Some(50.0), Some(25.0), None]
        );
        assert_eq!(
            (of(Metric::Forecast, Some("b")), of(Metric::PickLoss, Some("b"))),
            (None, Some(0.0))
        );
        let rule = Baseline {
            pick_top1: Some(0.4),
            workloads: [("b".to_owned(), [Some(0.2), None])].into(),
            ..Baseline::default()
        };
        let of = |workload| Metric::Pick.baseline(&rule, workload);
        assert_eq!([None, Some("b"), Some("c")].map(of), [Some(40.0), Some(20.0), None]);
    }

    #[test]
    fn the_cursor_pulls_the_window_along() {
        let mut chart = Chart::default();
        chart.read(false, 100.0);
        assert_eq!(chart.cursor, Some(100.0));
        chart.zoom = Some((40.0, 60.0));
        chart.cursor = Some(40.0);
        chart.read(false, 100.0);
        assert!(chart.cursor.unwrap() < 40.0 && chart.window(100.0).0 < 40.0);
        chart.next_axis();
        assert_eq!((chart.axis, chart.zoom, chart.cursor), (Axis::Epoch, None, None));
        let all: Vec<_> = (0..Metric::ALL.len())
            .map(|_| {
                chart.turn(true);
                chart.metric
            })
            .collect();
        assert_eq!(all.last(), Some(&Metric::Loss));
    }
}
