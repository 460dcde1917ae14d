//! The part of a forecast that scores each thread of the CPU's recency list by what is known about it, one shared layer
//! for all of them. Allocates nothing.

use super::net::N;
use super::simd::{add, add_product, dot, relu};
use crate::features::{RANKS, RECENT};

/// Threads behind the classes from 1 on.
const CLASSES: usize = RANKS - 2;

/// Its weights; K is the layer's width.
#[derive(Debug)]
pub(super) struct Layer {
    /// `[RECENT + VOTERS, K]`: what is known of the thread, then who voted for it.
    pub row: Vec<f32>,
    /// `[C, K]`
    pub state: Vec<f32>,
    /// `[VOTERS, K]`
    pub votes: Vec<f32>,
    /// `[K]`
    pub bias: Vec<f32>,
    /// `[K]`
    pub out: Vec<f32>,
    /// `[RECENT + VOTERS]`: the linear part.
    pub skip: Vec<f32>,
}

/// Adds to `scores` of the classes 1.. what `known` `[threads, RECENT]` and the votes say. `room` is `[RANKS, K]`.
#[inline(always)]
pub(super) fn score<const FMA: bool>(
    layer: &Layer,
    h: &[f32],
    room: &mut [f32],
    votes: &[u8; N],
    vote_x: &[f32; N],
    known: &[f32],
    scores: &mut [f32; RANKS],
) {
    let k = layer.bias.len();
    let (shared, rows) = room.split_at_mut(k);
    shared.copy_from_slice(&layer.bias);
    add_product::<FMA>(h, &layer.state, shared);
    add_product::<FMA>(vote_x, &layer.votes, shared);
    let rows = &mut rows[..CLASSES * k];
    for row in rows.chunks_exact_mut(k) {
        row.copy_from_slice(shared);
    }
    for ((row, z), x) in rows.chunks_exact_mut(k).zip(&mut scores[1..]).zip(known.chunks_exact(RECENT)) {
        add_product::<FMA>(x, &layer.row[..RECENT * k], row);
        *z += dot::<FMA>(x, &layer.skip[..RECENT]);
    }
    for (j, &class) in votes.iter().enumerate() {
        let (class, at) = (usize::from(class), RECENT + j);
        if (1..=CLASSES).contains(&class) {
            add(&mut rows[(class - 1) * k..class * k], &layer.row[at * k..(at + 1) * k]);
            scores[class] += layer.skip[at];
        }
    }
    for (row, z) in rows.chunks_exact_mut(k).zip(&mut scores[1..]) {
        relu(row);
        *z += dot::<FMA>(row, &layer.out);
    }
}
