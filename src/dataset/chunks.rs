//! Recordings as training data: per CPU the tokens, and at their places the decisions and forecasts. Windows never cross
//! a recording or a CPU. Everything comes from the extractor; nothing is computed here that a live run would not have.

use crate::features::{CAND, CAND_NAMES, Decision, Extractor, Forecast, Outcome, QUERY, RECENT, Sink, Token, VOTERS};
use crate::trace::{CpuId, Trace};

/// Scored tokens of a chunk.
pub const CHUNK: usize = 256;
/// Candidates kept per decision in training.
pub const SAMPLED: usize = 12;
/// Decisions kept per recording, about, and forecasts: more of them cost memory, and bring nothing on validation.
pub const KEPT: [usize; 2] = [3_000, 8_000];
/// Inputs are stored as multiples of 1/2048 in -16..16: finer than f16 where most values lie, half of f32.
const STEP: f32 = 2048.0;
/// Candidates with one of these are always sampled: what simple rules would pick is what must be told apart.
const HARD: [&str; 6] = ["oldest", "newest", "second_newest", "raw_picked", "fix_picked", "last_1"];

/// Stores an input.
fn pack(x: f32) -> i16 {
    (x * STEP).round() as i16
}

/// Reads it back.
pub fn unpack(x: i16) -> f32 {
    f32::from(x) / STEP
}

/// Inputs about recent threads take most of the room of a forecast, so they are kept as multiples of 1/64 in -2..2.
const COARSE: f32 = 64.0;

fn pack_coarse(x: f32) -> i8 {
    (x * COARSE).round() as i8
}

/// A non-trivial, scored decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PickAt {
    /// Tokens of this CPU before it: the state that it reads is that after token `tokens - 1`.
    pub tokens: u32,
    /// First row of its candidates in [`CpuData::cand`].
    pub first: u32,
    /// Number of candidates kept; 0 when the real one was not among them (a miss for everybody).
    pub count: u16,
    /// The real one's place among those kept.
    pub target: u16,
}

/// A scored forecast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AskAt {
    /// As in [`PickAt::tokens`].
    pub tokens: u32,
    /// See [`Forecast::votes`].
    pub votes: [u8; VOTERS],
    /// See [`Forecast::vote_x`].
    pub vote_x: [f32; VOTERS],
    /// First row in [`CpuData::recent`], and how many.
    pub first: u32,
    /// Threads behind the classes from 1 on.
    pub count: u8,
    /// The class that came true.
    pub class: u8,
}

/// One CPU of a recording.
#[derive(Clone, Debug, Default)]
pub struct CpuData {
    /// `[T]`: kind, rank, state.
    pub classes: Vec<[u8; 3]>,
    /// `[T, TOKEN_X]`, packed.
    pub x: Vec<i16>,
    /// In time order.
    pub picks: Vec<PickAt>,
    /// `[picks, QUERY]`, packed.
    pub query: Vec<i16>,
    /// `[candidates, CAND]`, packed.
    pub cand: Vec<i16>,
    /// In time order.
    pub asks: Vec<AskAt>,
    /// `[threads of all forecasts, RECENT]`, packed coarsely.
    pub recent: Vec<i8>,
    pending: Option<AskAt>,
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
    /// At most so many candidates per decision, the real one always among them.
    pub candidates: usize,
    /// About so many decisions: whole chunks are left out, evenly over the recording.
    pub decisions: usize,
    /// About so many forecasts, likewise.
    pub forecasts: usize,
}

impl Keep {
    /// For training.
    pub const TRAINING: Self = Self { candidates: SAMPLED, decisions: KEPT[0], forecasts: KEPT[1] };
    /// For validation: every candidate.
    pub const VALIDATION: Self = Self { candidates: usize::MAX, decisions: KEPT[0] / 2, forecasts: KEPT[1] / 2 };
}

impl Recording {
    /// Walks `trace` with the extractor.
    pub fn new(trace: &Trace, keep: Keep) -> Self {
        let hard = HARD.iter().filter_map(|name| CAND_NAMES.iter().position(|n| n == name)).collect();
        let mut collector = Collector {
            cpus: vec![CpuData::default(); trace.cpus()],
            keep,
            hard,
            query: Vec::new(),
            cand: Vec::new(),
            recent: vec![Vec::new(); trace.cpus()],
            trivial: true,
            dice: Dice(0x9e37_79b9),
        };
        let mut extractor = Extractor::new(trace);
        for i in 0..trace.len() {
            extractor.step(trace, i, &mut collector);
        }
        let mut cpus = collector.cpus;
        let count = |of: fn(&CpuData) -> usize| cpus.iter().map(of).sum::<usize>().max(1) as f64;
        let picks = keep.decisions as f64 / count(|c| c.picks.len());
        let asks = keep.forecasts as f64 / count(|c| c.asks.len());
        for cpu in &mut cpus {
            if picks < 1.0 {
                cpu.thin_picks(picks);
            }
            if asks < 1.0 {
                cpu.thin_asks(asks);
            }
            cpu.shrink();
        }
        Self { name: trace.meta().name.clone(), workload: trace.meta().workload.clone(), cpus }
    }
}

impl CpuData {
    /// `[count, RECENT]` of a forecast.
    pub fn recent_of(&self, ask: &AskAt) -> impl Iterator<Item = f32> {
        self.packed_of(ask).iter().map(|x| f32::from(*x) / COARSE)
    }

    fn packed_of(&self, ask: &AskAt) -> &[i8] {
        let first = ask.first as usize * RECENT;
        &self.recent[first..first + usize::from(ask.count) * RECENT]
    }

    /// Drops the decisions of evenly chosen chunks, so that about `share` of the chunks keep theirs.
    fn thin_picks(&mut self, share: f64) {
        let (mut query, mut cand, mut picks) = (Vec::new(), Vec::new(), Vec::new());
        for (i, pick) in self.picks.iter().enumerate().filter(|(_, p)| keeps(p.tokens, share)) {
            query.extend_from_slice(&self.query[i * QUERY..(i + 1) * QUERY]);
            let first = (cand.len() / CAND) as u32;
            let from = pick.first as usize * CAND;
            cand.extend_from_slice(&self.cand[from..from + usize::from(pick.count) * CAND]);
            picks.push(PickAt { first, ..*pick });
        }
        (self.query, self.cand, self.picks) = (query, cand, picks);
    }

    /// As [`Self::thin_picks`], of the forecasts.
    fn thin_asks(&mut self, share: f64) {
        let (mut recent, mut asks) = (Vec::new(), Vec::new());
        for ask in self.asks.iter().filter(|a| keeps(a.tokens, share)) {
            let first = (recent.len() / RECENT) as u32;
            recent.extend_from_slice(self.packed_of(ask));
            asks.push(AskAt { first, ..*ask });
        }
        (self.recent, self.asks) = (recent, asks);
    }

    /// Gives back what growing columns took in advance.
    fn shrink(&mut self) {
        self.classes.shrink_to_fit();
        self.picks.shrink_to_fit();
        self.asks.shrink_to_fit();
        self.recent.shrink_to_fit();
        [&mut self.x, &mut self.query, &mut self.cand].into_iter().for_each(Vec::shrink_to_fit);
    }
}

/// Whether the chunk of what reads the state after `tokens` tokens is among the evenly chosen `share`.
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
        self.range(|tokens| data.picks.partition_point(|p| (p.tokens as usize) <= tokens))
    }

    /// Its forecasts, as indices.
    pub fn asks(&self, data: &CpuData) -> std::ops::Range<usize> {
        self.range(|tokens| data.asks.partition_point(|a| (a.tokens as usize) <= tokens))
    }

    /// Those that read the state after one of its tokens.
    fn range(&self, up_to: impl Fn(usize) -> usize) -> std::ops::Range<usize> {
        up_to(self.start)..up_to(self.start + self.length)
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

struct Collector {
    cpus: Vec<CpuData>,
    keep: Keep,
    /// Columns of [`HARD`].
    hard: Vec<usize>,
    /// The decision whose outcome comes next.
    query: Vec<i16>,
    cand: Vec<i16>,
    /// Per CPU: of the forecast whose outcome comes next.
    recent: Vec<Vec<i8>>,
    trivial: bool,
    dice: Dice,
}

impl Sink for Collector {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        let data = &mut self.cpus[cpu.ix()];
        data.classes.push([token.kind, token.rank, token.state]);
        data.x.extend(token.x.iter().map(|&x| pack(x)));
    }

    fn decision(&mut self, decision: &Decision<'_>) {
        self.trivial = decision.is_trivial();
        self.query.clear();
        self.cand.clear();
        if !self.trivial {
            self.query.extend(decision.query.iter().map(|&x| pack(x)));
            self.cand.extend(decision.features.iter().map(|&x| pack(x)));
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        let data = &mut self.cpus[outcome.cpu.ix()];
        let asked = data.pending.take();
        if !outcome.scored {
            return;
        }
        // Class 0 is the task that was running: it cannot come in again, except where the recording has a hole.
        if let Some(ask) = asked.filter(|a| a.tokens > 0 && outcome.rank > 0) {
            let first = (data.recent.len() / RECENT) as u32;
            data.recent.extend_from_slice(&self.recent[outcome.cpu.ix()]);
            data.asks.push(AskAt { class: outcome.rank, first, ..ask });
        }
        let tokens = data.classes.len() as u32;
        if self.trivial || outcome.no_pick || tokens == 0 {
            return;
        }
        let first = (data.cand.len() / CAND) as u32;
        data.query.extend_from_slice(&self.query);
        let Some(real) = outcome.pick else {
            data.picks.push(PickAt { tokens, first, count: 0, target: 0 });
            return;
        };
        let real = real as usize;
        let all = self.cand.len() / CAND;
        let mut kept: Vec<usize> = (0..all).collect();
        if all > self.keep.candidates {
            let is_hard = |i: usize| self.hard.iter().any(|&c| self.cand[i * CAND + c] > pack(0.5));
            let (mut chosen, mut rest): (Vec<_>, Vec<_>) = kept.iter().partition(|&&i| i == real || is_hard(i));
            self.dice.shuffle(&mut rest);
            chosen.extend(rest);
            // The real one must be among the first ones.
            if let Some(at) = chosen.iter().position(|&i| i == real) {
                chosen.swap(0, at);
            }
            chosen.truncate(self.keep.candidates);
            chosen.sort_unstable();
            kept = chosen;
        }
        for &i in &kept {
            data.cand.extend_from_slice(&self.cand[i * CAND..(i + 1) * CAND]);
        }
        let target = kept.iter().position(|&i| i == real).unwrap_or(0) as u16;
        data.picks.push(PickAt { tokens, first, count: kept.len() as u16, target });
    }

    fn forecast(&mut self, forecast: &Forecast<'_>) {
        let data = &mut self.cpus[forecast.cpu.ix()];
        let tokens = data.classes.len() as u32;
        let count = (forecast.recent.len() / RECENT) as u8;
        data.pending =
            Some(AskAt { tokens, votes: *forecast.votes, vote_x: *forecast.vote_x, first: 0, count, class: 0 });
        let kept = &mut self.recent[forecast.cpu.ix()];
        kept.clear();
        kept.extend(forecast.recent.iter().map(|&x| pack_coarse(x)));
    }
}
