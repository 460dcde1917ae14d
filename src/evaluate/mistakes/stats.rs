//! The statistics behind the sums: how sure a share is, and whether two predictors differ.

/// 95 % of a normal distribution lie within so many standard deviations.
const Z: f64 = 1.959_963_985;

/// 95 % confidence interval of a share: Wilson's score interval (E. B. Wilson, JASA 22, 1927).
/// `(0, 1)` for nothing.
pub fn wilson(hits: u64, of: u64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (of as f64, hits as f64 / of as f64);
    let z2 = Z * Z;
    let middle = p + z2 / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let over = 1.0 + z2 / n;
    (((middle - half) / over).max(0.0), ((middle + half) / over).min(1.0))
}

/// `McNemar`'s test of two predictors on the same decisions: could counts as different as `fixed`
/// (only the second was right) and `broken` (only the first was) come about if both were equally
/// good? Two-sided p-value.
///
/// Below 25 differing decisions the exact binomial test, from there on chi-squared with one degree
/// of freedom and Edwards' continuity correction (Q. `McNemar`, Psychometrika 12, 1947; A. L.
/// Edwards, Psychometrika 13, 1948).
pub fn mcnemar(fixed: u64, broken: u64) -> f64 {
    let n = fixed + broken;
    if n == 0 {
        return 1.0;
    }
    if n < 25 {
        let (mut term, mut sum) = (0.5_f64.powi(n as i32), 0.0);
        for i in 0..=fixed.min(broken) {
            sum += term;
            term *= (n - i) as f64 / (i + 1) as f64;
        }
        return (2.0 * sum).min(1.0);
    }
    let gap = (fixed.abs_diff(broken) as f64 - 1.0).max(0.0);
    // The upper tail of chi-squared with one degree of freedom.
    erfc((gap * gap / n as f64 / 2.0).sqrt())
}

/// The complementary error function, for `x >= 0`: its power series for small arguments, its
/// continued fraction for large ones (Abramowitz and Stegun, 7.1.6 and 7.1.14).
fn erfc(x: f64) -> f64 {
    let scale = (-x * x).exp();
    if x < 2.5 {
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term > 1e-17 * sum {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return 1.0 - 2.0 / std::f64::consts::PI.sqrt() * scale * sum;
    }
    let fraction = (1..=60).rev().fold(x, |below, k| x + f64::from(k) / 2.0 / below);
    scale / std::f64::consts::PI.sqrt() / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-6 * b.abs().max(1e-6)
    }

    #[test]
    fn known_values() {
        // Wilson: 8 of 10, and the ends.
        let (low, high) = wilson(8, 10);
        assert!((low - 0.490_16).abs() < 1e-4 && (high - 0.943_32).abs() < 1e-4, "{low} {high}");
        assert_eq!((wilson(0, 5).0.to_bits(), wilson(0, 0)), (0, (0.0, 1.0)));
        assert!(wilson(5, 5).1 > 0.999_999 && wilson(5, 5).0 > 0.5);
        // erfc by its tables; both branches meet.
        for (x, y) in [
            (0.0, 1.0),
            (0.5, 0.479_500_122),
            (1.0, 0.157_299_207),
            (2.0, 0.004_677_735),
            (3.0, 2.209_05e-5),
        ] {
            assert!((erfc(x) - y).abs() < 1e-8 * (1.0 + 1e3 * y), "{x} {}", erfc(x));
        }
        assert!(close(erfc(2.499_999_999_9), erfc(2.5)));
    }

    #[test]
    fn differences_are_judged() {
        assert!(close(mcnemar(0, 0), 1.0) && close(mcnemar(7, 7), 1.0));
        // Two-sided binomial: 2 (1 + 10) / 2^10.
        assert!(close(mcnemar(1, 9), 22.0 / 1024.0) && close(mcnemar(9, 1), mcnemar(1, 9)));
        // (|121 - 59| - 1)^2 / 180 = 20.67; the tail of that is 5.45e-6.
        assert!((mcnemar(121, 59) - 5.45e-6).abs() < 5e-8, "{}", mcnemar(121, 59));
        assert!(close(mcnemar(500, 500), 1.0));
    }
}
