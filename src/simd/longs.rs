//! Whole numbers of 64 bits, eight side by side: the lanes of the replays. A loop over so few is
//! unrolled before it could become one instruction, so the instructions are named here. Arrays of
//! any other length are taken number by number. Everything wraps.

use super::Lanes;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as arch;

type Eight = [i64; 8];

/// Instructions on eight numbers; these are for processors without any of their own. A set has bit
/// `h` for number `h`.
#[allow(clippy::missing_safety_doc)] // said here once: the processor must have the instructions
pub trait Longs {
    /// `a + b`
    #[inline(always)]
    unsafe fn add(a: &Eight, b: &Eight) -> Eight {
        std::array::from_fn(|h| a[h].wrapping_add(b[h]))
    }
    /// `a - b`
    #[inline(always)]
    unsafe fn sub(a: &Eight, b: &Eight) -> Eight {
        std::array::from_fn(|h| a[h].wrapping_sub(b[h]))
    }
    /// `a * b`
    #[inline(always)]
    unsafe fn mul(a: &Eight, b: &Eight) -> Eight {
        std::array::from_fn(|h| a[h].wrapping_mul(b[h]))
    }
    /// Where `a < b`.
    #[inline(always)]
    unsafe fn less(a: &Eight, b: &Eight) -> u8 {
        (0..8).fold(0, |set, h| set | u8::from(a[h] < b[h]) << h)
    }
    /// `yes` in the places of `set`, `no` in the others.
    #[inline(always)]
    unsafe fn choose(set: u8, yes: &Eight, no: &Eight) -> Eight {
        std::array::from_fn(|h| if set >> h & 1 != 0 { yes[h] } else { no[h] })
    }
    /// Where `all` is `x`.
    #[inline(always)]
    unsafe fn same(all: &[u32; 8], x: u32) -> u8 {
        (0..8).fold(0, |set, h| set | u8::from(all[h] == x) << h)
    }
}

impl Longs for [f32; 8] {}

/// An operation on arrays of N numbers: by `$of` on eight, else by `$one` on each.
macro_rules! each {
    ($(#[$doc:meta])* $name:ident, $one:ident) => {
        $(#[$doc])*
        #[inline(always)]
        pub fn $name<V: Lanes, const N: usize>(a: &[i64; N], b: &[i64; N]) -> [i64; N] {
            let mut all = [0; N];
            if let (true, Some(a), Some(b)) = (N == 8, a.first_chunk(), b.first_chunk()) {
                // SAFETY: the processor has the instructions of `V`, here and below.
                all.copy_from_slice(&unsafe { <V as Longs>::$name(a, b) });
            } else {
                (0..N).for_each(|h| all[h] = a[h].$one(b[h]));
            }
            all
        }
    };
}
each!(
    /// `a + b`
    add,
    wrapping_add
);
each!(
    /// `a - b`
    sub,
    wrapping_sub
);
each!(
    /// `a * b`
    mul,
    wrapping_mul
);

/// The places in which `a < b`.
#[inline(always)]
pub fn less<V: Lanes, const N: usize>(a: &[i64; N], b: &[i64; N]) -> u8 {
    if let (true, Some(a), Some(b)) = (N == 8, a.first_chunk(), b.first_chunk()) {
        return unsafe { <V as Longs>::less(a, b) };
    }
    (0..N).fold(0, |set, h| set | u8::from(a[h] < b[h]) << h)
}

/// `yes` in the places of `set`, `no` in the others.
#[inline(always)]
pub fn choose<V: Lanes, const N: usize>(set: u8, yes: &[i64; N], no: &[i64; N]) -> [i64; N] {
    let mut all = *no;
    if let (true, Some(yes), Some(no)) = (N == 8, yes.first_chunk(), no.first_chunk()) {
        all.copy_from_slice(&unsafe { V::choose(set, yes, no) });
    } else {
        (0..N).filter(|h| set >> h & 1 != 0).for_each(|h| all[h] = yes[h]);
    }
    all
}

/// The places in which `all` is `x`.
#[inline(always)]
pub fn same<V: Lanes, const N: usize>(all: &[u32; N], x: u32) -> u8 {
    if let (true, Some(all)) = (N == 8, all.first_chunk()) {
        return unsafe { V::same(all, x) };
    }
    (0..N).fold(0, |set, h| set | u8::from(all[h] == x) << h)
}

/// Of 512 bits.
#[cfg(target_arch = "x86_64")]
macro_rules! of_512 {
    ($($name:ty)*) => {$(
        // SAFETY: arrays are read and made whole; the instructions are the caller's.
        impl Longs for $name {
            #[inline(always)]
            unsafe fn add(a: &Eight, b: &Eight) -> Eight {
                unsafe { std::mem::transmute(arch::_mm512_add_epi64(whole(a), whole(b))) }
            }
            #[inline(always)]
            unsafe fn sub(a: &Eight, b: &Eight) -> Eight {
                unsafe { std::mem::transmute(arch::_mm512_sub_epi64(whole(a), whole(b))) }
            }
            #[inline(always)]
            unsafe fn mul(a: &Eight, b: &Eight) -> Eight {
                unsafe { std::mem::transmute(arch::_mm512_mullo_epi64(whole(a), whole(b))) }
            }
            #[inline(always)]
            unsafe fn less(a: &Eight, b: &Eight) -> u8 {
                unsafe { arch::_mm512_cmplt_epi64_mask(whole(a), whole(b)) }
            }
            #[inline(always)]
            unsafe fn choose(set: u8, yes: &Eight, no: &Eight) -> Eight {
                unsafe {
                    std::mem::transmute(arch::_mm512_mask_blend_epi64(set, whole(no), whole(yes)))
                }
            }
            #[inline(always)]
            unsafe fn same(all: &[u32; 8], x: u32) -> u8 {
                unsafe {
                    let all = arch::_mm256_loadu_si256(all.as_ptr().cast());
                    arch::_mm256_cmpeq_epi32_mask(all, arch::_mm256_set1_epi32(x as i32))
                }
            }
        }
    )*};
}
#[cfg(target_arch = "x86_64")]
of_512!(super::lanes::Widest super::lanes::WidestPairs);

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn whole(a: &Eight) -> arch::__m512i {
    // SAFETY: an array of 512 bits.
    unsafe { arch::_mm512_loadu_si512(a.as_ptr().cast()) }
}

/// One half of eight.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn half(a: &Eight, at: usize) -> arch::__m256i {
    // SAFETY: `at` is 0 or 4.
    unsafe { arch::_mm256_loadu_si256(a.as_ptr().add(at).cast()) }
}

/// Of 256 bits. Products are left to the compiler.
#[cfg(target_arch = "x86_64")]
impl Longs for super::lanes::Wide {
    #[inline(always)]
    unsafe fn add(a: &Eight, b: &Eight) -> Eight {
        // SAFETY: halves of arrays are read, and two of them make one; the instructions are the
        // caller's, here and below.
        unsafe {
            let low = arch::_mm256_add_epi64(half(a, 0), half(b, 0));
            std::mem::transmute([low, arch::_mm256_add_epi64(half(a, 4), half(b, 4))])
        }
    }
    #[inline(always)]
    unsafe fn sub(a: &Eight, b: &Eight) -> Eight {
        unsafe {
            let low = arch::_mm256_sub_epi64(half(a, 0), half(b, 0));
            std::mem::transmute([low, arch::_mm256_sub_epi64(half(a, 4), half(b, 4))])
        }
    }
    #[inline(always)]
    unsafe fn less(a: &Eight, b: &Eight) -> u8 {
        unsafe {
            let low = arch::_mm256_cmpgt_epi64(half(b, 0), half(a, 0));
            let high = arch::_mm256_cmpgt_epi64(half(b, 4), half(a, 4));
            let low = arch::_mm256_movemask_pd(arch::_mm256_castsi256_pd(low));
            let high = arch::_mm256_movemask_pd(arch::_mm256_castsi256_pd(high));
            (low | high << 4) as u8
        }
    }
    #[inline(always)]
    unsafe fn choose(set: u8, yes: &Eight, no: &Eight) -> Eight {
        unsafe {
            let set = arch::_mm256_set1_epi64x(i64::from(set));
            let bits = arch::_mm256_setr_epi64x(1, 2, 4, 8);
            let these = arch::_mm256_cmpeq_epi64(arch::_mm256_and_si256(set, bits), bits);
            let low = arch::_mm256_blendv_epi8(half(no, 0), half(yes, 0), these);
            let bits = arch::_mm256_setr_epi64x(16, 32, 64, 128);
            let these = arch::_mm256_cmpeq_epi64(arch::_mm256_and_si256(set, bits), bits);
            std::mem::transmute([low, arch::_mm256_blendv_epi8(half(no, 4), half(yes, 4), these)])
        }
    }
    #[inline(always)]
    unsafe fn same(all: &[u32; 8], x: u32) -> u8 {
        unsafe {
            let all = arch::_mm256_loadu_si256(all.as_ptr().cast());
            let same = arch::_mm256_cmpeq_epi32(all, arch::_mm256_set1_epi32(x as i32));
            arch::_mm256_movemask_ps(arch::_mm256_castsi256_ps(same)) as u8
        }
    }
}
