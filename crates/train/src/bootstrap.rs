//! How sure a difference is: paired bootstrap of metrics, by row or by user (Efron 1979; percentile interval).
//!
//! Flow: per-metric closures over row weights → the same resamples for all of them → differences → interval. Decision: a
//! resample is a weight per row (how often it was drawn), so that a metric that sorts once serves a thousand resamples;
//! by user is the honest unit for recommendations, because rows of one user are not independent. Many rows make intervals narrow
//! and resamples dear, so there are fewer resamples of them ([`Bootstrap::bounded`]).

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rustc_hash::FxHashMap;

use crate::metric::Bounds;

/// Values that the resamples of one figure may visit before there are fewer of them.
const VISITS: usize = 200_000_000;

/// There are never fewer resamples than this for want of time.
const LEAST: usize = 100;

/// What is drawn with replacement.
#[derive(Debug, Clone, Copy)]
pub enum Unit<'a> {
    /// Single rows; the number of rows.
    Row(usize),
    /// All rows of a user together; the user of each row.
    User(&'a [i64]),
}

/// Settings of a bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bootstrap {
    /// How many resamples; 1,000 by default.
    pub resamples: usize,
    /// Seed of the generator (xoshiro256++); same seed, same interval.
    pub seed: u64,
    /// Share of resamples inside the interval; 0.95 by default.
    pub level: f64,
}

impl Default for Bootstrap {
    fn default() -> Bootstrap {
        Bootstrap {
            resamples: 1_000,
            seed: 1,
            level: 0.95,
        }
    }
}

/// A difference with its interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Interval {
    /// The difference on the data as it is.
    pub difference: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Resamples in which both figures were defined.
    pub resamples: usize,
}

impl Interval {
    /// Says whether zero lies below the whole interval: the first is better beyond chance.
    pub fn above_zero(&self) -> bool {
        self.low > 0.0
    }
}

/// A figure of the data under a weight per row; `None` where it is not defined.
pub type Metric<'a> = dyn Fn(&[f64]) -> Option<f64> + 'a;

impl Bootstrap {
    /// The interval of `first − second` under common resamples; `base` are the rows' own weights (1 each without).
    ///
    /// ```
    /// use rankine_train::{bootstrap::{Bootstrap, Unit}, metric::Ranked};
    ///
    /// let labels: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
    /// let good: Vec<f64> = (0..400).map(|i| f64::from(i % 2) + f64::from(i % 5) / 4.0).collect();
    /// let poor: Vec<f64> = (0..400).map(|i| f64::from(i % 7)).collect();
    /// let (good, poor) = (Ranked::new(&labels, &good).unwrap(), Ranked::new(&labels, &poor).unwrap());
    /// let interval = Bootstrap::default()
    ///     .paired(Unit::Row(400), None, &|w| good.auc(Some(w)), &|w| poor.auc(Some(w)))
    ///     .unwrap();
    /// assert!(interval.above_zero());
    /// ```
    pub fn paired(
        &self,
        unit: Unit,
        base: Option<&[f64]>,
        first: &Metric,
        second: &Metric,
    ) -> Option<Interval> {
        let own = base.map_or_else(|| vec![1.0; unit.rows()], <[f64]>::to_vec);
        let difference = first(&own)? - second(&own)?;
        let drawn = self.figures(unit, base, &[first, second]);
        self.interval(difference, &drawn[0], &drawn[1])
    }

    /// The same with as many resamples as figures of so many values are worth: 200 million values visited, but at least 100
    /// resamples; up to 200,000 values nothing changes.
    #[must_use]
    pub fn bounded(&self, values: usize) -> Bootstrap {
        Bootstrap {
            resamples: self.resamples.min((VISITS / values.max(1)).max(LEAST)),
            ..*self
        }
    }

    /// Every metric under every resample: one list per metric, in the order of the resamples.
    pub fn figures(&self, unit: Unit, base: Option<&[f64]>, metrics: &[&Metric]) -> Vec<Vec<Option<f64>>> {
        let mut answer = vec![Vec::with_capacity(self.resamples); metrics.len()];
        self.each(unit, base, |weights| {
            for (figures, metric) in answer.iter_mut().zip(metrics) {
                figures.push(metric(weights));
            }
        });
        answer
    }

    /// Calls `visit` with the rows' weights under every resample, in turn.
    pub fn each(&self, unit: Unit, base: Option<&[f64]>, mut visit: impl FnMut(&[f64])) {
        let mut draws = Draws::new(unit, self.seed);
        let mut weights = vec![0.0; unit.rows()];
        for _ in 0..self.resamples {
            draws.next(&mut weights);
            if let Some(base) = base {
                weights
                    .iter_mut()
                    .zip(base)
                    .for_each(|(weight, own)| *weight *= own);
            }
            visit(&weights);
        }
    }

    /// The percentile interval of one list made by [`Bootstrap::figures`].
    pub fn bounds(&self, drawn: &[Option<f64>]) -> Option<Bounds> {
        let nothing = vec![Some(0.0); drawn.len()];
        let interval = self.interval(0.0, drawn, &nothing)?;
        Some(Bounds {
            low: interval.low,
            high: interval.high,
        })
    }

    /// The percentile interval of the differences of two lists made by [`Bootstrap::figures`].
    pub fn interval(
        &self,
        difference: f64,
        first: &[Option<f64>],
        second: &[Option<f64>],
    ) -> Option<Interval> {
        let mut differences: Vec<f64> = first
            .iter()
            .zip(second)
            .filter_map(|(a, b)| Some((*a)? - (*b)?))
            .collect();
        differences.sort_by(f64::total_cmp);
        let tail = (1.0 - self.level.clamp(0.0, 1.0)) / 2.0;
        let (low, high) = (quantile(&differences, tail)?, quantile(&differences, 1.0 - tail)?);
        Some(Interval {
            difference,
            low,
            high,
            resamples: differences.len(),
        })
    }
}

impl Unit<'_> {
    fn rows(&self) -> usize {
        match self {
            Unit::Row(rows) => *rows,
            Unit::User(users) => users.len(),
        }
    }

    /// For each row the number of its unit, and how many units there are; units in the order of their first row.
    pub(crate) fn numbered(&self) -> (Vec<usize>, usize) {
        match self {
            Unit::Row(rows) => ((0..*rows).collect(), *rows),
            Unit::User(users) => {
                let mut numbers = FxHashMap::default();
                let unit_of = users.iter().map(|user| {
                    let next = numbers.len();
                    *numbers.entry(*user).or_insert(next)
                });
                let unit_of: Vec<usize> = unit_of.collect();
                (unit_of, numbers.len())
            }
        }
    }
}

/// A mean as its sums by unit, so that a resample visits units and not rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    /// What each unit adds, and over what the whole is divided.
    top: Vec<f64>,
    bottom: Vec<f64>,
}

impl Sums {
    /// Of so many units, which have nothing yet.
    pub(crate) fn new(units: usize) -> Sums {
        Sums {
            top: vec![0.0; units],
            bottom: vec![0.0; units],
        }
    }

    /// Adds a weighted value to a unit.
    pub(crate) fn add(&mut self, unit: usize, weight: f64, value: f64) {
        self.top[unit] += weight * value;
        self.bottom[unit] += weight;
    }

    /// Adds a unit with these values.
    pub(crate) fn push(&mut self, values: &[f64]) {
        self.top.push(values.iter().sum());
        self.bottom.push(values.len() as f64);
    }

    /// The mean where each unit stands as often as it was drawn; `None` where none has anything.
    pub(crate) fn under(&self, counts: &[f64]) -> Option<f64> {
        let bottom = self.bottom(counts);
        (bottom > 0.0).then(|| weighed(&self.top, counts) / bottom)
    }

    /// The sum of weights, likewise.
    pub(crate) fn bottom(&self, counts: &[f64]) -> f64 {
        weighed(&self.bottom, counts)
    }

    /// The sum of weights where each unit stands once.
    pub(crate) fn whole(&self) -> f64 {
        self.bottom.iter().sum()
    }
}

fn weighed(values: &[f64], counts: &[f64]) -> f64 {
    values
        .iter()
        .zip(counts)
        .map(|(value, count)| value * count)
        .sum()
}

/// A stream of resamples.
struct Draws {
    random: Xoshiro256PlusPlus,
    unit_of: Vec<usize>,
    counts: Vec<f64>,
}

impl Draws {
    fn new(unit: Unit, seed: u64) -> Draws {
        let (unit_of, units) = unit.numbered();
        Draws {
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            unit_of,
            counts: vec![0.0; units],
        }
    }

    /// Draws as many units as there are and writes how often each row's unit came.
    fn next(&mut self, weights: &mut [f64]) {
        self.counts.fill(0.0);
        let units = self.counts.len();
        for _ in 0..units {
            let drawn = below(&mut self.random, units);
            self.counts[drawn] += 1.0;
        }
        for (weight, unit) in weights.iter_mut().zip(&self.unit_of) {
            *weight = self.counts[*unit];
        }
    }
}

/// A number below `limit`, by multiply-shift (Lemire 2019); its bias, `limit` / 2⁶⁴, is far below what can be seen.
fn below(random: &mut Xoshiro256PlusPlus, limit: usize) -> usize {
    let wide = u128::from(random.next_u64()) * limit as u128;
    usize::try_from(wide >> 64).unwrap_or(0)
}

/// The `share` quantile of sorted values, linear between neighbours (numpy's default); `None` when there are none.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 <= place < sorted.len()"
    )]
    let below = place.floor() as usize;
    let low = sorted.get(below)?;
    let high = sorted.get(below + 1).unwrap_or(low);
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mean_of(values: &[f64]) -> impl Fn(&[f64]) -> Option<f64> {
        move |weights| {
            let total: f64 = weights.iter().sum();
            (total > 0.0).then(|| weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / total)
        }
    }

    fn noise(rows: usize, seed: u64) -> Vec<f64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        (0..rows)
            .map(|_| below(&mut random, 1 << 20) as f64 / f64::from(1 << 20))
            .collect()
    }

    #[test]
    fn the_interval_of_a_mean_has_the_normal_width() {
        let (first, second) = (noise(1_000, 7), noise(1_000, 8));
        let found = Bootstrap::default()
            .paired(Unit::Row(1_000), None, &mean_of(&first), &mean_of(&second))
            .unwrap();
        // uniform − uniform: variance 1/6; 2 × 1.96 standard errors wide
        let expected = 2.0 * 1.96 * (1.0_f64 / 6.0 / 1_000.0).sqrt();
        assert!(
            ((found.high - found.low) / expected - 1.0).abs() < 0.12,
            "{found:?} {expected}"
        );
        assert!(found.low < found.difference && found.difference < found.high);
        assert_eq!(found.resamples, 1_000);
    }

    #[test]
    fn pairing_removes_what_both_share() {
        let first = noise(500, 3);
        let second: Vec<f64> = first.iter().map(|v| v - 0.01).collect();
        let found = Bootstrap::default()
            .paired(Unit::Row(500), None, &mean_of(&first), &mean_of(&second))
            .unwrap();
        assert!(found.above_zero() && (found.high - found.low).abs() < 1e-9);
    }

    #[test]
    fn by_user_copies_of_a_row_add_nothing() {
        let (values, zero) = (noise(200, 5), vec![0.0; 200]);
        let once = Bootstrap::default()
            .paired(Unit::Row(200), None, &mean_of(&values), &mean_of(&zero))
            .unwrap();
        let copies: Vec<f64> = values.iter().flat_map(|v| [*v; 9]).collect();
        let users: Vec<i64> = (0..200).flat_map(|user| [user * 31; 9]).collect();
        let zero = vec![0.0; copies.len()];
        let metric = mean_of(&copies);
        let by_user = Bootstrap::default()
            .paired(Unit::User(&users), None, &metric, &mean_of(&zero))
            .unwrap();
        assert!((by_user.low - once.low).abs() < 1e-12 && (by_user.high - once.high).abs() < 1e-12);
        let by_row = Bootstrap::default()
            .paired(Unit::Row(users.len()), None, &metric, &mean_of(&zero))
            .unwrap();
        let width = |i: Interval| i.high - i.low;
        assert!(width(by_row) < 0.5 * width(by_user));
    }

    #[test]
    fn a_seed_decides_everything() {
        let (first, second) = (noise(100, 1), noise(100, 2));
        let run = |seed| {
            let settings = Bootstrap {
                seed,
                resamples: 50,
                ..Bootstrap::default()
            };
            settings
                .paired(Unit::Row(100), None, &mean_of(&first), &mean_of(&second))
                .unwrap()
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }

    #[test]
    fn undefined_resamples_are_counted_out() {
        let settings = Bootstrap {
            resamples: 200,
            ..Bootstrap::default()
        };
        let first = |w: &[f64]| (w[0] > 0.0).then_some(1.0);
        let found = settings
            .paired(Unit::Row(2), None, &first, &|_| Some(0.0))
            .unwrap();
        assert!((100..200).contains(&found.resamples));
        assert_eq!(
            settings.paired(Unit::Row(2), None, &|_| None, &|_| Some(0.0)),
            None
        );
        assert_eq!(settings.paired(Unit::Row(0), None, &|_| None, &|_| None), None);
    }

    #[test]
    fn many_rows_have_fewer_resamples() {
        let of = |values| Bootstrap::default().bounded(values).resamples;
        let found = [0, 200_000, 1_000_000, usize::MAX].map(of);
        assert_eq!(found, [1_000, 1_000, 200, 100]);
        let few = Bootstrap {
            resamples: 5,
            ..Bootstrap::default()
        };
        assert_eq!(few.bounded(9_000_000).resamples, 5);
    }

    #[test]
    fn quantiles_are_numpys() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.25), Some(1.5));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    proptest! {
        #[test]
        fn a_resample_has_as_many_units_as_the_data(users in prop::collection::vec(0..9_i64, 1..60), seed in any::<u64>()) {
            let mut weights = vec![0.0; users.len()];
            Draws::new(Unit::User(&users), seed).next(&mut weights);
            let mut by_user = std::collections::BTreeMap::new();
            for (user, weight) in users.iter().zip(&weights) {
                prop_assert_eq!(*by_user.entry(user).or_insert(*weight), *weight);
            }
            prop_assert_eq!(by_user.values().sum::<f64>(), by_user.len() as f64);
        }
    }
}
