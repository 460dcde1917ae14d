//! The learning rate as a function of the step.

use serde::{Deserialize, Serialize};

/// How the learning rate changes from step to step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Up over the first tenth (at least 400 steps, at most half of all), then down to almost
    /// nothing by a cosine.
    #[default]
    OneCycle,
    /// Down from the start by a cosine.
    Cosine,
    /// The same at every step.
    Constant,
}

impl Schedule {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OneCycle, Self::Cosine, Self::Constant];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::OneCycle => "one-cycle",
            Self::Cosine => "cosine",
            Self::Constant => "constant",
        }
    }

    pub(super) fn at(self, step: usize, steps: usize, peak: f64) -> f64 {
        match self {
            Self::OneCycle => one_cycle(step, steps, peak),
            Self::Cosine => {
                peak * 0.5
                    * (1.0 + (std::f64::consts::PI * step as f64 / steps.max(1) as f64).cos())
            }
            Self::Constant => peak,
        }
    }
}

impl std::str::FromStr for Schedule {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let hit = Self::ALL.into_iter().find(|s| s.label() == name);
        hit.ok_or_else(|| {
            format!("{name:?} is no schedule: {}", Self::ALL.map(Self::label).join(", "))
        })
    }
}

/// Steps that the rate takes to rise, at least: in fewer, units of the heads fall silent for good
/// on one run in some.
const RISE: f64 = 400.0;

/// One-cycle: cosine from a 25th of `peak` up to it over the first tenth (at least [`RISE`] steps,
/// at most half of all), then cosine down to almost nothing.
fn one_cycle(step: usize, steps: usize, peak: f64) -> f64 {
    let up = (steps as f64 * 0.1).max(RISE.min(steps as f64 * 0.5)).max(1.0);
    let (from, to, part) = if (step as f64) < up {
        (peak / 25.0, peak, step as f64 / up)
    } else {
        (peak, peak / 250_000.0, (step as f64 - up) / (steps as f64 - up).max(1.0))
    };
    to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * part.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_ends_low_but_the_constant_one() {
        for schedule in Schedule::ALL {
            let at = |step| schedule.at(step, 1_000, 1e-3);
            assert_eq!(schedule.label().parse(), Ok(schedule));
            assert!((0..1_000).all(|s| at(s) > 0.0 && at(s) <= 1e-3 + 1e-12), "{schedule:?}");
            assert_eq!(at(999) < 1e-6, schedule != Schedule::Constant, "{schedule:?}");
        }
        assert!("twice".parse::<Schedule>().is_err());
        assert!(Schedule::OneCycle.at(0, 1_000, 1e-3) < 5e-5, "it warms up");
        let highest = |steps: usize| {
            (0..steps).max_by(|a, b| {
                let at = |s: &usize| Schedule::OneCycle.at(*s, steps, 1.0);
                at(a).total_cmp(&at(b))
            })
        };
        assert_eq!(
            [100, 1_000, 10_000].map(highest),
            [50, 400, 1_000].map(Some),
            "a short run rises as slowly"
        );
    }
}
