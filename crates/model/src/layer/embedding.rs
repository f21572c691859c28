//! Embedding with pooling: the signs of a slot → one vector. `sum = Σ w·row`, `mean = Σ (w / Σ w)·row`.

use super::Rows;
use crate::network::Pooling;
use rankine_kernel::{Real, dense};

/// Adds the pooled vector of one slot's signs to `out` (the table's width). No signs: the missing row.
pub fn add<T: Real>(rows: &dyn Rows<T>, pooling: Pooling, (signs, weights): (&[u64], &[f32]), out: &mut [T]) {
    if signs.is_empty() {
        return dense::add(rows.missing(), out);
    }
    let total = divisor(pooling, weights);
    for (sign, weight) in signs.iter().zip(weights) {
        dense::axpy(T::of(f64::from(weight / total)), rows.row(*sign), out);
    }
}

/// The same into a place of its own: what was in `out` is gone.
#[inline]
pub fn put<T: Real>(rows: &dyn Rows<T>, pooling: Pooling, content: (&[u64], &[f32]), out: &mut [T]) {
    if let Some(sign) = whole(pooling, content) {
        return out.copy_from_slice(rows.row(sign));
    }
    out.fill(T::ZERO);
    add(rows, pooling, content, out);
}

/// The sign whose row is the pooled vector itself, by far the most common: one, of weight 1 or averaged over itself.
#[inline]
#[must_use]
pub fn whole(pooling: Pooling, (signs, weights): (&[u64], &[f32])) -> Option<u64> {
    let ([sign], [weight]) = (signs, weights) else {
        return None;
    };
    let one = weight.to_bits() == 1f32.to_bits() || pooling == Pooling::Mean && weight.is_normal();
    one.then_some(*sign)
}

/// What weights are divided by: their sum for a mean, 1 where that is 0 or for a sum.
#[must_use]
pub fn divisor(pooling: Pooling, weights: &[f32]) -> f32 {
    let total: f32 = weights.iter().sum();
    match pooling {
        Pooling::Mean if total.abs() > 0.0 => total,
        Pooling::Mean | Pooling::Sum | Pooling::Apart => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_kernel::rows::RowTable;

    fn table() -> RowTable<f64> {
        let mut table = RowTable::plain(2);
        table.row_mut(0).0.copy_from_slice(&[100.0, 200.0]);
        table.intern(7, |w| w.copy_from_slice(&[1.0, 2.0]));
        table.intern(8, |w| w.copy_from_slice(&[3.0, 6.0]));
        table
    }

    fn pooled(pooling: Pooling, signs: &[u64], weights: &[f32]) -> Vec<f64> {
        let mut out = vec![0.0; 2];
        add(&table(), pooling, (signs, weights), &mut out);
        out
    }

    #[test]
    fn put_is_add_to_nothing() {
        let table = table();
        for (signs, weights) in [
            (&[7u64][..], &[1.0f32][..]),
            (&[7], &[-3.0]),
            (&[8], &[0.0]),
            (&[7, 8], &[1.0, 3.0]),
            (&[], &[]),
        ] {
            for pooling in [Pooling::Mean, Pooling::Sum] {
                let (mut put_there, mut added) = ([9.0; 2], [0.0; 2]);
                put(&table, pooling, (signs, weights), &mut put_there);
                add(&table, pooling, (signs, weights), &mut added);
                assert_eq!(put_there, added, "{signs:?} {weights:?}");
            }
        }
    }

    #[test]
    fn sum_and_mean_weigh_rows() {
        assert_eq!(pooled(Pooling::Sum, &[7, 8], &[2.0, 1.0]), [5.0, 10.0]);
        assert_eq!(pooled(Pooling::Mean, &[7, 8], &[0.5, 1.5]), [2.5, 5.0]);
        assert_eq!(
            pooled(Pooling::Mean, &[7, 8], &[1.0, -1.0]),
            [-2.0, -4.0],
            "weights that cancel are summed"
        );
    }

    #[test]
    fn absent_and_unknown_read_the_missing_row() {
        assert_eq!(pooled(Pooling::Mean, &[], &[]), [100.0, 200.0]);
        assert_eq!(pooled(Pooling::Mean, &[9, 9], &[1.0, 1.0]), [100.0, 200.0]);
    }
}
