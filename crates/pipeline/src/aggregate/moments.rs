//! Count, mean and sample standard deviation from exact integer sums.
//!
//! Decision: values are integers (ratings in micro-units), sums are `i128`. Adding and removing in any order
//! gives the same sums, so a window that slid for years equals one filled afresh, and replay equals live bit
//! for bit. Welford's recurrence was refused: its result depends on the order.

/// Ratings are kept in millionths.
pub(super) const MICRO: f64 = 1e6;

/// Largest rating by magnitude; keeps every sum of 10^13 events inside `i128`.
const MAX_RATING: f64 = 1e6;

/// Sums over integers of magnitude up to 10^12.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moments {
    count: u64,
    sum: i128,
    squares: i128,
}

impl Moments {
    pub(super) fn add(&mut self, value: i64) {
        self.count += 1;
        self.sum += i128::from(value);
        self.squares += i128::from(value) * i128::from(value);
    }

    /// Undoes one [`Moments::add`] of the same value.
    pub(super) fn remove(&mut self, value: i64) {
        self.count -= 1;
        self.sum -= i128::from(value);
        self.squares -= i128::from(value) * i128::from(value);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Mean in units of `scale`; none of no values.
    #[expect(
        clippy::cast_precision_loss,
        reason = "one rounding of the exact sum, the same everywhere"
    )]
    pub(super) fn mean(&self, scale: f64) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / (self.count as f64 * scale))
    }

    /// Standard deviation with divisor n − 1 in units of `scale`; none of fewer than two values.
    ///
    /// With q = ⌊Σx / n⌋ and r = Σx − nq: Σ(x − x̄)² = Σ(x − q)² − r²/n, where Σ(x − q)² is exact and r < n,
    /// so nothing cancels.
    #[expect(
        clippy::cast_precision_loss,
        reason = "one rounding of each exact sum, the same everywhere"
    )]
    pub(super) fn deviation(&self, scale: f64) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let n = i128::from(self.count);
        let (q, r) = (self.sum.div_euclid(n), self.sum.rem_euclid(n));
        let around_q = self.squares - 2 * q * self.sum + n * q * q;
        let spread = around_q as f64 - (r * r) as f64 / n as f64;
        Some((spread.max(0.0) / (n - 1) as f64).sqrt() / scale)
    }
}

/// A rating in millionths; none if it is no number or beyond a million.
#[expect(clippy::cast_possible_truncation, reason = "bounded by the check before it")]
pub(super) fn micro(rating: f64) -> Option<i64> {
    (rating.abs() <= MAX_RATING).then(|| (rating * MICRO).round() as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[i64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|value| moments.add(*value));
        moments
    }

    #[test]
    fn undefined_is_none_and_known_values_agree() {
        assert_eq!((of(&[]).mean(1.0), of(&[]).deviation(1.0)), (None, None));
        assert_eq!((of(&[7]).mean(1.0), of(&[7]).deviation(1.0)), (Some(7.0), None));
        // 2, 4, 4, 4, 5, 5, 7, 9: squared deviations sum to 32.
        let eight = of(&[2, 4, 4, 4, 5, 5, 7, 9]);
        assert_eq!(
            (eight.mean(1.0), eight.deviation(1.0)),
            (Some(5.0), Some((32.0_f64 / 7.0).sqrt()))
        );
        let ratings = of(&[micro(3.5).unwrap(), micro(4.0).unwrap()]);
        assert_eq!(ratings.mean(MICRO), Some(3.75));
        assert!((ratings.deviation(MICRO).unwrap() - 0.125_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn equal_values_deviate_by_exactly_nothing() {
        let third = micro(1.0 / 3.0).unwrap();
        assert_eq!(of(&[third; 7]).deviation(MICRO), Some(0.0));
        assert_eq!(of(&[1_000_000_000_000; 100_000]).deviation(1.0), Some(0.0));
    }

    #[test]
    fn ratings_out_of_range_are_none() {
        for bad in [f64::NAN, f64::INFINITY, -1.1e6] {
            assert_eq!(micro(bad), None);
        }
        assert_eq!(micro(-1e6), Some(-1_000_000_000_000));
    }

    proptest! {
        #[test]
        fn order_and_removed_values_leave_no_trace(
            mut values in prop::collection::vec(-1_000_000_000_000..1_000_000_000_000_i64, 0..40),
            extra in prop::collection::vec(any::<i32>(), 0..40),
        ) {
            let plain = of(&values);
            let mut other = Moments::default();
            extra.iter().for_each(|value| other.add(i64::from(*value)));
            values.sort_unstable();
            values.iter().for_each(|value| other.add(*value));
            extra.iter().rev().for_each(|value| other.remove(i64::from(*value)));
            prop_assert_eq!(plain, other);
        }

        #[test]
        fn agrees_with_the_two_pass_formula(values in prop::collection::vec(-5_000_000..5_000_000_i64, 2..60)) {
            let n = values.len() as f64;
            let mean = values.iter().sum::<i64>() as f64 / n;
            let spread: f64 = values.iter().map(|value| (*value as f64 - mean).powi(2)).sum();
            let expected = (spread / (n - 1.0)).sqrt();
            let got = of(&values).deviation(1.0).unwrap();
            prop_assert!((got - expected).abs() <= 1e-9 * expected.max(1.0), "{} {}", got, expected);
        }
    }
}
