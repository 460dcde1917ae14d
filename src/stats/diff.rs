//! What differs between two recordings: of all tasks and of each name that is in both, with intervals.
//!
//! Each recording is cut into [`BLOCKS`] equal stretches of time. A recording's figure is one of sums over its blocks; its spread is
//! that of the same figure over blocks that are drawn with replacement ([`DRAWS`] times, from a fixed seed), so that what belongs
//! together in time is drawn together. The interval of a difference holds 95 % of the drawn ones. It says what another
//! stretch of the same two runs would have given; two runs of one workload may differ by more. What happened in fewer than [`LEAST`]
//! blocks of a recording has no spread to speak of and is not compared.

use super::names::Rows;
use super::states::{Doing, Piece, Sink, Wait, walk};
use super::totals::By;
use crate::trace::{CpuId, ThreadIx, Trace};
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
    /// CPUs that it kept busy.
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
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Use, Self::Stints, Self::Stint, Self::Waiting, Self::Wait, Self::Migrations];

    /// In machine output.
    pub fn label(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Stints => "stints_per_s",
            Self::Stint => "stint_ns",
            Self::Waiting => "waiting",
            Self::Wait => "wait_ns",
            Self::Migrations => "migrations_per_s",
        }
    }

    /// Of a sum over blocks that took `ns` together; `None` where there is nothing to divide by.
    fn of(self, s: &Sum, ns: f64) -> Option<f64> {
        let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
        match self {
            Self::Use => ratio(s.run, ns),
            Self::Stints => ratio(s.stints * 1e9, ns),
            Self::Stint => ratio(s.run, s.stints),
            Self::Waiting => ratio(s.wait, ns),
            Self::Wait => ratio(s.wait, s.waits),
            Self::Migrations => ratio(s.migrations * 1e9, ns),
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
    /// The difference over the standard deviation of the drawn ones, without a sign; 0 for no difference, infinite where every
    /// draw says the same.
    pub certainty: f64,
}

/// All differences, and the names that one recording alone has.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// The most certain first.
    pub rows: Vec<Difference>,
    /// Names of the first alone and of the second alone, those with the most time first.
    pub only: [Vec<String>; 2],
}

/// Sums over a block. Whole numbers of ns and counts, as far as a float holds them.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    run: f64,
    wait: f64,
    waits: f64,
    stints: f64,
    migrations: f64,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.run += other.run;
        self.wait += other.wait;
        self.waits += other.waits;
        self.stints += other.stints;
        self.migrations += other.migrations;
    }
}

/// The blocks of each name of a recording; `""` stands for all.
struct Blocks<'a> {
    trace: &'a Trace,
    of: Rows<'a>,
    sums: Vec<[Sum; BLOCKS]>,
}

impl<'a> Blocks<'a> {
    fn new(trace: &'a Trace) -> Self {
        let of = Rows::new(trace, By::Name);
        let sums = vec![[Sum::default(); BLOCKS]; of.names.len()];
        let mut blocks = Self { trace, of, sums };
        walk(trace, &mut blocks);
        blocks
    }

    fn edge(&self, block: usize) -> u64 {
        (u128::from(self.trace.span().0) * block as u128 / BLOCKS as u128) as u64
    }

    fn block(&self, time: u64) -> usize {
        let span = u128::from(self.trace.span().0).max(1);
        let guess = ((u128::from(time) * BLOCKS as u128 / span) as usize).min(BLOCKS - 1);
        // Edges are rounded down.
        if guess + 1 < BLOCKS && time >= self.edge(guess + 1) { guess + 1 } else { guess }
    }

    fn at(&mut self, thread: ThreadIx, event: u32, time: u64) -> &mut Sum {
        let (row, block) = (self.of.ix(thread, event), self.block(time));
        &mut self.sums[row][block]
    }

    fn total(blocks: &[Sum; BLOCKS]) -> Sum {
        blocks.iter().fold(Sum::default(), |mut all, s| {
            all.add(s);
            all
        })
    }

    /// Names by their time on a CPU or waiting, the most first; those without any are left out.
    fn by_time(&self) -> Vec<usize> {
        let time = |row: usize| {
            let all = Self::total(&self.sums[row]);
            all.run + all.wait
        };
        let mut rows: Vec<(f64, usize)> = (0..self.sums.len()).map(|r| (time(r), r)).filter(|r| r.0 > 0.0).collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rows.into_iter().map(|r| r.1).collect()
    }

    fn all(&self) -> [Sum; BLOCKS] {
        let mut all = [Sum::default(); BLOCKS];
        for of in &self.sums {
            all.iter_mut().zip(of).for_each(|(a, s)| a.add(s));
        }
        all
    }
}

impl Sink for Blocks<'_> {
    fn piece(&mut self, p: &Piece) {
        if !matches!(p.doing, Doing::Running | Doing::Runnable) {
            return;
        }
        let row = self.of.ix(p.thread, p.last);
        let (mut from, mut block) = (p.from, self.block(p.from));
        while from < p.to && block < BLOCKS {
            let to = p.to.min(self.edge(block + 1));
            let ns = to.saturating_sub(from) as f64;
            let sum = &mut self.sums[row][block];
            *if p.doing == Doing::Running { &mut sum.run } else { &mut sum.wait } += ns;
            (from, block) = (to.max(from), block + 1);
        }
    }

    fn waited(&mut self, w: &Wait) {
        let event = if w.last == super::states::NO_EVENT { w.first } else { w.last };
        self.at(w.thread, event, w.to).waits += 1.0;
    }

    fn came_in(&mut self, thread: ThreadIx, _: CpuId, moved: bool, event: u32) {
        let time = self.trace.time(event as usize).0;
        let sum = self.at(thread, event, time);
        sum.stints += 1.0;
        sum.migrations += f64::from(u8::from(moved));
    }
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

/// Compares two recordings.
pub fn compare(a: &Trace, b: &Trace) -> Differences {
    let sides = [Blocks::new(a), Blocks::new(b)];
    let orders = [sides[0].by_time(), sides[1].by_time()];
    let drawn = [draws(1), draws(2)];
    let spans = [a.span().0 as f64, b.span().0 as f64];
    let mut found = Differences {
        rows: differences(None, [&sides[0].all(), &sides[1].all()], &drawn, spans),
        ..Differences::default()
    };
    let names = |side: usize| -> HashMap<&str, usize> {
        orders[side].iter().map(|row| (sides[side].of.names[*row], *row)).collect()
    };
    let known = [names(0), names(1)];
    for side in [0, 1] {
        let alone = orders[side].iter().map(|row| sides[side].of.names[*row]);
        found.only[side] = alone.filter(|name| !known[1 - side].contains_key(name)).map(String::from).collect();
    }
    let both = orders[0].iter().filter_map(|row| {
        let name = sides[0].of.names[*row];
        known[1].get(name).map(|other| (name, *row, *other))
    });
    for (name, row, other) in both.take(NAMES) {
        found.rows.extend(differences(Some(name), [&sides[0].sums[row], &sides[1].sums[other]], &drawn, spans));
    }
    // Stable: equals stay by time and measure.
    found.rows.sort_by(|x, y| y.certainty.total_cmp(&x.certainty));
    found
}

fn differences(
    name: Option<&str>,
    blocks: [&[Sum; BLOCKS]; 2],
    drawn: &[Vec<[u8; BLOCKS]>; 2],
    spans: [f64; 2],
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
        let count = |s: &&Sum| if measure == Measure::Wait { s.waits > 0.0 } else { s.stints > 0.0 };
        blocks[side].iter().filter(count).count()
    };
    let one = |measure: Measure| {
        if happened(measure, 0) < LEAST || happened(measure, 1) < LEAST {
            return None;
        }
        let values = [measure.of(&whole[0], spans[0])?, measure.of(&whole[1], spans[1])?];
        let pairs = sums[0].iter().zip(&sums[1]);
        let mut drawn: Vec<f64> =
            pairs.filter_map(|(x, y)| Some(measure.of(y, spans[1])? - measure.of(x, spans[0])?)).collect();
        if drawn.is_empty() {
            return None;
        }
        drawn.sort_by(f64::total_cmp);
        let at = |share: f64| drawn[((drawn.len() - 1) as f64 * share).round() as usize];
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let deviation = (drawn.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / drawn.len() as f64).sqrt();
        let difference = values[1] - values[0];
        let certainty = if difference == 0.0 { 0.0 } else { difference.abs() / deviation };
        let interval = [at(0.025), at(0.975)];
        Some(Difference { name: name.map(Into::into), measure, values, difference, interval, certainty })
    };
    Measure::ALL.into_iter().filter_map(one).collect()
}
