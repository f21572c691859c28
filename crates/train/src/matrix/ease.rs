//! EASE: a linear autoencoder of items in closed form.
//!
//! ```text
//! min ‖X − X·B‖² + λ·‖B‖², diag(B) = 0        P = (XᵀX + λ·1)⁻¹        B = 1 − P / diag(P)
//! ```
//! Steck 2019 (Embarrassingly Shallow Autoencoders for Sparse Data). X is 1 where a user met an item. Decision: f64 all
//! through, for λ is small beside the greatest eigenvalue; n items cost n³ flops and 12·n² bytes, so a few ten thousand.

use rankine_kernel::{Real, cholesky};

use super::Interactions;
use crate::TrainError;

/// Learns B, row-major: row j is what item j in a history says of every item.
///
/// # Errors
/// [`TrainError::Config`] where the matrix has no inverse, λ being 0.
pub fn fit(x: &Interactions, reg: f64, threads: usize) -> Result<Vec<f32>, TrainError> {
    let weights = solve::<f64>(x, reg, threads)?;
    Ok(weights.iter().map(|v| f32::of(*v)).collect())
}

/// B in either precision.
///
/// # Errors
/// As [`fit`].
pub fn solve<T: Real>(x: &Interactions, reg: f64, threads: usize) -> Result<Vec<T>, TrainError> {
    let n = x.items.len();
    let mut p = together(x);
    (0..n).for_each(|i| p[i * n + i] += T::of(reg));
    cholesky::inverse(&mut p, n, threads).map_err(|fault| TrainError::Config {
        key: "matrix.reg".to_owned(),
        detail: format!("{fault}: expected a larger `reg`, got {reg}"),
    })?;
    let diagonal: Vec<T> = (0..n).map(|i| -T::ONE / p[i * n + i]).collect();
    for (i, row) in p.chunks_exact_mut(n).enumerate() {
        row.iter_mut().zip(&diagonal).for_each(|(v, d)| *v *= *d);
        row[i] = T::ZERO;
    }
    Ok(p)
}

/// The lower triangle of XᵀX: how many users met both items.
pub(super) fn together<T: Real>(x: &Interactions) -> Vec<T> {
    let n = x.items.len();
    let mut counts = vec![T::ZERO; n * n];
    for user in 0..x.users.len() {
        let items = x.by_user.row(user).0;
        for (k, item) in items.iter().enumerate() {
            let row = &mut counts[*item as usize * n..][..n];
            items[..=k]
                .iter()
                .for_each(|other| row[*other as usize] += T::ONE);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::super::testing::{golden, matrix};
    use super::*;

    #[test]
    fn numpy_finds_the_same_weights() {
        let golden = golden();
        let found = solve::<f64>(&golden.interactions(), 2.5, 1).unwrap();
        let expected = matrix(&golden.json["ease"]);
        assert_eq!(found.len(), expected.len());
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        let narrow = fit(&golden.interactions(), 2.5, 2).unwrap();
        assert!(
            narrow
                .iter()
                .zip(&expected)
                .all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6)
        );
    }

    #[test]
    fn no_change_of_the_weights_lowers_the_loss() {
        let golden = golden();
        let (x, reg) = (golden.interactions(), 2.5);
        let n = x.items.len();
        let b = solve::<f64>(&x, reg, 1).unwrap();
        let cost = |b: &[f64]| {
            let mut sum = reg * b.iter().map(|v| v * v).sum::<f64>();
            for user in 0..x.users.len() {
                for item in 0..n {
                    let met = x.by_user.row(user).0.iter();
                    let score: f64 = met.map(|j| b[*j as usize * n + item]).sum();
                    let own = f64::from(u8::from(x.by_user.has(user, u32::try_from(item).unwrap())));
                    sum += (own - score).powi(2);
                }
            }
            sum
        };
        let least = cost(&b);
        for place in (0..n * n).filter(|p| p % n != p / n).step_by(7) {
            for change in [-0.01, 0.01] {
                let mut other = b.clone();
                other[place] += change;
                assert!(cost(&other) > least, "place {place}");
            }
        }
    }

    #[test]
    fn without_regularisation_equal_items_have_no_inverse() {
        let x = Interactions::of_events([(1, 5, 1.0, 0), (1, 6, 1.0, 0)]).unwrap();
        assert!(fit(&x, 0.0, 1).unwrap_err().to_string().contains("matrix.reg"));
    }
}
