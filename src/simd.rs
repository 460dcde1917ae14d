//! Products of vectors and matrices in the widest registers that the processor has: AVX-512, AVX2
//! with FMA, or what the compiler makes of portable code. The only module with `unsafe`:
//! intrinsics, called only after the processor was asked for them, and reads of raw memory in
//! `strip` and `columns`, whose callers check the lengths once for the whole product.

#![allow(unsafe_code)]
// The bodies must be part of the function that enables the instructions, or they are not compiled
// for them.
#![allow(clippy::inline_always)]

pub mod each;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as arch;

/// Work that is compiled for each kind of register. `run` must be `#[inline(always)]`.
pub trait Work {
    /// What it gives.
    type Out;
    /// Does it with registers `V`.
    fn run<V: Lanes>(self) -> Self::Out;
}

/// What this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registers {
    /// Portable code.
    Portable,
    /// 256 bits, fused multiply-add.
    Avx2,
    /// 512 bits.
    Avx512,
}

/// The widest registers of this processor.
pub fn registers() -> Registers {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        // std caches the answers.
        let avx2 = has!("avx2") && has!("fma");
        if avx2 && has!("avx512f") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw") {
            return Registers::Avx512;
        }
        if avx2 {
            return Registers::Avx2;
        }
    }
    Registers::Portable
}

/// Runs `work` with the best instructions there are.
pub fn dispatch<W: Work>(work: W) -> W::Out {
    run_with(registers(), work)
}

/// Runs `work` with registers that this processor was asked for.
fn run_with<W: Work>(registers: Registers, work: W) -> W::Out {
    #[cfg(target_arch = "x86_64")]
    match registers {
        // SAFETY: only `registers` names these, after it has asked the processor for what the
        // functions enable.
        Registers::Avx512 => return unsafe { avx512(work) },
        Registers::Avx2 => return unsafe { avx2(work) },
        Registers::Portable => {}
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = registers;
    work.run::<[f32; 8]>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<W: Work>(work: W) -> W::Out {
    work.run::<Wide>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
fn avx512<W: Work>(work: W) -> W::Out {
    work.run::<Widest>()
}

/// A register of numbers. The methods need the instructions that [`dispatch`] has asked for.
#[allow(clippy::missing_safety_doc)] // said here once: `at` must point to WIDTH numbers, and the processor must have the instructions
pub trait Lanes: Copy {
    /// Numbers in it.
    const WIDTH: usize;
    /// `x` everywhere.
    unsafe fn splat(x: f32) -> Self;
    /// Reads.
    unsafe fn load(at: *const f32) -> Self;
    /// Writes.
    unsafe fn store(self, at: *mut f32);
    /// Adds.
    #[must_use]
    unsafe fn add(self, other: Self) -> Self;
    /// `self * by + to`
    #[must_use]
    unsafe fn mul_add(self, by: Self, to: Self) -> Self;
}

impl Lanes for [f32; 8] {
    const WIDTH: usize = 8;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { at.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: the caller's.
        unsafe { at.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        std::array::from_fn(|j| self[j] + other[j])
    }
    #[inline(always)]
    unsafe fn mul_add(self, by: Self, to: Self) -> Self {
        // One instruction on Arm, a slow call on an x86 without it.
        let fused = cfg!(target_arch = "aarch64");
        std::array::from_fn(|j| {
            if fused { self[j].mul_add(by[j], to[j]) } else { self[j] * by[j] + to[j] }
        })
    }
}

/// A register of x86 and its instructions.
#[cfg(target_arch = "x86_64")]
macro_rules! lanes {
    ($name:ident, $register:ident, $width:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $mul_add:ident) => {
        /// Nobody else can name it: it is only met in a [`Work`] that runs where the processor has
        /// it.
        #[derive(Clone, Copy)]
        struct $name(arch::$register);

        impl Lanes for $name {
            const WIDTH: usize = $width;
            #[inline(always)]
            unsafe fn splat(x: f32) -> Self {
                // SAFETY: the caller's, here and below.
                Self(unsafe { arch::$splat(x) })
            }
            #[inline(always)]
            unsafe fn load(at: *const f32) -> Self {
                Self(unsafe { arch::$load(at) })
            }
            #[inline(always)]
            unsafe fn store(self, at: *mut f32) {
                unsafe { arch::$store(at, self.0) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                Self(unsafe { arch::$add(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn mul_add(self, by: Self, to: Self) -> Self {
                Self(unsafe { arch::$mul_add(self.0, by.0, to.0) })
            }
        }
    };
}
#[cfg(target_arch = "x86_64")]
lanes!(
    Wide,
    __m256,
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_fmadd_ps
);
#[cfg(target_arch = "x86_64")]
lanes!(
    Widest,
    __m512,
    16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_fmadd_ps
);

/// `out += x W`, W `[x.len(), out.len()]` row-major.
#[inline(always)]
pub fn add_product<V: Lanes>(x: &[f32], w: &[f32], out: &mut [f32]) {
    let (k, width) = (x.len(), out.len());
    assert!(w.len() >= k * width);
    let mut at = 0;
    while at + V::WIDTH <= width {
        // SAFETY: columns `at..at + N * WIDTH` are within a row of W, of which there are k, and
        // within `out`.
        at += V::WIDTH
            * unsafe {
                match (width - at) / V::WIDTH {
                    1 => columns::<V, 1, 8>(x, w, width, at, out),
                    2 | 3 => columns::<V, 2, 4>(x, w, width, at, out),
                    _ => columns::<V, 4, 2>(x, w, width, at, out),
                }
            };
    }
    for j in at..width {
        out[j] += x.iter().zip(w.chunks_exact(width)).map(|(x, row)| x * row[j]).sum::<f32>();
    }
}

/// N registers of columns of [`add_product`], in PARTS partial sums each: an addition waits for the
/// one before it.
#[inline(always)]
unsafe fn columns<V: Lanes, const N: usize, const PARTS: usize>(
    x: &[f32],
    w: &[f32],
    width: usize,
    at: usize,
    out: &mut [f32],
) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let (w, out) = (w.as_ptr().add(at), out.as_mut_ptr().add(at));
        let mut sums = [[V::splat(0.0); N]; PARTS];
        for (j, sum) in sums[0].iter_mut().enumerate() {
            *sum = V::load(out.add(j * V::WIDTH));
        }
        let whole = x.len() / PARTS * PARTS;
        let mut i = 0;
        while i < whole {
            for (p, sums) in sums.iter_mut().enumerate() {
                let factor = V::splat(*x.get_unchecked(i + p));
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = factor.mul_add(V::load(w.add((i + p) * width + j * V::WIDTH)), *sum);
                }
            }
            i += PARTS;
        }
        while i < x.len() {
            let factor = V::splat(*x.get_unchecked(i));
            for (j, sum) in sums[0].iter_mut().enumerate() {
                *sum = factor.mul_add(V::load(w.add(i * width + j * V::WIDTH)), *sum);
            }
            i += 1;
        }
        for j in 0..N {
            let mut sum = sums[0][j];
            for part in &sums[1..] {
                sum = sum.add(part[j]);
            }
            sum.store(out.add(j * V::WIDTH));
        }
    }
    N
}

/// Most rows that [`products`] takes at once, so that a weight is read once for all of them.
pub const BLOCK: usize = 4;

/// `out = start + X W` for at most [`BLOCK`] rows: X `[rows, k]`, its rows `stride` apart; W
/// `[k, width]` and out `[rows, width]` row-major; start `[width]` is the same for all.
#[inline(always)]
pub fn products<V: Lanes>(x: &[f32], stride: usize, w: &[f32], start: &[f32], out: &mut [f32]) {
    match out.len() / start.len().max(1) {
        0 => {}
        1 => rows::<V, 1>(x, stride, w, start, out),
        2 => rows::<V, 2>(x, stride, w, start, out),
        3 => rows::<V, 3>(x, stride, w, start, out),
        _ => rows::<V, BLOCK>(x, stride, w, start, out),
    }
}

#[inline(always)]
fn rows<V: Lanes, const ROWS: usize>(
    x: &[f32],
    stride: usize,
    w: &[f32],
    start: &[f32],
    out: &mut [f32],
) {
    let width = start.len();
    let k = w.len() / width;
    assert!(
        x.len() >= (ROWS - 1) * stride + k && w.len() >= k * width && out.len() >= ROWS * width
    );
    let mut at = 0;
    while at + V::WIDTH <= width {
        // Three registers a row keep both multipliers busy, two nearly so, one only half of the
        // time. SAFETY: columns `at..at + N * WIDTH` are within a row of W, of which there are k,
        // within `start`, and within each of ROWS rows of `out`; X has ROWS rows of k.
        at += V::WIDTH
            * unsafe {
                match (width - at) / V::WIDTH {
                    1 => strip::<V, ROWS, 1>(x, stride, w, k, start, at, out),
                    2 | 4 => strip::<V, ROWS, 2>(x, stride, w, k, start, at, out),
                    _ => strip::<V, ROWS, 3>(x, stride, w, k, start, at, out),
                }
            };
    }
    for row in 0..ROWS {
        let x = &x[row * stride..][..k];
        for j in at..width {
            let sum: f32 = x.iter().zip(w.chunks_exact(width)).map(|(x, row)| x * row[j]).sum();
            out[row * width + j] = start[j] + sum;
        }
    }
}

/// N registers of columns of [`products`]; the sums stay in registers.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
unsafe fn strip<V: Lanes, const ROWS: usize, const N: usize>(
    x: &[f32],
    stride: usize,
    w: &[f32],
    k: usize,
    start: &[f32],
    at: usize,
    out: &mut [f32],
) -> usize {
    let width = start.len();
    // SAFETY: the caller's.
    unsafe {
        let (x, w, start) = (x.as_ptr(), w.as_ptr().add(at), start.as_ptr().add(at));
        let mut sums = [[V::splat(0.0); N]; ROWS];
        for sums in &mut sums {
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = V::load(start.add(j * V::WIDTH));
            }
        }
        for i in 0..k {
            let mut weights = [V::splat(0.0); N];
            for (j, weight) in weights.iter_mut().enumerate() {
                *weight = V::load(w.add(i * width + j * V::WIDTH));
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let factor = V::splat(*x.add(row * stride + i));
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = factor.mul_add(weight, *sum);
                }
            }
        }
        let out = out.as_mut_ptr().add(at);
        for (row, sums) in sums.into_iter().enumerate() {
            for (j, sum) in sums.into_iter().enumerate() {
                sum.store(out.add(row * width + j * V::WIDTH));
            }
        }
    }
    N
}

/// Scalar product.
#[inline(always)]
pub fn dot<V: Lanes>(a: &[f32], b: &[f32]) -> f32 {
    const PARTS: usize = 4;
    let n = a.len().min(b.len());
    let whole = n / V::WIDTH * V::WIDTH;
    let mut lanes = [0.0_f32; 16];
    // SAFETY: `i + WIDTH` is at most n, the length of both; a register has at most 16 numbers.
    unsafe {
        let (a, b) = (a.as_ptr(), b.as_ptr());
        let mut sums = [V::splat(0.0); PARTS];
        let mut i = 0;
        while i + PARTS * V::WIDTH <= whole {
            for (p, sum) in sums.iter_mut().enumerate() {
                let at = i + p * V::WIDTH;
                *sum = V::load(a.add(at)).mul_add(V::load(b.add(at)), *sum);
            }
            i += PARTS * V::WIDTH;
        }
        while i < whole {
            sums[0] = V::load(a.add(i)).mul_add(V::load(b.add(i)), sums[0]);
            i += V::WIDTH;
        }
        let [s, t, u, v] = sums;
        s.add(t).add(u.add(v)).store(lanes.as_mut_ptr());
    }
    let rest: f32 = a[whole..n].iter().zip(&b[whole..n]).map(|(a, b)| a * b).sum();
    rest + lanes.iter().sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Product<'a>(&'a [f32], &'a [f32], &'a mut [f32]);
    impl Work for Product<'_> {
        type Out = ();
        #[inline(always)]
        fn run<V: Lanes>(self) {
            add_product::<V>(self.0, self.1, self.2);
        }
    }

    struct Products<'a>(&'a [f32], &'a [f32], &'a [f32], &'a mut [f32]);
    impl Work for Products<'_> {
        type Out = ();
        #[inline(always)]
        fn run<V: Lanes>(self) {
            products::<V>(self.0, 13, self.1, self.2, self.3);
        }
    }

    struct Dot<'a>(&'a [f32], &'a [f32]);
    impl Work for Dot<'_> {
        type Out = f32;
        #[inline(always)]
        fn run<V: Lanes>(self) -> f32 {
            dot::<V>(self.0, self.1)
        }
    }

    /// All that this processor has.
    fn kinds() -> impl Iterator<Item = Registers> {
        let most = registers() as usize;
        [Registers::Portable, Registers::Avx2, Registers::Avx512]
            .into_iter()
            .filter(move |r| *r as usize <= most)
    }

    #[test]
    fn products_of_every_width_equal_the_definition() {
        for registers in kinds() {
            for width in [1, 7, 8, 15, 16, 18, 24, 32, 40, 48, 56, 61, 64, 67, 128] {
                for k in [0, 1, 7, 11] {
                    let x: Vec<f32> = (0..k).map(|i| (i as f32 * 0.7).sin()).collect();
                    let w: Vec<f32> = (0..k * width).map(|i| (i as f32 * 0.3).cos()).collect();
                    let mut out = vec![0.5; width];
                    run_with(registers, Product(&x, &w, &mut out));
                    for (j, out) in out.iter().enumerate() {
                        let sum: f32 = 0.5 + (0..k).map(|i| x[i] * w[i * width + j]).sum::<f32>();
                        assert!((out - sum).abs() < 1e-5, "{registers:?} {width} {k} {j}");
                    }
                }
            }
        }
    }

    #[test]
    fn blocks_of_rows_equal_the_definition() {
        for registers in kinds() {
            for (width, rows) in [1, 7, 8, 16, 24, 32, 40, 48, 56, 61, 64, 80]
                .into_iter()
                .flat_map(|w| (1..=4).map(move |r| (w, r)))
            {
                let x: Vec<f32> = (0..52).map(|i| (i as f32 * 0.7).sin()).collect();
                let w: Vec<f32> = (0..11 * width).map(|i| (i as f32 * 0.3).cos()).collect();
                let start: Vec<f32> = (0..width).map(|i| i as f32 * 0.1).collect();
                let mut out = vec![f32::NAN; rows * width];
                run_with(registers, Products(&x, &w, &start, &mut out));
                for (i, row) in out.chunks_exact(width).enumerate() {
                    for j in 0..width {
                        let sum: f32 = start[j]
                            + (0..11).map(|k| x[i * 13 + k] * w[k * width + j]).sum::<f32>();
                        assert!(
                            (row[j] - sum).abs() < 1e-5,
                            "{registers:?} {width} {rows} {i} {j}"
                        );
                    }
                }
            }
            for n in [0, 1, 8, 19, 64, 75, 150] {
                let a: Vec<f32> = (0..n).map(|i| i as f32 * 0.1).collect();
                let sum: f32 = a.iter().map(|x| x * x).sum();
                assert!(
                    (run_with(registers, Dot(&a, &a)) - sum).abs() <= 1e-5 * sum,
                    "{registers:?} {n}"
                );
            }
        }
    }
}
