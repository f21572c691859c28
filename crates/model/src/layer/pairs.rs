//! All pairs of vectors at the cost of their sum: `Σ_{i<j} ⟨eᵢ, eⱼ⟩ = ½ (‖Σ e‖² − Σ ‖e‖²)`, Rendle 2010. So a group keeps
//! the sum of its vectors and, behind it, the sum of their squares.

use rankine_kernel::{Real, dense};

/// Adds a vector to a group's sums, one number longer than it.
pub fn add<T: Real>(vector: &[T], sums: &mut [T]) {
    if let Some((squares, sum)) = sums.split_last_mut() {
        dense::add(vector, sum);
        *squares += dense::dot(vector, vector);
    }
}

/// Returns the products of all pairs, within groups and across them: of the sums `(common + item) + cross`.
/// `scratch` takes them.
pub fn pairs<T: Real>(common: &[T], item: &[T], cross: &[T], scratch: &mut Vec<T>) -> T {
    scratch.clear();
    scratch.extend_from_slice(common);
    for group in [item, cross] {
        scratch
            .iter_mut()
            .zip(group)
            .for_each(|(sum, more)| *sum += *more);
    }
    scratch.split_last().map_or(T::ZERO, |(squares, sum)| {
        T::of(0.5) * (dense::dot(sum, sum) - *squares)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_sums_know_all_pairs(vectors in proptest::collection::vec((0usize..3, proptest::array::uniform5(-2.0f64..2.0)), 0..9)) {
            let mut groups = vec![vec![0.0; 6]; 3];
            vectors.iter().for_each(|(group, vector)| add(vector, &mut groups[*group]));
            let mut expected = 0.0;
            for (i, (_, a)) in vectors.iter().enumerate() {
                for (_, b) in &vectors[..i] {
                    expected += a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                }
            }
            let got = pairs(&groups[0], &groups[1], &groups[2], &mut vec![7.0]);
            prop_assert!((got - expected).abs() < 1e-9, "{got} {expected}");
        }
    }

    #[test]
    fn without_vectors_there_is_nothing() {
        assert_eq!(pairs::<f32>(&[], &[], &[], &mut Vec::new()), 0.0);
        assert_eq!(pairs(&[0.0f32; 3], &[], &[], &mut Vec::new()), 0.0);
    }
}
