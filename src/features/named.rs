//! Named of candidates side by side, so that whoever is named is looked for among sixteen of them
//! at once, without a branch: what is kept of followers goes into the rows of candidates this way.

// The bodies must be part of the function that enables the instructions, or they are not compiled
// for them.
#![allow(clippy::inline_always)]

use super::ident::{Ident, NOBODY};
use crate::simd::{self, Lanes, Work};

/// Named side by side.
pub(super) const SIDE: usize = 16;
/// Stands where a candidate has no name, or where there is no candidate: nobody is looked for by
/// it.
const NAMELESS: Ident = NOBODY - 1;

/// Named of all candidates in their order.
#[derive(Clone, Debug)]
pub(super) struct Named {
    blocks: Vec<[Ident; SIDE]>,
    len: usize,
}

impl Named {
    /// None yet, with room for `n`.
    pub fn new(n: usize) -> Self {
        Self { blocks: Vec::with_capacity(n.div_ceil(SIDE)), len: 0 }
    }

    pub fn clear(&mut self) {
        self.blocks.clear();
        self.len = 0;
    }

    /// The next candidate's.
    pub fn push(&mut self, name: Ident) {
        let at = self.len % SIDE;
        if at == 0 {
            self.blocks.push([NAMELESS; SIDE]);
        }
        if let Some(block) = self.blocks.last_mut() {
            block[at] = if name == NOBODY { NAMELESS } else { name };
        }
        self.len += 1;
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Of the candidate at a place.
    pub fn get(&self, at: usize) -> Ident {
        match self.blocks.get(at / SIDE).map(|block| block[at % SIDE]) {
            None | Some(NAMELESS) => NOBODY,
            Some(name) => name,
        }
    }

    /// Where somebody stands who has a name; `who` is no [`NOBODY`].
    #[inline]
    pub fn place(&self, who: Ident) -> Option<usize> {
        // All of a block are compared: where it is cannot be foreseen.
        let within = |block: &[Ident; SIDE]| {
            (0..SIDE).fold(SIDE, |at, i| if block[i] == who { i } else { at })
        };
        let found = self.blocks.iter().map(within).enumerate().find(|(_, at)| *at < SIDE);
        found.map(|(block, at)| block * SIDE + at).filter(|at| *at < self.len)
    }

    /// Blocks of names.
    pub fn blocks(&self) -> &[[Ident; SIDE]] {
        &self.blocks
    }
}

/// `start`, but for those of `names` that are among `who`: of them the value beside it.
#[inline(always)]
pub(super) fn valued<V: Lanes, const K: usize>(
    names: &[Ident; SIDE],
    start: f32,
    who: &[Ident; K],
    value: &[f32; K],
) -> [f32; SIDE] {
    let mut all = [start; SIDE];
    simd::valued::<V, K>(names, who, value, &mut all);
    all
}

/// One for those of `names` that are `who`, zero for the others.
#[inline(always)]
pub(super) fn equal<V: Lanes>(names: &[Ident; SIDE], who: Ident) -> [f32; SIDE] {
    valued::<V, 1>(names, 0.0, &[who], &[1.0])
}

/// A share for each of some threads, in a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares<'a, const K: usize> {
    pub column: usize,
    pub who: &'a [Ident; K],
    pub share: [f32; K],
}

impl<const K: usize> Shares<'_, K> {
    /// Nobody has one.
    pub const fn none(column: usize) -> Self {
        Self { column, who: &[NOBODY; K], share: [0.0; K] }
    }
}

/// Writes shares, and ones for whom is named, into the columns of all candidates.
pub(super) struct Write<'a, const O: usize> {
    pub named: &'a Named,
    /// `[candidates, width]`
    pub rows: &'a mut [f32],
    pub width: usize,
    /// Those of a thread's recent followers.
    pub recent: Shares<'a, 16>,
    pub ones: [(usize, Ident); O],
}

impl<const O: usize> Work for Write<'_, O> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { named, rows, width, recent, ones } = self;
        for (names, rows) in named.blocks().iter().zip(rows.chunks_mut(SIDE * width)) {
            let found = valued::<V, 16>(names, 0.0, recent.who, &recent.share);
            put(rows, width, recent.column, found);
            for (column, who) in &ones {
                put(rows, width, *column, equal::<V>(names, *who));
            }
        }
    }
}

/// A column of up to sixteen rows.
#[inline(always)]
fn put(rows: &mut [f32], width: usize, column: usize, values: [f32; SIDE]) {
    for (row, value) in rows.chunks_exact_mut(width).zip(values) {
        row[column] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::dispatch;

    #[test]
    fn shares_and_ones_are_in_the_rows_of_those_who_are_named() {
        // More than are side by side, one of them without a name.
        let mut named = Named::new(20);
        (0..20).for_each(|i| named.push(if i == 3 { NOBODY } else { 100 + i }));
        assert_eq!((named.len(), named.get(3), named.get(18)), (20, NOBODY, 118));
        let mut rows = vec![f32::NAN; 20 * 4];
        let (mut who, mut share) = ([NOBODY; 16], [0.9; 16]);
        (who[1], who[2], who[3], who[9]) = (102, 118, 7, 119);
        (share[1], share[2], share[9]) = (0.2, 0.3, 0.6);
        let recent = Shares { column: 1, who: &who, share };
        let ones = [(0, 119), (2, 117), (3, NOBODY)];
        dispatch(Write { named: &named, rows: &mut rows, width: 4, recent, ones });
        for (i, row) in rows.chunks(4).enumerate() {
            let expected = match i {
                2 => [0.0, 0.2, 0.0, 0.0],
                17 => [0.0, 0.0, 1.0, 0.0],
                18 => [0.0, 0.3, 0.0, 0.0],
                19 => [1.0, 0.6, 0.0, 0.0],
                _ => [0.0; 4],
            };
            assert_eq!(row, expected, "{i}");
        }
        let found = [100, 118, 119, 103, 7].map(|who| named.place(who));
        assert_eq!(found, [Some(0), Some(18), Some(19), None, None]);
        named.clear();
        assert_eq!((named.len(), named.get(0)), (0, NOBODY));
    }
}
