//! Many tallies in one walk. Rows go through in blocks: the flags of each are spread once into
//! sixteen small counters side by side, and every cut adds them to its class with four additions,
//! without a branch and without allocating. Blocks are independent and are counted on as many
//! threads as the pool has; counts are added in the blocks' order, so that no figure depends on how
//! many those are.

use super::column::{Column, bin};
use super::slices::{Slice, TIMES, Tally, named};
use super::table::{HIT, Span, Table};
use crate::evaluate::overlay::BASELINES;
use crate::evaluate::score::{ECE_BINS, STATE_SLICES};
use crate::evaluate::score::{QUEUES, queue_class, state_class};
use crate::query::Bitmap;
use crate::trace::ThreadIx;
use rayon::prelude::*;
use std::collections::HashMap;

/// A bin of the reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// Decisions with a probability in this bin.
    pub decisions: u64,
    /// Sum of their probabilities.
    pub p: f64,
    /// Of those, right.
    pub hits: u64,
}

impl Bin {
    /// Adds another one's counts.
    pub(super) fn add(&mut self, other: Self) {
        self.decisions += other.decisions;
        self.p += other.p;
        self.hits += other.hits;
    }
}

/// Rows of a block: the counters have 16 bits, and what is kept of a block stays in the cache.
const BLOCK: usize = 2_048;
const _: () = assert!(BLOCK < 1 << 16 && BLOCK.is_multiple_of(64));

/// Bits of a row's flags that are counted beside those of the table: a wrong decision that some
/// baseline got right; one for every row.
const LEARNABLE: u16 = 1 << 13;
const ONE: u16 = 1 << 14;
/// Baselines but the random one.
const SOME: u16 = ((1 << BASELINES.len()) - 1) & !1;

/// Four bits as four counters of 16 bits.
const SPREAD: [u64; 16] = {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        let n = i as u64;
        table[i] = (n & 1) | (n & 2) << 15 | (n & 4) << 30 | (n & 8) << 45;
        i += 1;
    }
    table
};

/// What a row adds to its class; what a class has of a block.
#[derive(Clone, Copy, Default)]
struct Lanes {
    counters: [u64; 4],
    wrong_ns: u64,
}

impl Lanes {
    fn of(t: &Table, i: usize) -> Self {
        let bits = t.bits[i];
        let wrong = bits & HIT == 0;
        let learnable = wrong && bits & SOME != 0;
        let word = bits | if learnable { ONE | LEARNABLE } else { ONE };
        let counters = [0, 4, 8, 12].map(|shift| SPREAD[usize::from(word >> shift & 15)]);
        Self { counters, wrong_ns: if wrong { t.ran[i].ns().unwrap_or(0) } else { 0 } }
    }

    fn add(&mut self, other: &Self) {
        self.counters.iter_mut().zip(&other.counters).for_each(|(a, b)| *a += b);
        self.wrong_ns += other.wrong_ns;
    }

    fn tally(&self) -> Tally {
        let of = |bit: usize| self.counters[bit / 4] >> (16 * (bit % 4)) & 0xffff;
        let flag = |bit: u16| of(bit.trailing_zeros() as usize);
        Tally::from_flags(flag, of(ONE.trailing_zeros() as usize), flag(LEARNABLE), self.wrong_ns)
    }
}

/// The class of a row by one column: a small number.
enum Classes<'a> {
    Cpu,
    State,
    Queue,
    Enqueued,
    /// By [`TIMES`]; the last class is what is not known.
    Span(&'a [Span], [Span; TIMES.len()]),
    /// Per recording and thread; the last class is no thread.
    Group(Vec<Vec<u32>>, u32),
    /// Per recording.
    Source(Vec<u32>),
}

/// A cut: its column, its classes, and how many there are.
struct Cut<'a> {
    column: Column,
    classes: Classes<'a>,
    count: usize,
}

impl<'a> Cut<'a> {
    /// `None` for a column that is cut in another way, see [`super::slices::slices`].
    fn new(t: &'a Table, column: Column) -> Option<Self> {
        let spans = |of: &'a [Span]| (Classes::Span(of, TIMES.map(Span::of)), TIMES.len() + 2);
        let (classes, count) = match column {
            Column::Cpu => (Classes::Cpu, 1 + t.cpu.iter().map(|c| c.ix()).max().unwrap_or(0)),
            Column::State => (Classes::State, STATE_SLICES.len()),
            Column::Queue => (Classes::Queue, QUEUES.len()),
            Column::Enqueued => (Classes::Enqueued, super::table::Enqueued::ALL.len()),
            Column::Waited => spans(&t.waited),
            Column::Stint => spans(&t.stint),
            Column::Lead => spans(&t.lead),
            Column::Ran => spans(&t.ran),
            Column::Real => {
                let of: Vec<Vec<u32>> =
                    t.sources.iter().map(|s| s.threads.iter().map(|w| w.group).collect()).collect();
                (Classes::Group(of, t.groups.len() as u32), t.groups.len() + 1)
            }
            Column::Category
            | Column::Kernel
            | Column::Machine
            | Column::Workload
            | Column::Trace
            | Column::Scheduler => {
                let names = super::slices::names(t, column);
                let place = |s| {
                    column.of_source(s).and_then(|n| names.binary_search(&n).ok()).unwrap_or(0)
                        as u32
                };
                (Classes::Source(t.sources.iter().map(place).collect()), names.len())
            }
            _ => return None,
        };
        Some(Self { column, classes, count })
    }

    /// The number that [`named`] knows the class by.
    fn class(&self, at: usize) -> u64 {
        match self.classes {
            Classes::Span(..) | Classes::Group(..) if at + 1 == self.count => u64::MAX,
            _ => at as u64,
        }
    }

    /// Adds rows with their lanes to `to`, by class.
    fn add(&self, t: &Table, rows: &[u32], lanes: &[Lanes], to: &mut [Lanes]) {
        match &self.classes {
            Classes::Cpu => each(rows, lanes, to, |i| t.cpu[i].ix()),
            Classes::State => each(rows, lanes, to, |i| state_class(t.state[i])),
            Classes::Queue => {
                each(rows, lanes, to, |i| queue_class(u64::from(t.queue[i])));
            }
            Classes::Enqueued => each(rows, lanes, to, |i| t.enqueued[i] as usize),
            Classes::Span(of, ends) => each(rows, lanes, to, |i| {
                let passed = ends.iter().filter(|end| of[i] >= **end).count();
                passed + usize::from(of[i] == Span::NONE)
            }),
            Classes::Group(of, none) => {
                each(rows, lanes, to, |i| group(of, *none, t, i, t.real[i]) as usize);
            }
            Classes::Source(of) => each(rows, lanes, to, |i| of[usize::from(t.source[i])] as usize),
        }
    }
}

/// Adds each row's lanes to its class. One copy for each kind of class: the loop has no call in it.
fn each(rows: &[u32], lanes: &[Lanes], to: &mut [Lanes], class: impl Fn(usize) -> usize) {
    for (row, lanes) in rows.iter().zip(lanes) {
        // A class past the end is none: nothing makes one.
        if let Some(to) = to.get_mut(class(*row as usize)) {
            to.add(lanes);
        }
    }
}

fn group(of: &[Vec<u32>], none: u32, t: &Table, i: usize, thread: ThreadIx) -> u32 {
    let source = usize::from(t.source[i]);
    let who = t.sources[source].who_ix(thread, t.event[i]);
    of.get(source).and_then(|g| g.get(who)).copied().unwrap_or(none)
}

/// What one walk gives.
#[derive(Default)]
pub struct Walked {
    /// All rows.
    pub total: Tally,
    /// By each of the columns asked for, in their order.
    pub slices: Vec<(Column, Vec<Slice>)>,
    /// The reliability diagram.
    pub bins: [Bin; ECE_BINS],
    /// Wrong decisions by the groups of who came in and who was expected; `u32::MAX` is no thread.
    pub confused: HashMap<(u32, u32), u64>,
    /// Bits of each row's p, shifted left by one; the lowest bit says whether it was right. In no
    /// order.
    pub order: Vec<u32>,
}

/// Of one block, or of several.
struct Part {
    cuts: Vec<Vec<Tally>>,
    bins: [Bin; ECE_BINS],
    confused: HashMap<(u32, u32), u64>,
    order: Vec<u32>,
}

/// Counts `rows` by `columns`, which must be ones that this can cut; the first of them must be
/// [`Column::Real`].
pub fn walk(t: &Table, rows: &Bitmap, columns: &[Column]) -> Walked {
    let cuts: Vec<Cut<'_>> = columns.iter().filter_map(|c| Cut::new(t, *c)).collect();
    let blocks = t.len().div_ceil(BLOCK);
    let parts: Vec<Part> =
        (0..blocks).into_par_iter().with_min_len(8).map(|b| part(t, rows, &cuts, b)).collect();
    let mut walked = Walked { order: Vec::with_capacity(rows.count()), ..Walked::default() };
    let mut sums: Vec<Vec<Tally>> = cuts.iter().map(|c| vec![Tally::default(); c.count]).collect();
    for part in parts {
        for (to, from) in sums.iter_mut().flatten().zip(part.cuts.iter().flatten()) {
            to.merge(from);
        }
        for (to, from) in walked.bins.iter_mut().zip(part.bins) {
            to.add(from);
        }
        for (pair, n) in part.confused {
            *walked.confused.entry(pair).or_default() += n;
        }
        walked.order.extend_from_slice(&part.order);
    }
    for tally in sums.first().into_iter().flatten() {
        walked.total.merge(tally);
    }
    for (cut, tallies) in cuts.iter().zip(sums) {
        let there = tallies.into_iter().enumerate().filter(|(_, tally)| tally.decisions > 0);
        let classes: Vec<(u64, Tally)> = there.map(|(at, tally)| (cut.class(at), tally)).collect();
        walked.slices.push((cut.column, named(t, cut.column, classes)));
    }
    walked
}

fn part(t: &Table, rows: &Bitmap, cuts: &[Cut<'_>], block: usize) -> Part {
    let selected: Vec<u32> =
        rows.within(block * BLOCK..(block + 1) * BLOCK).map(|i| i as u32).collect();
    let lanes: Vec<Lanes> = selected.iter().map(|i| Lanes::of(t, *i as usize)).collect();
    let one = |cut: &Cut<'_>| {
        let mut classes = vec![Lanes::default(); cut.count];
        cut.add(t, &selected, &lanes, &mut classes);
        classes.iter().map(Lanes::tally).collect()
    };
    let mut part = Part {
        cuts: cuts.iter().map(one).collect(),
        bins: [Bin::default(); ECE_BINS],
        confused: HashMap::new(),
        order: Vec::with_capacity(selected.len()),
    };
    // Neighbours are often mistaken in the same way: the map is asked once for all of them.
    let (mut last, mut n) = ((0, 0), 0);
    for i in selected.iter().map(|i| *i as usize) {
        let (p, hit) = (t.p[i], t.bits[i] & HIT != 0);
        part.bins[bin(p)].add(Bin { decisions: 1, p: f64::from(p), hits: u64::from(hit) });
        // Probabilities are not negative: their bits sort like them.
        part.order.push(p.to_bits() << 1 | u32::from(hit));
        if !hit {
            let group = |thread| t.group(i, thread).unwrap_or(u32::MAX);
            let pair = (group(t.real[i]), group(t.pred[i]));
            if pair != last && n > 0 {
                *part.confused.entry(last).or_default() += std::mem::take(&mut n);
            }
            (last, n) = (pair, n + 1);
        }
    }
    if n > 0 {
        *part.confused.entry(last).or_default() += n;
    }
    part
}
