//! Figures of one predictor: from counts to fractions, the mean over workloads, the median over
//! trainings. Nothing here knows a trace.
//!
//! A figure that there is not (a fraction of no decision) is NaN, which JSON says as `null`.

use super::score::{Confidence, ForecastCount, PickCount};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// Accuracy that [`PickScore::answered_at_90`] asks for.
const WANTED: f64 = 0.9;

/// Accuracy of one predictor on picks, over non-trivial decisions; fractions in 0..1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PickScore {
    /// The real task ranked first. Uncovered decisions count as wrong.
    #[serde(deserialize_with = "nan")]
    pub top1: f64,
    /// Among the first three.
    #[serde(deserialize_with = "nan")]
    pub top3: f64,
    /// Mean of 1 / rank.
    #[serde(default = "none", deserialize_with = "nan")]
    pub mrr: f64,
    /// Mean of -ln p(real), over covered decisions.
    #[serde(deserialize_with = "nan")]
    pub nll: f64,
    /// Expected calibration error over 15 bins of equal width (Guo et al. 2017).
    #[serde(deserialize_with = "nan")]
    pub ece: f64,
    /// Share that can be answered with at least 90 % of the answers right, the most confident ones
    /// first.
    #[serde(default = "none", deserialize_with = "nan")]
    pub answered_at_90: f64,
    /// Trainings behind these figures, if more than one: the figures are then medians.
    #[serde(flatten)]
    pub spread: Spread,
}

/// Accuracy of one predictor on forecasts; fractions in 0..1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForecastScore {
    /// The next task was the first answer.
    #[serde(deserialize_with = "nan")]
    pub top1: f64,
    /// Among the first three.
    #[serde(deserialize_with = "nan")]
    pub top3: f64,
    /// As for picks.
    #[serde(default = "none", deserialize_with = "nan")]
    pub answered_at_90: f64,
    /// As for picks.
    #[serde(flatten)]
    pub spread: Spread,
}

/// Least and greatest value over trainings that differ in their seed only; empty for a single one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Number of trainings; 0 stands for one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seeds: usize,
    /// By `FIGURE_min` and `FIGURE_max`.
    #[serde(flatten)]
    pub ends: BTreeMap<String, f64>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Spread {
    /// Least and greatest value of a figure, if there was more than one training.
    pub fn of(&self, figure: &str) -> Option<[f64; 2]> {
        let end = |which: &str| self.ends.get(&format!("{figure}_{which}")).copied();
        Some([end("min")?, end("max")?])
    }
}

/// What stands for a figure that is not there.
pub(super) fn none() -> f64 {
    f64::NAN
}

/// Reads `null` as NaN.
pub(super) fn nan<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

/// A part of a whole.
pub(super) fn share(part: u64, of: u64) -> f64 {
    if of == 0 { f64::NAN } else { part as f64 / of as f64 }
}

/// Mean over those that are numbers; NaN of none.
pub(super) fn mean(of: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = of.filter(|x| !x.is_nan()).fold((0.0, 0), |(sum, n), x| (sum + x, n + 1));
    sum / f64::from(n)
}

/// A set of `N` figures that means and medians can be taken of, each for itself.
pub trait Figures<const N: usize>: Sized {
    /// As in JSON.
    const NAMES: [&'static str; N];
    /// In the order of the names.
    fn values(&self) -> [f64; N];
    /// From values in that order.
    fn of(values: [f64; N], spread: Spread) -> Self;

    /// Mean of each figure over those that have it.
    fn mean(of: &[&Self]) -> Self {
        // A workload without a covered decision has no likelihood to speak of.
        let values = std::array::from_fn(|i| mean(of.iter().map(|s| s.values()[i])));
        Self::of(values, Spread::default())
    }

    /// Median of each figure over trainings, with least and greatest value if there is more than
    /// one.
    fn median(of: &[Self]) -> Self {
        let mut spread =
            Spread { seeds: if of.len() > 1 { of.len() } else { 0 }, ends: BTreeMap::new() };
        let values = std::array::from_fn(|i| {
            let [low, middle, high] = median(of.iter().map(|s| s.values()[i]));
            if of.len() > 1 && !middle.is_nan() {
                spread.ends.insert(format!("{}_min", Self::NAMES[i]), low);
                spread.ends.insert(format!("{}_max", Self::NAMES[i]), high);
            }
            middle
        });
        Self::of(values, spread)
    }
}

impl Figures<6> for PickScore {
    const NAMES: [&'static str; 6] = ["top1", "top3", "mrr", "nll", "ece", "answered_at_90"];

    fn values(&self) -> [f64; 6] {
        [self.top1, self.top3, self.mrr, self.nll, self.ece, self.answered_at_90]
    }

    fn of([top1, top3, mrr, nll, ece, answered_at_90]: [f64; 6], spread: Spread) -> Self {
        Self { top1, top3, mrr, nll, ece, answered_at_90, spread }
    }
}

impl Figures<3> for ForecastScore {
    const NAMES: [&'static str; 3] = ["top1", "top3", "answered_at_90"];

    fn values(&self) -> [f64; 3] {
        [self.top1, self.top3, self.answered_at_90]
    }

    fn of([top1, top3, answered_at_90]: [f64; 3], spread: Spread) -> Self {
        Self { top1, top3, answered_at_90, spread }
    }
}

/// Least value, median (the mean of the middle two of an even number), greatest value; those that
/// are not numbers do not count. NaN of none.
pub fn median(of: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut known: Vec<f64> = of.filter(|x| !x.is_nan()).collect();
    known.sort_by(f64::total_cmp);
    let n = known.len();
    if n == 0 {
        return [f64::NAN; 3];
    }
    [known[0], f64::midpoint(known[(n - 1) / 2], known[n / 2]), known[n - 1]]
}

/// Largest share of the decisions, the most confident ones first, of which at least [`WANTED`] are
/// right.
fn answered(confidence: &Confidence, asked: u64) -> f64 {
    let (mut taken, mut right, mut most) = (0, 0, 0);
    for (n, hits) in confidence.falling() {
        taken += n;
        right += hits;
        if right as f64 >= WANTED * taken as f64 {
            most = taken;
        }
    }
    share(most, asked)
}

impl PickScore {
    /// From counts.
    pub fn new(count: &PickCount) -> Self {
        let per = |sum: f64, of: u64| if of == 0 { f64::NAN } else { sum / of as f64 };
        let gap = |(_, p, hits): &(u64, f64, u64)| (p - *hits as f64).abs();
        Self {
            top1: share(count.top1, count.asked),
            top3: share(count.top3, count.asked),
            mrr: per(count.reciprocal, count.asked),
            nll: per(count.nll, count.covered),
            ece: per(count.bins.iter().map(gap).sum(), count.asked),
            answered_at_90: answered(&count.confidence, count.asked),
            spread: Spread::default(),
        }
    }
}

impl ForecastScore {
    /// From counts; `None` for a predictor that does not answer this question.
    pub fn new(count: &ForecastCount) -> Option<Self> {
        (count.asked > 0).then(|| Self {
            top1: share(count.top1, count.asked),
            top3: share(count.top3, count.asked),
            answered_at_90: answered(&count.confidence, count.asked),
            spread: Spread::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn medians_have_a_middle_and_two_ends() {
        let ends = |of: &[f64]| median(of.iter().copied()).map(f64::to_bits);
        assert_eq!(ends(&[3.0, 1.0, 2.0]), [1.0, 2.0, 3.0].map(f64::to_bits));
        assert_eq!(ends(&[4.0, 1.0]), [1.0, 2.5, 4.0].map(f64::to_bits));
        assert_eq!(ends(&[f64::NAN, 5.0]), [5.0; 3].map(f64::to_bits));
        assert!(median(std::iter::empty()).iter().all(|x| x.is_nan()));
        let of = |top1| ForecastScore { top1, top3: f64::NAN, ..ForecastScore::default() };
        let three = ForecastScore::median(&[of(0.3), of(0.1), of(0.2)]);
        assert_eq!(
            (three.top1, three.spread.of("top1"), three.spread.seeds),
            (0.2, Some([0.1, 0.3]), 3)
        );
        assert!(three.top3.is_nan() && three.spread.of("top3").is_none());
        assert_eq!(ForecastScore::median(&[of(0.3)]).spread, Spread::default());
        let mean = ForecastScore::mean(&[&of(0.3), &of(0.1), &of(f64::NAN)]);
        assert!(close(mean.top1, 0.2), "{mean:?}");
    }

    #[test]
    fn as_many_are_answered_as_stay_right() {
        let mut confidence = Confidence::default();
        // 9 of 10 right at 0.95, then a run of wrong ones, then enough right ones to make up for
        // them, then the rest.
        let mut push = |p: f32, hits: usize, misses: usize| {
            (0..hits + misses).for_each(|i| confidence.push(p, i < hits));
        };
        push(0.95, 9, 1);
        push(0.80, 0, 2);
        push(0.60, 28, 0);
        push(0.20, 0, 10);
        assert!(
            close(answered(&confidence, 50), 40.0 / 50.0),
            "37 of 40 are right, 9 of 12 are not enough"
        );
        let mut wrong = Confidence::default();
        wrong.push(1.0, false);
        assert!(close(answered(&wrong, 1), 0.0));
        assert!(answered(&Confidence::default(), 0).is_nan());
    }

    #[test]
    fn json_says_null_for_what_there_is_not_and_takes_it_back() {
        let score = PickScore::new(&PickCount::default());
        let text = serde_json::to_string(&score).unwrap();
        assert!(text.contains("\"nll\":null") && !text.contains("seeds"), "{text}");
        let back: PickScore = serde_json::from_str(&text).unwrap();
        assert!(back.values().iter().all(|x| x.is_nan()));
        let two = [
            PickScore { top1: 0.5, ..PickScore::default() },
            PickScore { top1: 0.7, ..PickScore::default() },
        ];
        let text = serde_json::to_value(PickScore::median(&two)).unwrap();
        assert_eq!(
            (text["seeds"].as_u64(), text["top1_min"].as_f64(), text["top1_max"].as_f64()),
            (Some(2), Some(0.5), Some(0.7))
        );
        let back: PickScore = serde_json::from_value(text).unwrap();
        assert_eq!(back, PickScore::median(&two));
    }
}
