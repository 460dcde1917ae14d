//! What is done to each number alone, without branches, so that loops over it use the whole
//! register.

use super::inputs::{read, write};
use super::{Lanes, Work, dispatch};

/// `out += row`.
#[inline(always)]
pub fn add(out: &mut [f32], row: &[f32]) {
    for (o, r) in out.iter_mut().zip(row) {
        *o += r;
    }
}

/// Replaces negative elements by zero.
#[inline(always)]
pub fn relu(x: &mut [f32]) {
    for x in x {
        *x = x.max(0.0);
    }
}

/// e to the `x`, to 2e-7 of its value: the polynomial of Cephes' `expf` without branches, so that
/// loops over it use the whole register. Saturates outside -87..88.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first one short, so that the difference is exact.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4 * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    p * f32::from_bits(power)
}

/// Natural logarithm of a positive normal number, to 1e-7 of its value or of 1: the polynomial of
/// Cephes' `logf` without branches.
#[inline(always)]
pub const fn ln(x: f32) -> f32 {
    const ROOT_HALF: u32 = 0x3F35_04F3;
    // The exponent, and the mantissa from the root of one half on.
    let bits = x.to_bits().wrapping_sub(ROOT_HALF);
    let e = (bits as i32 >> 23) as f32;
    let m = f32::from_bits((bits & 0x007F_FFFF) + ROOT_HALF) - 1.0;
    let z = m * m;
    let p = 7.037_683_6e-2 * m - 1.151_461e-1;
    let p = p * m + 1.167_699_9e-1;
    let p = p * m - 1.242_014_1e-1;
    let p = p * m + 1.424_932_3e-1;
    let p = p * m - 1.666_805_8e-1;
    let p = p * m + 2.000_071_5e-1;
    let p = p * m - 2.499_999_4e-1;
    let p = p * m + 3.333_333e-1;
    let y = p * m * z - 2.121_944_4e-4 * e - 0.5 * z;
    m + y + 0.693_359_4 * e
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent, to 2e-7.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// Numbers that are taken in one step where they are few: what does not fill a register would be
/// taken one by one.
const STEP: usize = 16;

/// One number of all in a step: `of` the two halves, of their halves, and so on.
#[inline(always)]
fn folded(mut x: [f32; STEP], of: fn(f32, f32) -> f32) -> f32 {
    for width in [8, 4, 2, 1] {
        for i in 0..width {
            x[i] = of(x[i], x[i + width]);
        }
    }
    x[0]
}

/// Scores into probabilities, in place: `e^x` over the sum of all. The scores are finite.
pub fn softmax(scores: &mut [f32]) {
    struct Softmax<'a>(&'a mut [f32]);
    impl Work for Softmax<'_> {
        type Out = ();
        #[inline(always)]
        fn run<V: Lanes>(self) {
            let (mut tops, mut sums) = ([f32::NEG_INFINITY; STEP], [0.0; STEP]);
            for chunk in self.0.chunks(STEP) {
                let x = read::<V>(chunk);
                for i in 0..STEP {
                    tops[i] = if i < chunk.len() && x[i] > tops[i] { x[i] } else { tops[i] };
                }
            }
            let top = folded(tops, f32::max);
            for chunk in self.0.chunks_mut(STEP) {
                let mut x = read::<V>(chunk);
                for i in 0..STEP {
                    x[i] = exp(x[i] - top);
                    sums[i] += if i < chunk.len() { x[i] } else { 0.0 };
                }
                write::<V>(chunk, &x);
            }
            let over = 1.0 / folded(sums, |a, b| a + b);
            for chunk in self.0.chunks_mut(STEP) {
                let mut x = read::<V>(chunk);
                for x in &mut x {
                    *x *= over;
                }
                write::<V>(chunk, &x);
            }
        }
    }
    dispatch(Softmax(scores));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_equal_the_definition() {
        for n in [1, 2, 7, 48] {
            let scores: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin() * 20.0).collect();
            let mut p = scores.clone();
            softmax(&mut p);
            let sum: f64 = scores.iter().map(|x| f64::from(*x).exp()).sum();
            for (p, x) in p.iter().zip(&scores) {
                assert!((f64::from(*p) - f64::from(*x).exp() / sum).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn logarithms_equal_the_definition() {
        let numbers = (-120..120)
            .flat_map(|e| (0..50).map(move |m| (1.0 + m as f32 / 50.0) * (e as f32).exp2()));
        for x in numbers.chain([f32::MIN_POSITIVE, f32::MAX]) {
            let exact = f64::from(x).ln();
            assert!((f64::from(ln(x)) - exact).abs() < 1.5e-7 * exact.abs().max(1.0), "{x}");
        }
        assert_eq!(ln(1.0).to_bits(), 0);
    }

    #[test]
    fn gates_equal_the_definition() {
        for i in -4_000..=4_000 {
            let x = i as f32 * 0.025;
            let wide = f64::from(x);
            assert!(
                (f64::from(sigmoid(x)) - 1.0 / (1.0 + (-wide).exp())).abs() < 3e-7,
                "sigmoid of {x}"
            );
            assert!((f64::from(tanh(x)) - wide.tanh()).abs() < 3e-7, "tanh of {x}");
        }
        assert!(
            (sigmoid(f32::INFINITY) - 1.0).abs() < f32::EPSILON
                && sigmoid(f32::NEG_INFINITY) < 1e-30
                && sigmoid(f32::NAN).is_nan()
        );
    }
}
