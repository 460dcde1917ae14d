//! An append-only pyramid: sums over any range of leaves from a logarithmic number of nodes. Knows
//! nothing about what is summed.

use std::ops::Range;

/// Something that can be put together with its right-hand neighbour.
pub trait Merge: Clone {
    /// Takes `other` into `self`.
    fn merge(&mut self, other: &Self);
}

/// Level `k` holds one node for every complete, aligned run of `2^k` leaves.
#[derive(Clone, Debug)]
pub struct Levels<N>(Vec<Vec<N>>);

impl<N> Default for Levels<N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<N: Merge> Levels<N> {
    /// Number of leaves.
    pub fn len(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    /// True when there is no leaf.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Appends a leaf. Amortised constant time.
    pub fn push(&mut self, leaf: N) {
        let mut node = leaf;
        for k in 0.. {
            if self.0.len() == k {
                self.0.push(Vec::new());
            }
            let level = &mut self.0[k];
            level.push(node);
            let [.., left, right] = level.as_slice() else { return };
            if level.len() % 2 == 1 {
                return;
            }
            node = left.clone();
            node.merge(right);
        }
    }

    /// Calls `visit` with nodes that cover `leaves` exactly once, at most two per level, in no
    /// particular order.
    pub fn fold(&self, leaves: Range<usize>, mut visit: impl FnMut(&N)) {
        let (mut lo, mut hi) = (leaves.start, leaves.end.min(self.len()));
        for level in &self.0 {
            if lo >= hi {
                return;
            }
            if lo % 2 == 1 {
                visit(&level[lo]);
                lo += 1;
            }
            if hi % 2 == 1 {
                hi -= 1;
                visit(&level[hi]);
            }
            (lo, hi) = (lo / 2, hi / 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Merge for u64 {
        fn merge(&mut self, other: &Self) {
            *self += other;
        }
    }

    #[test]
    fn every_range_is_covered_exactly_once() {
        let mut levels = Levels::default();
        for n in 0..70_u64 {
            for lo in 0..=n as usize {
                for hi in lo..=n as usize {
                    let (mut sum, mut visits) = (0, 0);
                    levels.fold(lo..hi, |x: &u64| {
                        sum += x;
                        visits += 1;
                    });
                    assert_eq!(sum, (lo as u64..hi as u64).sum::<u64>(), "{lo}..{hi} of {n}");
                    assert!(visits <= 12);
                }
            }
            levels.push(n);
        }
    }
}
