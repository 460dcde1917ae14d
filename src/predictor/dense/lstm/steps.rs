//! The LSTM's recurrence in plain Rust, forward and backward (back-propagation through time), for
//! training. Step by step the products are tiny: as separate operations of an autodiff graph their
//! book-keeping costs many times what they do.

// The bodies must be part of the function that enables the instructions, or they are not compiled
// for them.
#![allow(clippy::inline_always)]

use crate::simd::each::{sigmoid, tanh};
use crate::simd::products::add_product;
use crate::simd::{Lanes, Work, dispatch};

/// One pass over `[T * sequences, C]`, time-major, from the zero state, with what its backward pass
/// needs.
#[derive(Debug)]
pub(super) struct Steps {
    sequences: usize,
    c: usize,
    /// `[rows, 4C]`: the gates after their functions.
    gates: Vec<f32>,
    /// `[rows, C]`: the content of the cell.
    kept: Vec<f32>,
    /// `[rows, C]`
    pub h: Vec<f32>,
}

impl Steps {
    /// Runs; `given` `[rows, 4C]` is what does not depend on the state, `u` is `[C, 4C]`.
    pub(super) fn run(given: Vec<f32>, u: &[f32], sequences: usize, c: usize) -> Self {
        let rows = given.len() / (4 * c);
        let mut steps =
            Self { sequences, c, gates: given, kept: vec![0.0; rows * c], h: vec![0.0; rows * c] };
        dispatch(Forward { steps: &mut steps, u });
        steps
    }

    /// h one step earlier, `[rows, C]`.
    pub(super) fn before(&self) -> Vec<f32> {
        let rows = self.h.len() / self.c.max(1);
        let first = self.c * self.sequences.min(rows);
        let mut before = vec![0.0; first];
        before.extend_from_slice(&self.h[..self.h.len() - first]);
        before
    }

    /// From the loss's gradient at h `[rows, C]` that at the gates before their functions,
    /// `[rows, 4C]`.
    pub(super) fn back(&self, at_h: &[f32], u: &[f32]) -> Vec<f32> {
        let width = 4 * self.c;
        let mut turned = vec![0.0; u.len()];
        for (i, row) in u.chunks_exact(width).enumerate() {
            row.iter().enumerate().for_each(|(j, x)| turned[j * self.c + i] = *x);
        }
        let mut at_gates = vec![0.0; self.gates.len()];
        dispatch(Backward { steps: self, at_h, turned: &turned, at_gates: &mut at_gates });
        at_gates
    }
}

struct Forward<'a> {
    steps: &'a mut Steps,
    u: &'a [f32],
}

impl Work for Forward<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Steps { sequences, c, gates, kept, h } = self.steps;
        let (n, c) = (*sequences, *c);
        for (row, gates) in gates.chunks_exact_mut(4 * c).enumerate() {
            let (h_before, h) = h.split_at_mut(row * c);
            let (kept_before, kept) = kept.split_at_mut(row * c);
            let before = row.checked_sub(n).map(|row| row * c..(row + 1) * c);
            if let Some(before) = before.clone() {
                add_product::<V, _>(&h_before[before], self.u, gates);
            }
            let (open, new) = gates.split_at_mut(3 * c);
            for g in open.iter_mut() {
                *g = sigmoid(*g);
            }
            for g in new.iter_mut() {
                *g = tanh(*g);
            }
            for j in 0..c {
                kept[j] = open[j] * new[j];
            }
            if let Some(before) = before {
                let kept_before = &kept_before[before];
                for j in 0..c {
                    kept[j] += open[c + j] * kept_before[j];
                }
            }
            for j in 0..c {
                h[j] = open[2 * c + j] * tanh(kept[j]);
            }
        }
    }
}

struct Backward<'a> {
    steps: &'a Steps,
    at_h: &'a [f32],
    /// `u` transposed, `[4C, C]`.
    turned: &'a [f32],
    at_gates: &'a mut [f32],
}

impl Work for Backward<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { steps, at_h, turned, at_gates } = self;
        let (n, c) = (steps.sequences, steps.c);
        // What comes back from the step after, per sequence: at h and at the content.
        let mut later_h = vec![0.0; n * c];
        let mut later_kept = vec![0.0; n * c];
        let none = vec![0.0; c];
        for row in (0..at_h.len() / c).rev() {
            let s = row % n * c;
            let (later_h, later_kept) = (&mut later_h[s..s + c], &mut later_kept[s..s + c]);
            let at_h = &at_h[row * c..(row + 1) * c];
            let kept = &steps.kept[row * c..(row + 1) * c];
            let before =
                row.checked_sub(n).map_or(&none[..], |row| &steps.kept[row * c..(row + 1) * c]);
            let (i, rest) = steps.gates[row * 4 * c..(row + 1) * 4 * c].split_at(c);
            let (f, rest) = rest.split_at(c);
            let (o, g) = rest.split_at(c);
            let at = &mut at_gates[row * 4 * c..(row + 1) * 4 * c];
            {
                let (at_i, rest) = at.split_at_mut(c);
                let (at_f, rest) = rest.split_at_mut(c);
                let (at_o, at_g) = rest.split_at_mut(c);
                for j in 0..c {
                    let (at_h, shown) = (at_h[j] + later_h[j], tanh(kept[j]));
                    let at_kept = at_h * o[j] * (1.0 - shown * shown) + later_kept[j];
                    at_i[j] = at_kept * g[j] * i[j] * (1.0 - i[j]);
                    at_f[j] = at_kept * before[j] * f[j] * (1.0 - f[j]);
                    at_o[j] = at_h * shown * o[j] * (1.0 - o[j]);
                    at_g[j] = at_kept * i[j] * (1.0 - g[j] * g[j]);
                    later_kept[j] = at_kept * f[j];
                }
            }
            later_h.fill(0.0);
            add_product::<V, _>(at, turned, later_h);
        }
    }
}
