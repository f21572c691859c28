//! Several numbers as one: sum, mean, largest, smallest, count.
//!
//! Added in order, in f64; NaN counts as missing.

use super::Setting;

/// How numbers are pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    Sum,
    Mean,
    Max,
    Min,
    Count,
}

impl Pooling {
    /// The one that `str_args` name; the sum if none is.
    pub(super) fn of(setting: &mut Setting<'_>) -> Pooling {
        match setting.one_of(&["sum", "mean", "max", "min", "count"], true) {
            "mean" => Pooling::Mean,
            "max" => Pooling::Max,
            "min" => Pooling::Min,
            "count" => Pooling::Count,
            _ => Pooling::Sum,
        }
    }
}

/// Numbers on their way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pool {
    count: u32,
    sum: f64,
    max: f64,
    min: f64,
}

impl Pool {
    pub(super) fn new() -> Pool {
        Pool {
            count: 0,
            sum: 0.0,
            max: f64::NEG_INFINITY,
            min: f64::INFINITY,
        }
    }

    /// One more number.
    pub(super) fn add(&mut self, x: f64) {
        if !x.is_nan() {
            self.count = self.count.saturating_add(1);
            self.sum += x;
            self.max = x.max(self.max);
            self.min = x.min(self.min);
        }
    }

    /// The result; none where nothing was added.
    pub(super) fn result(&self, pooling: Pooling) -> Option<f64> {
        let result = match pooling {
            Pooling::Sum => self.sum,
            Pooling::Mean => self.sum / f64::from(self.count),
            Pooling::Max => self.max,
            Pooling::Min => self.min,
            Pooling::Count => f64::from(self.count),
        };
        (self.count > 0).then_some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooled_by_hand() {
        let mut pool = Pool::new();
        assert_eq!(pool.result(Pooling::Sum), None);
        [1.0, f64::NAN, 3.0].into_iter().for_each(|x| pool.add(x));
        let all = [
            Pooling::Sum,
            Pooling::Mean,
            Pooling::Max,
            Pooling::Min,
            Pooling::Count,
        ];
        assert_eq!(
            all.map(|pooling| pool.result(pooling).unwrap()),
            [4.0, 2.0, 3.0, 1.0, 2.0]
        );
    }
}
