//! How long something of a thread lasted, its sleeps or its stints: a histogram in half octaves in
//! which older ones fade, kept as what lasted longer, so that a chance is two look-ups.

/// Half octaves from 256 ns on: the last is everything from 12 s.
const BINS: usize = 52;
/// What the older ones keep when another one is counted.
const FADE: f32 = 0.95;
/// End of the first bin, ns.
const FIRST_NS: f32 = 256.0;

/// Durations of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans {
    /// Weight of those in this bin and in later ones.
    longer: [f32; BINS],
}

impl Spans {
    pub const EMPTY: Self = Self { longer: [0.0; BINS] };

    /// Another one lasted so long.
    pub fn add(&mut self, ns: u64) {
        let bin = bin(ns);
        for (i, longer) in self.longer.iter_mut().enumerate() {
            *longer = *longer * FADE + f32::from(u8::from(i <= bin));
        }
    }

    /// Weight of all.
    pub fn count(&self) -> f32 {
        self.longer[0]
    }

    /// Weight of those that lasted longer than this; of those in its bin half.
    pub fn beyond(&self, ns: u64) -> f32 {
        let bin = bin(ns);
        0.5 * (self.longer[bin] + self.longer.get(bin + 1).copied().unwrap_or(0.0))
    }

    /// The median, ns; `None` without any.
    pub fn median(&self) -> Option<f32> {
        (self.count() >= 0.5).then(|| self.half_of(self.count()))
    }

    /// What half of those last longer than, of which there are so many beyond some time
    /// ([`Self::beyond`]): the middle of the first bin behind which there is less than half of
    /// `weight`, ns.
    pub fn half_of(&self, weight: f32) -> f32 {
        // Each bin holds at least as much as those behind it.
        MIDDLES[self.longer[1..].partition_point(|longer| *longer >= 0.5 * weight)]
    }
}

/// Middles of the bins, ns: 2^(1/4) and 2^(3/4) of where each octave begins.
static MIDDLES: [f32; BINS] = {
    let (mut all, mut i, mut octave) = ([0.0; BINS], 0, FIRST_NS);
    while i < BINS {
        (all[i], all[i + 1]) = (octave * 1.189_207_1, octave * 1.681_792_8);
        (i, octave) = (i + 2, 2.0 * octave);
    }
    all
};

/// The bin of a duration: two for each doubling.
fn bin(ns: u64) -> usize {
    let over = (ns as f32 / FIRST_NS).max(1.0);
    let bits = over.to_bits();
    // Exponent, and whether the mantissa is over the root of two.
    let octave = (bits >> 23) as usize - 127;
    let upper = usize::from(bits & 0x007F_FFFF >= 0x0035_04F3);
    (2 * octave + upper).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_half_octaves() {
        assert_eq!([0, 256, 361, 363, 511, 512, 1024].map(bin), [0, 0, 0, 1, 1, 2, 4]);
        assert_eq!(bin(u64::MAX), BINS - 1);
        for ns in (1..200_000).step_by(37) {
            let exact = ((ns as f64 / 256.0).max(1.0).log2() * 2.0) as usize;
            assert!(
                bin(ns).abs_diff(exact)
                    <= usize::from((ns as f64 / 256.0).log2().fract().abs() < 1e-3),
                "{ns}"
            );
        }
    }

    #[test]
    fn what_lasts_longer_is_counted() {
        let mut spans = Spans::EMPTY;
        assert!(spans.median().is_none());
        for _ in 0..100 {
            spans.add(1_000);
            spans.add(100_000);
        }
        assert!((spans.beyond(10_000) / spans.count() - 0.5).abs() < 0.03, "half of them");
        assert!(spans.beyond(1_000_000) < 1e-6 && (spans.beyond(0) - spans.count()).abs() < 1e-3);
        assert!((80_000.0..120_000.0).contains(&spans.half_of(spans.beyond(2_000))));
        (0..200).for_each(|_| spans.add(50_000));
        assert!(
            (40_000.0..60_000.0).contains(&spans.median().unwrap()),
            "older ones fade: {:?}",
            spans.median()
        );
    }
}
