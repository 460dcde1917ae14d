//! Who followed eight contexts of a question: combinations of the one that leaves or runs, the ends
//! of the queue, whom the replay names, and the last threads on the CPU. Counts fade, so that new
//! habits show; tables are of bounded size. Both questions have tables of their own.

use super::ident::{Ident, NOBODY};
use super::sets::{Entry, Sets, mix};

/// Contexts of a question.
pub(super) const CONTEXTS: usize = 8;
/// Columns of all of them.
const COLUMNS: usize = 3 * CONTEXTS;
/// Hashes of the contexts.
pub(super) type Keys = [u64; CONTEXTS];

/// Followers kept per context.
const KEEP: usize = 8;
/// What older ones keep when another one comes.
const FADE: f32 = 0.97;
/// A context that was seen less often is known little.
const WELL: f32 = 3.0;
const MOST_SETS: usize = 2_048;

/// What followed one context: a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Faded {
    who: [Ident; KEEP],
    count: [f32; KEEP],
}

impl Entry for Faded {
    type Total = f32;
    const EMPTY: Self = Self { who: [NOBODY; KEEP], count: [0.0; KEEP] };

    fn add(&mut self, total: &mut f32, who: Ident) {
        self.count.iter_mut().for_each(|n| *n *= FADE);
        *total = *total * FADE + 1.0;
        // All are looked at: who it is cannot be foreseen, and a wrong guess of a branch costs more.
        let mut at = (0..KEEP).fold(KEEP, |at, i| if self.who[i] == who { i } else { at });
        if at == KEEP {
            at = (1..KEEP).fold(0, |at, i| if self.count[i] < self.count[at] { i } else { at });
            (self.who[at], self.count[at]) = (who, 0.0);
        }
        self.count[at] += 1.0;
    }
}

/// The column that a context is told in: 0 where it is known well, 1 where it is known little.
fn told(total: f32) -> usize {
    usize::from(total < WELL)
}

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
    sets: Sets<Faded>,
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
            .map(|slot| self.sets.at(slot));
        found.flat_map(|f| f.who.into_iter().zip(f.count)).filter(|(_, n)| *n > 0.1).map(|(w, _)| w)
    }

    /// Fills three columns for each context (known well, known little, the last one) from `column`
    /// on in the rows (each `width` wide) of all candidates: `ln((c + a) n / (total + a n))` for c
    /// counts of n candidates, a the prior. `at` is where a follower stands among them.
    pub fn fill(
        &self,
        seen: &Seen,
        rows: &mut [f32],
        [width, column]: [usize; 2],
        at: impl Fn(Ident) -> Option<usize>,
    ) {
        let n = (rows.len() / width) as f32;
        let known = || {
            let found = seen.slots.into_iter().enumerate().filter(|(_, slot)| *slot != usize::MAX);
            found.map(|(i, slot)| (i, self.sets.at(slot)))
        };
        // What a row says whose thread followed none of them, which is true of most.
        let mut nothing = [0.0; COLUMNS];
        let mut over = [0.0; CONTEXTS];
        for (i, found) in known() {
            over[i] = n / (found.total + self.prior * n);
            nothing[3 * i + told(found.total)] = (self.prior * over[i]).ln();
        }
        for row in rows.chunks_exact_mut(width) {
            row[column..column + COLUMNS].copy_from_slice(&nothing);
        }
        for (i, found) in known() {
            for (who, count) in found.who.into_iter().zip(found.count) {
                let place = if count > 0.0 { at(who) } else { None };
                let Some(place) = place else { continue };
                let triple = &mut rows[place * width + column + 3 * i..][..3];
                triple[told(found.total)] = ((count + self.prior) * over[i]).ln();
                triple[2] = f32::from(u8::from(found.last == who));
            }
        }
    }
}

/// A key of context `number` of a question: a hash of what it consists of.
pub(super) fn key<const N: usize>(number: u64, of: [u32; N]) -> u64 {
    let start = mix(number.wrapping_add(0x9E37_79B9_7F4A_7C15));
    of.into_iter().fold(start, |hash, x| mix(hash ^ u64::from(x)).wrapping_add(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followers_stand_out_and_the_last_one_is_told() {
        let mut contexts = Contexts::new(0.3);
        let keys: Keys = std::array::from_fn(|i| key(i as u64, [1, 2]));
        for who in [4, 4, 4, 5] {
            let seen = contexts.look_up(keys);
            contexts.add(&seen, who);
        }
        let mut rows = vec![f32::NAN; 3 * COLUMNS];
        let at = |who| [4, 5].iter().position(|w| *w == who);
        contexts.fill(&contexts.look_up(keys), &mut rows, [COLUMNS, 0], at);
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
        contexts.fill(&contexts.look_up(once), &mut rows, [COLUMNS, 0], at);
        assert!(rows[0].abs() < f32::EPSILON && rows[1] < 0.0 && rows[COLUMNS + 1] > 0.0);
    }
}
