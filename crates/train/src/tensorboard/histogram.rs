//! The histogram message of TensorBoard: moments and buckets of many values.
//!
//! Decision: 30 buckets of equal width (what TensorBoard draws anyway) instead of TensorFlow's 1,549 exponential ones.

use super::proto::Message;

const BUCKETS: usize = 30;

/// Moments and bucket counts of a set of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// Least value; 0 without values.
    pub min: f64,
    /// Greatest value; 0 without values.
    pub max: f64,
    /// How many finite values.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
    /// Upper edge of each bucket, ascending; the last is `max`.
    pub limits: Vec<f64>,
    /// How many values lie in each bucket (above the last limit, up to and including its own).
    pub counts: Vec<f64>,
}

impl Buckets {
    /// Counts the finite ones of `values`.
    pub fn of(values: &[f32]) -> Buckets {
        let kept: Vec<f64> = values
            .iter()
            .filter(|v| v.is_finite())
            .map(|v| f64::from(*v))
            .collect();
        let (min, max) = kept.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
            (a.min(*v), b.max(*v))
        });
        let (min, max) = if kept.is_empty() { (0.0, 0.0) } else { (min, max) };
        let buckets = if max > min { BUCKETS } else { 1 };
        let step = (max - min) / buckets as f64;
        let mut limits: Vec<f64> = (1..buckets).map(|i| min + step * i as f64).collect();
        limits.push(max);
        let mut counts = vec![0.0; buckets];
        for value in &kept {
            counts[limits.partition_point(|limit| limit < value).min(buckets - 1)] += 1.0;
        }
        let squares = kept.iter().map(|v| v * v).sum();
        Buckets {
            min,
            max,
            count: kept.len() as f64,
            sum: kept.iter().sum(),
            squares,
            limits,
            counts,
        }
    }

    /// `tensorflow.HistogramProto`.
    pub(crate) fn message(&self) -> Message {
        let moments = [self.min, self.max, self.count, self.sum, self.squares];
        let message = (1_u32..)
            .zip(moments)
            .fold(Message::default(), |m, (field, value)| m.double(field, value));
        message.doubles(6, &self.limits).doubles(7, &self.counts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_and_one_value_have_one_bucket() {
        assert_eq!(Buckets::of(&[f32::NAN]).counts, [0.0]);
        let one = Buckets::of(&[2.0, 2.0]);
        assert_eq!((one.min, one.max, one.squares), (2.0, 2.0, 8.0));
        assert_eq!((one.limits, one.counts), (vec![2.0], vec![2.0]));
    }

    proptest! {
        #[test]
        fn every_finite_value_is_in_one_bucket(values in prop::collection::vec(any::<f32>(), 0..100)) {
            let found = Buckets::of(&values);
            let finite = values.iter().filter(|v| v.is_finite()).count() as f64;
            prop_assert_eq!(found.counts.iter().sum::<f64>(), finite);
            prop_assert_eq!(found.count, finite);
            prop_assert!(found.limits.windows(2).all(|w| w[0] <= w[1]));
            prop_assert_eq!(found.limits.last().copied(), Some(found.max));
        }
    }
}
