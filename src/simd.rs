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
    /// [`less`].
    unsafe fn less(rows: &[[i32; 16]], than: &[i32; 16]) -> [i32; 16];
    /// [`less_wide`].
    unsafe fn less_wide(rows: &[[i64; 8]], than: &[i64; 8]) -> [i64; 8];
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
    #[inline(always)]
    unsafe fn less(rows: &[[i32; 16]], than: &[i32; 16]) -> [i32; 16] {
        let mut less = [0; 16];
        for row in rows {
            (0..16).for_each(|k| less[k] += i32::from(row[k] < than[k]));
        }
        less
    }
    #[inline(always)]
    unsafe fn less_wide(rows: &[[i64; 8]], than: &[i64; 8]) -> [i64; 8] {
        let mut less = [0; 8];
        for row in rows {
            (0..8).for_each(|k| less[k] += i64::from(row[k] < than[k]));
        }
        less
    }
}

/// A register of x86 and its instructions.
#[cfg(target_arch = "x86_64")]
macro_rules! lanes {
    ($name:ident, $register:ident, $width:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $mul_add:ident, $less:ident, $less_wide:ident) => {
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
            #[inline(always)]
            unsafe fn less(rows: &[[i32; 16]], than: &[i32; 16]) -> [i32; 16] {
                unsafe { $less(rows, than) }
            }
            #[inline(always)]
            unsafe fn less_wide(rows: &[[i64; 8]], than: &[i64; 8]) -> [i64; 8] {
                unsafe { $less_wide(rows, than) }
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
    _mm256_fmadd_ps,
    less_avx2,
    less_wide_avx2
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
    _mm512_fmadd_ps,
    less_avx512,
    less_wide_avx512
);

/// A loop that counts, in `$parts` registers of each row: what a comparison gives is subtracted, or
/// masks what is added.
#[cfg(target_arch = "x86_64")]
macro_rules! counted {
    ($name:ident, $of:ty, $columns:literal, $parts:literal, $zero:ident, $load:ident, |$less:ident, $row:ident, $than:ident| $count:expr) => {
        #[inline(always)]
        unsafe fn $name(rows: &[[$of; $columns]], than: &[$of; $columns]) -> [$of; $columns] {
            // SAFETY: registers are read within arrays of `$columns` numbers, and as many registers
            // become such an array; the instructions are the caller's.
            unsafe {
                let mut all = [arch::$zero(); $parts];
                for row in rows {
                    for (part, count) in all.iter_mut().enumerate() {
                        let at = part * ($columns / $parts);
                        let $row = arch::$load(row.as_ptr().add(at).cast());
                        let $than = arch::$load(than.as_ptr().add(at).cast());
                        let $less = *count;
                        *count = $count;
                    }
                }
                std::mem::transmute(all)
            }
        }
    };
}
#[cfg(target_arch = "x86_64")]
use arch::{
    _mm256_cmpgt_epi32, _mm256_cmpgt_epi64, _mm256_sub_epi32, _mm256_sub_epi64,
    _mm512_cmplt_epi32_mask, _mm512_cmplt_epi64_mask, _mm512_mask_add_epi32, _mm512_mask_add_epi64,
    _mm512_set1_epi32, _mm512_set1_epi64,
};
#[cfg(target_arch = "x86_64")]
counted!(less_avx2, i32, 16, 2, _mm256_setzero_si256, _mm256_loadu_si256, |less, row, than| {
    _mm256_sub_epi32(less, _mm256_cmpgt_epi32(than, row))
});
#[cfg(target_arch = "x86_64")]
counted!(less_wide_avx2, i64, 8, 2, _mm256_setzero_si256, _mm256_loadu_si256, |less, row, than| {
    _mm256_sub_epi64(less, _mm256_cmpgt_epi64(than, row))
});
#[cfg(target_arch = "x86_64")]
counted!(less_avx512, i32, 16, 1, _mm512_setzero_si512, _mm512_loadu_si512, |less, row, than| {
    _mm512_mask_add_epi32(less, _mm512_cmplt_epi32_mask(row, than), less, _mm512_set1_epi32(1))
});
#[cfg(target_arch = "x86_64")]
counted!(
    less_wide_avx512,
    i64,
    8,
    1,
    _mm512_setzero_si512,
    _mm512_loadu_si512,
    |less, row, than| {
        _mm512_mask_add_epi64(less, _mm512_cmplt_epi64_mask(row, than), less, _mm512_set1_epi64(1))
    }
);

/// Asks for what lies there, which will be read soon: a wait less then.
#[inline]
pub fn prefetch<T>(at: &T) {
    // SAFETY: SSE is part of x86-64, and a hint may name any address.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        arch::_mm_prefetch::<{ arch::_MM_HINT_T0 }>(std::ptr::from_ref(at).cast());
    }
    let _ = at;
}

/// Of 16 columns: in how many of `rows` each holds less than `than` does.
#[inline(always)]
pub fn less<V: Lanes>(rows: &[[i32; 16]], than: &[i32; 16]) -> [i32; 16] {
    // SAFETY: the arrays have their lengths in their types.
    unsafe { V::less(rows, than) }
}

/// The same of 8 columns of wide numbers.
#[inline(always)]
pub fn less_wide<V: Lanes>(rows: &[[i64; 8]], than: &[i64; 8]) -> [i64; 8] {
    // SAFETY: the arrays have their lengths in their types.
    unsafe { V::less_wide(rows, than) }
}

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
mod tests;
