//! Products of vectors and matrices, and what goes with them.

use super::aligned::Aligned;
use super::{Lanes, UPPER, rounded};

/// What a matrix `[k, width]` is kept as, row-major: its numbers, or pairs of rows ([`pairs`]).
pub trait Weight: Copy {
    /// How many make up k rows.
    fn count(k: usize, width: usize) -> usize;
    /// The number of row i in column j.
    fn at(w: &[Self], width: usize, i: usize, j: usize) -> f32;
    /// A register of row i.
    ///
    /// # Safety
    /// `w` is at the first of the columns in row 0, and row i is there; here and below, the
    /// processor has the instructions of `V`.
    unsafe fn row<V: Lanes>(w: *const Self, width: usize, i: usize) -> V;
    /// The same of rows i, an even one, and i + 1.
    ///
    /// # Safety
    /// As above, of both rows.
    unsafe fn two<V: Lanes>(w: *const Self, width: usize, i: usize) -> [V; 2];
}

impl Weight for f32 {
    fn count(k: usize, width: usize) -> usize {
        k * width
    }
    #[inline(always)]
    fn at(w: &[Self], width: usize, i: usize, j: usize) -> f32 {
        w[i * width + j]
    }
    #[inline(always)]
    unsafe fn row<V: Lanes>(w: *const Self, width: usize, i: usize) -> V {
        // SAFETY: the caller's, here and below.
        unsafe { V::load(w.add(i * width)) }
    }
    #[inline(always)]
    unsafe fn two<V: Lanes>(w: *const Self, width: usize, i: usize) -> [V; 2] {
        unsafe { [Self::row(w, width, i), Self::row(w, width, i + 1)] }
    }
}

impl Weight for u32 {
    fn count(k: usize, width: usize) -> usize {
        k.div_ceil(2) * width
    }
    #[inline(always)]
    fn at(w: &[Self], width: usize, i: usize, j: usize) -> f32 {
        let pair = w[i / 2 * width + j];
        f32::from_bits(if i.is_multiple_of(2) { pair << 16 } else { pair & UPPER })
    }
    #[inline(always)]
    unsafe fn row<V: Lanes>(w: *const Self, width: usize, i: usize) -> V {
        unsafe { Self::two(w, width, i)[i % 2] }
    }
    #[inline(always)]
    unsafe fn two<V: Lanes>(w: *const Self, width: usize, i: usize) -> [V; 2] {
        unsafe { V::load_halves(w.add(i / 2 * width)) }
    }
}

/// `out += x W`, W `[x.len(), out.len()]`.
#[inline(always)]
pub fn add_product<V: Lanes, W: Weight>(x: &[f32], w: &[W], out: &mut [f32]) {
    let width = out.len();
    assert!(w.len() >= W::count(x.len(), width));
    let mut at = 0;
    while at + V::WIDTH <= width {
        // SAFETY: columns `at..at + N * WIDTH` are within a row of W, of which there are as many as
        // numbers of x, and within `out`.
        at += V::WIDTH
            * unsafe {
                match (width - at) / V::WIDTH {
                    1 => columns::<V, W, 1, 8>(x, w, width, at, out),
                    2 => columns::<V, W, 2, 4>(x, w, width, at, out),
                    3 => columns::<V, W, 3, 4>(x, w, width, at, out),
                    _ => columns::<V, W, 4, 2>(x, w, width, at, out),
                }
            };
    }
    for (j, out) in out.iter_mut().enumerate().skip(at) {
        *out += x.iter().enumerate().map(|(i, x)| x * W::at(w, width, i, j)).sum::<f32>();
    }
}

/// `out = relu(bias + sum over taps t of row(t) * taps[t])`, element by element: the rows are those
/// of `ring` `[.., C]` at `older`, and `newest` `[C]`; taps `[older + 1, C]`, bias and out `[C]`.
#[inline(always)]
pub fn tapped<V: Lanes>(
    ring: &[f32],
    older: &[usize],
    newest: &[f32],
    taps: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    let c = out.len();
    let last = older.len() * c;
    assert!(newest.len() == c && bias.len() == c && taps.len() == last + c);
    assert!(older.iter().all(|at| (at + 1) * c <= ring.len()));
    let mut j = 0;
    while j + V::WIDTH <= c {
        // SAFETY: `j + WIDTH` is at most C, the length of newest, bias and out, and of each row of
        // the others that is read.
        unsafe {
            let mut sum = V::load(bias.as_ptr().add(j));
            for (t, at) in older.iter().enumerate() {
                let row = V::load(ring.as_ptr().add(at * c + j));
                sum = row.mul_add(V::load(taps.as_ptr().add(t * c + j)), sum);
            }
            let row = V::load(newest.as_ptr().add(j));
            sum = row.mul_add(V::load(taps.as_ptr().add(last + j)), sum);
            sum.at_least(V::splat(0.0)).store(out.as_mut_ptr().add(j));
        }
        j += V::WIDTH;
    }
    for j in j..c {
        let old = older.iter().enumerate().map(|(t, at)| ring[at * c + j] * taps[t * c + j]);
        out[j] = (bias[j] + old.sum::<f32>() + newest[j] * taps[last + j]).max(0.0);
    }
}

/// N registers of columns of [`add_product`], in PARTS partial sums each (an even number): an
/// addition waits for the one before it.
#[inline(always)]
unsafe fn columns<V: Lanes, W: Weight, const N: usize, const PARTS: usize>(
    x: &[f32],
    w: &[W],
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
            for (p, sums) in sums.chunks_exact_mut(2).enumerate() {
                let i = i + 2 * p;
                let a = V::splat(*x.get_unchecked(i));
                let b = V::splat(*x.get_unchecked(i + 1));
                let (even, odd) = sums.split_at_mut(1);
                for (j, (even, odd)) in even[0].iter_mut().zip(&mut odd[0]).enumerate() {
                    let [first, second] = W::two::<V>(w.add(j * V::WIDTH), width, i);
                    *even = a.mul_add(first, *even);
                    *odd = b.mul_add(second, *odd);
                }
            }
            i += PARTS;
        }
        while i < x.len() {
            let factor = V::splat(*x.get_unchecked(i));
            for (j, sum) in sums[0].iter_mut().enumerate() {
                *sum = factor.mul_add(W::row(w.add(j * V::WIDTH), width, i), *sum);
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

/// What a product is made of: two numbers of X that are multiplied with a pair of W ([`pairs`]).
pub trait Factor {
    /// Numbers of X.
    type X: Copy;
    /// Registers `V` can make it.
    fn fits<V: Lanes>() -> bool {
        true
    }
    /// `sum` and the products of what is at `x` with each column at `w`.
    ///
    /// # Safety
    /// There are two numbers at `x` and a register of columns at `w`; the processor has the
    /// instructions of `V`.
    unsafe fn add<V: Lanes>(sum: V, x: *const Self::X, w: *const u32) -> V;
    /// The products of what `x` begins with and one column.
    fn one(x: &[Self::X], w: u32) -> f32;
}

/// Numbers of X times halves of W, each alone: in any registers.
pub struct Single;

impl Factor for Single {
    type X = f32;
    #[inline(always)]
    unsafe fn add<V: Lanes>(sum: V, x: *const f32, w: *const u32) -> V {
        // SAFETY: the caller's.
        unsafe {
            let [lower, upper] = V::load_halves(w);
            V::splat(*x.add(1)).mul_add(upper, V::splat(*x).mul_add(lower, sum))
        }
    }
    #[inline(always)]
    fn one(x: &[f32], w: u32) -> f32 {
        x[0] * f32::from_bits(w << 16) + x[1] * f32::from_bits(w & UPPER)
    }
}

/// Numbers that are bfloat16, two and two, where the registers multiply pairs ([`Lanes::PAIRS`]):
/// X has halves of numbers, W the halves of two rows in each of its own, the first row's in the
/// lower half ([`pairs`]).
pub struct Paired;

impl Factor for Paired {
    type X = u16;
    fn fits<V: Lanes>() -> bool {
        V::PAIRS
    }
    #[inline(always)]
    unsafe fn add<V: Lanes>(sum: V, x: *const u16, w: *const u32) -> V {
        // SAFETY: the caller's.
        unsafe { sum.add_pairs(w, x.cast::<u32>().read_unaligned()) }
    }
    #[inline(always)]
    fn one(x: &[u16], w: u32) -> f32 {
        let number = |half: u16| f32::from_bits(u32::from(half) << 16);
        Single::one(&[number(x[0]), number(x[1])], w)
    }
}

/// Rows `[k, width]` in pairs `[k / 2, width]`, rounded to bfloat16; zeros are beside an odd one.
pub fn pairs(rows: &[f32], width: usize) -> Aligned<u32> {
    let half = |x: Option<&f32>| rounded(x.copied().unwrap_or_default()).to_bits() >> 16;
    let pair = |rows: &[f32]| -> Vec<u32> {
        (0..width).map(|j| half(rows.get(j)) | half(rows.get(width + j)) << 16).collect()
    };
    rows.chunks(2 * width.max(1)).flat_map(pair).collect::<Vec<u32>>().into()
}

/// Most rows that [`products`] takes at once, so that a weight is read once for all of them.
pub const BLOCK: usize = 4;

/// `out = start + X W` for at most [`BLOCK`] rows: X `[rows, k]`, its rows `stride` apart; W
/// `[k / 2, width]` and out `[rows, width]` row-major; start `[width]` is the same for all.
#[inline(always)]
pub fn products<V: Lanes, F: Factor>(
    x: &[F::X],
    stride: usize,
    w: &[u32],
    start: &[f32],
    out: &mut [f32],
) {
    match out.len() / start.len().max(1) {
        0 => {}
        1 => rows::<V, F, 1>(x, stride, w, start, out),
        2 => rows::<V, F, 2>(x, stride, w, start, out),
        3 => rows::<V, F, 3>(x, stride, w, start, out),
        _ => rows::<V, F, BLOCK>(x, stride, w, start, out),
    }
}

#[inline(always)]
fn rows<V: Lanes, F: Factor, const ROWS: usize>(
    x: &[F::X],
    stride: usize,
    w: &[u32],
    start: &[f32],
    out: &mut [f32],
) {
    let width = start.len();
    let k = w.len() / width;
    assert!(F::fits::<V>(), "these registers multiply no pairs");
    assert!(x.len() >= (ROWS - 1) * stride + k * 2 && out.len() >= ROWS * width);
    let mut at = 0;
    while at + V::WIDTH <= width {
        // Three registers a row keep both multipliers busy, two nearly so, one only half of the
        // time. SAFETY: columns `at..at + N * WIDTH` are within a row of W, of which there are k,
        // within `start`, and within each of ROWS rows of `out`; X has ROWS rows of k times EACH.
        at += V::WIDTH
            * unsafe {
                match (width - at) / V::WIDTH {
                    1 => strip::<V, F, ROWS, 1>(x, stride, w, k, start, at, out),
                    2 | 4 => strip::<V, F, ROWS, 2>(x, stride, w, k, start, at, out),
                    _ => strip::<V, F, ROWS, 3>(x, stride, w, k, start, at, out),
                }
            };
    }
    for row in 0..ROWS {
        let x = &x[row * stride..][..k * 2];
        for j in at..width {
            let numbers = x.chunks_exact(2).zip(w.chunks_exact(width));
            let sum: f32 = numbers.map(|(x, row)| F::one(x, row[j])).sum();
            out[row * width + j] = start[j] + sum;
        }
    }
}

/// N registers of columns of [`products`]; the sums stay in registers.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
unsafe fn strip<V: Lanes, F: Factor, const ROWS: usize, const N: usize>(
    x: &[F::X],
    stride: usize,
    w: &[u32],
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
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = x.add(row * stride + i * 2);
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = F::add(*sum, x, w.add(i * width + j * V::WIDTH));
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

/// Copies a few numbers, of which there are as many on both sides: sooner than a call.
#[inline(always)]
pub fn copy<V: Lanes>(to: &mut [f32], from: &[f32]) {
    let n = to.len();
    assert!(from.len() == n);
    let mut i = 0;
    while i + V::WIDTH <= n {
        // SAFETY: `i + WIDTH` is at most n, the length of both.
        unsafe { V::load(from.as_ptr().add(i)).store(to.as_mut_ptr().add(i)) };
        i += V::WIDTH;
    }
    while i < n {
        to[i] = from[i];
        i += 1;
    }
}

/// Scalar product.
#[inline(always)]
pub fn dot<V: Lanes>(a: &[f32], b: &[f32]) -> f32 {
    const PARTS: usize = 4;
    let n = a.len().min(b.len());
    let whole = n / V::WIDTH * V::WIDTH;
    // SAFETY: `i + WIDTH` is at most n, the length of both.
    let whole_sum = unsafe {
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
        s.add(t).add(u.add(v)).sum()
    };
    if whole == n {
        return whole_sum;
    }
    let rest: f32 = a[whole..n].iter().zip(&b[whole..n]).map(|(a, b)| a * b).sum();
    rest + whole_sum
}
