//! Tables of what was counted in a context, by a hash of it: of bounded size, growing while small;
//! a full set of them forgets its rarest context.

use super::ident::Ident;

/// What is kept for a context.
pub(super) trait Entry: Copy {
    /// Of a context that was never seen.
    const EMPTY: Self;

    /// How much was counted.
    fn weight(&self) -> f32;

    /// `who` came in it.
    fn add(&mut self, who: Ident);
}

/// Contexts per set: eight hashes are one cache line.
const WAYS: usize = 8;
const FIRST_SETS: usize = 128;

/// Entries by hash: sets of eight, doubled while small, forgetting the rarest once they are as many
/// as may be.
#[derive(Clone, Debug)]
pub(super) struct Sets<E> {
    keys: Vec<u64>,
    entries: Vec<E>,
    most: usize,
}

impl<E: Entry> Sets<E> {
    /// An empty table of at most `most` sets (a power of two).
    pub fn new(most: usize) -> Self {
        let first = FIRST_SETS.min(most) * WAYS;
        Self { keys: vec![0; first], entries: vec![E::EMPTY; first], most }
    }

    fn set(&self, key: u64) -> usize {
        (key as usize & (self.keys.len() / WAYS - 1)) * WAYS
    }

    /// The first place of `key` in the set that begins at `set`. All of them are compared: which one it is
    /// cannot be foreseen, and a wrong guess of a branch costs more.
    #[inline]
    fn way(&self, set: usize, key: u64) -> Option<usize> {
        let keys: &[u64; WAYS] = self.keys[set..].first_chunk()?;
        let way = (0..WAYS).rev().fold(WAYS, |at, way| if keys[way] == key { way } else { at });
        (way < WAYS).then_some(way)
    }

    /// What is kept for a context; `key` is a hash other than 0.
    pub fn get(&self, key: u64) -> Option<&E> {
        self.find(key).map(|slot| self.at(slot))
    }

    /// Where a context is kept, until the next addition.
    pub fn find(&self, key: u64) -> Option<usize> {
        let set = self.set(key);
        self.way(set, key).map(|way| set + way)
    }

    /// What is kept there.
    pub fn at(&self, slot: usize) -> &E {
        &self.entries[slot]
    }

    /// `who` came in the context, which is most likely kept at `slot`.
    pub fn add_at(&mut self, slot: usize, key: u64, who: Ident) {
        if self.keys.get(slot) == Some(&key) {
            self.entries[slot].add(who);
        } else {
            self.add(key, who);
        }
    }

    /// `who` came in the context.
    pub fn add(&mut self, key: u64, who: Ident) {
        loop {
            let set = self.set(key);
            if let Some(way) = self.way(set, key).or_else(|| self.way(set, 0)) {
                self.keys[set + way] = key;
                return self.entries[set + way].add(who);
            }
            if self.keys.len() / WAYS >= self.most {
                let weight = |i: &usize| self.entries[*i].weight();
                let rarest =
                    (set..set + WAYS).min_by(|a, b| weight(a).total_cmp(&weight(b))).unwrap_or(set);
                self.keys[rarest] = key;
                self.entries[rarest] = E::EMPTY;
                return self.entries[rarest].add(who);
            }
            self.grow();
        }
    }

    /// Doubles the number of sets. Each set splits in two, so everything finds room.
    fn grow(&mut self) {
        let mut wider = Self {
            keys: vec![0; self.keys.len() * 2],
            entries: vec![E::EMPTY; self.keys.len() * 2],
            most: self.most,
        };
        for (key, entry) in self.keys.iter().zip(&self.entries).filter(|(k, _)| **k != 0) {
            let set = wider.set(*key);
            let free = wider.keys[set..set + WAYS].iter().position(|k| *k == 0).unwrap_or(0);
            wider.keys[set + free] = *key;
            wider.entries[set + free] = *entry;
        }
        *self = wider;
    }

    /// Contexts that there is room for now.
    #[cfg(test)]
    pub fn room(&self) -> usize {
        self.keys.len()
    }
}

/// The finaliser of `splitmix64` (Steele, Lea, Flood 2014).
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
