//! The wide part: one weight per sign, summed. Absent slots and unknown signs read the slot's own missing weight.

use super::Rows;
use rankine_kernel::Real;

/// Returns `Σ weight·w[sign]` over one slot's signs; the missing weight if there are none.
pub fn sum<T: Real>(rows: &dyn Rows<T>, (signs, weights): (&[u64], &[f32])) -> T {
    let first = |row: &[T]| row.first().copied().unwrap_or(T::ZERO);
    if signs.is_empty() {
        return first(rows.missing());
    }
    let pairs = signs.iter().zip(weights);
    pairs.fold(T::ZERO, |sum, (sign, weight)| {
        sum + T::of(f64::from(*weight)) * first(rows.row(*sign))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_kernel::rows::RowTable;

    #[test]
    fn weights_are_summed_and_absence_has_its_own() {
        let mut table = RowTable::<f32>::plain(1);
        table.row_mut(0).0[0] = 0.5;
        table.intern(3, |w| w[0] = 2.0);
        assert_eq!(sum(&table, (&[3, 3, 4], &[1.0, 0.5, 1.0])), 3.5);
        assert_eq!(sum(&table, (&[], &[])), 0.5);
    }
}
