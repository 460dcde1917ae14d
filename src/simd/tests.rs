//! Products and counts in every kind of register that this processor has, against their definitions.

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
impl Work for Less<'_, [i32; 16]> {
    type Out = [i32; 16];
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
            let rows: Vec<[i32; 16]> = (0..n).map(row).collect();
            let than = row(3);
            let less = run_with(registers, Less(&rows, &than));
            let wide = |row: &[i32; 16]| std::array::from_fn(|k| i64::from(row[k]) << 40);
            let many: Vec<[i64; 8]> = rows.iter().map(wide).collect();
            let less_wide = run_with(registers, Less(&many, &wide(&than)));
            for k in 0..16 {
                let expected = rows.iter().filter(|row| row[k] < than[k]).count();
                assert_eq!(less[k] as usize, expected, "{registers:?} {n} {k}");
                assert!(k >= 8 || less_wide[k] as usize == expected, "{registers:?} {n} {k}");
            }
        }
    }
}
