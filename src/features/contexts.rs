//! Who followed five contexts of a question: combinations of the one that leaves or runs, the ends
//! of the queue, whom the replay names, and the last threads on the CPU. Counts fade, so that new
//! habits show; tables are of bounded size. Both questions have tables of their own.

// The body must be part of the function that enables the instructions, or it is not compiled for
// them.
#![allow(clippy::inline_always)]

use super::ident::{Ident, NOBODY};
use super::named::{Named, SIDE, equal, valued};
use super::sets::{KEEP, Sets, mix};
use crate::simd::each::ln;
use crate::simd::{Lanes, Work, dispatch};

/// Contexts of a question.
pub(super) const CONTEXTS: usize = 5;
/// Hashes of the contexts.
pub(super) type Keys = [u64; CONTEXTS];

/// A context that was seen less often is known little.
const WELL: f32 = 3.0;
const MOST_SETS: usize = 2_048;

/// The contexts of a question, and where the tables kept them when they were looked up;
/// `usize::MAX`: nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    keys: Keys,
    slots: [usize; CONTEXTS],
}

/// The tables of one question.
#[derive(Clone, Debug)]
pub(super) struct Contexts {
    sets: Sets,
    /// Counts that are taken for seen of everybody.
    prior: f32,
}

impl Contexts {
    pub fn new(prior: f32) -> Self {
        Self { sets: Sets::new(MOST_SETS), prior }
    }

    /// These contexts, but for those of the numbers in `open`, will be looked up soon.
    pub fn expect(&self, keys: &Keys, open: &[usize]) {
        let known = keys.iter().enumerate().filter(|(i, _)| !open.contains(i));
        for (_, key) in known {
            self.sets.expect(*key);
        }
    }

    /// What is kept of the contexts.
    pub fn look_up(&self, keys: Keys) -> Seen {
        let slots = keys.map(|key| self.sets.find(key).unwrap_or(usize::MAX));
        for slot in slots {
            self.sets.expect_at(slot);
        }
        Seen { keys, slots }
    }

    /// `who` came in the contexts.
    pub fn add(&mut self, seen: &Seen, who: Ident) {
        if who != NOBODY {
            for (key, slot) in seen.keys.iter().zip(seen.slots) {
                self.sets.add_at(slot, *key, who);
            }
        }
    }

    /// Followers of the contexts that still count, context by context. `seen` is fresh, here and in
    /// [`Self::fill`].
    pub fn followers(&self, seen: &Seen) -> impl Iterator<Item = Ident> {
        let found = seen
            .slots
            .into_iter()
            .filter(|slot| *slot != usize::MAX)
            .map(|slot| self.sets.at(slot).2);
        found.flat_map(|f| f.who.into_iter().zip(f.count)).filter(|(_, n)| *n > 0.1).map(|(w, _)| w)
    }

    /// Fills three columns for each context (known well, known little, the last one) from `column`
    /// on in the rows (each `width` wide) of all candidates, who are `named`:
    /// `ln((c + a) n / (total + a n))` for c counts of n candidates, a the prior.
    pub fn fill(&self, seen: &Seen, rows: &mut [f32], [width, column]: [usize; 2], named: &Named) {
        dispatch(Fill { contexts: self, seen, rows, width, column, named });
    }
}

/// [`Contexts::fill`].
struct Fill<'a> {
    contexts: &'a Contexts,
    seen: &'a Seen,
    rows: &'a mut [f32],
    width: usize,
    column: usize,
    named: &'a Named,
}

impl Work for Fill<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { contexts: Contexts { sets, prior }, seen, rows, width, column, named } = self;
        let n = named.len() as f32;
        // What a row says of each follower, and (last) whose thread followed none of them: whole
        // registers.
        let mut told = [[1.0; KEEP]; CONTEXTS + 1];
        let (mut who, mut last) = ([&[NOBODY; KEEP]; CONTEXTS], [NOBODY; CONTEXTS]);
        let mut well = [false; CONTEXTS];
        for (i, slot) in seen.slots.into_iter().enumerate().filter(|(_, slot)| *slot != usize::MAX)
        {
            let (total, latest, found) = sets.at(slot);
            let over = n / (total + prior * n);
            told[CONTEXTS][i] = prior * over;
            for (told, count) in told[i].iter_mut().zip(found.count) {
                *told = (count + prior) * over;
            }
            (who[i], last[i], well[i]) = (&found.who, latest, total >= WELL);
        }
        for told in told.as_flattened_mut() {
            *told = ln(*told);
        }
        for (names, rows) in named.blocks().iter().zip(rows.chunks_mut(SIDE * width)) {
            for i in 0..CONTEXTS {
                let value = valued::<V, KEEP>(names, told[CONTEXTS][i], who[i], &told[i]);
                let latest = equal::<V>(names, last[i]);
                let (at, told) = (column + 3 * i, usize::from(!well[i]));
                for ((row, value), latest) in rows.chunks_exact_mut(width).zip(value).zip(latest) {
                    let triple = &mut row[at..at + 3];
                    triple.copy_from_slice(&[0.0, 0.0, latest]);
                    triple[told] = value;
                }
            }
        }
    }
}

/// A key of context `number` of a question: a hash of what it consists of.
#[inline]
pub(super) fn key<const N: usize>(number: u64, of: [u32; N]) -> u64 {
    let start = mix(number.wrapping_add(0x9E37_79B9_7F4A_7C15));
    of.into_iter().fold(start, |hash, x| mix(hash ^ u64::from(x)).wrapping_add(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns of all contexts.
    const COLUMNS: usize = 3 * CONTEXTS;

    #[test]
    fn followers_stand_out_and_the_last_one_is_told() {
        let mut contexts = Contexts::new(0.3);
        let keys: Keys = std::array::from_fn(|i| key(i as u64, [1, 2]));
        for who in [4, 4, 4, 5] {
            let seen = contexts.look_up(keys);
            contexts.add(&seen, who);
        }
        let mut rows = vec![f32::NAN; 3 * COLUMNS];
        let mut named = Named::new(3);
        for name in [4, 5, NOBODY] {
            named.push(name);
        }
        contexts.fill(&contexts.look_up(keys), &mut rows, [COLUMNS, 0], &named);
        let [four, five, none] = [&rows[..3], &rows[COLUMNS..][..3], &rows[2 * COLUMNS..][..3]];
        assert!(four[0] > five[0] && five[0] > none[0], "{rows:?}");
        assert_eq!(
            [four[2], five[2], none[2]].map(f32::to_bits),
            [0.0f32, 1.0, 0.0].map(f32::to_bits)
        );
        assert!(rows.iter().all(|x| x.is_finite()));
        assert_eq!(contexts.followers(&contexts.look_up(keys)).take(2).collect::<Vec<_>>(), [4, 5]);
        // A context that was seen once has a column of its own.
        let once: Keys = std::array::from_fn(|i| key(i as u64, [7]));
        contexts.add(&contexts.look_up(once), 5);
        contexts.fill(&contexts.look_up(once), &mut rows, [COLUMNS, 0], &named);
        assert!(rows[0].abs() < f32::EPSILON && rows[1] < 0.0 && rows[COLUMNS + 1] > 0.0);
    }
}
