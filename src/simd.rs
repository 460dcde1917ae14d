//! Work in the widest registers that the processor has: AVX-512 with or without products of
//! bfloat16, AVX2 with FMA, or what the compiler makes of portable code. The only room with
//! `unsafe`: intrinsics (`lanes`), called only after the processor was asked for them, and raw
//! memory ([`products`]), where lengths are checked once for the whole product.

#![allow(unsafe_code)]
// The bodies must be part of the function that enables the instructions, or they are not compiled
// for them.
#![allow(clippy::inline_always)]

pub mod aligned;
pub mod each;
pub mod inputs;
mod lanes;
pub mod longs;
pub mod products;

use std::sync::atomic::{AtomicUsize, Ordering};

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
    /// 512 bits, and products of pairs of bfloat16.
    Avx512Bf16,
}

/// The widest registers of this processor.
pub fn registers() -> Registers {
    /// What was found, by its place in `ALL` and one more; 0: nobody has looked yet.
    static FOUND: AtomicUsize = AtomicUsize::new(0);
    const ALL: [Registers; 4] =
        [Registers::Portable, Registers::Avx2, Registers::Avx512, Registers::Avx512Bf16];
    let found = FOUND.load(Ordering::Relaxed);
    if let Some(known) = found.checked_sub(1).and_then(|at| ALL.get(at)) {
        return *known;
    }
    let found = look();
    FOUND.store(found as usize + 1, Ordering::Relaxed);
    found
}

/// Asks the processor.
fn look() -> Registers {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        let avx2 = has!("avx2") && has!("fma");
        if avx2 && has!("avx512f") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw") {
            return if has!("avx512bf16") { Registers::Avx512Bf16 } else { Registers::Avx512 };
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
        Registers::Avx512Bf16 => return unsafe { avx512_bf16(work) },
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
    work.run::<lanes::Wide>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
fn avx512<W: Work>(work: W) -> W::Out {
    work.run::<lanes::Widest>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bf16,avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
fn avx512_bf16<W: Work>(work: W) -> W::Out {
    work.run::<lanes::WidestPairs>()
}

/// A register of numbers. The methods need the instructions that [`dispatch`] has asked for.
#[allow(clippy::missing_safety_doc)] // said here once: `at` must point to WIDTH numbers, and the processor must have the instructions
pub trait Lanes: Copy + longs::Longs {
    /// Numbers in it.
    const WIDTH: usize;
    /// It multiplies pairs of bfloat16.
    const PAIRS: bool = false;
    /// `x` everywhere.
    unsafe fn splat(x: f32) -> Self;
    /// Reads.
    unsafe fn load(at: *const f32) -> Self;
    /// Reads the first `n`, of which alone there need to be as many; zeros are behind them.
    unsafe fn load_some(at: *const f32, n: usize) -> Self;
    /// Writes.
    unsafe fn store(self, at: *mut f32);
    /// Writes the first `n`.
    unsafe fn store_some(self, at: *mut f32, n: usize);
    /// Adds.
    #[must_use]
    unsafe fn add(self, other: Self) -> Self;
    /// `self * by + to`
    #[must_use]
    unsafe fn mul_add(self, by: Self, to: Self) -> Self;
    /// Multiplies.
    #[must_use]
    unsafe fn mul(self, by: Self) -> Self;
    /// The greater ones; of a NaN in `self`, that.
    #[must_use]
    unsafe fn at_least(self, least: Self) -> Self;
    /// The lesser ones; of a NaN in `self`, that.
    #[must_use]
    unsafe fn at_most(self, most: Self) -> Self;
    /// The sum of all.
    unsafe fn sum(self) -> f32;
    /// Rounds each to bfloat16; writes it as a number to `at`, and as half of one to `half`.
    #[must_use]
    unsafe fn store_rounded(self, at: *mut f32, half: *mut u16) -> Self;
    /// The lower and the upper halves of what lies there, as numbers.
    unsafe fn load_halves(at: *const u32) -> [Self; 2];
    /// `self + a * b + c * d`, of the pairs of bfloat16 at `ac` and in each number of `bd`. Only
    /// where there are [`Self::PAIRS`].
    #[must_use]
    unsafe fn add_pairs(self, ac: *const u32, bd: u32) -> Self {
        let _ = (ac, bd);
        self
    }
    /// [`valued`]; as many values as there are of `who`.
    unsafe fn valued(names: &[u32; 16], who: &[u32], value: &[f32], to: &mut [f32; 16]);
    /// [`less`].
    unsafe fn less(rows: &[[i32; 8]], than: &[i32; 8]) -> [i32; 8];
    /// [`less_wide`].
    unsafe fn less_wide(rows: &[[i64; 8]], than: &[i64; 8]) -> [i64; 8];
}

/// The upper half of a number: all of one that is bfloat16.
const UPPER: u32 = 0xFFFF_0000;

/// `x` to the nearest bfloat16, of two as near to the even one.
#[inline(always)]
pub fn rounded(x: f32) -> f32 {
    let bits = x.to_bits();
    f32::from_bits(bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) & UPPER)
}

/// Asks for what lies there, which will be read soon: a wait less then.
#[inline]
pub fn prefetch<T>(at: &T) {
    // SAFETY: SSE is part of x86-64, and a hint may name any address.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64 as arch;
        arch::_mm_prefetch::<{ arch::_MM_HINT_T0 }>(std::ptr::from_ref(at).cast());
    }
    let _ = at;
}

/// Gives those of `names` that are among `who` the value beside it; the others stay as they are.
#[inline(always)]
pub fn valued<V: Lanes, const K: usize>(
    names: &[u32; 16],
    who: &[u32; K],
    value: &[f32; K],
    to: &mut [f32; 16],
) {
    // SAFETY: the arrays have their lengths in their types.
    unsafe { V::valued(names, who, value, to) }
}

/// Of 8 columns: in how many of `rows` each holds less than `than` does.
#[inline(always)]
pub fn less<V: Lanes>(rows: &[[i32; 8]], than: &[i32; 8]) -> [i32; 8] {
    // SAFETY: the arrays have their lengths in their types.
    unsafe { <V as Lanes>::less(rows, than) }
}

/// The same of wide numbers.
#[inline(always)]
pub fn less_wide<V: Lanes>(rows: &[[i64; 8]], than: &[i64; 8]) -> [i64; 8] {
    // SAFETY: the arrays have their lengths in their types.
    unsafe { V::less_wide(rows, than) }
}

#[cfg(test)]
mod tests;
