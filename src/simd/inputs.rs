//! The inputs of a network and its last layer: what is done to each number of a row, in one pass
//! over it, though it is no whole number of registers.

use super::Lanes;

/// `to = (from - mean) * scale`, cut at `most` either way and rounded to bfloat16; the same as
/// halves of numbers into `halves`. Zeros are written behind, up to a whole register. Gives the
/// products with `weighs`, for whoever adds more to them; nothing where that is empty.
#[inline(always)]
pub fn normalise<V: Lanes>(
    to: &mut [f32],
    halves: &mut [u16],
    from: &[f32],
    [mean, scale]: [&[f32]; 2],
    most: f32,
    weighs: &[f32],
) -> V {
    let n = from.len();
    let wide = n.next_multiple_of(V::WIDTH);
    assert!(to.len() >= wide && halves.len() >= wide && mean.len() == n && scale.len() == n);
    assert!(weighs.is_empty() || weighs.len() >= wide);
    // SAFETY: whole registers are within the first three of these, the others are read as far as
    // they go.
    unsafe {
        let (from, mean, scale) = (from.as_ptr(), mean.as_ptr(), scale.as_ptr());
        let (least, most) = (V::splat(-most), V::splat(most));
        let (minus, mut sum) = (V::splat(-1.0), V::splat(0.0));
        let mut i = 0;
        while i < n {
            let [from, mean, scale] = [from.add(i), mean.add(i), scale.add(i)];
            let x = register::<V>(mean, n - i).mul_add(minus, register(from, n - i));
            let x = x.mul(register(scale, n - i)).at_least(least).at_most(most);
            let x = x.store_rounded(to.as_mut_ptr().add(i), halves.as_mut_ptr().add(i));
            if !weighs.is_empty() {
                sum = x.mul_add(V::load(weighs.as_ptr().add(i)), sum);
            }
            i += V::WIDTH;
        }
        sum
    }
}

/// A register of the `n` numbers that are there.
#[inline(always)]
unsafe fn register<V: Lanes>(at: *const f32, n: usize) -> V {
    // SAFETY: the caller's.
    unsafe { if n < V::WIDTH { V::load_some(at, n) } else { V::load(at) } }
}

/// `to = max(from, 0)`; what is in `sum`, and the scalar product with `weighs`.
#[inline(always)]
pub fn last_layer<V: Lanes>(to: &mut [f32], from: &[f32], weighs: &[f32], sum: V) -> f32 {
    let n = from.len();
    assert!(to.len() == n && weighs.len() == n && n.is_multiple_of(V::WIDTH));
    let mut sum = sum;
    for i in (0..n).step_by(V::WIDTH) {
        // SAFETY: all have n numbers, of which `i + WIDTH` are at most all.
        unsafe {
            let x = V::load(from.as_ptr().add(i)).at_least(V::splat(0.0));
            x.store(to.as_mut_ptr().add(i));
            sum = x.mul_add(V::load(weighs.as_ptr().add(i)), sum);
        }
    }
    // SAFETY: the processor has the instructions of `V`.
    unsafe { sum.sum() }
}

/// At most 16 numbers, with zeros behind.
#[inline(always)]
pub fn read<V: Lanes>(from: &[f32]) -> [f32; 16] {
    let mut all = [0.0; 16];
    for i in (0..16).step_by(V::WIDTH) {
        let left = from.len().saturating_sub(i);
        // SAFETY: as many are read as there are, and a register of `all` is written.
        unsafe { V::load_some(from.as_ptr().wrapping_add(i), left).store(all.as_mut_ptr().add(i)) };
    }
    all
}

/// The first of them, as many as there is room for.
#[inline(always)]
pub fn write<V: Lanes>(to: &mut [f32], from: &[f32; 16]) {
    for i in (0..16).step_by(V::WIDTH) {
        let left = to.len().saturating_sub(i);
        // SAFETY: the other way round.
        unsafe { V::load(from.as_ptr().add(i)).store_some(to.as_mut_ptr().wrapping_add(i), left) };
    }
}
