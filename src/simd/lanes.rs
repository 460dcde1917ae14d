//! The registers that there are, and their instructions.

use super::{Lanes, UPPER, rounded};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as arch;

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
    unsafe fn load_some(at: *const f32, n: usize) -> Self {
        // SAFETY: the caller's, here and below.
        std::array::from_fn(|j| if j < n { unsafe { *at.add(j) } } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        unsafe { at.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn store_some(self, at: *mut f32, n: usize) {
        (0..n.min(8)).for_each(|j| unsafe { *at.add(j) = self[j] });
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
    unsafe fn mul(self, by: Self) -> Self {
        std::array::from_fn(|j| self[j] * by[j])
    }
    #[inline(always)]
    unsafe fn at_least(self, least: Self) -> Self {
        std::array::from_fn(|j| if least[j] > self[j] { least[j] } else { self[j] })
    }
    #[inline(always)]
    unsafe fn at_most(self, most: Self) -> Self {
        std::array::from_fn(|j| if most[j] < self[j] { most[j] } else { self[j] })
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let [a, b, c, d, e, f, g, h] = self;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
    #[inline(always)]
    unsafe fn store_rounded(self, at: *mut f32, half: *mut u16) -> Self {
        let all = self.map(rounded);
        // SAFETY: the caller's.
        unsafe {
            all.store(at);
            half.cast::<[u16; 8]>().write_unaligned(all.map(|x| (x.to_bits() >> 16) as u16));
        }
        all
    }
    #[inline(always)]
    unsafe fn load_halves(at: *const u32) -> [Self; 2] {
        // SAFETY: the caller's.
        let pairs = unsafe { at.cast::<[u32; 8]>().read_unaligned() };
        [pairs.map(|x| f32::from_bits(x << 16)), pairs.map(|x| f32::from_bits(x & UPPER))]
    }
    #[inline(always)]
    unsafe fn valued(names: &[u32; 16], who: &[u32], value: &[f32], to: &mut [f32; 16]) {
        for (who, value) in who.iter().zip(value) {
            (0..16).for_each(|k| to[k] = if names[k] == *who { *value } else { to[k] });
        }
    }
    #[inline(always)]
    unsafe fn less(rows: &[[i32; 8]], than: &[i32; 8]) -> [i32; 8] {
        let mut less = [0; 8];
        for row in rows {
            (0..8).for_each(|k| less[k] += i32::from(row[k] < than[k]));
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

/// What multiplies pairs, in the registers that do.
#[cfg(target_arch = "x86_64")]
macro_rules! with_pairs {
    (none) => {};
    ($add_pairs:ident) => {
        const PAIRS: bool = true;
        #[inline(always)]
        unsafe fn add_pairs(self, ac: *const u32, bd: u32) -> Self {
            Self(unsafe { $add_pairs(self.0, ac, bd) })
        }
    };
}

/// A register of x86 and its instructions.
#[cfg(target_arch = "x86_64")]
macro_rules! lanes {
    ($name:ident, $register:ident, $width:literal, $splat:ident, $load:ident, $load_some:ident, $store:ident, $store_some:ident, $add:ident, $mul_add:ident, $mul:ident, $max:ident, $min:ident, $sum:ident, $store_rounded:ident, $load_halves:ident, $add_pairs:tt, $valued:ident, $less_wide:ident) => {
        /// Nobody else can name it: it is only met in a [`Work`] that runs where the processor has
        /// it.
        #[derive(Clone, Copy)]
        pub(super) struct $name(arch::$register);

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
            unsafe fn load_some(at: *const f32, n: usize) -> Self {
                Self(unsafe { $load_some(at, n) })
            }
            #[inline(always)]
            unsafe fn store(self, at: *mut f32) {
                unsafe { arch::$store(at, self.0) }
            }
            #[inline(always)]
            unsafe fn store_some(self, at: *mut f32, n: usize) {
                unsafe { $store_some(self.0, at, n) }
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
            unsafe fn mul(self, by: Self) -> Self {
                Self(unsafe { arch::$mul(self.0, by.0) })
            }
            // Where one is not a number, the second one is the result.
            #[inline(always)]
            unsafe fn at_least(self, least: Self) -> Self {
                Self(unsafe { arch::$max(least.0, self.0) })
            }
            #[inline(always)]
            unsafe fn at_most(self, most: Self) -> Self {
                Self(unsafe { arch::$min(most.0, self.0) })
            }
            #[inline(always)]
            unsafe fn sum(self) -> f32 {
                unsafe { $sum(self.0) }
            }
            #[inline(always)]
            unsafe fn store_rounded(self, at: *mut f32, half: *mut u16) -> Self {
                Self(unsafe { $store_rounded(self.0, at, half) })
            }
            #[inline(always)]
            unsafe fn load_halves(at: *const u32) -> [Self; 2] {
                let [lower, upper] = unsafe { $load_halves(at) };
                [Self(lower), Self(upper)]
            }
            with_pairs!($add_pairs);
            #[inline(always)]
            unsafe fn valued(names: &[u32; 16], who: &[u32], value: &[f32], to: &mut [f32; 16]) {
                unsafe { $valued(names, who, value, to) }
            }
            #[inline(always)]
            unsafe fn less(rows: &[[i32; 8]], than: &[i32; 8]) -> [i32; 8] {
                unsafe { less_avx2(rows, than) }
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
    load_some_avx2,
    _mm256_storeu_ps,
    store_some_avx2,
    _mm256_add_ps,
    _mm256_fmadd_ps,
    _mm256_mul_ps,
    _mm256_max_ps,
    _mm256_min_ps,
    sum_avx2,
    store_rounded_avx2,
    load_halves_avx2,
    none,
    valued_avx2,
    less_wide_avx2
);
/// A register of 512 bits: how it rounds, and whether it multiplies pairs.
#[cfg(target_arch = "x86_64")]
macro_rules! widest {
    ($name:ident, $store_rounded:ident, $add_pairs:tt) => {
        lanes!(
            $name,
            __m512,
            16,
            _mm512_set1_ps,
            _mm512_loadu_ps,
            load_some_avx512,
            _mm512_storeu_ps,
            store_some_avx512,
            _mm512_add_ps,
            _mm512_fmadd_ps,
            _mm512_mul_ps,
            _mm512_max_ps,
            _mm512_min_ps,
            sum_avx512,
            $store_rounded,
            load_halves_avx512,
            $add_pairs,
            valued_avx512,
            less_wide_avx512
        );
    };
}
#[cfg(target_arch = "x86_64")]
widest!(Widest, store_rounded_avx512, none);
#[cfg(target_arch = "x86_64")]
widest!(WidestPairs, store_rounded_bf16, add_pairs_avx512);

/// Bits in the first `n` places.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn first_avx2(n: usize) -> arch::__m256i {
    // SAFETY: the caller's, here and below.
    unsafe {
        let places = arch::_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        arch::_mm256_cmpgt_epi32(arch::_mm256_set1_epi32(n.min(8) as i32), places)
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn load_some_avx2(at: *const f32, n: usize) -> arch::__m256 {
    unsafe { arch::_mm256_maskload_ps(at, first_avx2(n)) }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn store_some_avx2(x: arch::__m256, at: *mut f32, n: usize) {
    unsafe { arch::_mm256_maskstore_ps(at, first_avx2(n), x) }
}

/// The same as a mask.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn first_avx512(n: usize) -> u16 {
    ((1_u32 << n.min(16)) - 1) as u16
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn load_some_avx512(at: *const f32, n: usize) -> arch::__m512 {
    unsafe { arch::_mm512_maskz_loadu_ps(first_avx512(n), at) }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn store_some_avx512(x: arch::__m512, at: *mut f32, n: usize) {
    unsafe { arch::_mm512_mask_storeu_ps(at, first_avx512(n), x) }
}

/// The sum of a register.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn sum_avx2(x: arch::__m256) -> f32 {
    // SAFETY: the caller's.
    unsafe {
        let four =
            arch::_mm_add_ps(arch::_mm256_castps256_ps128(x), arch::_mm256_extractf128_ps::<1>(x));
        let two = arch::_mm_add_ps(four, arch::_mm_movehl_ps(four, four));
        arch::_mm_cvtss_f32(arch::_mm_add_ss(two, arch::_mm_shuffle_ps::<1>(two, two)))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn sum_avx512(x: arch::__m512) -> f32 {
    // SAFETY: the caller's.
    unsafe {
        let (low, high) = (arch::_mm512_castps512_ps256(x), arch::_mm512_extractf32x8_ps::<1>(x));
        sum_avx2(arch::_mm256_add_ps(low, high))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn store_rounded_avx2(x: arch::__m256, at: *mut f32, half: *mut u16) -> arch::__m256 {
    use arch::{_mm256_add_epi32 as add, _mm256_and_si256 as and, _mm256_set1_epi32 as splat};
    // SAFETY: the caller's.
    unsafe {
        let bits = arch::_mm256_castps_si256(x);
        let odd = and(arch::_mm256_srli_epi32::<16>(bits), splat(1));
        let bits = and(add(bits, add(odd, splat(0x7FFF))), splat(0xFFFF_0000_u32 as i32));
        let rounded = arch::_mm256_castsi256_ps(bits);
        arch::_mm256_storeu_ps(at, rounded);
        let short = arch::_mm256_srli_epi32::<16>(bits);
        let low = arch::_mm256_castsi256_si128(short);
        let high = arch::_mm256_extracti128_si256::<1>(short);
        arch::_mm_storeu_si128(half.cast(), arch::_mm_packus_epi32(low, high));
        rounded
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn store_rounded_avx512(x: arch::__m512, at: *mut f32, half: *mut u16) -> arch::__m512 {
    use arch::{_mm512_add_epi32 as add, _mm512_and_si512 as and, _mm512_set1_epi32 as splat};
    // SAFETY: the caller's.
    unsafe {
        let bits = arch::_mm512_castps_si512(x);
        let odd = and(arch::_mm512_srli_epi32::<16>(bits), splat(1));
        let bits = and(add(bits, add(odd, splat(0x7FFF))), splat(0xFFFF_0000_u32 as i32));
        let rounded = arch::_mm512_castsi512_ps(bits);
        arch::_mm512_storeu_ps(at, rounded);
        let short = arch::_mm512_cvtepi32_epi16(arch::_mm512_srli_epi32::<16>(bits));
        arch::_mm256_storeu_si256(half.cast(), short);
        rounded
    }
}

/// As the others, but for numbers below the normal ones, which become zero.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn store_rounded_bf16(x: arch::__m512, at: *mut f32, half: *mut u16) -> arch::__m512 {
    // SAFETY: the caller's; both types are 256 bits of anything.
    unsafe {
        let short: arch::__m256i = std::mem::transmute(arch::_mm512_cvtneps_pbh(x));
        arch::_mm256_storeu_si256(half.cast(), short);
        let bits = arch::_mm512_slli_epi32::<16>(arch::_mm512_cvtepu16_epi32(short));
        let rounded = arch::_mm512_castsi512_ps(bits);
        arch::_mm512_storeu_ps(at, rounded);
        rounded
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn load_halves_avx2(at: *const u32) -> [arch::__m256; 2] {
    // SAFETY: the caller's.
    unsafe {
        let pairs = arch::_mm256_loadu_si256(at.cast());
        let upper = arch::_mm256_and_si256(pairs, arch::_mm256_set1_epi32(UPPER as i32));
        let lower = arch::_mm256_slli_epi32::<16>(pairs);
        [arch::_mm256_castsi256_ps(lower), arch::_mm256_castsi256_ps(upper)]
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn load_halves_avx512(at: *const u32) -> [arch::__m512; 2] {
    // SAFETY: the caller's.
    unsafe {
        let pairs = arch::_mm512_loadu_si512(at.cast());
        let upper = arch::_mm512_and_si512(pairs, arch::_mm512_set1_epi32(UPPER as i32));
        let lower = arch::_mm512_slli_epi32::<16>(pairs);
        [arch::_mm512_castsi512_ps(lower), arch::_mm512_castsi512_ps(upper)]
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn add_pairs_avx512(to: arch::__m512, ac: *const u32, bd: u32) -> arch::__m512 {
    // SAFETY: the caller's; all three are 512 bits of anything.
    unsafe {
        let ac: arch::__m512bh = std::mem::transmute(arch::_mm512_loadu_si512(ac.cast()));
        let bd: arch::__m512bh = std::mem::transmute(arch::_mm512_set1_epi32(bd as i32));
        arch::_mm512_dpbf16_ps(to, bd, ac)
    }
}

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
    _mm512_cmplt_epi64_mask, _mm512_mask_add_epi64, _mm512_set1_epi64,
};
#[cfg(target_arch = "x86_64")]
counted!(less_avx2, i32, 8, 1, _mm256_setzero_si256, _mm256_loadu_si256, |less, row, than| {
    _mm256_sub_epi32(less, _mm256_cmpgt_epi32(than, row))
});
#[cfg(target_arch = "x86_64")]
counted!(less_wide_avx2, i64, 8, 2, _mm256_setzero_si256, _mm256_loadu_si256, |less, row, than| {
    _mm256_sub_epi64(less, _mm256_cmpgt_epi64(than, row))
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

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn valued_avx2(names: &[u32; 16], who: &[u32], value: &[f32], to: &mut [f32; 16]) {
    // SAFETY: registers are read and written within arrays of 16 numbers.
    unsafe {
        for at in [0, 8] {
            let names = arch::_mm256_loadu_si256(names.as_ptr().add(at).cast());
            let mut all = arch::_mm256_loadu_ps(to.as_ptr().add(at));
            for (who, value) in who.iter().zip(value) {
                let is = arch::_mm256_cmpeq_epi32(names, arch::_mm256_set1_epi32(*who as i32));
                let is = arch::_mm256_castsi256_ps(is);
                all = arch::_mm256_blendv_ps(all, arch::_mm256_set1_ps(*value), is);
            }
            arch::_mm256_storeu_ps(to.as_mut_ptr().add(at), all);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn valued_avx512(names: &[u32; 16], who: &[u32], value: &[f32], to: &mut [f32; 16]) {
    // SAFETY: as above.
    unsafe {
        let names = arch::_mm512_loadu_si512(names.as_ptr().cast());
        let mut all = arch::_mm512_loadu_ps(to.as_ptr());
        for (who, value) in who.iter().zip(value) {
            let is = arch::_mm512_cmpeq_epi32_mask(names, arch::_mm512_set1_epi32(*who as i32));
            all = arch::_mm512_mask_mov_ps(all, is, arch::_mm512_set1_ps(*value));
        }
        arch::_mm512_storeu_ps(to.as_mut_ptr(), all);
    }
}
