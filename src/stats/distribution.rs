//! Durations as figures: exact percentiles and a histogram in powers of two.

/// Of a set of durations, ns. All zero for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The median: half are at most this.
    pub p50: u64,
    /// 90 % are at most this.
    pub p90: u64,
    /// 99 %.
    pub p99: u64,
    /// 99.9 %.
    pub p999: u64,
    /// The longest.
    pub max: u64,
    /// From the first bucket with anything to the last.
    pub histogram: Vec<Bucket>,
}

/// The durations from `from` to below `to`, which is twice as long; the first bucket begins at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// 0 or a power of two, ns.
    pub from: u64,
    /// A power of two, ns ([`u64::MAX`] for the last that can be).
    pub to: u64,
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

/// Bucket of a duration: 0 for 0 and 1 ns.
fn bucket(ns: u64) -> usize {
    ns.max(1).ilog2() as usize
}

impl Distribution {
    /// Of these durations, which it sorts.
    pub fn of(mut ns: Vec<u64>) -> Self {
        ns.sort_unstable();
        Self::sorted(&ns)
    }

    /// Of durations in ascending order.
    pub fn sorted(ns: &[u64]) -> Self {
        let mut buckets = [(0_u64, 0_u64); 64];
        for x in ns {
            let of = &mut buckets[bucket(*x)];
            *of = (of.0 + 1, of.1.saturating_add(*x));
        }
        let (first, last) =
            (ns.first().map_or(0, |x| bucket(*x)), ns.last().map_or(0, |x| bucket(*x)));
        let one = |k: usize| Bucket {
            from: if k == 0 { 0 } else { 1 << k },
            to: 1_u64.checked_shl(k as u32 + 1).unwrap_or(u64::MAX),
            count: buckets[k].0,
            sum: buckets[k].1,
        };
        Self {
            count: ns.len() as u64,
            sum: ns.iter().fold(0, |sum, x| sum.saturating_add(*x)),
            p50: percentile(ns, 500),
            p90: percentile(ns, 900),
            p99: percentile(ns, 990),
            p999: percentile(ns, 999),
            max: ns.last().copied().unwrap_or(0),
            histogram: if ns.is_empty() { Vec::new() } else { (first..=last).map(one).collect() },
        }
    }
}

/// The least of ascending values that at least so many thousandths are at most (nearest rank); 0 of
/// none.
pub fn percentile(sorted: &[u64], thousandths: usize) -> u64 {
    let rank = (sorted.len() * thousandths).div_ceil(1000).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occur() {
        let d = Distribution::of((1..=1000).rev().collect());
        assert_eq!(
            (d.count, d.sum, d.p50, d.p90, d.p99, d.p999, d.max),
            (1000, 500_500, 500, 900, 990, 999, 1000)
        );
        let d = Distribution::of(vec![7]);
        assert_eq!((d.p50, d.p999, d.max), (7, 7, 7));
        assert_eq!(Distribution::of(Vec::new()), Distribution::default());
    }

    #[test]
    fn buckets_double_and_hold_everything() {
        let d = Distribution::of(vec![0, 1, 2, 3, 4, 1000, 1024, u64::MAX]);
        let first: Vec<_> =
            d.histogram[..3].iter().map(|b| (b.from, b.to, b.count, b.sum)).collect();
        assert_eq!(first, [(0, 2, 2, 1), (2, 4, 2, 5), (4, 8, 1, 4)]);
        assert!(d.histogram.windows(2).all(|w| w[0].to == w[1].from));
        assert_eq!(d.histogram.iter().map(|b| b.count).sum::<u64>(), d.count);
        assert_eq!((d.histogram.len(), d.histogram[63].to, d.sum), (64, u64::MAX, u64::MAX));
    }
}
