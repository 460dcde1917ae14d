//! Answers a question: the scores of all its candidates, block by block. Rows, last layers and
//! probabilities stay in a [`Asked`], from which the engine learns when the outcome is known.
//! Allocates nothing once the rows have their room.

use super::net::{EXTRA, Head};
use crate::predictor::networks::CLAMP;
use crate::simd::aligned::Aligned;
use crate::simd::each::relu;
use crate::simd::products::{BLOCK, Paired, Single, add_product, copy, dot, normalise, products};
use crate::simd::{Lanes, Work, dispatch};
use crate::trace::ThreadIx;

/// A question, as it was answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// `[candidates, W]`: normalised inputs, the last layer, [`EXTRA`] more, and zeros up to a
    /// whole number of registers.
    pub rows: Aligned,
    /// `[candidates]`: probabilities, where the engine learns; empty: not asked.
    pub p: Vec<f32>,
    /// `[candidates]`, or empty where it is not said who they are.
    pub who: Vec<ThreadIx>,
}

/// Room for intermediate results of either head.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// `[Q + C]`
    moment: Aligned,
    /// `[H]`: what all candidates share.
    shared: Aligned,
    /// `[BLOCK, R]`: normalised inputs as halves of numbers, R up to an even one.
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
        Self {
            moment: Aligned::zeros(widest(|h| 2 * h.moment.len() / h.bias.len())),
            halves: vec![0; BLOCK * widest(|h| h.inputs().next_multiple_of(2))],
            shared: Aligned::zeros(wide),
            first: Aligned::zeros(BLOCK * wide),
            second: Aligned::zeros(BLOCK * widest(|h| h.second_bias.len())),
        }
    }
}

/// A question to a head.
pub(super) struct Ask<'a> {
    pub head: &'a Head,
    /// `[C]`: the state of the CPU's sequence.
    pub h: &'a [f32],
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
        let Self { head, h, room, query, features, weighs, extra, asked, scores } = self;
        let (inputs, hidden, last, second) =
            (head.inputs(), head.bias.len(), head.last(), head.second_bias.len());
        let width = weighs.len();
        let n = features.len() / inputs;
        scores.clear();
        // Columns that are written for no row stay zero.
        asked.rows.resize(n * width);
        let extras = inputs + last..inputs + last + EXTRA;
        for row in asked.rows.chunks_exact_mut(width) {
            row[extras.clone()].fill(0.0);
        }
        for (row, x) in asked.rows.chunks_exact_mut(width).zip(extra.chunks_exact(EXTRA)) {
            row[extras.clone()].copy_from_slice(x);
        }
        let shared = &mut room.shared[..hidden];
        copy::<V>(shared, &head.bias);
        let moment = &mut room.moment[..query.len() + h.len()];
        let [mean, scale] = &head.query_norm;
        normalise::<V>(moment, &mut room.halves, query, [mean, scale], CLAMP);
        copy::<V>(&mut moment[query.len()..], h);
        add_product::<V, _>(moment, &head.moment, shared);
        let stride = inputs.next_multiple_of(2);
        let blocks = asked.rows.chunks_mut(BLOCK * width).zip(features.chunks(BLOCK * inputs));
        for (rows, features) in blocks {
            let halves = room.halves.chunks_exact_mut(stride);
            for ((row, x), halves) in
                rows.chunks_exact_mut(width).zip(features.chunks_exact(inputs)).zip(halves)
            {
                let [mean, scale] = &head.row_norm;
                normalise::<V>(row, halves, x, [mean, scale], CLAMP);
                // An odd last input is multiplied together with what stands behind it.
                row[inputs] = 0.0;
            }
            let z = &mut room.first[..rows.len() / width * hidden];
            if V::PAIRS {
                products::<V, Paired>(&room.halves, stride, &head.row, shared, z);
            } else {
                products::<V, Single>(rows, width, &head.row, shared, z);
            }
            relu(z);
            let mut top = z;
            if second > 0 {
                let z = &mut room.second[..rows.len() / width * second];
                products::<V, Single>(top, hidden, &head.second, &head.second_bias, z);
                relu(z);
                top = z;
            }
            for (row, top) in rows.chunks_exact_mut(width).zip(top.chunks_exact(last)) {
                copy::<V>(&mut row[inputs..inputs + last], top);
                scores.push(dot::<V>(row, weighs));
            }
        }
    }
}
