//! RankNet over a batch: the mean over pairs of samples of different labels of `ln(1 + e^(lower − higher))`; Burges et al. 2005.

use rankine_kernel::Real;
use rankine_kernel::activation::{sigmoid, softplus};

/// Adds to `slopes` those of `weight` times the loss; returns that. `compared(i, j)` says which pairs count.
pub(super) fn pairs<T: Real>(
    (scores, labels): (&[T], &[T]),
    compared: impl Fn(usize, usize) -> bool,
    weight: T,
    slopes: &mut [T],
) -> T {
    let each = |i: usize| (0..labels.len()).filter(move |j| labels[i] > labels[*j]);
    let count: usize = (0..labels.len())
        .map(|i| each(i).filter(|j| compared(i, *j)).count())
        .sum();
    let share = weight / T::of(count.max(1) as f64);
    let mut value = T::ZERO;
    for i in 0..labels.len() {
        for j in each(i).filter(|j| compared(i, *j)) {
            let gap = scores[j] - scores[i];
            value += softplus(gap) * share;
            let slope = sigmoid(gap) * share;
            slopes[j] += slope;
            slopes[i] -= slope;
        }
    }
    value
}
