//! Counts of a set of decisions, whole or cut by a column. Each slice knows the expression that
//! selects its decisions, so that what a bar counts and what a click on it shows are the same.

use super::column::{Column, Kind};
use super::filter::{Expr, Op, Value};
use super::stats::wilson;
use super::table::{ASKED, COVERED, Enqueued, FORECAST, HIT, OTHER, Table};
use crate::evaluate::overlay::BASELINES;
use crate::evaluate::score::{QUEUE_SLICES, QUEUES, STATE_SLICES, queue_class, state_class};
use crate::query::Bitmap;
use std::collections::BTreeMap;

/// Counts of a set of decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Decisions.
    pub decisions: u64,
    /// The model was right.
    pub hits: u64,
    /// The one that came in was a candidate.
    pub covered: u64,
    /// A forecast was made.
    pub asked: u64,
    /// And was right.
    pub forecasts: u64,
    /// Per baseline: right.
    pub baselines: [u64; BASELINES.len()],
    /// The second model was right.
    pub other: u64,
    /// Sum of how long those ran that came in unexpected, ns.
    pub wrong_ns: u64,
    /// Wrong decisions that some baseline other than the random one got right.
    pub learnable: u64,
}

impl Tally {
    /// From the number of rows with each flag of the table.
    pub(super) fn from_flags(
        flag: impl Fn(u16) -> u64,
        decisions: u64,
        learnable: u64,
        wrong_ns: u64,
    ) -> Self {
        Self {
            decisions,
            hits: flag(HIT),
            covered: flag(COVERED),
            asked: flag(ASKED),
            forecasts: flag(FORECAST),
            baselines: std::array::from_fn(|b| flag(1 << b)),
            other: flag(OTHER),
            wrong_ns,
            learnable,
        }
    }

    /// Counts one row.
    pub fn add(&mut self, t: &Table, i: usize) {
        let bits = t.bits[i];
        let one = |bit: u16| u64::from(bits & bit != 0);
        self.decisions += 1;
        self.hits += one(HIT);
        self.covered += one(COVERED);
        self.asked += one(ASKED);
        self.forecasts += one(FORECAST);
        self.other += one(OTHER);
        for (b, n) in self.baselines.iter_mut().enumerate() {
            *n += one(1 << b);
        }
        if bits & HIT == 0 {
            self.wrong_ns += t.ran[i].ns().unwrap_or(0);
            self.learnable += u64::from(bits & 0xfe != 0);
        }
    }

    /// Adds another set's counts.
    pub fn merge(&mut self, other: &Self) {
        self.decisions += other.decisions;
        self.hits += other.hits;
        self.covered += other.covered;
        self.asked += other.asked;
        self.forecasts += other.forecasts;
        self.other += other.other;
        self.wrong_ns += other.wrong_ns;
        self.learnable += other.learnable;
        self.baselines.iter_mut().zip(&other.baselines).for_each(|(a, b)| *a += b);
    }

    /// Wrong decisions.
    pub fn misses(&self) -> u64 {
        self.decisions - self.hits
    }

    /// Share that was right; NaN for nothing.
    pub fn accuracy(&self) -> f64 {
        self.hits as f64 / self.decisions as f64
    }

    /// 95 % confidence interval of it.
    pub fn interval(&self) -> (f64, f64) {
        wilson(self.hits, self.decisions)
    }

    /// Wrong decisions in a thousand.
    pub fn per_thousand(&self) -> f64 {
        1e3 * self.misses() as f64 / self.decisions as f64
    }
}

/// One slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Its name.
    pub label: String,
    /// What selects it.
    pub filter: Expr,
    /// Its counts.
    pub tally: Tally,
}

/// Ends of the classes of durations, ns.
pub(super) const TIMES: [u64; 6] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
pub(super) const TIME_LABELS: [&str; 7] =
    ["< 1 µs", "1-10 µs", "10-100 µs", "0.1-1 ms", "1-10 ms", "10-100 ms", "≥ 100 ms"];
/// What has no time.
pub(super) const UNKNOWN: &str = "unknown";

/// Class of a duration: index into the labels.
pub(super) fn time_class(ns: u64) -> usize {
    TIMES.iter().position(|end| ns < *end).unwrap_or(TIMES.len())
}

/// Parts that the time of a recording is cut into.
const PARTS: u64 = 20;

/// Columns that a set can be cut by.
pub fn sliceable() -> impl Iterator<Item = Column> {
    let columns = super::column::COLUMNS.iter().map(|c| c.0);
    columns
        .filter(|c| !matches!(c, Column::Event | Column::Margin | Column::PReal | Column::OtherP))
}

/// How one column is cut: the class of a row, and of a class its name and what selects it.
struct Cut<'a> {
    class: Box<dyn Fn(usize) -> u64 + 'a>,
    name: Box<dyn Fn(u64) -> (String, Expr) + 'a>,
}

/// The rows cut by `column`, in the column's order; slices without a row are left out. `None`:
/// there is no sense in it.
pub fn slices(t: &Table, rows: &Bitmap, column: Column) -> Option<Vec<Slice>> {
    let cut = cut(t, column)?;
    let mut classes: BTreeMap<u64, Tally> = BTreeMap::new();
    let (mut last, mut tally) = (None, Tally::default());
    for i in rows.iter() {
        let class = (cut.class)(i);
        if last != Some(class) {
            // Neighbours are often of one class: the map is asked once for all of them.
            if let Some(last) = last.replace(class) {
                classes.entry(last).or_default().merge(&tally);
            }
            tally = Tally::default();
        }
        tally.add(t, i);
    }
    if let Some(last) = last {
        classes.entry(last).or_default().merge(&tally);
    }
    Some(named(t, column, classes.into_iter().collect()))
}

/// Classes of a cut by `column`, with their counts, as slices.
pub(super) fn named(t: &Table, column: Column, classes: Vec<(u64, Tally)>) -> Vec<Slice> {
    let Some(cut) = cut(t, column) else { return Vec::new() };
    let slice = |(class, tally)| {
        let (label, filter) = (cut.name)(class);
        Slice { label, filter, tally }
    };
    classes.into_iter().map(slice).collect()
}

/// What the recordings say of a column that is the same for a whole one, sorted, each once.
pub(super) fn names(t: &Table, column: Column) -> Vec<&str> {
    let mut names: Vec<&str> = t.sources.iter().filter_map(|s| column.of_source(s)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn cut(t: &Table, column: Column) -> Option<Cut<'_>> {
    Some(match column {
        Column::Queue => by_queue(t),
        Column::Cpu | Column::Rank | Column::Bin => by_number(t, column),
        Column::P => by_tenth(t),
        Column::Waited | Column::Stint | Column::Ran | Column::Lead => by_duration(t, column),
        Column::Time => by_time(t),
        Column::State => by_state(t),
        Column::Enqueued => by_enqueued(t),
        Column::Prev | Column::Pred | Column::Real | Column::OtherPred => by_task(t, column),
        Column::Trace
        | Column::Workload
        | Column::Category
        | Column::Kernel
        | Column::Machine
        | Column::Scheduler => by_source(t, column),
        Column::Hit
        | Column::Covered
        | Column::Asked
        | Column::Forecast
        | Column::Baseline(_)
        | Column::Other => by_flag(t, column),
        Column::Event | Column::Margin | Column::PReal | Column::OtherP => return None,
    })
}

/// What selects the numbers from `from` to `to`, both of them included.
fn between(column: Column, from: u64, to: u64) -> Expr {
    let number = |op, n| Expr::number(column, op, n);
    match (from, to) {
        (0, to) => number(Op::Le, to),
        (from, u64::MAX) => number(Op::Ge, from),
        (from, to) if from == to => number(Op::Eq, from),
        (from, to) => number(Op::Ge, from).and(number(Op::Le, to)),
    }
}

/// What selects the numbers from `from` on that are less than `to`.
fn below(column: Column, from: u64, to: u64) -> Expr {
    Expr::number(column, Op::Ge, from).and(Expr::number(column, Op::Lt, to))
}

fn by_queue(t: &Table) -> Cut<'_> {
    Cut {
        class: Box::new(|i| queue_class(u64::from(t.queue[i])) as u64),
        name: Box::new(|c| {
            let (from, to) = QUEUES[c as usize];
            let label = QUEUE_SLICES[c as usize];
            (label.into(), between(Column::Queue, from, to))
        }),
    }
}

/// A small number: each value is a class.
fn by_number(t: &Table, column: Column) -> Cut<'_> {
    Cut {
        class: Box::new(move |i| column.count(t, i).unwrap_or(0)),
        name: Box::new(move |c| {
            let label = match column {
                Column::Cpu => format!("CPU{c}"),
                Column::Bin => format!("p {:.2}-{:.2}", (c - 1) as f64 / 15.0, c as f64 / 15.0),
                _ if c == 0 => "no candidate".into(),
                _ => format!("rank {c}"),
            };
            (label, Expr::number(column, Op::Eq, c))
        }),
    }
}

fn by_tenth(t: &Table) -> Cut<'_> {
    Cut {
        class: Box::new(|i| tenth(t.p[i])),
        name: Box::new(|c| {
            let p = |op, x: u64| Expr::Compare(Column::P, op, Value::Share(edge(x)));
            let filter = match c {
                0 => p(Op::Lt, 1),
                9 => p(Op::Ge, 9),
                c => p(Op::Ge, c).and(p(Op::Lt, c + 1)),
            };
            (format!("p {:.1}-{:.1}", edge(c), edge(c + 1)), filter)
        }),
    }
}

fn by_duration(t: &Table, column: Column) -> Cut<'_> {
    let number = move |op, n| Expr::number(column, op, n);
    Cut {
        class: Box::new(move |i| match column.count(t, i) {
            Some(ns) => time_class(ns) as u64,
            None => u64::MAX,
        }),
        name: Box::new(move |c| match c {
            // What is not known compares with nothing.
            u64::MAX => (UNKNOWN.into(), number(Op::Ge, 0).negate()),
            0 => (TIME_LABELS[0].into(), number(Op::Lt, TIMES[0])),
            6 => (TIME_LABELS[6].into(), number(Op::Ge, TIMES[5])),
            c => {
                let (from, to) = (TIMES[c as usize - 1], TIMES[c as usize]);
                (TIME_LABELS[c as usize].into(), below(column, from, to))
            }
        }),
    }
}

/// When it was: equal parts of the longest recording.
fn by_time(t: &Table) -> Cut<'_> {
    let width = t.sources.iter().map(|s| s.span_ns).max().unwrap_or(0) / PARTS + 1;
    Cut {
        class: Box::new(move |i| t.time[i] / width),
        name: Box::new(move |c| {
            let (from, to) = (c * width, (c + 1) * width);
            let label = format!("{:.3}-{:.3} s", from as f64 / 1e9, to as f64 / 1e9);
            (label, below(Column::Time, from, to))
        }),
    }
}

fn by_state(t: &Table) -> Cut<'_> {
    Cut {
        class: Box::new(|i| state_class(t.state[i]) as u64),
        name: Box::new(|c| {
            let label = STATE_SLICES[c as usize];
            (label.into(), Expr::is(Column::State, label))
        }),
    }
}

fn by_enqueued(t: &Table) -> Cut<'_> {
    Cut {
        class: Box::new(|i| t.enqueued[i] as u64),
        name: Box::new(|c| {
            let label = Enqueued::ALL[c as usize].label();
            (label.into(), Expr::is(Column::Enqueued, label))
        }),
    }
}

/// Whom a column names: threads of one name are one class.
fn by_task(t: &Table, column: Column) -> Cut<'_> {
    Cut {
        class: Box::new(move |i| {
            let group = column.thread(t, i).and_then(|thread| t.group(i, thread));
            group.map_or(u64::MAX, u64::from)
        }),
        name: Box::new(move |c| {
            let Some(name) = t.groups.get(c as usize) else {
                // No thread has no name: not even one that contains nothing.
                let named = Expr::Compare(column, Op::Has, Value::Text(String::new()));
                return ("?".into(), named.negate());
            };
            (name.to_string(), Expr::is(column, name))
        }),
    }
}

/// What is the same for a whole recording.
fn by_source(t: &Table, column: Column) -> Cut<'_> {
    let names = names(t, column);
    let place =
        |s| column.of_source(s).and_then(|n| names.binary_search(&n).ok()).unwrap_or(0) as u64;
    let of: Vec<u64> = t.sources.iter().map(place).collect();
    Cut {
        class: Box::new(move |i| of[t.source_ix(i)]),
        name: Box::new(move |c| (names[c as usize].into(), Expr::is(column, names[c as usize]))),
    }
}

fn by_flag(t: &Table, column: Column) -> Cut<'_> {
    debug_assert_eq!(column.kind(), Kind::Flag);
    Cut {
        class: Box::new(move |i| u64::from(!column.flag(t, i))),
        name: Box::new(move |c| match c {
            0 => (column.name().into(), Expr::Flag(column)),
            _ => (format!("not {}", column.name()), Expr::Flag(column).negate()),
        }),
    }
}

/// Lower end of the tenth with this number, as a filter would read it.
fn edge(tenth: u64) -> f32 {
    [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0][tenth.min(10) as usize]
}

fn tenth(p: f32) -> u64 {
    (1..10).take_while(|x| p >= edge(*x)).count() as u64
}
