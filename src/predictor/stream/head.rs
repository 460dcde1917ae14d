//! Answers a question: the scores of all its candidates, block by block. Rows, last layers and
//! probabilities stay in a [`Asked`], from which the engine learns when the outcome is known.
//! Allocates nothing once the rows have their room.

use super::net::{EXTRA, Head};
use crate::predictor::networks::normalise;
use crate::simd::each::relu;
use crate::simd::{BLOCK, Lanes, Work, add_product, dispatch, dot, products};
use crate::trace::ThreadIx;

/// A question, as it was answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// `[candidates, W]`: normalised inputs, the last layer, [`EXTRA`] more, and zeros up to a
    /// whole number of registers.
    pub rows: Vec<f32>,
    /// `[candidates]`: probabilities, where the engine learns; empty: not asked.
    pub p: Vec<f32>,
    /// `[candidates]`, or empty where it is not said who they are.
    pub who: Vec<ThreadIx>,
}

/// Room for intermediate results of either head.
#[derive(Clone, Debug)]
pub(super) struct Room {
    query: Vec<f32>,
    /// `[H]`: what all candidates share.
    shared: Vec<f32>,
    /// `[BLOCK, H]`
    first: Vec<f32>,
    /// `[BLOCK, L]`
    second: Vec<f32>,
}

impl Room {
    pub fn new(heads: &[Head; 2]) -> Self {
        let widest = |of: fn(&Head) -> usize| heads.iter().map(of).max().unwrap_or(0);
        let wide = widest(|h| h.bias.len());
        Self {
            query: vec![0.0; widest(|h| h.query_norm[0].len())],
            shared: vec![0.0; wide],
            first: vec![0.0; BLOCK * wide],
            second: vec![0.0; BLOCK * widest(|h| h.second_bias.len())],
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

#[inline(always)]
fn norm(to: &mut [f32], from: &[f32], [mean, scale]: &[Vec<f32>; 2]) {
    for (((to, x), mean), scale) in to.iter_mut().zip(from).zip(mean).zip(scale) {
        *to = normalise(*x, *mean, *scale);
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
        asked.rows.resize(n * width, 0.0);
        for (row, x) in asked.rows.chunks_exact_mut(width).zip(features.chunks_exact(inputs)) {
            norm(&mut row[..inputs], x, &head.row_norm);
            row[inputs + last..inputs + last + EXTRA].fill(0.0);
        }
        for (row, x) in asked.rows.chunks_exact_mut(width).zip(extra.chunks_exact(EXTRA)) {
            row[inputs + last..inputs + last + EXTRA].copy_from_slice(x);
        }
        let shared = &mut room.shared[..hidden];
        shared.copy_from_slice(&head.bias);
        let query_norm = &mut room.query[..query.len()];
        norm(query_norm, query, &head.query_norm);
        add_product::<V>(query_norm, &head.query, shared);
        add_product::<V>(h, &head.state, shared);
        for rows in asked.rows.chunks_mut(BLOCK * width) {
            let z = &mut room.first[..rows.len() / width * hidden];
            products::<V>(rows, width, &head.row, shared, z);
            relu(z);
            let mut top = z;
            if second > 0 {
                let z = &mut room.second[..rows.len() / width * second];
                products::<V>(top, hidden, &head.second, &head.second_bias, z);
                relu(z);
                top = z;
            }
            for (row, top) in rows.chunks_exact_mut(width).zip(top.chunks_exact(last)) {
                row[inputs..inputs + last].copy_from_slice(top);
                scores.push(dot::<V>(row, weighs));
            }
        }
    }
}
