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

/// A value of it as it is read.
pub fn value(measure: Measure, x: f64) -> String {
    let (sign, x) = if x < 0.0 { ("−", -x) } else { ("", x) };
    match measure {
        Measure::Use | Measure::Waiting | Measure::Surprise => format!("{sign}{x:.4}"),
        Measure::Stints | Measure::Migrations => format!("{sign}{x:.1}"),
        Measure::Stint | Measure::Wait => [sign, &short(x as u64)].concat(),
        Measure::HitRate => format!("{sign}{:.2} %", 100.0 * x),
    }
}
