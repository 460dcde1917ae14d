//! From scores to what is said of them: probabilities, the answer, the rank of what came.

/// Turns scores into probabilities in place. Scores that are not numbers count as impossible; when
/// none is possible all stay at zero.
pub fn softmax(scores: &mut [f32]) {
    // Nearly always; all are looked at, several at once.
    if scores.iter().fold(true, |all, s| all & s.is_finite()) {
        return crate::simd::each::softmax(scores);
    }
    let mut top = f32::NEG_INFINITY;
    for s in scores.iter_mut() {
        if s.is_nan() {
            *s = f32::NEG_INFINITY;
        }
        top = top.max(*s);
    }
    if top == f32::NEG_INFINITY {
        scores.fill(0.0);
        return;
    }
    let mut sum = 0.0;
    for s in scores.iter_mut() {
        // An infinite top score would make NaN of itself; it is certain instead.
        *s = if *s >= top { 1.0 } else { (*s - top).exp() };
        sum += *s;
    }
    for s in scores {
        *s /= sum;
    }
}

/// Place of the greatest value; the first of equals. `None` without values.
pub fn best(values: &[f32]) -> Option<usize> {
    values
        .iter()
        .enumerate()
        .fold(None, |top, (i, v)| match top {
            Some((_, t)) if *v <= t => top,
            _ => Some((i, *v)),
        })
        .map(|(i, _)| i)
}

/// Rank of value `at` among all, 1 = first. Equals rank in their order, so that rank 1 is what
/// [`best`] gives.
pub fn rank_of(values: &[f32], at: usize) -> usize {
    let v = values[at];
    1 + values.iter().enumerate().filter(|(i, x)| if *i < at { **x >= v } else { **x > v }).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_survive_odd_scores() {
        let mut s = [0.0, f32::NAN, f32::NEG_INFINITY, 0.0];
        softmax(&mut s);
        assert_eq!(s.map(f32::to_bits), [0.5f32, 0.0, 0.0, 0.5].map(f32::to_bits));
        let mut s = [f32::INFINITY, 3.0];
        softmax(&mut s);
        assert_eq!(s.map(f32::to_bits), [1.0f32, 0.0].map(f32::to_bits));
        let mut s = [f32::NEG_INFINITY; 2];
        softmax(&mut s);
        assert_eq!(s.map(f32::to_bits), [0; 2]);
    }

    #[test]
    fn equal_values_rank_in_order() {
        let v = [0.2, 0.3, 0.3, 0.2];
        assert_eq!(best(&v), Some(1));
        assert_eq!([0, 1, 2, 3].map(|i| rank_of(&v, i)), [3, 1, 2, 4]);
        assert_eq!(best(&[]), None);
    }
}
