//! Some columns of the candidates against each other: z-score, rank, distance to the greatest. All
//! of these columns are taken side by side, so that they share registers.

// The body must be part of the function that enables the instructions, or it is not compiled for
// them.
#![allow(clippy::inline_always)]

use super::layout::{CAND, SET_OF, SET_START};
use crate::simd::{Lanes, Work, less};

/// Up to so many candidates are ranked by counting, all columns at once; more are sorted, column by
/// column.
const COUNTED: usize = 96;
/// Columns side by side.
const WIDTH: usize = SET_OF.len();

/// Room for what all candidates have in the columns.
#[derive(Clone, Debug)]
pub(super) struct Sides {
    /// The values, what sorts like them, and how many others are less.
    x: Vec<[f32; WIDTH]>,
    keys: Vec<[i32; WIDTH]>,
    before: Vec<[i32; WIDTH]>,
    order: Vec<u64>,
}

impl Sides {
    /// Room for `n` candidates; more find theirs by themselves.
    pub fn new(n: usize) -> Self {
        let room = Vec::with_capacity;
        Self {
            x: Vec::with_capacity(n),
            keys: room(n),
            before: room(n),
            order: Vec::with_capacity(n),
        }
    }
}

/// Fills the set columns of all candidates.
pub(super) struct Ranked<'a> {
    /// `[candidates, CAND]`
    pub rows: &'a mut [f32],
    pub sides: &'a mut Sides,
}

impl Work for Ranked<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { rows, sides } = self;
        let (mut sum, mut squares) = ([0.0; WIDTH], [0.0; WIDTH]);
        let mut most = [f32::NEG_INFINITY; WIDTH];
        sides.x.clear();
        sides.keys.clear();
        for row in rows.chunks_exact(CAND) {
            let (mut x, mut key) = ([0.0; WIDTH], [0; WIDTH]);
            for (x, column) in x.iter_mut().zip(SET_OF) {
                *x = row[column];
            }
            for k in 0..WIDTH {
                sum[k] += x[k];
                squares[k] += x[k] * x[k];
                most[k] = most[k].max(x[k]);
                key[k] = sortable(x[k]);
            }
            sides.x.push(x);
            sides.keys.push(key);
        }
        if sides.keys.len() <= COUNTED {
            count::<V>(sides);
        } else {
            sort(sides);
        }
        let n = sides.x.len();
        let (n, others) = (n as f32, n.saturating_sub(1).max(1) as f32);
        let (mut mean, mut spread) = ([0.0; WIDTH], [0.0; WIDTH]);
        for k in 0..WIDTH {
            mean[k] = sum[k] / n;
            spread[k] = (squares[k] / n - mean[k] * mean[k]).max(0.0).sqrt() + 1e-3;
        }
        let sides = sides.x.iter().zip(&sides.before);
        for (row, (x, before)) in rows.chunks_exact_mut(CAND).zip(sides) {
            let (mut z, mut rank, mut left) = ([0.0; WIDTH], [0.0; WIDTH], [0.0; WIDTH]);
            for k in 0..WIDTH {
                z[k] = ((x[k] - mean[k]) / spread[k]).clamp(-4.0, 4.0) / 2.0;
                rank[k] = before[k] as f32 / others;
                left[k] = x[k] - most[k];
            }
            let triples = row[SET_START..].chunks_exact_mut(3);
            for (k, triple) in triples.enumerate() {
                triple.copy_from_slice(&[z[k], rank[k], left[k]]);
            }
        }
    }
}

/// Ranks by comparing each with each.
#[inline(always)]
fn count<V: Lanes>(sides: &mut Sides) {
    sides.before.clear();
    for key in &sides.keys {
        sides.before.push(less::<V>(&sides.keys, key));
    }
}

/// Ranks by sorting; equal values share the lowest.
fn sort(sides: &mut Sides) {
    let Sides { keys, before, order, .. } = sides;
    before.clear();
    before.resize(keys.len(), [0; WIDTH]);
    for k in 0..SET_OF.len() {
        order.clear();
        let unsigned = |key: &[i32; WIDTH]| u64::from(key[k] as u32 ^ 1 << 31);
        order.extend(keys.iter().enumerate().map(|(i, key)| unsigned(key) << 32 | i as u64));
        order.sort_unstable();
        let (mut first, mut last) = (0, u64::MAX);
        for (r, key) in order.iter().enumerate() {
            if key >> 32 != last {
                (first, last) = (r, key >> 32);
            }
            before[(key & 0xFFFF_FFFF) as usize][k] = first as i32;
        }
    }
}

/// Bits that sort like the number, as a signed one.
#[inline(always)]
fn sortable(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    bits ^ (bits >> 31 & i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::dispatch;

    struct Count<'a>(&'a mut Sides);
    impl Work for Count<'_> {
        type Out = ();
        #[inline(always)]
        fn run<V: Lanes>(self) {
            count::<V>(self.0);
        }
    }

    #[test]
    fn counting_and_sorting_agree() {
        let x = |i: usize, k: usize| ((i * 7 + k) % 23) as f32 - 11.0;
        let mut sides = Sides::new(0);
        sides.keys = (0..40).map(|i| std::array::from_fn(|k| sortable(x(i, k)))).collect();
        dispatch(Count(&mut sides));
        let counted = sides.before.clone();
        sort(&mut sides);
        for (i, k) in (0..40).flat_map(|i| (0..SET_OF.len()).map(move |k| (i, k))) {
            let less = (0..40).filter(|other| x(*other, k) < x(i, k)).count() as i32;
            assert_eq!([counted[i][k], sides.before[i][k]], [less; 2]);
        }
    }

    #[test]
    fn a_column_is_told_against_the_others() {
        let mut rows = vec![0.0; 3 * CAND];
        for (row, x) in rows.chunks_exact_mut(CAND).zip([1.0, 3.0, 1.0]) {
            row[SET_OF[0]] = x;
        }
        dispatch(Ranked { rows: &mut rows, sides: &mut Sides::new(0) });
        let triple = |i: usize| [0, 1, 2].map(|j| rows[i * CAND + SET_START + j]);
        let deviation = (8.0f32 / 9.0).sqrt() + 1e-3;
        assert!((triple(1)[0] - 4.0 / 3.0 / deviation / 2.0).abs() < 1e-5, "{:?}", triple(1));
        assert_eq!(
            [triple(0)[1], triple(1)[1], triple(2)[1]].map(f32::to_bits),
            [0, 0x3F80_0000, 0]
        );
        assert_eq!([triple(0)[2], triple(1)[2]].map(|x| x as i32), [-2, 0]);
    }
}
