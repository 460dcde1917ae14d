//! Recordings as training data: per CPU the tokens, and at their places the decisions and
//! forecasts. Windows never cross a recording or a CPU. Everything comes from the extractor;
//! nothing is computed here that a live run would not have.

use super::questions::{Questions, pack};
use crate::features::{
    ASK, CAND, CAND_NAMES, Decision, Extractor, Forecast, Outcome, QUERY, Sink, THREAD,
    THREAD_NAMES, Token,
};
use crate::trace::{CpuId, Trace};

pub use super::questions::unpack;

/// Scored tokens of a chunk.
pub const CHUNK: usize = 256;
/// Candidates kept per decision in training, and per forecast.
pub const SAMPLED: [usize; 2] = [12, 16];
/// Decisions kept per recording, about, and forecasts: more of them cost memory, and bring nothing
/// on validation.
pub const KEPT: [usize; 2] = [1_500, 1_500];
/// Candidates with one of these are always sampled: what simple rules would pick is what must be
/// told apart.
const HARD: [&[&str]; 2] = [
    &[
        "oldest",
        "newest",
        "second_newest",
        "raw_picked",
        "fix_picked",
        "last_follower",
        "picked_3",
        "latest_3",
    ],
    &[
        "rank_1",
        "rank_2",
        "oldest",
        "newest",
        "raw_next",
        "next_1",
        "top_follower",
        "last_follower",
        "latest_3",
        "due_first",
        "wakes_often",
    ],
];

/// One CPU of a recording.
#[derive(Clone, Debug)]
pub struct CpuData {
    /// `[T]`: kind, rank, state.
    pub classes: Vec<[u8; 3]>,
    /// `[T, TOKEN_X]`, packed.
    pub x: Vec<i16>,
    /// Non-trivial decisions.
    pub picks: Questions,
    /// Forecasts.
    pub asks: Questions,
}

/// One recording.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Its name.
    pub name: String,
    /// Its workload: metrics are means over workloads.
    pub workload: String,
    /// Its CPUs.
    pub cpus: Vec<CpuData>,
}

/// A stretch of tokens of one CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Index of the recording.
    pub recording: usize,
    /// CPU in it.
    pub cpu: usize,
    /// First scored token.
    pub start: usize,
    /// Scored tokens; the CPU's sequence may end before.
    pub length: usize,
}

/// What to keep of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// At most so many candidates per decision, and per forecast; the real one always among them.
    pub candidates: [usize; 2],
    /// About so many decisions: whole chunks are left out, evenly over the recording.
    pub decisions: usize,
    /// About so many forecasts, likewise.
    pub forecasts: usize,
}

impl Keep {
    /// For training.
    pub const TRAINING: Self = Self { candidates: SAMPLED, decisions: KEPT[0], forecasts: KEPT[1] };
    /// For validation: every candidate.
    pub const VALIDATION: Self =
        Self { candidates: [usize::MAX; 2], decisions: KEPT[0] / 2, forecasts: KEPT[1] / 2 };
}

impl Recording {
    /// Walks `trace` with the extractor.
    pub fn new(trace: &Trace, keep: Keep) -> Self {
        let column = |names: &[&str], name: &&str| names.iter().position(|n| n == name);
        let columns =
            |q: usize, names: &[&str]| HARD[q].iter().filter_map(|n| column(names, n)).collect();
        let cpu = CpuData {
            classes: Vec::new(),
            x: Vec::new(),
            picks: Questions::new([CAND, QUERY]),
            asks: Questions::new([THREAD, ASK]),
        };
        let mut collector = Collector {
            cpus: vec![cpu; trace.cpus()],
            keep,
            hard: [columns(0, CAND_NAMES), columns(1, THREAD_NAMES)],
            pick: Pending::default(),
            asks: vec![Pending::default(); trace.cpus()],
            dice: Dice(0x9e37_79b9),
        };
        let mut extractor = Extractor::new(trace);
        for i in 0..trace.len() {
            extractor.step(trace, i, &mut collector);
        }
        let mut cpus = collector.cpus;
        let count = |of: fn(&CpuData) -> usize| cpus.iter().map(of).sum::<usize>().max(1) as f64;
        let picks = keep.decisions as f64 / count(|c| c.picks.at.len());
        let asks = keep.forecasts as f64 / count(|c| c.asks.at.len());
        for cpu in &mut cpus {
            if picks < 1.0 {
                cpu.picks = cpu.picks.thinned(|tokens| keeps(tokens, picks));
            }
            if asks < 1.0 {
                cpu.asks = cpu.asks.thinned(|tokens| keeps(tokens, asks));
            }
            cpu.shrink();
        }
        Self { name: trace.meta().name.clone(), workload: trace.meta().workload.clone(), cpus }
    }
}

impl CpuData {
    /// Gives back what growing columns took in advance.
    fn shrink(&mut self) {
        self.classes.shrink_to_fit();
        self.x.shrink_to_fit();
        self.picks.shrink();
        self.asks.shrink();
    }
}

/// Whether the chunk of what reads the state after `tokens` tokens is among the evenly chosen
/// `share`.
fn keeps(tokens: u32, share: f64) -> bool {
    let chunk = f64::from((tokens.max(1) - 1) / CHUNK as u32);
    ((chunk + 1.0) * share).floor() > (chunk * share).floor()
}

/// The chunks of [`CHUNK`] tokens of `recordings` in which something is scored.
pub fn chunks(recordings: &[Recording]) -> Vec<Chunk> {
    chunks_of(recordings, CHUNK)
}

/// As [`chunks`], with `length` scored tokens in each.
pub fn chunks_of(recordings: &[Recording], length: usize) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for (recording, r) in recordings.iter().enumerate() {
        for (cpu, data) in r.cpus.iter().enumerate() {
            for start in (0..data.classes.len()).step_by(length.max(1)) {
                let chunk = Chunk { recording, cpu, start, length };
                if !chunk.picks(data).is_empty() || !chunk.asks(data).is_empty() {
                    chunks.push(chunk);
                }
            }
        }
    }
    chunks
}

impl Chunk {
    /// Its decisions, as indices.
    pub fn picks(&self, data: &CpuData) -> std::ops::Range<usize> {
        data.picks.between(self.start, self.start + self.length)
    }

    /// Its forecasts, as indices.
    pub fn asks(&self, data: &CpuData) -> std::ops::Range<usize> {
        data.asks.between(self.start, self.start + self.length)
    }
}

/// A small random generator (`SplitMix64`), the same on every machine.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n` (`n > 0`).
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n as u64) as usize
    }

    /// Puts `items` into random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// A question whose outcome comes later.
#[derive(Clone, Debug, Default)]
struct Pending {
    /// Tokens of the CPU before it; 0: nothing is asked.
    tokens: u32,
    query: Vec<f32>,
    rows: Vec<f32>,
}

impl Pending {
    fn ask(&mut self, tokens: usize, query: &[f32], rows: &[f32]) {
        self.tokens = tokens as u32;
        self.query.clear();
        self.query.extend_from_slice(query);
        self.rows.clear();
        self.rows.extend_from_slice(rows);
    }

    /// Keeps it, with at most `most` of its candidates: candidate `real`, those with one of the
    /// flags `hard`, and any.
    fn keep(
        &mut self,
        to: &mut Questions,
        width: usize,
        real: Option<u32>,
        hard: &[usize],
        most: usize,
        dice: &mut Dice,
    ) {
        let tokens = std::mem::take(&mut self.tokens);
        let Some(real) = real.map(|real| real as usize) else {
            return to.push(tokens, &self.query, std::iter::empty(), 0);
        };
        let row = |i: usize| &self.rows[i * width..(i + 1) * width];
        let mut kept: Vec<usize> = (0..self.rows.len() / width).collect();
        if kept.len() > most {
            let is_hard = |i: usize| hard.iter().any(|&c| row(i)[c] > 0.5);
            let (mut chosen, mut rest): (Vec<_>, Vec<_>) =
                kept.iter().partition(|&&i| i == real || is_hard(i));
            dice.shuffle(&mut rest);
            chosen.extend(rest);
            // The real one must be among the first ones.
            if let Some(at) = chosen.iter().position(|&i| i == real) {
                chosen.swap(0, at);
            }
            chosen.truncate(most);
            chosen.sort_unstable();
            kept = chosen;
        }
        let target = kept.iter().position(|&i| i == real).unwrap_or(0) as u16;
        to.push(tokens, &self.query, kept.iter().map(|i| row(*i)), target);
    }
}

struct Collector {
    cpus: Vec<CpuData>,
    keep: Keep,
    /// Columns of [`HARD`].
    hard: [Vec<usize>; 2],
    /// The decision whose outcome comes next.
    pick: Pending,
    /// Per CPU: the forecast whose outcome comes next.
    asks: Vec<Pending>,
    dice: Dice,
}

impl Sink for Collector {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        let data = &mut self.cpus[cpu.ix()];
        data.classes.push([token.kind, token.rank, token.state]);
        data.x.extend(token.x.iter().map(|&x| pack(x)));
    }

    fn decision(&mut self, decision: &Decision<'_>) {
        self.pick.tokens = 0;
        if !decision.is_trivial() {
            self.pick.ask(
                self.cpus[decision.cpu.ix()].classes.len(),
                decision.query,
                decision.features,
            );
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        let Self { cpus, keep, hard, pick, asks, dice } = self;
        let (data, ask) = (&mut cpus[outcome.cpu.ix()], &mut asks[outcome.cpu.ix()]);
        if outcome.scored && ask.tokens > 0 {
            ask.keep(&mut data.asks, THREAD, outcome.foretold, &hard[1], keep.candidates[1], dice);
        }
        if outcome.scored && !outcome.no_pick && pick.tokens > 0 {
            pick.keep(&mut data.picks, CAND, outcome.pick, &hard[0], keep.candidates[0], dice);
        }
        ask.tokens = 0;
    }

    fn forecast(&mut self, forecast: &Forecast<'_>) {
        let tokens = self.cpus[forecast.cpu.ix()].classes.len();
        self.asks[forecast.cpu.ix()].ask(tokens, forecast.query, forecast.features);
    }
}
