//! Tables of what was counted in a context, by a hash of it: of bounded size, growing while small;
//! a full set of them forgets its rarest context.

use super::ident::{Ident, NOBODY};
use crate::simd::prefetch;

/// Followers kept per context.
pub(super) const KEEP: usize = 8;
/// What older ones keep when another one comes.
const FADE: f32 = 0.97;
/// Contexts per set.
const WAYS: usize = 8;
const FIRST_SETS: usize = 128;

/// What is looked at of a set before it is known which of its contexts matters: two cache lines, so
/// that neither a search nor the choice of whom to forget reads the entries.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Head {
    /// Hashes; 0 where none is kept.
    keys: [u64; WAYS],
    /// How much was counted.
    total: [f32; WAYS],
    /// Who came last.
    last: [Ident; WAYS],
}

impl Head {
    const EMPTY: Self = Self { keys: [0; WAYS], total: [0.0; WAYS], last: [NOBODY; WAYS] };

    /// The first place of `key`. All are compared: which one it is cannot be foreseen, and a wrong
    /// guess of a branch costs more.
    #[inline]
    fn way(&self, key: u64) -> Option<usize> {
        let way =
            (0..WAYS).rev().fold(WAYS, |at, way| if self.keys[way] == key { way } else { at });
        (way < WAYS).then_some(way)
    }

    /// The first of those that were seen least.
    fn rarest(&self) -> usize {
        (1..WAYS).fold(0, |at, way| if self.total[way] < self.total[at] { way } else { at })
    }
}

/// What followed one context: a cache line. Counts fade, so that new habits show.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Followers {
    pub who: [Ident; KEEP],
    pub count: [f32; KEEP],
}

impl Followers {
    /// Of a context that was never seen.
    const EMPTY: Self = Self { who: [NOBODY; KEEP], count: [0.0; KEEP] };

    /// `who` came in it.
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

/// Entries by hash: sets of eight, doubled while small, forgetting the rarest once they are as many
/// as may be.
#[derive(Clone, Debug)]
pub(super) struct Sets {
    heads: Vec<Head>,
    /// Those of a set side by side.
    entries: Vec<Followers>,
    most: usize,
}

impl Sets {
    /// An empty table of at most `most` sets (a power of two).
    pub fn new(most: usize) -> Self {
        let first = FIRST_SETS.min(most);
        Self {
            heads: vec![Head::EMPTY; first],
            entries: vec![Followers::EMPTY; first * WAYS],
            most,
        }
    }

    fn set(&self, key: u64) -> usize {
        key as usize & (self.heads.len() - 1)
    }

    /// Where a context is kept, until the next addition; `key` is a hash other than 0.
    pub fn find(&self, key: u64) -> Option<usize> {
        let set = self.set(key);
        self.heads[set].way(key).map(|way| set * WAYS + way)
    }

    /// How much was counted there, who came last, and who came how often.
    #[inline]
    pub fn at(&self, slot: usize) -> (f32, Ident, &Followers) {
        let (head, way) = (&self.heads[slot / WAYS], slot % WAYS);
        (head.total[way], head.last[way], &self.entries[slot])
    }

    /// A context will be looked for soon: fetches what that reads first.
    pub fn expect(&self, key: u64) {
        let head = &self.heads[self.set(key)];
        prefetch(&head.keys);
        prefetch(&head.total);
    }

    /// What is kept at `slot` will be read soon.
    pub fn expect_at(&self, slot: usize) {
        if let Some(entry) = self.entries.get(slot) {
            prefetch(entry);
        }
    }

    /// `who` came in the context, which is most likely kept at `slot`.
    pub fn add_at(&mut self, slot: usize, key: u64, who: Ident) {
        if self.heads.get(slot / WAYS).is_some_and(|head| head.keys[slot % WAYS] == key) {
            self.put(slot, who);
        } else {
            self.add(key, who);
        }
    }

    /// `who` came in the context.
    pub fn add(&mut self, key: u64, who: Ident) {
        loop {
            let (set, full) = (self.set(key), self.heads.len() >= self.most);
            let head = &mut self.heads[set];
            if let Some(way) = head.way(key) {
                return self.put(set * WAYS + way, who);
            }
            if let Some(way) = head.way(0) {
                head.keys[way] = key;
                return self.put(set * WAYS + way, who);
            }
            if full {
                let way = head.rarest();
                (head.keys[way], head.total[way]) = (key, 0.0);
                self.entries[set * WAYS + way] = Followers::EMPTY;
                return self.put(set * WAYS + way, who);
            }
            self.grow();
        }
    }

    /// `who` came in the context at `slot`.
    fn put(&mut self, slot: usize, who: Ident) {
        let head = &mut self.heads[slot / WAYS];
        head.last[slot % WAYS] = who;
        self.entries[slot].add(&mut head.total[slot % WAYS], who);
    }

    /// Doubles the number of sets. Each set splits in two, so everything finds room.
    fn grow(&mut self) {
        let sets = self.heads.len() * 2;
        let mut wider = Self {
            heads: vec![Head::EMPTY; sets],
            entries: vec![Followers::EMPTY; sets * WAYS],
            most: self.most,
        };
        let old = self.heads.iter().flat_map(|head| (0..WAYS).map(move |way| (head, way)));
        for ((head, way), entry) in old.zip(&self.entries).filter(|((h, w), _)| h.keys[*w] != 0) {
            let set = wider.set(head.keys[way]);
            let to = &mut wider.heads[set];
            let free = to.way(0).unwrap_or(0);
            to.keys[free] = head.keys[way];
            (to.total[free], to.last[free]) = (head.total[way], head.last[way]);
            wider.entries[set * WAYS + free] = *entry;
        }
        *self = wider;
    }

    /// Contexts that there is room for now.
    #[cfg(test)]
    pub fn room(&self) -> usize {
        self.entries.len()
    }
}

/// The finaliser of `splitmix64` (Steele, Lea, Flood 2014).
#[inline]
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_forgets_the_rarest_and_growing_loses_nothing() {
        let mut table = Sets::new(1024);
        let keys: Vec<u64> = (1..=1_000).map(mix).collect();
        for (i, key) in keys.iter().enumerate() {
            table.add(*key, i as u32);
        }
        let last = |table: &Sets, key: u64| table.find(key).map(|slot| table.at(slot).1);
        assert!(keys.iter().enumerate().all(|(i, key)| last(&table, *key) == Some(i as u32)));
        let often = mix(7_000_000);
        table.add(often, 5);
        table.add(often, 5);
        for i in 0..200_000u64 {
            table.add(mix(i + 5_000), 1);
        }
        assert_eq!(table.room(), 1024 * 8);
        let (total, last, followers) = table.at(table.find(often).unwrap());
        assert_eq!((last, followers.who[0]), (5, 5));
        assert!((total - 1.97).abs() < 1e-6 && (followers.count[0] - 1.97).abs() < 1e-6);
    }
}
