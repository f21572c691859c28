//! `bucketize`: numbers as categories, by boundaries that are given or fitted quantiles.
//!
//! Quantiles are taken from a bounded sample: every value up to a limit, then every second, fourth, … in row order. No
//! randomness: equal rows in equal order give equal boundaries.

use super::{Built, Class, Column, Doc, Example, Inputs, Observer, Operator, Out, Setting, Statistics};
use crate::{FieldType, Value};

pub(super) const CLASS: Class = Class {
    name: "bucketize",
    version: 1,
    doc: Doc {
        what: "the interval in which a number lies, as a category",
        inputs: "one number: field int, float, bool, timestamp (seconds), or a feature of floats (its first)",
        args: "args: boundaries, strictly increasing; or, with str_args `quantile`, the number of buckets (2..1024), \
               boundaries then being fitted; with `log`, the base (1.1..1e9, default 2); with `@dictionary.column` (string key, \
               list<float>) none: the boundaries are the dictionary's for the feature's name, or for the one given as \
               `row=NAME`",
        output: "one sign of weight 1: the bucket number as an int",
        formula: "bucket = how many boundaries are <= x, as TensorFlow's Bucketize; log: floor(log_base(1 + |x|)), below 0 -1 minus that",
        missing: "no sign; `default` replaces it",
        examples: &[
            Example::of("a float = 9.9", "args = [10, 20]", "{int 0}"),
            Example::of("a float = 10", "args = [10, 20]", "{int 1}"),
            Example::of(
                "a float = 3.5",
                "args = [2]\nstr_args = [\"quantile\"]",
                "{int 1}",
            )
            .fitted(&["1", "2", "3", "4"]),
            Example::of("a float = 9", "args = [10]\nstr_args = [\"log\"]", "{int 1}"),
            Example::of(
                "price float = 25",
                "str_args = [\"@bounds\", \"row=price\"]",
                "{int 2}",
            )
            .dictionary("bounds: string -> boundaries list<float>: price = 10,20"),
        ],
    },
    depend: (1, 1),
    accepts: |input| input.is_number(),
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    if let Some(column) = setting.column() {
        return loaded(setting, column);
    }
    if setting.flag("log") {
        return by_log(setting);
    }
    if !setting.flag("quantile") {
        let boundaries = setting.all_args().to_vec();
        if boundaries.is_empty() || !increasing(&boundaries) {
            setting.complain(
                "args",
                None,
                "expected boundaries, finite and strictly increasing",
            );
        }
        return Built::sparse(Bucketize {
            boundaries: Some(boundaries),
            buckets: 0,
        });
    }
    let buckets = setting.count("the number of buckets", 2..=1024, None);
    let fitted = setting
        .fitted()
        .map(|entry| entry.numbers.get("boundaries").cloned().unwrap_or_default());
    if fitted
        .as_deref()
        .is_some_and(|boundaries| !increasing(boundaries))
    {
        setting.complain("name", None, "fitted boundaries are not strictly increasing");
    }
    Built::sparse(Bucketize {
        boundaries: fitted,
        buckets,
    })
}

/// Boundaries of a dictionary, found when the plan is bound.
fn loaded(setting: &mut Setting<'_>, column: Column) -> Built {
    if (column.key, column.ty) != (FieldType::String, FieldType::FloatList) {
        setting.complain(
            "str_args",
            None,
            "boundaries have a string key and a column of type list<float>",
        );
    }
    let row = setting
        .prefixed("row=")
        .first()
        .copied()
        .unwrap_or(setting.subject.name);
    let read = setting.fixed(column, row);
    Built::sparse(Loaded { read })
}

struct Loaded {
    read: usize,
}

impl Operator for Loaded {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        if let (Some(x), Value::Floats(boundaries)) = (inputs.number(0), inputs.look(self.read, None)) {
            let bucket = boundaries.partition_point(|boundary| *boundary <= x);
            out.int(i64::try_from(bucket).unwrap_or(i64::MAX));
        }
    }
}

fn by_log(setting: &mut Setting<'_>) -> Built {
    let base = match *setting.all_args() {
        [] => 2.0,
        [base] => base,
        _ => 0.0,
    };
    if !(1.1..=1e9).contains(&base) {
        setting.complain("args", None, "expected a base from 1.1 to 1e9");
    }
    Built::sparse(ByLog { base })
}

/// Buckets that grow by a factor.
struct ByLog {
    base: f64,
}

impl ByLog {
    /// The whole part of the logarithm of v >= 1; set right where the quotient of logarithms is rounded over a power.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "below 10,800: the base is at least 1.1"
    )]
    fn floor_log(&self, v: f64) -> i64 {
        let mut bucket = (libm::log(v) / libm::log(self.base)).floor();
        if libm::pow(self.base, bucket) > v {
            bucket -= 1.0;
        } else if libm::pow(self.base, bucket + 1.0) <= v {
            bucket += 1.0;
        }
        bucket as i64
    }
}

impl Operator for ByLog {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let Some(x) = inputs.number(0).filter(|x| x.is_finite()) else {
            return;
        };
        let bucket = self.floor_log(1.0 + x.abs());
        out.int(if x < 0.0 { -1 - bucket } else { bucket });
    }
}

fn increasing(boundaries: &[f64]) -> bool {
    boundaries.iter().all(|x| x.is_finite()) && boundaries.windows(2).all(|w| w[0] < w[1])
}

struct Bucketize {
    /// None until fitted.
    boundaries: Option<Vec<f64>>,
    /// How many quantile buckets; 0 for given boundaries.
    buckets: usize,
}

impl Operator for Bucketize {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        if let (Some(x), Some(boundaries)) = (inputs.number(0), &self.boundaries) {
            let bucket = boundaries.partition_point(|boundary| *boundary <= x);
            out.int(i64::try_from(bucket).unwrap_or(i64::MAX));
        }
    }

    fn observer(&self) -> Option<Box<dyn Observer>> {
        (self.buckets > 0).then(|| Box::new(Sample::new(self.buckets)) as Box<dyn Observer>)
    }
}

/// How many values a sample may hold.
const LIMIT: usize = 1 << 20;

/// A bounded, evenly thinned sample of the values.
struct Sample {
    buckets: usize,
    values: Vec<f64>,
    /// Every how many-th value is kept.
    stride: u64,
    count: u64,
}

impl Sample {
    fn new(buckets: usize) -> Sample {
        Sample {
            buckets,
            values: Vec::new(),
            stride: 1,
            count: 0,
        }
    }

    fn add(&mut self, x: f64) {
        if self.count.is_multiple_of(self.stride) {
            if self.values.len() == LIMIT {
                let mut i = 0;
                self.values.retain(|_| {
                    i += 1;
                    i % 2 == 1
                });
                self.stride *= 2;
            }
            if self.count.is_multiple_of(self.stride) {
                self.values.push(x);
            }
        }
        self.count += 1;
    }

    /// The values at ranks n/buckets, 2n/buckets, …; equal ones once.
    fn boundaries(mut self) -> Vec<f64> {
        self.values.sort_by(f64::total_cmp);
        let ranks = (1..self.buckets).map(|b| b * self.values.len() / self.buckets);
        let mut boundaries: Vec<f64> = ranks.filter_map(|rank| self.values.get(rank).copied()).collect();
        boundaries.dedup();
        boundaries
    }
}

impl Observer for Sample {
    fn observe(&mut self, inputs: &Inputs<'_>) {
        if let Some(x) = inputs.number(0).filter(|x| x.is_finite()) {
            self.add(if x == 0.0 { 0.0 } else { x });
        }
    }

    fn finish(self: Box<Self>) -> Statistics {
        Statistics {
            count: self.count,
            numbers: [("boundaries".to_owned(), self.boundaries())].into(),
            ..Statistics::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_of_a_line() {
        let mut sample = Sample::new(4);
        (0..100).for_each(|x| sample.add(f64::from(x)));
        assert_eq!(sample.boundaries(), [25.0, 50.0, 75.0]);
    }

    #[test]
    fn equal_values_make_fewer_buckets() {
        let mut sample = Sample::new(4);
        [1.0, 1.0, 1.0, 2.0].into_iter().for_each(|x| sample.add(x));
        assert_eq!(sample.boundaries(), [1.0, 2.0]);
        assert!(Sample::new(4).boundaries().is_empty());
    }

    #[test]
    fn large_samples_are_thinned_evenly() {
        let mut sample = Sample::new(2);
        (0..3 * LIMIT).for_each(|x| sample.add(x as f64));
        assert!(sample.values.len() <= LIMIT);
        assert!(
            sample
                .values
                .windows(2)
                .all(|w| w[1] - w[0] == sample.stride as f64)
        );
        let middle = 1.5 * LIMIT as f64;
        assert!((sample.boundaries()[0] - middle).abs() < 8.0);
    }
}
