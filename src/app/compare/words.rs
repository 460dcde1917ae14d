//! What differs between two recordings, in words: for the screen and for the command line.

use crate::app::time::short;
use crate::stats::diff::Measure;

/// What is compared.
pub fn words(measure: Measure) -> &'static str {
    match measure {
        Measure::Use => "CPUs used",
        Measure::Stints => "stints per s",
        Measure::Stint => "length of a stint",
        Measure::Waiting => "threads waiting",
        Measure::Wait => "length of a wait",
        Measure::Migrations => "migrations per s",
        Measure::HitRate => "hit rate",
        Measure::Surprise => "surprise, nats",
    }
}

/// What it is.
pub fn meaning(measure: Measure) -> &'static str {
    match measure {
        Measure::Use => "how many CPUs the task kept busy, on average",
        Measure::Stints => "how often it came in",
        Measure::Stint => "how long it ran at a time, on average",
        Measure::Waiting => "how many of its threads waited for a CPU, on average",
        Measure::Wait => "how long it waited for a CPU at a time, on average",
        Measure::Migrations => "how often it came in on another CPU",
        Measure::HitRate => "how often the model picked it where it came in and had a rival",
        Measure::Surprise => {
            "−ln of the probability that the model gave it, on average: 0 is certainty, 0.69 a \
             coin toss"
        }
    }
}

/// A value of it as it is read.
pub fn value(measure: Measure, x: f64) -> String {
    let (sign, x) = if x < 0.0 { ("−", -x) } else { ("", x) };
    match measure {
        Measure::Use | Measure::Waiting | Measure::Surprise if x >= 99.995 => {
            format!("{sign}{x:.1}")
        }
        Measure::Use | Measure::Waiting | Measure::Surprise => format!("{sign}{x:.4}"),
        Measure::Stints | Measure::Migrations if x >= 999_999.5 => format!("{sign}{:.2}M", x / 1e6),
        Measure::Stints | Measure::Migrations if x >= 99_999.95 => format!("{sign}{x:.0}"),
        Measure::Stints | Measure::Migrations => format!("{sign}{x:.1}"),
        Measure::Stint | Measure::Wait => [sign, &short(x as u64)].concat(),
        Measure::HitRate => format!("{sign}{:.1} %", 100.0 * x),
    }
}

/// A difference between two values of it. Of shares it is in percentage points: beside it stands
/// by how many percent of A it changed.
pub fn difference(measure: Measure, x: f64) -> String {
    let sign = if x < 0.0 { "−" } else { "" };
    match (measure, 100.0 * x.abs()) {
        (Measure::HitRate, points) if points >= 99.95 => format!("{sign}{points:.0} pp"),
        (Measure::HitRate, points) => format!("{sign}{points:.1} pp"),
        _ => value(measure, x),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_wider_than_its_column() {
        for measure in Measure::ALL {
            let most = match measure {
                Measure::Use | Measure::HitRate => 1.0,
                Measure::Waiting | Measure::Surprise => 99_999.0,
                Measure::Stints | Measure::Migrations => 999e6,
                Measure::Stint | Measure::Wait => 999e9,
            };
            for share in [0.0, 1e-9, 1e-4, 0.012_345, 0.099_999_99, 0.1, 0.999_999_9, 1.0] {
                let text = value(measure, -most * share);
                assert!(text.chars().count() <= 8, "{measure:?} {text}");
                let text = difference(measure, -most * share);
                assert!(text.chars().count() <= 8, "{measure:?} {text}");
            }
        }
        assert_eq!(value(Measure::Stints, -32_525_007.0), "−32.53M");
        assert_eq!(
            [Measure::HitRate, Measure::Use].map(|measure| difference(measure, 0.113)),
            ["11.3 pp", "0.1130"]
        );
        assert_eq!(
            (value(Measure::HitRate, 0.4454), value(Measure::Wait, -4_860.0)),
            ("44.5 %".into(), "−4.86 µs".into())
        );
    }
}
