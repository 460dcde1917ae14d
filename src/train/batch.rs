//! Chunks side by side, as the network reads them.

use crate::dataset::chunks::{Chunk, Recording, unpack};
use crate::features::{CAND, QUERY, TOKEN_X, Token};
use crate::predictor::dense::{Asks, Picks, Tokens};
use crate::predictor::networks::normalise;
use std::collections::BTreeMap;

/// Several chunks with their context, and everything scored in them.
pub(super) struct Batch {
    pub tokens: Tokens,
    pub picks: Picks,
    /// `[decisions * widest]`: row of each candidate among all scores.
    pub place: Vec<i32>,
    /// `[decisions * widest]`: 0 for a candidate, very low for padding.
    pub mask: Vec<f32>,
    pub widest: usize,
    /// `[decisions]`
    pub target: Vec<i32>,
    /// `[decisions]`, sums to 1.
    pub pick_weight: Vec<f32>,
    pub asks: Asks,
    /// `[forecasts]`
    pub class: Vec<i32>,
    /// `[forecasts]`, sums to 1.
    pub ask_weight: Vec<f32>,
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
        // Shorter ones are padded at their end: the network is causal, so that nothing scored sees it.
        let mut tokens = Tokens {
            sequences: n,
            classes: [vec![i32::from(Token::PAD); rows], vec![0; rows], vec![0; rows]],
            x: vec![0.0; rows * TOKEN_X],
        };
        let (mut picks, mut asks) = (Picks::default(), Asks::default());
        let (mut target, mut class) = (Vec::new(), Vec::new());
        let (mut pick_weight, mut ask_weight) = (Vec::new(), Vec::new());
        let mut counts: Vec<usize> = Vec::new();
        let norm = |name: &str| &fixed[name][..];
        let (qm, qs) = (norm("norm.query.mean"), norm("norm.query.scale"));
        let (cm, cs) = (norm("norm.cand.mean"), norm("norm.cand.scale"));
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
            for i in chunk.picks(data) {
                let pick = &data.picks[i];
                if pick.count == 0 {
                    continue;
                }
                let decision = picks.rows.len() as i32;
                picks.rows.push(row_of(pick.tokens));
                let query = &data.query[i * QUERY..(i + 1) * QUERY];
                picks.query.extend(query.iter().enumerate().map(|(j, &x)| normalise(unpack(x), qm[j], qs[j])));
                let count = usize::from(pick.count);
                let first = pick.first as usize;
                for one in data.cand[first * CAND..(first + count) * CAND].chunks_exact(CAND) {
                    picks.cand.extend(one.iter().enumerate().map(|(j, &x)| normalise(unpack(x), cm[j], cs[j])));
                    picks.of.push(decision);
                }
                counts.push(count);
                target.push(i32::from(pick.target));
                pick_weight.push(weight[0]);
            }
            for ask in &data.asks[chunk.asks(data)] {
                asks.push(row_of(ask.tokens), &ask.votes, &ask.vote_x, data.recent_of(ask));
                class.push(i32::from(ask.class));
                ask_weight.push(weight[1]);
            }
        }
        let widest = counts.iter().copied().max().unwrap_or(0);
        let (mut place, mut mask) = (Vec::new(), Vec::new());
        let mut first = 0;
        for count in counts {
            place.extend((0..widest).map(|j| if j < count { (first + j) as i32 } else { 0 }));
            mask.extend((0..widest).map(|j| if j < count { 0.0 } else { -1e9 }));
            first += count;
        }
        let mean = |weights: &mut Vec<f32>| {
            let n = weights.len() as f32;
            for w in weights {
                *w /= n;
            }
        };
        mean(&mut pick_weight);
        mean(&mut ask_weight);
        Self { tokens, picks, place, mask, widest, target, pick_weight, asks, class, ask_weight }
    }
}

/// Per recording: weight of one of its decisions and of one of its forecasts; the mean over all of them is 1.
pub(super) struct Balance(Vec<[f32; 2]>);

impl Balance {
    pub(super) fn new(recordings: &[Recording], balance: bool) -> Self {
        let count = |r: &Recording, question: usize| -> usize {
            let of = |c: &crate::dataset::chunks::CpuData| if question == 0 { c.picks.len() } else { c.asks.len() };
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

/// The tensors that are not trained: mean and one over the deviation (plus 0.05, so that a constant input stays small)
/// of the training inputs, and temperatures of 1.
pub(super) fn normalisation(recordings: &[Recording]) -> BTreeMap<String, Vec<f32>> {
    let stats = |width: usize, pick: &dyn Fn(&crate::dataset::chunks::CpuData) -> &[i16]| {
        let (mut n, mut sum, mut squares) = (0.0_f64, vec![0.0_f64; width], vec![0.0_f64; width]);
        for data in recordings.iter().flat_map(|r| &r.cpus) {
            // Every fifth row is plenty.
            for row in pick(data).chunks_exact(width).step_by(5) {
                n += 1.0;
                for (j, &x) in row.iter().enumerate() {
                    let x = f64::from(unpack(x));
                    sum[j] += x;
                    squares[j] += x * x;
                }
            }
        }
        let n = n.max(1.0);
        let mean: Vec<f64> = sum.iter().map(|s| s / n).collect();
        let scale = mean.iter().zip(&squares).map(|(m, q)| 1.0 / ((q / n - m * m).max(0.0).sqrt() + 0.05));
        let scale = scale.map(|x| x as f32).collect::<Vec<_>>();
        (mean.iter().map(|&x| x as f32).collect::<Vec<_>>(), scale)
    };
    let (cand, query) = (stats(CAND, &|c| &c.cand), stats(QUERY, &|c| &c.query));
    BTreeMap::from([
        ("norm.cand.mean".into(), cand.0),
        ("norm.cand.scale".into(), cand.1),
        ("norm.query.mean".into(), query.0),
        ("norm.query.scale".into(), query.1),
        ("temperature".into(), vec![1.0, 1.0]),
    ])
}
