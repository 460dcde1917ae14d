//! Products and counts in every kind of register that this processor has, against their definitions.

use super::aligned::Aligned;
use super::inputs::{last_layer, normalise};
use super::products::{Paired, Single, Weight, add_product, copy, dot, pairs, products, tapped};
use super::*;

struct Product<'a, W>(&'a [f32], &'a [W], &'a mut [f32]);
impl<W: Weight> Work for Product<'_, W> {
    type Out = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        add_product::<V, _>(self.0, self.1, self.2);
    }
}

/// Rows of 13 numbers, of which 12 count, times W of 12 rows.
struct Products<'a>(&'a [f32], &'a [u32], &'a [f32], &'a mut [f32]);
impl Work for Products<'_> {
    type Out = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        products::<V, Single>(self.0, 13, self.1, self.2, self.3);
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
    [Registers::Portable, Registers::Avx2, Registers::Avx512, Registers::Avx512Bf16]
        .into_iter()
        .filter(move |r| *r as usize <= most)
}

/// So many numbers that are bfloat16.
fn cosines(n: usize) -> Vec<f32> {
    (0..n).map(|i| rounded((i as f32 * 0.3).cos())).collect()
}

#[test]
fn products_of_every_width_equal_the_definition() {
    for registers in kinds() {
        for width in [1, 7, 8, 15, 16, 18, 24, 32, 40, 48, 56, 61, 64, 67, 128] {
            for k in [0, 1, 7, 11] {
                let x: Vec<f32> = (0..k).map(|i| (i as f32 * 0.7).sin()).collect();
                let w = cosines(k * width);
                let [mut out, mut of_pairs] = [vec![0.5; width], vec![0.5; width]];
                run_with(registers, Product(&x, &w, &mut out));
                run_with(registers, Product(&x, &pairs(&w, width), &mut of_pairs));
                for j in 0..width {
                    let sum: f32 = 0.5 + (0..k).map(|i| x[i] * w[i * width + j]).sum::<f32>();
                    for out in [out[j], of_pairs[j]] {
                        assert!((out - sum).abs() < 1e-5, "{registers:?} {width} {k} {j}");
                    }
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
            // One row less than there are numbers: an odd one has zeros beside it.
            let w = cosines(11 * width);
            let start: Vec<f32> = (0..width).map(|i| i as f32 * 0.1).collect();
            let mut out = vec![f32::NAN; rows * width];
            run_with(registers, Products(&x, &pairs(&w, width), &start, &mut out));
            for (i, row) in out.chunks_exact(width).enumerate() {
                for j in 0..width {
                    let sum: f32 =
                        start[j] + (0..11).map(|k| x[i * 13 + k] * w[k * width + j]).sum::<f32>();
                    assert!((row[j] - sum).abs() < 1e-5, "{registers:?} {width} {rows} {i} {j}");
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

struct Less<'a, T>(&'a [T], &'a T);
impl Work for Less<'_, [i32; 8]> {
    type Out = [i32; 8];
    #[inline(always)]
    fn run<V: Lanes>(self) -> Self::Out {
        less::<V>(self.0, self.1)
    }
}
impl Work for Less<'_, [i64; 8]> {
    type Out = [i64; 8];
    #[inline(always)]
    fn run<V: Lanes>(self) -> Self::Out {
        less_wide::<V>(self.0, self.1)
    }
}

#[test]
fn counts_equal_the_definition() {
    for registers in kinds() {
        for n in [0, 1, 5, 40] {
            let row = |i: usize| std::array::from_fn(|k| ((i * 7 + k * 3) % 11) as i32 - 5);
            let rows: Vec<[i32; 8]> = (0..n).map(row).collect();
            let than = row(3);
            let less = run_with(registers, Less(&rows, &than));
            let wide = |row: &[i32; 8]| std::array::from_fn(|k| i64::from(row[k]) << 40);
            let many: Vec<[i64; 8]> = rows.iter().map(wide).collect();
            let less_wide = run_with(registers, Less(&many, &wide(&than)));
            for k in 0..8 {
                let expected = rows.iter().filter(|row| row[k] < than[k]).count();
                assert_eq!(less[k] as usize, expected, "{registers:?} {n} {k}");
                assert_eq!(less_wide[k] as usize, expected, "{registers:?} {n} {k}");
            }
        }
    }
}

/// `halves` of 14 numbers, of which 12 count, times W of 12 rows; nothing where no registers
/// multiply pairs.
struct PairedProducts<'a>(&'a [u16], &'a [u32], &'a [f32], &'a mut [f32]);
impl Work for PairedProducts<'_> {
    type Out = bool;
    #[inline(always)]
    fn run<V: Lanes>(self) -> bool {
        if V::PAIRS {
            products::<V, Paired>(self.0, 14, self.1, self.2, self.3);
        }
        V::PAIRS
    }
}

struct Normalised<'a>(&'a mut [f32], &'a mut [u16], &'a [f32], [&'a [f32]; 2], &'a [f32]);
impl Work for Normalised<'_> {
    type Out = f32;
    #[inline(always)]
    fn run<V: Lanes>(self) -> f32 {
        let sum = normalise::<V>(self.0, self.1, self.2, self.3, 8.0, self.4);
        let last = &[-1.0, 2.0].repeat(V::WIDTH);
        last_layer(&mut vec![0.0; last.len()], last, &vec![0.25; last.len()], sum)
            - V::WIDTH as f32 / 2.0
    }
}

#[test]
fn products_of_pairs_equal_the_definition() {
    for registers in kinds() {
        for (width, rows) in
            [1, 16, 30, 32, 48, 64].into_iter().flat_map(|w| [(w, 1), (w, 3), (w, 4)])
        {
            let x: Vec<f32> = (0..56).map(|i| rounded((i as f32 * 0.7).sin())).collect();
            let halves: Vec<u16> = x.iter().map(|x| (x.to_bits() >> 16) as u16).collect();
            let w = cosines(11 * width);
            let start: Vec<f32> = (0..width).map(|i| i as f32 * 0.1).collect();
            let mut out = vec![f32::NAN; rows * width];
            let work = PairedProducts(&halves, &pairs(&w, width), &start, &mut out);
            if !run_with(registers, work) {
                continue;
            }
            for (i, j) in (0..rows).flat_map(|i| (0..width).map(move |j| (i, j))) {
                let sum: f32 = (0..11).map(|k| x[i * 14 + k] * w[k * width + j]).sum();
                let found = out[i * width + j];
                assert!((found - start[j] - sum).abs() < 1e-5, "{registers:?} {width} {i} {j}");
            }
        }
    }
}

#[test]
fn inputs_are_normalised_and_rounded_alike_everywhere() {
    for n in [1, 7, 8, 15, 16, 17, 40, 88] {
        let from: Vec<f32> = (0..n).map(|i| (i as f32 * 1.3).sin() * 30.0).collect();
        let mean: Vec<f32> = (0..n).map(|i| i as f32 * 0.01).collect();
        let scale: Vec<f32> = (0..n).map(|i| 0.1 + i as f32 * 0.05).collect();
        for registers in kinds() {
            let (mut to, mut halves) = (vec![9.0; n + 18], vec![1; n + 18]);
            let weighs: Vec<f32> = (0..n + 16).map(|i| (i as f32).cos()).collect();
            for weighs in [&[], &weighs[..]] {
                let norm = [&mean[..], &scale];
                let sum =
                    run_with(registers, Normalised(&mut to, &mut halves, &from, norm, weighs));
                let exact: f32 = to[..n].iter().zip(weighs).map(|(x, w)| x * w).sum();
                assert!((sum - exact).abs() < 1e-4, "{registers:?} {n}: {sum} {exact}");
            }
            for i in 0..n {
                let exact = rounded(((from[i] - mean[i]) * scale[i]).clamp(-8.0, 8.0));
                assert_eq!(to[i].to_bits(), exact.to_bits(), "{registers:?} {n} {i}");
                assert_eq!(u32::from(halves[i]) << 16, exact.to_bits());
            }
            let behind =
                to[n..].iter().zip(&halves[n..]).position(|(x, half)| *x != 0.0 || *half != 0);
            assert!(
                behind.is_some_and(|at| (at + n).is_multiple_of(8)),
                "zeros in the last register"
            );
            assert_eq!((to[n + 16], halves[n + 16]), (9.0, 1), "not written");
        }
    }
    let even = [1.0, 1.003_906_2, 1.011_718_8].map(|x| rounded(x).to_bits());
    assert_eq!(even, [1.0f32, 1.0, 1.015_625].map(f32::to_bits), "of two as near the even one");
}

struct Tapped<'a>(&'a [f32], &'a [f32], &'a mut [f32]);
impl Work for Tapped<'_> {
    type Out = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let c = self.2.len();
        tapped::<V>(self.0, &[2, 0], &self.0[c..2 * c], self.1, &self.1[..c], self.2);
    }
}

#[test]
fn taps_and_copies_equal_the_definition() {
    struct Copied<'a>(&'a mut [f32], &'a [f32]);
    impl Work for Copied<'_> {
        type Out = ();
        #[inline(always)]
        fn run<V: Lanes>(self) {
            copy::<V>(self.0, self.1);
        }
    }
    for (registers, c) in kinds().flat_map(|r| [1, 8, 16, 20, 32, 48].map(|c| (r, c))) {
        let rows: Vec<f32> = (0..3 * c).map(|i| (i as f32 * 0.7).sin()).collect();
        let taps: Vec<f32> = (0..3 * c).map(|i| (i as f32 * 0.3).cos()).collect();
        let mut out = vec![f32::NAN; c];
        run_with(registers, Tapped(&rows, &taps, &mut out));
        for (j, out) in out.iter().enumerate() {
            let sum = taps[j]
                + [2, 0, 1]
                    .iter()
                    .enumerate()
                    .fold(0.0, |sum, (t, row)| sum + rows[row * c + j] * taps[t * c + j]);
            assert!((out - sum.max(0.0)).abs() < 1e-5, "{registers:?} {c} {j}");
        }
        run_with(registers, Copied(&mut out, &rows[..c]));
        assert_eq!(out, rows[..c]);
    }
}

struct Valued<'a>(&'a [u32; 16], &'a [u32; 3], &'a mut [f32; 16]);
impl Work for Valued<'_> {
    type Out = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        valued::<V, 3>(self.0, self.1, &[1.0, 2.0, 3.0], self.2);
    }
}

#[test]
fn who_is_named_gets_the_value_and_nobody_else() {
    let names = std::array::from_fn(|k| 100 + k as u32);
    for registers in kinds() {
        let mut to = [0.5; 16];
        run_with(registers, Valued(&names, &[115, 7, 100], &mut to));
        let expected: [f32; 16] = std::array::from_fn(|k| match k {
            0 => 3.0,
            15 => 1.0,
            _ => 0.5,
        });
        assert_eq!(to.map(f32::to_bits), expected.map(f32::to_bits), "{registers:?}");
    }
}

#[test]
fn aligned_numbers_begin_with_a_line_wherever_they_are() {
    let on_a_line = |numbers: &Aligned| numbers.as_ptr().align_offset(64) == 0;
    for n in [1, 3, 16, 100] {
        let numbers = Aligned::from(vec![1.5; n]);
        let mut copy = numbers.clone();
        assert!(on_a_line(&numbers) && on_a_line(&copy) && copy[..] == vec![1.5; n]);
        copy.resize(10 * n);
        assert!(on_a_line(&copy) && copy.len() == 10 * n && copy.iter().all(|x| x.is_finite()));
    }
    assert!(Aligned::<u32>::default().is_empty());
}

/// What each operation on two arrays says, and of numbers that are looked for.
struct Whole<'a, const N: usize>(&'a [i64; N], &'a [i64; N], u8);
impl<const N: usize> Work for Whole<'_, N> {
    type Out = ([[i64; N]; 4], [u8; 2]);
    #[inline(always)]
    fn run<V: Lanes>(self) -> Self::Out {
        use super::longs::{add, choose, less, mul, same, sub};
        let Self(a, b, set) = self;
        let all =
            [add::<V, N>(a, b), sub::<V, N>(a, b), mul::<V, N>(a, b), choose::<V, N>(set, a, b)];
        (all, [less::<V, N>(a, b), same::<V, N>(&a.map(|x| x as u32), b[0] as u32)])
    }
}

fn whole_numbers<const N: usize>() {
    let odd = [i64::MIN, i64::MAX, 0, -1, 1, 1 << 40, -(1 << 52) - 7, 3];
    for (i, set) in (0..64_u8).map(|i| (usize::from(i), i.wrapping_mul(37))) {
        let a: [i64; N] = std::array::from_fn(|h| odd[(i + h) % 8]);
        let b: [i64; N] = std::array::from_fn(|h| odd[(i / 8 + h * 3) % 8]);
        let bits =
            |holds: &dyn Fn(usize) -> bool| (0..N).fold(0, |set, h| set | u8::from(holds(h)) << h);
        let exact = [
            std::array::from_fn(|h| a[h].wrapping_add(b[h])),
            std::array::from_fn(|h| a[h].wrapping_sub(b[h])),
            std::array::from_fn(|h| a[h].wrapping_mul(b[h])),
            std::array::from_fn(|h| if set >> h & 1 != 0 { a[h] } else { b[h] }),
        ];
        let sets = [bits(&|h| a[h] < b[h]), bits(&|h| a[h] as u32 == b[0] as u32)];
        for registers in kinds() {
            assert_eq!(run_with(registers, Whole(&a, &b, set)), (exact, sets), "{registers:?} {i}");
        }
    }
}

#[test]
fn whole_numbers_are_taken_alike_everywhere() {
    whole_numbers::<8>();
    whole_numbers::<1>();
    whole_numbers::<3>();
}
