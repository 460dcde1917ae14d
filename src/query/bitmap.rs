//! A set of rows: one bit each. Filters give one, sums walk one.

use rayon::prelude::*;

/// Rows of a table; bit `i` of word `i / 64`. Bits past the end are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

/// Words that one thread takes at least: fewer are not worth another one.
const SHARE: usize = 512;

impl Bitmap {
    /// The rows `i < len` for which `wanted(i)`; asked on as many threads as the pool has.
    pub fn of(len: usize, wanted: impl Fn(usize) -> bool + Sync) -> Self {
        let word = |w: usize| {
            let (from, to) = (w * 64, len.min(w * 64 + 64));
            (from..to).fold(0_u64, |bits, i| bits | u64::from(wanted(i)) << (i - from))
        };
        Self {
            words: (0..len.div_ceil(64)).into_par_iter().with_min_len(SHARE).map(word).collect(),
            len,
        }
    }

    /// All rows, or none.
    pub fn all(len: usize, on: bool) -> Self {
        Self::of(len, |_| on)
    }

    /// Rows that it is about, in the set or not.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when it is about no row at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True when row `i` is in the set.
    pub fn has(&self, i: usize) -> bool {
        self.words.get(i / 64).is_some_and(|w| w >> (i % 64) & 1 == 1)
    }

    /// Number of rows in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Keeps what is also in `other`.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
        self
    }

    /// Adds what is in `other`.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
        self
    }

    /// All rows that are not in the set.
    #[must_use]
    pub fn inverse(mut self) -> Self {
        self.words.iter_mut().for_each(|w| *w = !*w);
        let rest = self.len % 64;
        if let (Some(last), true) = (self.words.last_mut(), rest > 0) {
            *last &= (1 << rest) - 1;
        }
        self
    }

    /// The first row of the set at or after `i`.
    pub fn next(&self, i: usize) -> Option<usize> {
        let mut w = i / 64;
        let mut word = self.words.get(w)? & (u64::MAX << (i % 64));
        while word == 0 {
            w += 1;
            word = *self.words.get(w)?;
        }
        Some(w * 64 + word.trailing_zeros() as usize)
    }

    /// The last row of the set before `i`.
    pub fn before(&self, i: usize) -> Option<usize> {
        let i = i.min(self.len);
        let mut w = i / 64;
        let mut word = self.words.get(w).copied().unwrap_or(0) & !(u64::MAX << (i % 64));
        while word == 0 {
            w = w.checked_sub(1)?;
            word = self.words[w];
        }
        Some(w * 64 + 63 - word.leading_zeros() as usize)
    }

    /// The rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.within(0..self.len)
    }

    /// Those of a range that begins and ends with a word (or beyond the last row).
    pub fn within(&self, rows: std::ops::Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let (from, to) = (rows.start / 64, rows.end.div_ceil(64).min(self.words.len()));
        let words = self.words.get(from..to).unwrap_or_default();
        words.iter().zip(from..).flat_map(|(&word, w)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                (bit < 64).then(|| w * 64 + bit as usize)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_behave_like_sets() {
        for len in [0, 1, 63, 64, 65, 200] {
            let (two, three) = (Bitmap::of(len, |i| i % 2 == 0), Bitmap::of(len, |i| i % 3 == 0));
            let rows = |b: &Bitmap| b.iter().collect::<Vec<_>>();
            let want = |f: &dyn Fn(usize) -> bool| (0..len).filter(|i| f(*i)).collect::<Vec<_>>();
            assert_eq!(rows(&two.clone().and(&three)), want(&|i| i % 6 == 0));
            assert_eq!(rows(&two.clone().or(&three)), want(&|i| i % 2 == 0 || i % 3 == 0));
            assert_eq!(rows(&two.clone().inverse()), want(&|i| i % 2 == 1));
            assert_eq!(two.clone().inverse().count() + two.count(), len);
            assert_eq!((0..len + 70).filter(|i| two.has(*i)).collect::<Vec<_>>(), rows(&two));
            assert_eq!(Bitmap::all(len, true).count(), len);
            let parts = (0..4).flat_map(|k| two.within(64 * k..64 * (k + 1)));
            assert_eq!(parts.collect::<Vec<_>>(), rows(&two));
            for i in 0..len + 2 {
                assert_eq!(three.next(i), rows(&three).into_iter().find(|r| *r >= i));
                assert_eq!(three.before(i), rows(&three).into_iter().rfind(|r| *r < i));
            }
        }
    }
}
