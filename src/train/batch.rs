//! Chunks side by side, as the network reads them.

use crate::dataset::chunks::{Chunk, CpuData, Recording, unpack};
use crate::dataset::questions::Questions as Kept;
use crate::features::{TOKEN_X, Token};
use crate::predictor::dense::{Questions, Tokens};
use crate::predictor::networks::{Question, normalise};
use std::collections::BTreeMap;

/// Several chunks with their context, and everything scored in them.
pub(super) struct Batch {
    pub tokens: Tokens,
    pub picks: Asked,
    pub asks: Asked,
}

/// Questions of one kind, and what came of them.
#[derive(Default)]
pub(super) struct Asked {
    pub questions: Questions,
    /// `[questions * widest]`: row of each candidate among all scores.
    pub place: Vec<i32>,
    /// `[questions * widest]`: 0 for a candidate, very low for padding.
    pub mask: Vec<f32>,
    pub widest: usize,
    /// `[questions]`
    pub target: Vec<i32>,
    /// `[questions]`, sums to 1.
    pub weight: Vec<f32>,
}

/// Means and scales of a question's inputs: of a candidate, of the moment.
struct Norms<'a>([[&'a [f32]; 2]; 2]);

impl<'a> Norms<'a> {
    fn new(of: Question, fixed: &'a BTreeMap<String, Vec<f32>>) -> Self {
        Self(
            of.norms()
                .map(|name| ["mean", "scale"].map(|part| &fixed[&format!("{name}.{part}")][..])),
        )
    }

    fn apply(&self, which: usize, x: &mut [f32]) {
        let [mean, scale] = self.0[which];
        for row in x.chunks_exact_mut(mean.len()) {
            for ((x, mean), scale) in row.iter_mut().zip(mean).zip(scale) {
                *x = normalise(*x, *mean, *scale);
            }
        }
    }
}

impl Asked {
    /// Adds those of `kept` with the numbers `which`; each reads the row of h that `row` says for
    /// the tokens before it.
    fn add(
        &mut self,
        kept: &Kept,
        which: std::ops::Range<usize>,
        row: &dyn Fn(u32) -> i32,
        weight: f32,
    ) {
        for i in which {
            let at = kept.at[i];
            if at.count == 0 {
                continue;
            }
            let question = self.questions.rows.len() as i32;
            self.questions.rows.push(row(at.tokens));
            kept.query(i, &mut self.questions.query);
            kept.candidates(i, &mut self.questions.candidates);
            self.questions.of.extend((0..at.count).map(|_| question));
            self.target.push(at.target.into());
            self.weight.push(weight);
        }
    }

    /// Normalises the inputs and lays out the questions side by side.
    fn close(&mut self, norms: &Norms<'_>) {
        norms.apply(0, &mut self.questions.candidates);
        norms.apply(1, &mut self.questions.query);
        let mut counts = vec![0; self.target.len()];
        self.questions.of.iter().for_each(|q| counts[*q as usize] += 1);
        self.widest = counts.iter().copied().max().unwrap_or(0);
        let mut first = 0;
        for count in counts {
            self.place
                .extend((0..self.widest).map(|j| if j < count { (first + j) as i32 } else { 0 }));
            self.mask.extend((0..self.widest).map(|j| if j < count { 0.0 } else { -1e9 }));
            first += count;
        }
        let n = self.weight.len() as f32;
        self.weight.iter_mut().for_each(|w| *w /= n);
    }
}

impl Batch {
    pub(super) fn new(
        chunks: &[Chunk],
        recordings: &[Recording],
        context: usize,
        fixed: &BTreeMap<String, Vec<f32>>,
        balance: &Balance,
    ) -> Self {
        let n = chunks.len();
        let spans: Vec<(usize, usize)> = chunks
            .iter()
            .map(|c| {
                let length = recordings[c.recording].cpus[c.cpu].classes.len();
                (c.start.saturating_sub(context), (c.start + c.length).min(length))
            })
            .collect();
        let rows = n * spans.iter().map(|(from, to)| to - from).max().unwrap_or(0);
        // Shorter ones are padded at their end: the network is causal, so that nothing scored sees
        // it.
        let mut tokens = Tokens {
            sequences: n,
            classes: [vec![i32::from(Token::PAD); rows], vec![0; rows], vec![0; rows]],
            x: vec![0.0; rows * TOKEN_X],
        };
        let (mut picks, mut asks) = (Asked::default(), Asked::default());
        for (s, (chunk, &(from, to))) in chunks.iter().zip(&spans).enumerate() {
            let data = &recordings[chunk.recording].cpus[chunk.cpu];
            let weight = balance.0[chunk.recording];
            for t in from..to {
                let row = (t - from) * n + s;
                for (column, value) in tokens.classes.iter_mut().zip(data.classes[t]) {
                    column[row] = i32::from(value);
                }
                let to = &mut tokens.x[row * TOKEN_X..(row + 1) * TOKEN_X];
                to.iter_mut().zip(&data.x[t * TOKEN_X..]).for_each(|(to, x)| *to = unpack(*x));
            }
            // Row 0 of h is "no token yet".
            let row_of = |after: u32| 1 + ((after as usize - 1 - from) * n + s) as i32;
            picks.add(&data.picks, chunk.picks(data), &row_of, weight[0]);
            asks.add(&data.asks, chunk.asks(data), &row_of, weight[1]);
        }
        picks.close(&Norms::new(Question::Pick, fixed));
        asks.close(&Norms::new(Question::Forecast, fixed));
        Self { tokens, picks, asks }
    }
}

/// Per recording: weight of one of its decisions and of one of its forecasts; the mean over all of
/// them is 1.
pub(super) struct Balance(Vec<[f32; 2]>);

impl Balance {
    pub(super) fn new(recordings: &[Recording], balance: bool) -> Self {
        let count = |r: &Recording, question: usize| -> usize {
            let of = |c: &CpuData| if question == 0 { c.picks.at.len() } else { c.asks.at.len() };
            r.cpus.iter().map(of).sum()
        };
        let mut weights = vec![[1.0_f32; 2]; recordings.len()];
        for question in 0..2 {
            let mut by_workload: BTreeMap<&str, usize> = BTreeMap::new();
            for r in recordings {
                *by_workload.entry(&r.workload).or_default() += count(r, question);
            }
            let (mut sum, mut n) = (0.0, 0.0);
            for (w, r) in weights.iter_mut().zip(recordings) {
                if balance {
                    w[question] = 1.0 / (by_workload[r.workload.as_str()].max(1) as f32).sqrt();
                }
                sum += w[question] * count(r, question) as f32;
                n += count(r, question) as f32;
            }
            if sum > 0.0 {
                for w in &mut weights {
                    w[question] *= n / sum;
                }
            }
        }
        Self(weights)
    }
}

/// The tensors that are not trained: mean and one over the deviation (plus 0.05, so that a constant
/// input stays small) of the training inputs, and temperatures of 1.
pub(super) fn normalisation(recordings: &[Recording]) -> BTreeMap<String, Vec<f32>> {
    let mut fixed = BTreeMap::from([("temperature".into(), vec![1.0, 1.0])]);
    for of in Question::ALL {
        let mut sums = of.inputs().map(Sums::new);
        let mut room = Vec::new();
        for data in recordings.iter().flat_map(|r| &r.cpus) {
            let kept = if of == Question::Pick { &data.picks } else { &data.asks };
            // Every fifth question is plenty.
            for i in (0..kept.at.len()).step_by(5) {
                room.clear();
                kept.candidates(i, &mut room);
                sums[0].add(&room);
                room.clear();
                kept.query(i, &mut room);
                sums[1].add(&room);
            }
        }
        for (name, sums) in of.norms().iter().zip(sums) {
            let [mean, scale] = sums.norm();
            fixed.insert(format!("{name}.mean"), mean);
            fixed.insert(format!("{name}.scale"), scale);
        }
    }
    fixed
}

/// Sums over rows of inputs.
struct Sums {
    n: f64,
    sum: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    fn new(width: usize) -> Self {
        Self { n: 0.0, sum: vec![0.0; width], squares: vec![0.0; width] }
    }

    fn add(&mut self, rows: &[f32]) {
        for row in rows.chunks_exact(self.sum.len()) {
            self.n += 1.0;
            for (j, x) in row.iter().map(|x| f64::from(*x)).enumerate() {
                self.sum[j] += x;
                self.squares[j] += x * x;
            }
        }
    }

    /// Means, and one over the deviations.
    fn norm(&self) -> [Vec<f32>; 2] {
        let n = self.n.max(1.0);
        let mean: Vec<f64> = self.sum.iter().map(|s| s / n).collect();
        let scale = mean
            .iter()
            .zip(&self.squares)
            .map(|(m, q)| 1.0 / ((q / n - m * m).max(0.0).sqrt() + 0.05));
        let scale = scale.map(|x| x as f32).collect();
        [mean.into_iter().map(|x| x as f32).collect(), scale]
    }
}
