//! Hard negatives: of a sample's candidates only the highest-scored count.

use rankine_kernel::Real;
use std::cmp::Ordering;

/// Sets all but the `most` highest scores to −∞; those that equal the lowest kept one are kept, too.
pub(super) fn keep<T: Real>(most: usize, scores: &mut [T]) {
    if most >= scores.len() || most == 0 {
        return;
    }
    let mut order = scores.to_vec();
    let down = |a: &T, b: &T| b.partial_cmp(a).unwrap_or(Ordering::Equal);
    let (_, lowest, _) = order.select_nth_unstable_by(most - 1, down);
    let lowest = *lowest;
    let below = scores.iter_mut().filter(|s| **s < lowest);
    below.for_each(|s| *s = T::of(f64::NEG_INFINITY));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_highest_stay_and_ties_with_them() {
        let none = f64::NEG_INFINITY;
        let mut scores = vec![1.0, 5.0, none, 3.0, 3.0, 2.0];
        super::keep(2, &mut scores);
        assert_eq!(scores, [none, 5.0, none, 3.0, 3.0, none]);
        super::keep(9, &mut scores);
        assert_eq!(scores[1], 5.0);
    }
}
