//! Matrix-vector products that use AVX2 and FMA where the processor has them. The only module with `unsafe`: one call
//! into code compiled for those instructions, made only after the processor was asked. Nothing here reads raw memory.

#![allow(unsafe_code)]

/// Work that is compiled twice: portable, and for AVX2 + FMA. `run` must be `#[inline(always)]`.
pub trait Work {
    /// What it gives.
    type Out;
    /// Does it; `FMA` says whether a fused multiply-add is one instruction here.
    fn run<const FMA: bool>(self) -> Self::Out;
}

/// True when this processor runs the fast version.
pub fn is_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        // std caches the answer.
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Runs `work` with the best instructions there are.
pub fn dispatch<W: Work>(work: W) -> W::Out {
    #[cfg(target_arch = "x86_64")]
    if is_fast() {
        // SAFETY: `fast` only needs AVX2 and FMA, and the processor has just been asked for both.
        return unsafe { fast(work) };
    }
    work.run::<false>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn fast<W: Work>(work: W) -> W::Out {
    work.run::<true>()
}

/// `a * b + c`. Without the instruction, `mul_add` would be a slow library call.
#[inline(always)]
fn mul_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// `out += x W`, W `[x.len(), out.len()]` row-major.
#[inline(always)]
pub fn add_product<const FMA: bool>(x: &[f32], w: &[f32], out: &mut [f32]) {
    let width = out.len();
    let mut at = 0;
    while at + 32 <= width {
        panel::<FMA, 32>(x, w, width, at, out);
        at += 32;
    }
    while at + 8 <= width {
        panel::<FMA, 8>(x, w, width, at, out);
        at += 8;
    }
    while at < width {
        panel::<FMA, 1>(x, w, width, at, out);
        at += 1;
    }
}

/// Columns `at..at + N` of [`add_product`]; the sums stay in registers.
#[inline(always)]
fn panel<const FMA: bool, const N: usize>(x: &[f32], w: &[f32], width: usize, at: usize, out: &mut [f32]) {
    let mut sums = [0.0_f32; N];
    sums.copy_from_slice(&out[at..at + N]);
    for (x, row) in x.iter().zip(w.chunks_exact(width)) {
        let row = &row[at..at + N];
        for j in 0..N {
            sums[j] = mul_add::<FMA>(*x, row[j], sums[j]);
        }
    }
    out[at..at + N].copy_from_slice(&sums);
}

/// `out += X W` for [`BLOCK`] rows at once, so that a weight is read once for all of them: X `[BLOCK, k]`, its rows
/// `stride` apart; W `[k, width]` and out `[BLOCK, width]` row-major.
#[inline(always)]
pub fn add_products<const FMA: bool>(x: &[f32], stride: usize, w: &[f32], width: usize, out: &mut [f32]) {
    let mut at = 0;
    // Three registers a row keep both adders busy, two nearly so, one only half of the time.
    while at + 24 <= width && (width - at) % 16 >= 8 {
        block::<FMA, 24>(x, stride, w, width, at, out);
        at += 24;
    }
    while at + 16 <= width {
        block::<FMA, 16>(x, stride, w, width, at, out);
        at += 16;
    }
    while at + 8 <= width {
        block::<FMA, 8>(x, stride, w, width, at, out);
        at += 8;
    }
    while at < width {
        block::<FMA, 1>(x, stride, w, width, at, out);
        at += 1;
    }
}

/// Rows that [`add_products`] takes.
pub const BLOCK: usize = 4;

/// Columns `at..at + N` of [`add_products`]; the sums stay in registers.
#[inline(always)]
fn block<const FMA: bool, const N: usize>(
    x: &[f32],
    stride: usize,
    w: &[f32],
    width: usize,
    at: usize,
    out: &mut [f32],
) {
    let k = w.len() / width;
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| &x[i * stride..i * stride + k]);
    let mut sums = [[0.0_f32; N]; BLOCK];
    for (i, sum) in sums.iter_mut().enumerate() {
        sum.copy_from_slice(&out[i * width + at..i * width + at + N]);
    }
    for (i, row) in w.chunks_exact(width).enumerate() {
        let row = &row[at..at + N];
        let x = [a[i], b[i], c[i], d[i]];
        for (sum, x) in sums.iter_mut().zip(x) {
            for j in 0..N {
                sum[j] = mul_add::<FMA>(x, row[j], sum[j]);
            }
        }
    }
    for (i, sum) in sums.iter().enumerate() {
        out[i * width + at..i * width + at + N].copy_from_slice(sum);
    }
}

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

/// e to the `x`, to 2e-7 of its value: the polynomial of Cephes' `expf` without branches, so that loops over it use the
/// whole register. Saturates outside -87..88.
#[inline(always)]
fn exp(x: f32) -> f32 {
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

/// Scalar product, in eight partial sums.
#[inline(always)]
pub fn dot<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a8.zip(b8) {
        for j in 0..8 {
            sums[j] = mul_add::<FMA>(a[j], b[j], sums[j]);
        }
    }
    rest + sums.iter().sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Product<'a>(&'a [f32], &'a [f32], &'a mut [f32]);
    impl Work for Product<'_> {
        type Out = ();
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            add_product::<FMA>(self.0, self.1, self.2);
        }
    }

    struct Products<'a>(&'a [f32], &'a [f32], usize, &'a mut [f32]);
    impl Work for Products<'_> {
        type Out = ();
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            add_products::<FMA>(self.0, 13, self.1, self.2, self.3);
        }
    }

    #[test]
    fn gates_equal_the_definition() {
        for i in -4_000..=4_000 {
            let x = i as f32 * 0.025;
            let wide = f64::from(x);
            assert!((f64::from(sigmoid(x)) - 1.0 / (1.0 + (-wide).exp())).abs() < 3e-7, "sigmoid of {x}");
            assert!((f64::from(tanh(x)) - wide.tanh()).abs() < 3e-7, "tanh of {x}");
        }
        assert!(
            (sigmoid(f32::INFINITY) - 1.0).abs() < f32::EPSILON
                && sigmoid(f32::NEG_INFINITY) < 1e-30
                && sigmoid(f32::NAN).is_nan()
        );
    }

    #[test]
    fn products_of_every_width_equal_the_definition() {
        for width in [1, 7, 8, 18, 32, 40, 67] {
            let x: Vec<f32> = (0..11).map(|i| (i as f32 * 0.7).sin()).collect();
            let w: Vec<f32> = (0..11 * width).map(|i| (i as f32 * 0.3).cos()).collect();
            let mut fast = vec![0.5; width];
            let mut plain = fast.clone();
            dispatch(Product(&x, &w, &mut fast));
            Product(&x, &w, &mut plain).run::<false>();
            for j in 0..width {
                let sum: f32 = 0.5 + (0..11).map(|i| x[i] * w[i * width + j]).sum::<f32>();
                assert!((fast[j] - sum).abs() < 1e-5 && (plain[j] - sum).abs() < 1e-5);
            }
        }
        for width in [1, 7, 8, 16, 24, 32, 40, 56, 61] {
            let (x, w): (Vec<f32>, Vec<f32>) = (
                (0..52).map(|i| (i as f32 * 0.7).sin()).collect(),
                (0..11 * width).map(|i| (i as f32 * 0.3).cos()).collect(),
            );
            let mut out = vec![0.5; BLOCK * width];
            dispatch(Products(&x, &w, width, &mut out));
            for (i, row) in out.chunks_exact(width).enumerate() {
                for j in 0..width {
                    let sum: f32 = 0.5 + (0..11).map(|k| x[i * 13 + k] * w[k * width + j]).sum::<f32>();
                    assert!((row[j] - sum).abs() < 1e-5);
                }
            }
        }
        let a: Vec<f32> = (0..19).map(|i| i as f32).collect();
        assert!((dot::<false>(&a, &a) - 2109.0).abs() < 1e-3);
    }
}
