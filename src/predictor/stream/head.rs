//! Answers a question: the scores of all its candidates, block by block. Rows, last layers and
//! probabilities stay in a [`Asked`], from which the engine learns when the outcome is known.
//! Allocates nothing once the rows have their room.

use super::net::{EXTRA, Head, PAD};
use crate::predictor::networks::CLAMP;
use crate::simd::aligned::Aligned;
use crate::simd::each::relu;
use crate::simd::inputs::{last_layer, normalise};
use crate::simd::products::{BLOCK, Paired, Single, add_product, copy, products};
use crate::simd::{Lanes, Work, dispatch};
use crate::trace::ThreadIx;

/// A question, as it was answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// `[candidates, W]`: the last layer, normalised inputs, [`EXTRA`] more, and zeros up to a
    /// whole number of registers.
    pub rows: Aligned,
    /// `[candidates]`: scores, where the engine learns; empty: not asked.
    pub p: Vec<f32>,
    /// `[candidates]`, or empty where it is not said who they are.
    pub who: Vec<ThreadIx>,
}

/// Room for intermediate results of either head.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// `[Q]`, up to whole registers.
    moment: Aligned,
    /// `[H]`: what all candidates share.
    shared: Aligned,
    /// `[BLOCK, R]`: normalised inputs as halves of numbers, R up to whole registers.
    halves: Vec<u16>,
    /// `[BLOCK, H]`
    first: Aligned,
    /// `[BLOCK, L]`
    second: Aligned,
}

impl Room {
    pub fn new(heads: &[Head; 2]) -> Self {
        let widest = |of: fn(&Head) -> usize| heads.iter().map(of).max().unwrap_or(0);
        let wide = widest(|h| h.bias.len());
        let moment = widest(|h| h.query_norm[0].len()).next_multiple_of(PAD);
        let inputs = widest(Head::inputs).next_multiple_of(PAD);
        Self {
            moment: Aligned::zeros(moment),
            halves: vec![0; moment.max(BLOCK * inputs)],
            shared: Aligned::zeros(wide),
            first: Aligned::zeros(BLOCK * wide),
            second: Aligned::zeros(BLOCK * widest(|h| h.second_bias.len())),
        }
    }
}

/// A question to a head.
pub(super) struct Ask<'a> {
    pub head: &'a Head,
    /// `[H]`: what the state of the CPU's sequence adds to every candidate ([`Head::of_state`]).
    pub state: &'a [f32],
    pub room: &'a mut Room,
    /// `[Q]`
    pub query: &'a [f32],
    /// `[candidates, R]`
    pub features: &'a [f32],
    /// `[W]`: what a row is weighed with, [`Head::weighs`] or what became of it.
    pub weighs: &'a [f32],
    /// `[candidates, EXTRA]`, or empty.
    pub extra: &'a [f32],
    pub asked: &'a mut Asked,
    pub scores: &'a mut Vec<f32>,
}

impl Ask<'_> {
    /// Answers it.
    pub fn answer(self) {
        dispatch(self);
    }
}

impl Work for Ask<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { head, state, room, query, features, weighs, extra, asked, scores } = self;
        let (inputs, hidden, last) = (head.inputs(), head.bias.len(), head.last());
        let width = weighs.len();
        let n = features.len() / inputs;
        scores.clear();
        // Columns that are written for no row stay zero.
        asked.rows.resize(n * width);
        share::<V>(head, room, query, state);
        let mut at = 0;
        while at < n {
            let rows = &mut asked.rows[at * width..][..block(n - at) * width];
            let mut sums = [const { None }; BLOCK];
            let stride = inputs.next_multiple_of(PAD);
            let of = features[at * inputs..].chunks_exact(inputs);
            let halves = room.halves.chunks_exact_mut(stride);
            let all = rows.chunks_exact_mut(width).zip(of).zip(halves).zip(&mut sums);
            for (i, (((row, x), halves), sum)) in all.enumerate() {
                let [mean, scale] = &head.row_norm;
                let to = &mut row[last..];
                let weighs = &weighs[last..];
                *sum = Some(normalise::<V>(to, halves, x, [mean, scale], CLAMP, weighs));
                let more = &mut to[inputs..inputs + EXTRA];
                match extra.get((at + i) * EXTRA..(at + i + 1) * EXTRA) {
                    Some(extra) => more.copy_from_slice(extra),
                    None => more.fill(0.0),
                }
            }
            let shared = &room.shared[..hidden];
            let z = &mut room.first[..rows.len() / width * hidden];
            if V::PAIRS {
                products::<V, Paired>(&room.halves, stride, &head.row, shared, z);
            } else {
                // An odd last input is multiplied together with what stands behind it, by zero.
                products::<V, Single>(&rows[last..], width, &head.row, shared, z);
            }
            let top = second::<V>(head, z, &mut room.second);
            let tops = top.chunks_exact(last).zip(sums.iter().flatten());
            for (row, (top, sum)) in rows.chunks_exact_mut(width).zip(tops) {
                let (to, more) = row.split_at_mut(last);
                let mut score = last_layer::<V>(to, top, &weighs[..last], *sum);
                if !extra.is_empty() {
                    let more = more[inputs..].iter().zip(&weighs[last + inputs..]).take(EXTRA);
                    score += more.map(|(x, w)| x * w).sum::<f32>();
                }
                scores.push(score);
            }
            at += block(n - at);
        }
    }
}

/// Rows that are taken at once of so many that are left: one alone takes nearly as long as two.
fn block(left: usize) -> usize {
    if left == BLOCK + 1 { BLOCK - 1 } else { left.min(BLOCK) }
}

/// What all candidates share: the moment, and what is there of the state.
#[inline(always)]
fn share<V: Lanes>(head: &Head, room: &mut Room, query: &[f32], state: &[f32]) {
    let shared = &mut room.shared[..head.bias.len()];
    let [mean, scale] = &head.query_norm;
    let (moment, halves) = (&mut room.moment[..], &mut room.halves[..]);
    normalise::<V>(moment, halves, query, [mean, scale], CLAMP, &[]);
    if V::PAIRS {
        products::<V, Paired>(halves, 0, &head.query, state, shared);
    } else {
        products::<V, Single>(moment, 0, &head.query, state, shared);
    }
}

/// [`Head::of_state`].
struct OfState<'a> {
    head: &'a Head,
    h: &'a [f32],
    to: &'a mut [f32],
}

impl Work for OfState<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        copy::<V>(self.to, &self.head.bias);
        add_product::<V, _>(self.h, &self.head.state, self.to);
    }
}

impl Head {
    /// What the state `h` `[C]` of a CPU's sequence adds to every candidate, into `to` `[H]`.
    pub fn of_state(&self, h: &[f32], to: &mut [f32]) {
        dispatch(OfState { head: self, h, to });
    }
}

/// The layer before the last one's activation, `[rows, L]`: of two layers the second, which is made
/// in `room`.
#[inline(always)]
fn second<'a, V: Lanes>(head: &Head, z: &'a mut [f32], room: &'a mut [f32]) -> &'a [f32] {
    let (hidden, second) = (head.bias.len(), head.second_bias.len());
    if second == 0 {
        return z;
    }
    relu(z);
    let top = &mut room[..z.len() / hidden * second];
    products::<V, Single>(z, hidden, &head.second, &head.second_bias, top);
    top
}
