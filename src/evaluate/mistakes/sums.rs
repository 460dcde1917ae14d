//! Everything that is summed up of a set of decisions, in one walk over its rows: each figure is a
//! count of the same rows, so that all of them add up.

pub use super::dense::Bin;

use super::column::Column;
use super::dense::{Walked, walk};
use super::filter::{Expr, Op, Value};
use super::slices::{Slice, TIME_LABELS, TIMES, Tally, UNKNOWN, time_class};
use super::stats::mcnemar;
use super::table::{ASKED, Table};
use crate::evaluate::score::ECE_BINS;
use crate::query::Bitmap;
use rayon::prelude::*;
use std::collections::HashMap;

/// A point of accuracy against share answered: only decisions with `p >= least` are answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answered {
    /// The least probability.
    pub least: f32,
    /// Decisions that are answered.
    pub decisions: u64,
    /// Of those, right.
    pub hits: u64,
}

impl Answered {
    /// What selects the answered ones.
    pub fn filter(&self) -> Expr {
        Expr::Compare(Column::P, Op::Ge, Value::Share(self.least))
    }
}

/// Who was mistaken for whom, by name; names beyond the first ones are folded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confusion {
    /// Names; the last one is "others" when there are more.
    pub names: Vec<String>,
    /// The last one is the rest.
    pub folded: bool,
    /// `[real][predicted]`, wrong decisions only.
    pub counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// What selects the wrong decisions in which `real` came in and `pred` was expected.
    pub fn filter(&self, real: usize, pred: usize) -> Expr {
        let side = |column, at: usize| {
            if self.folded && at + 1 == self.names.len() {
                let others = self.names[..at].iter().map(|n| Expr::is(column, n).negate());
                // There is at least one name before the rest.
                others.reduce(Expr::and).unwrap_or_else(|| Expr::is(column, "").negate())
            } else {
                Expr::is(column, &self.names[at])
            }
        };
        Expr::Flag(Column::Hit).negate().and(side(Column::Real, real)).and(side(Column::Pred, pred))
    }
}

/// How a second predictor does on the same decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Versus {
    /// Its name.
    pub name: String,
    /// Both right.
    pub both_right: u64,
    /// The first wrong, the second right.
    pub fixed: u64,
    /// The first right, the second wrong.
    pub broken: u64,
    /// Both wrong.
    pub both_wrong: u64,
    /// Two-sided p-value of `McNemar`'s test.
    pub p_value: f64,
}

/// The second predictor: a baseline, or the second model of the table.
pub fn versus(t: &Table, rows: &Bitmap, second: Column) -> Versus {
    let mut counts = [0_u64; 4];
    rows.iter()
        .for_each(|i| counts[usize::from(t.is_hit(i)) * 2 + usize::from(second.flag(t, i))] += 1);
    let [both_wrong, fixed, broken, both_right] = counts;
    let name = if second == Column::Other { t.models[1].clone() } else { second.name().to_owned() };
    Versus { name, both_right, fixed, broken, both_wrong, p_value: mcnemar(fixed, broken) }
}

/// Columns whose slices every report has.
pub const USUAL: [Column; 8] = [
    Column::Cpu,
    Column::State,
    Column::Queue,
    Column::Enqueued,
    Column::Waited,
    Column::Lead,
    Column::Category,
    Column::Kernel,
];

/// Names in a confusion matrix, the rest included.
pub const CONFUSED: usize = 8;

/// All sums over a set of rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// The whole set.
    pub total: Tally,
    /// By the name of the one that came in, the most time mispredicted first.
    pub tasks: Vec<Slice>,
    /// Wrong decisions by who came in and who was expected.
    pub confusion: Confusion,
    /// By [`USUAL`].
    pub slices: Vec<(Column, Vec<Slice>)>,
    /// The reliability diagram.
    pub bins: [Bin; ECE_BINS],
    /// Accuracy against share answered, by rising share; the last answers all.
    pub answered: Vec<Answered>,
    /// The second model, when there is one.
    pub versus: Option<Versus>,
}

impl Sums {
    /// Over `rows`.
    pub fn new(t: &Table, rows: &Bitmap) -> Self {
        let columns: Vec<Column> = std::iter::once(Column::Real).chain(USUAL).collect();
        let Walked { total, slices, bins, confused, order } = walk(t, rows, &columns);
        let mut slices = slices.into_iter();
        let mut tasks = slices.next().map(|(_, tasks)| tasks).unwrap_or_default();
        tasks.sort_by_key(|s| std::cmp::Reverse((s.tally.wrong_ns, s.tally.misses())));
        Self {
            total,
            tasks,
            confusion: confusion(t, &confused),
            slices: slices.collect(),
            bins,
            answered: answered(&order),
            versus: t.has_other().then(|| versus(t, rows, Column::Other)),
        }
    }

    /// By this column, one of [`USUAL`].
    pub fn by(&self, column: Column) -> &[Slice] {
        self.slices.iter().find(|(c, _)| *c == column).map_or(&[], |(_, slices)| slices)
    }

    /// Expected calibration error over bins of equal width, as `koracle eval` has it.
    pub fn ece(&self) -> f64 {
        let gaps: f64 = self.bins.iter().map(|b| (b.p - b.hits as f64).abs()).sum();
        gaps / self.total.decisions as f64
    }
}

fn confusion(t: &Table, counts: &HashMap<(u32, u32), u64>) -> Confusion {
    let mut by_name: HashMap<u32, u64> = HashMap::new();
    for ((real, pred), n) in counts {
        *by_name.entry(*real).or_default() += n;
        *by_name.entry(*pred).or_default() += n;
    }
    let mut order: Vec<(u64, u32)> = by_name.into_iter().map(|(group, n)| (n, group)).collect();
    order.sort_by_key(|(n, group)| (std::cmp::Reverse(*n), *group));
    // A thread without a name is always among the rest: nothing selects it.
    let nameless = order.iter().any(|(_, g)| t.groups.get(*g as usize).is_none());
    let folded = order.len() > CONFUSED || nameless;
    order.retain(|(_, g)| t.groups.get(*g as usize).is_some());
    order.truncate(if folded { CONFUSED - 1 } else { CONFUSED });
    let mut names: Vec<String> =
        order.iter().map(|(_, g)| t.groups[*g as usize].to_string()).collect();
    let at = |group: u32| order.iter().position(|(_, g)| *g == group).unwrap_or(order.len());
    if folded {
        names.push("others".into());
    }
    let mut matrix = vec![vec![0; names.len()]; names.len()];
    for ((real, pred), n) in counts {
        matrix[at(*real)][at(*pred)] += n;
    }
    Confusion { names, folded, counts: matrix }
}

/// Points of the curve: twentieths of the decisions, the surest first; equal probabilities are
/// answered together.
///
/// Nothing is sorted: decisions are counted by the upper bits of their probability, and once more
/// by the lower ones where a point falls.
fn answered(keys: &[u32]) -> Vec<Answered> {
    const POINTS: usize = 20;
    /// Lower bits of a probability, and what its upper ones can be: it is at most 1, or hardly
    /// more.
    const LOW: u32 = 14;
    const HIGH: usize = 1 << 16;
    let upper = |key: u32| ((key >> (LOW + 1)) as usize).min(HIGH - 1);
    let mut coarse = vec![[0_u32; 2]; HIGH];
    for key in keys {
        let bucket = &mut coarse[upper(*key)];
        *bucket = [bucket[0] + 1, bucket[1] + (key & 1)];
    }
    // Buckets with a point: the place of their finer counts.
    let mut place = vec![u32::MAX; HIGH];
    let (mut n, mut fine) = (0, Vec::new());
    for (bucket, [of, _]) in coarse.iter().enumerate().rev() {
        let end = n + *of as usize;
        if end * POINTS / keys.len().max(1) > n * POINTS / keys.len().max(1) {
            place[bucket] = fine.len() as u32;
            fine.push(vec![[0_u32; 2]; 1 << LOW]);
        }
        n = end;
    }
    for key in keys {
        if let Some(fine) = fine.get_mut(place[upper(*key)] as usize) {
            let one = &mut fine[(key >> 1) as usize & ((1 << LOW) - 1)];
            *one = [one[0] + 1, one[1] + (key & 1)];
        }
    }
    let mut points: Vec<Answered> = Vec::new();
    let (mut n, mut hits, mut next) = (0_usize, 0_u64, 1);
    for (bucket, [of, right]) in coarse.iter().enumerate().rev() {
        let Some(fine) = fine.get(place[bucket] as usize) else {
            (n, hits) = (n + *of as usize, hits + u64::from(*right));
            continue;
        };
        for (low, [of, right]) in fine.iter().enumerate().rev().filter(|(_, [of, _])| *of > 0) {
            (n, hits) = (n + *of as usize, hits + u64::from(*right));
            if n * POINTS >= next * keys.len() {
                next = n * POINTS / keys.len() + 1;
                let least = f32::from_bits((bucket as u32) << LOW | low as u32);
                points.push(Answered { least, decisions: n as u64, hits });
            }
        }
    }
    points
}

/// Whether forecasts would have come in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InTime {
    /// Ns that this machine needs for a decision: the middle one of those measured, and that of 99
    /// %.
    pub latency: Option<[u64; 2]>,
    /// Lead times by class of [`Column::Lead`]: the slice, and the share of its forecasts that
    /// would have come before the switch; NaN where there is no forecast.
    pub classes: Vec<(Slice, f64)>,
    /// The same of all forecasts that have a lead time; NaN when none has, or no latency is known.
    pub share: f64,
}

/// Shares of the rows whose forecast would have come before the switch, had it taken as long as one
/// of `latencies` (sorted ns): means over all pairs of a lead time and a latency. `slices` are the
/// rows cut by their lead time.
pub fn in_time(t: &Table, rows: &Bitmap, slices: &[Slice], latencies: &[u64]) -> InTime {
    const SHARE: usize = 16_384;
    let (first, last) =
        (latencies.first().copied().unwrap_or(0), latencies.last().copied().unwrap_or(0));
    let faster = |lead: u64| match lead {
        lead if lead > last => latencies.len() as u64,
        lead if lead <= first => 0,
        lead => latencies.partition_point(|l| *l < lead) as u64,
    };
    // Per class of a lead time: how many latencies are below the lead times of it, in all.
    let part = |block: usize| {
        let mut sums = [0_u64; TIMES.len() + 1];
        let rows = rows.within(block * SHARE..(block + 1) * SHARE);
        let asked = rows.filter(|i| t.bits[*i] & ASKED != 0);
        for lead in asked.filter_map(|i| t.lead[i].ns()) {
            sums[time_class(lead)] += faster(lead);
        }
        sums
    };
    let sums = (0..t.len().div_ceil(SHARE)).into_par_iter().map(part).reduce(
        || [0; TIMES.len() + 1],
        |mut a, b| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        },
    );
    let share = |sum: u64, n: u64| sum as f64 / (n as f64 * latencies.len() as f64);
    // What has no lead time has no class here: it is the last of the slices, when there is such a
    // one.
    let known = |s: &&Slice| s.label != UNKNOWN;
    let sum_of =
        |s: &Slice| TIME_LABELS.iter().position(|l| *l == s.label).map_or(0, |class| sums[class]);
    let classes: Vec<(Slice, f64)> =
        slices.iter().filter(known).map(|s| (s.clone(), share(sum_of(s), s.tally.asked))).collect();
    let n = classes.iter().map(|(s, _)| s.tally.asked).sum();
    let at = |q: f64| latencies.get((latencies.len() as f64 * q) as usize).copied();
    InTime {
        latency: at(0.5).zip(at(0.99)).map(<[u64; 2]>::from),
        classes,
        share: share(sums.iter().sum(), n),
    }
}

/// Columns that stand for a second predictor: the baselines, and the second model when there is
/// one.
pub fn seconds(t: &Table) -> impl Iterator<Item = Column> {
    let baselines = (0..crate::evaluate::overlay::BASELINES.len() as u8).map(Column::Baseline);
    baselines.chain(t.has_other().then_some(Column::Other))
}

/// Rows in which the two differ in this way.
pub fn difference(second: Column, first_right: bool, second_right: bool) -> Expr {
    let is = |column, right| if right { Expr::Flag(column) } else { Expr::Flag(column).negate() };
    is(Column::Hit, first_right).and(is(second, second_right))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By sorting, as the curve is defined.
    fn sorted(mut keys: Vec<u32>) -> Vec<Answered> {
        keys.sort_unstable_by_key(|k| std::cmp::Reverse(*k));
        let (mut points, mut hits, mut next) = (Vec::new(), 0, 1);
        for (i, key) in keys.iter().enumerate() {
            hits += u64::from(key & 1);
            let last_of_equals = keys.get(i + 1).is_none_or(|k| k >> 1 != key >> 1);
            if last_of_equals && (i + 1) * 20 >= next * keys.len() {
                next = (i + 1) * 20 / keys.len() + 1;
                points.push(Answered {
                    least: f32::from_bits(key >> 1),
                    decisions: i as u64 + 1,
                    hits,
                });
            }
        }
        points
    }

    #[test]
    fn the_curve_is_that_of_sorted_probabilities() {
        let key = |p: f32, hit: bool| p.to_bits() << 1 | u32::from(hit);
        let spread = |n: u32| {
            (0..n).map(|i| key((i * 7_919 % n) as f32 / n as f32, i % 3 == 0)).collect::<Vec<_>>()
        };
        // Many near 1, many equal ones, few, none.
        let near =
            (0..5_000_u32).map(|i| key(1.0 - (i % 1_777) as f32 * 1e-7, i % 5 != 0)).collect();
        let equal =
            (0..1_000_u32).map(|i| key([1.0, 0.5, 0.25][(i % 3) as usize], i % 2 == 0)).collect();
        for keys in [spread(20_011), spread(19), near, equal, vec![key(0.0, true)], Vec::new()] {
            assert_eq!(answered(&keys), sorted(keys));
        }
    }
}
