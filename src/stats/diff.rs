//! What differs between two recordings: of all tasks and of each name that is in both, with
//! intervals.
//!
//! Each recording is cut into [`BLOCKS`] equal stretches of time. A recording's figure is one of
//! sums over its blocks; its spread is that of the same figure over blocks that are drawn with
//! replacement ([`DRAWS`] times, from a fixed seed), so that what belongs together in time is drawn
//! together. The interval of a difference holds 95 % of the drawn ones. It says what another
//! stretch of the same two runs would have given; two runs of one workload may differ by more. What
//! happened in fewer than [`LEAST`] blocks of a recording has no spread to speak of and is not
//! compared.

mod blocks;
mod column;

pub use column::{COLUMNS, Column, Expr, Query, Sort, parse};

use crate::trace::Trace;
use blocks::{Blocks, Sum};
use std::collections::HashMap;

/// Stretches of a recording.
pub const BLOCKS: usize = 100;
/// How often their sums are drawn.
pub const DRAWS: usize = 1000;
/// Blocks of each recording in which what is compared must have happened.
pub const LEAST: usize = 5;
/// Names that are compared: those with the most time on a CPU or waiting for one.
const NAMES: usize = 200;

/// A figure of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// CPUs that it kept busy. This and all rates are of known time.
    Use,
    /// Times that it came in, per second.
    Stints,
    /// How long it ran at a time, ns.
    Stint,
    /// Threads that waited for a CPU at a time.
    Waiting,
    /// How long a wait took, ns.
    Wait,
    /// Times that it came in on another CPU, per second.
    Migrations,
    /// Share of right picks where it came in and there was somebody else to pick; as in the
    /// evaluation.
    HitRate,
    /// What the model was surprised by its coming in, in nats a decision: −ln of the probability
    /// that it had given it; of those decisions in which it was among the candidates.
    Surprise,
}

/// A decision that counts in the evaluation, as a model answered it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The switch, as its index among all events.
    pub event: u32,
    /// The pick was the one that came in.
    pub hit: bool,
    /// −ln of the probability of the one that came in; `None` where it was not among the
    /// candidates.
    pub nats: Option<f32>,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Use,
        Self::Stints,
        Self::Stint,
        Self::Waiting,
        Self::Wait,
        Self::Migrations,
        Self::HitRate,
        Self::Surprise,
    ];

    /// In machine output.
    pub fn label(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Stints => "stints_per_s",
            Self::Stint => "stint_ns",
            Self::Waiting => "waiting",
            Self::Wait => "wait_ns",
            Self::Migrations => "migrations_per_s",
            Self::HitRate => "hit_rate",
            Self::Surprise => "surprise",
        }
    }

    /// Of a sum over blocks; `None` where there is nothing to divide by.
    fn of(self, s: &Sum) -> Option<f64> {
        let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
        match self {
            Self::Use => ratio(s.run, s.known),
            Self::Stints => ratio(s.stints * 1e9, s.known),
            Self::Stint => ratio(s.run, s.stints),
            Self::Waiting => ratio(s.wait, s.known),
            Self::Wait => ratio(s.wait, s.waits),
            Self::Migrations => ratio(s.migrations * 1e9, s.known),
            Self::HitRate => ratio(s.hits, s.asked),
            Self::Surprise => ratio(s.nats, s.covered),
        }
    }

    /// How often what it is made of happened.
    fn count(self, s: &Sum) -> f64 {
        match self {
            Self::Wait => s.waits,
            Self::HitRate => s.asked,
            Self::Surprise => s.covered,
            _ => s.stints,
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The name; `None`: all tasks together.
    pub name: Option<String>,
    /// What is compared.
    pub measure: Measure,
    /// Of the first and of the second recording.
    pub values: [f64; 2],
    /// The second less the first.
    pub difference: f64,
    /// 95 % of the drawn differences lie between these.
    pub interval: [f64; 2],
    /// The difference over the standard deviation of the drawn ones, without a sign; 0 for no
    /// difference, infinite where every draw says the same.
    pub certainty: f64,
}

/// All differences, and the names that one recording alone has.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// By [`Difference::surer`], the most certain first.
    pub rows: Vec<Difference>,
    /// Names of the first alone and of the second alone, those with the most time first.
    pub only: [Vec<String>; 2],
    /// What must be known of each recording before its figures are believed.
    pub cautions: [Vec<String>; 2],
}

/// Which blocks each draw takes.
fn draws(mut seed: u64) -> Vec<[u8; BLOCKS]> {
    let mut next = || {
        // splitmix64 (Steele, Lea, Flood 2014).
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..DRAWS).map(|_| std::array::from_fn(|_| (next() % BLOCKS as u64) as u8)).collect()
}

/// Compares two recordings, without what needs a model.
pub fn compare(a: &Trace, b: &Trace) -> Differences {
    compare_scored([a, b], [&[], &[]])
}

/// Compares two recordings, and how one model did on them; nothing is said of it where it was not
/// asked.
pub fn compare_scored([a, b]: [&Trace; 2], scored: [&[Scored]; 2]) -> Differences {
    let sides = [Blocks::new(a, scored[0]), Blocks::new(b, scored[1])];
    let orders = [sides[0].by_time(), sides[1].by_time()];
    let drawn = [draws(1), draws(2)];
    // Where no wake-ups were recorded most waits are not known, and would look like shorter ones.
    let waits = a.knows_queues() && b.knows_queues();
    let mut found = Differences {
        rows: differences(None, [&sides[0].all(), &sides[1].all()], &drawn, waits),
        cautions: [a.caveats(), b.caveats()],
        ..Differences::default()
    };
    let names = |side: usize| -> HashMap<&str, usize> {
        orders[side].iter().map(|row| (sides[side].of.names[*row], *row)).collect()
    };
    let known = [names(0), names(1)];
    for side in [0, 1] {
        let alone = orders[side].iter().map(|row| sides[side].of.names[*row]);
        found.only[side] =
            alone.filter(|name| !known[1 - side].contains_key(name)).map(String::from).collect();
    }
    let both = orders[0].iter().filter_map(|row| {
        let name = sides[0].of.names[*row];
        known[1].get(name).map(|other| (name, *row, *other))
    });
    for (name, row, other) in both.take(NAMES) {
        found.rows.extend(differences(
            Some(name),
            [&sides[0].sums[row], &sides[1].sums[other]],
            &drawn,
            waits,
        ));
    }
    // Stable: equals stay by time and measure.
    found.rows.sort_by(|x, y| y.surer(x));
    found
}

fn differences(
    name: Option<&str>,
    blocks: [&[Sum; BLOCKS]; 2],
    drawn: &[Vec<[u8; BLOCKS]>; 2],
    waits: bool,
) -> Vec<Difference> {
    let whole = blocks.map(Blocks::total);
    let sums = [0, 1].map(|side: usize| -> Vec<Sum> {
        let of = |draw: &[u8; BLOCKS]| {
            let mut sum = Sum::default();
            for k in draw {
                sum.add(&blocks[side][usize::from(*k)]);
            }
            sum
        };
        drawn[side].iter().map(of).collect()
    });
    let happened = |measure: Measure, side: usize| {
        blocks[side].iter().filter(|s| measure.count(s) > 0.0).count()
    };
    let one = |measure: Measure| {
        let unseen = !waits && matches!(measure, Measure::Waiting | Measure::Wait);
        if unseen || happened(measure, 0) < LEAST || happened(measure, 1) < LEAST {
            return None;
        }
        let values = [measure.of(&whole[0])?, measure.of(&whole[1])?];
        let pairs = sums[0].iter().zip(&sums[1]);
        let mut drawn: Vec<f64> =
            pairs.filter_map(|(x, y)| Some(measure.of(y)? - measure.of(x)?)).collect();
        if drawn.is_empty() {
            return None;
        }
        drawn.sort_by(f64::total_cmp);
        let at = |share: f64| drawn[((drawn.len() - 1) as f64 * share).round() as usize];
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let deviation =
            (drawn.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / drawn.len() as f64).sqrt();
        let difference = values[1] - values[0];
        let certainty = if difference == 0.0 { 0.0 } else { difference.abs() / deviation };
        let interval = [at(0.025), at(0.975)];
        Some(Difference {
            name: name.map(Into::into),
            measure,
            values,
            difference,
            interval,
            certainty,
        })
    };
    Measure::ALL.into_iter().filter_map(one).collect()
}
