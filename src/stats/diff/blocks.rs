//! What happened in each of the equal stretches of a recording, by name: what differences and their
//! spread are made of.

use super::super::names::By;
use super::super::names::Rows;
use super::super::states::{self, Doing, Piece, Sink, Wait, walk};
use super::{BLOCKS, Scored};
use crate::trace::{CpuId, Nanos, ThreadIx, Trace};

/// Sums over a block. Whole numbers of ns and counts, as far as a float holds them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub run: f64,
    pub wait: f64,
    pub waits: f64,
    pub stints: f64,
    pub migrations: f64,
    /// Known time of a CPU, ns, the mean over the CPUs: what happened in unknown time is in no sum,
    /// so that a rate is one of this time.
    pub known: f64,
    /// Decisions that a model was asked about, those that it got right, those in which the real one
    /// was among the candidates, and the nats of these together.
    pub asked: f64,
    pub hits: f64,
    pub covered: f64,
    pub nats: f64,
}

impl Sum {
    pub fn add(&mut self, other: &Self) {
        self.run += other.run;
        self.wait += other.wait;
        self.waits += other.waits;
        self.stints += other.stints;
        self.migrations += other.migrations;
        self.known += other.known;
        self.asked += other.asked;
        self.hits += other.hits;
        self.covered += other.covered;
        self.nats += other.nats;
    }
}

/// The blocks of each name of a recording.
pub(super) struct Blocks<'a> {
    trace: &'a Trace,
    pub of: Rows<'a>,
    pub sums: Vec<[Sum; BLOCKS]>,
    /// Blocks in which nothing happens.
    empty: [Sum; BLOCKS],
}

/// Where a block begins, ns.
fn edge(trace: &Trace, block: usize) -> u64 {
    (u128::from(trace.span().0) * block as u128 / BLOCKS as u128) as u64
}

/// See [`Sum::known`].
fn known(trace: &Trace, block: usize) -> f64 {
    let (from, to) = (edge(trace, block), edge(trace, block + 1));
    let unseen =
        |cpu: usize| trace.unknown_within(CpuId(cpu as u16), Nanos(from), Nanos(to)).0 as f64;
    let cpus = trace.cpus();
    (to - from) as f64 - (0..cpus).map(unseen).sum::<f64>() / cpus.max(1) as f64
}

impl<'a> Blocks<'a> {
    pub fn new(trace: &'a Trace, scored: &[Scored]) -> Self {
        let of = Rows::new(trace, By::Name);
        let empty =
            std::array::from_fn(|block| Sum { known: known(trace, block), ..Sum::default() });
        let sums = vec![empty; of.names.len()];
        let mut blocks = Self { trace, of, sums, empty };
        walk(trace, &mut blocks);
        scored.iter().filter(|s| (s.event as usize) < trace.len()).for_each(|s| blocks.score(s));
        blocks
    }

    /// A decision is one of the name that really came in.
    fn score(&mut self, s: &Scored) {
        let e = self.trace.event(s.event as usize);
        let real = self.trace.tasks().thread_on(e.next, e.cpu);
        if real == ThreadIx::NONE {
            return;
        }
        let sum = self.at(real, s.event, e.time.0);
        sum.asked += 1.0;
        sum.hits += f64::from(u8::from(s.hit));
        if let Some(nats) = s.nats {
            sum.covered += 1.0;
            sum.nats += f64::from(nats);
        }
    }

    fn block(&self, time: u64) -> usize {
        let span = u128::from(self.trace.span().0).max(1);
        let guess = ((u128::from(time) * BLOCKS as u128 / span) as usize).min(BLOCKS - 1);
        // Edges are rounded down.
        if guess + 1 < BLOCKS && time >= edge(self.trace, guess + 1) { guess + 1 } else { guess }
    }

    fn at(&mut self, thread: ThreadIx, event: u32, time: u64) -> &mut Sum {
        let (row, block) = (self.of.ix(thread, event), self.block(time));
        &mut self.sums[row][block]
    }

    pub fn total(blocks: &[Sum; BLOCKS]) -> Sum {
        blocks.iter().fold(Sum::default(), |mut all, s| {
            all.add(s);
            all
        })
    }

    /// Names by their time on a CPU or waiting, the most first; those without any are left out.
    pub fn by_time(&self) -> Vec<usize> {
        let time = |row: usize| {
            let all = Self::total(&self.sums[row]);
            all.run + all.wait
        };
        let mut rows: Vec<(f64, usize)> =
            (0..self.sums.len()).map(|r| (time(r), r)).filter(|r| r.0 > 0.0).collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rows.into_iter().map(|r| r.1).collect()
    }

    pub fn all(&self) -> [Sum; BLOCKS] {
        let mut all = self.empty;
        for of in &self.sums {
            all.iter_mut().zip(of).for_each(|(a, s)| a.add(&Sum { known: 0.0, ..*s }));
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
            let to = p.to.min(edge(self.trace, block + 1));
            let ns = to.saturating_sub(from) as f64;
            let sum = &mut self.sums[row][block];
            *if p.doing == Doing::Running { &mut sum.run } else { &mut sum.wait } += ns;
            (from, block) = (to.max(from), block + 1);
        }
    }

    fn waited(&mut self, w: &Wait) {
        let event = if w.last == states::NO_EVENT { w.first } else { w.last };
        self.at(w.thread, event, w.to).waits += 1.0;
    }

    fn came_in(&mut self, thread: ThreadIx, _: CpuId, moved: bool, event: u32) {
        let time = self.trace.time(event as usize).0;
        let sum = self.at(thread, event, time);
        sum.stints += 1.0;
        sum.migrations += f64::from(u8::from(moved));
    }
}
