//! Answers a question: the scores of all its candidates, block by block. Rows, last layers and probabilities stay in a [`Asked`],
//! from which the engine learns when the outcome is known. Allocates nothing once the rows have their room.

use super::net::{Head, SKIP};
use super::simd::{BLOCK, Work, add_product, add_products, dispatch, dot, relu};
use crate::predictor::networks::normalise;

/// Inputs beside the network's that only what is learned while answering reads.
pub(super) const EXTRA: usize = 5;

/// A question, as it was answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// `[candidates, W]`: normalised inputs, the last layer, and [`EXTRA`] more.
    pub rows: Vec<f32>,
    /// `[candidates]`: probabilities, where the engine learns; empty: not asked.
    pub p: Vec<f32>,
}

/// Room for intermediate results of either head.
#[derive(Clone, Debug)]
pub(super) struct Room {
    query: Vec<f32>,
    /// `[H + SKIP]`: what all candidates share.
    shared: Vec<f32>,
    /// `[BLOCK, H + SKIP]`
    first: Vec<f32>,
    /// `[BLOCK, L]`
    second: Vec<f32>,
}

impl Room {
    pub fn new(heads: &[Head; 2]) -> Self {
        let widest = |of: fn(&Head) -> usize| heads.iter().map(of).max().unwrap_or(0);
        let wide = widest(|h| h.bias.len()) + SKIP;
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
    /// `[W]`: what was learned; none: nothing is.
    pub learned: Option<&'a [f32]>,
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
    fn run<const FMA: bool>(self) {
        let Self { head, h, room, query, features, learned, extra, asked, scores } = self;
        let (inputs, hidden, last) = (head.inputs(), head.bias.len(), head.last());
        let width = inputs + last + EXTRA;
        let n = features.len() / inputs;
        let (wide, second) = (hidden + SKIP, head.second_bias.len());
        scores.clear();
        asked.rows.clear();
        // Room for whole blocks: rows behind the last one are zero.
        asked.rows.resize(n.next_multiple_of(BLOCK) * width, 0.0);
        for (row, x) in asked.rows.chunks_exact_mut(width).zip(features.chunks_exact(inputs)) {
            norm(&mut row[..inputs], x, &head.row_norm);
        }
        for (row, x) in asked.rows.chunks_exact_mut(width).zip(extra.chunks_exact(EXTRA)) {
            row[inputs + last..].copy_from_slice(x);
        }
        let shared = &mut room.shared[..wide];
        shared.fill(0.0);
        shared[..hidden].copy_from_slice(&head.bias);
        let query_norm = &mut room.query[..query.len()];
        norm(query_norm, query, &head.query_norm);
        add_product::<FMA>(query_norm, &head.query, &mut shared[..hidden]);
        add_product::<FMA>(h, &head.state, &mut shared[..hidden]);
        for rows in asked.rows.chunks_exact_mut(BLOCK * width) {
            let z = &mut room.first[..BLOCK * wide];
            z.chunks_exact_mut(wide).for_each(|z| z.copy_from_slice(shared));
            add_products::<FMA>(rows, width, &head.row, wide, z);
            z.chunks_exact_mut(wide).for_each(|z| relu(&mut z[..hidden]));
            if second > 0 {
                let z2 = &mut room.second[..BLOCK * second];
                z2.chunks_exact_mut(second).for_each(|z| z.copy_from_slice(&head.second_bias));
                add_products::<FMA>(z, wide, &head.second, second, z2);
                relu(z2);
            }
            for (i, row) in rows.chunks_exact_mut(width).enumerate() {
                let top = if second > 0 { &room.second[i * second..][..second] } else { &z[i * wide..][..hidden] };
                row[inputs..inputs + last].copy_from_slice(top);
                let more = learned.map_or(0.0, |learned| dot::<FMA>(row, learned));
                scores.push(dot::<FMA>(top, &head.out) + z[i * wide + hidden] + more);
            }
        }
        scores.truncate(n);
        asked.rows.truncate(n * width);
    }
}
