//! `normalize`: numbers on a common scale, by statistics that are given or fitted.
//!
//! Fitted statistics are exact in the sense that they depend on the values and their order only: Welford's recurrence
//! (Technometrics 4, 1962) in f64, row by row.

use super::expression::compile;
use super::formula::Formula;
use super::{Built, Class, Doc, Example, Inputs, Observer, Operator, Out, Setting, Statistics};

pub(super) const CLASS: Class = Class {
    name: "normalize",
    version: 1,
    doc: Doc {
        what: "a number moved and scaled by statistics of the training rows, or by a formula",
        inputs: "one number: field int, float, bool, timestamp (seconds), or a feature of floats (its first)",
        args: "str_args: `zscore` (default), `minmax`, `log1p`, `log10`, or `expr=` and an expression in `x`; `flag` adds a float that is 1 where the input was missing. \
               args: none (fitted where statistics are needed), or [mean, std] or [min, max]",
        output: "one float, two with `flag`",
        formula: "zscore: (x - mean) / std, population std; minmax: (x - min) / (max - min), cut to 0..1; \
                  0 where the divisor is 0; log1p: ln(1 + x); log10: log10(x); expr: as `expression` computes it",
        missing: "0 after scaling (for zscore the mean); `default` replaces it before",
        examples: &[
            Example::of("a float = 4", "args = [3.5, 0.5]", "[1]"),
            Example::of("a float = 3", "str_args = [\"minmax\"]", "[0.5]").fitted(&["2", "4"]),
            Example::of("a float = 12", "str_args = [\"expr=x > 10 ? 10 : x\"]", "[10]"),
            Example::of("a float = 100", "str_args = [\"log10\"]", "[2]"),
        ],
    },
    depend: (1, 1),
    accepts: |input| input.is_number(),
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let text = match setting.prefixed("expr=").first() {
        Some(text) => Some(*text),
        None if setting.has("log1p") => Some("log1p(x)"),
        None if setting.has("log10") => Some("log10(x)"),
        None => None,
    };
    match text {
        Some(text) => by_formula(setting, text),
        None => by_statistics(setting),
    }
}

fn by_formula(setting: &mut Setting<'_>, text: &str) -> Built {
    let _ = (setting.flag("log1p"), setting.flag("log10"));
    let formula = compile(setting, text, &["x"]);
    let flag = setting.flag("flag");
    Built::dense(1 + usize::from(flag), ByFormula { formula, flag })
}

/// A number by a formula of it.
struct ByFormula {
    /// None after a fault.
    formula: Option<Formula>,
    flag: bool,
}

impl Operator for ByFormula {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let formula = self.formula.as_ref();
        let value = inputs
            .number(0)
            .zip(formula)
            .map(|(x, formula)| formula.value(|_| x));
        out.flagged(value, inputs.was_missing(0), self.flag);
    }
}

fn by_statistics(setting: &mut Setting<'_>) -> Built {
    let zscore = setting.one_of(&["zscore", "minmax"], true) == "zscore";
    let flag = setting.flag("flag");
    let scale = match (setting.all_args(), zscore) {
        ([], true) => setting.fitted_numbers(["mean", "std"]),
        ([], false) => setting
            .fitted_numbers(["min", "max"])
            .map(|[min, max]| [min, max - min]),
        (&[mean, std], true) if std >= 0.0 => Some([mean, std]),
        (&[min, max], false) if max >= min => Some([min, max - min]),
        _ => {
            setting.complain(
                "args",
                None,
                "expected no args, or [mean, std], or [min, max] in this order",
            );
            None
        }
    };
    Built::dense(1 + usize::from(flag), Normalize { zscore, flag, scale })
}

struct Normalize {
    zscore: bool,
    flag: bool,
    /// Offset and divisor; none until fitted.
    scale: Option<[f64; 2]>,
}

impl Normalize {
    fn scaled(&self, x: f64) -> Option<f64> {
        let [offset, divisor] = self.scale?;
        let scaled = if divisor == 0.0 {
            0.0
        } else {
            (x - offset) / divisor
        };
        Some(if self.zscore {
            scaled
        } else {
            scaled.clamp(0.0, 1.0)
        })
    }
}

impl Operator for Normalize {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let value = inputs.number(0).and_then(|x| self.scaled(x));
        out.flagged(value, inputs.was_missing(0), self.flag);
    }

    fn observer(&self) -> Option<Box<dyn Observer>> {
        Some(Box::new(Moments {
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            ..Moments::default()
        }))
    }
}

/// Count, mean, sum of squared deviations (Welford), smallest and largest.
#[derive(Default)]
struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Moments {
    fn add(&mut self, x: f64) {
        self.count += 1;
        let delta = x - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (x - self.mean);
        self.min = self.min.min(x);
        self.max = self.max.max(x);
    }
}

impl Observer for Moments {
    fn observe(&mut self, inputs: &Inputs<'_>) {
        if let Some(x) = inputs.number(0).filter(|x| x.is_finite()) {
            self.add(x);
        }
    }

    fn finish(self: Box<Self>) -> Statistics {
        let std = (self.squares / (self.count.max(1) as f64)).sqrt();
        let (min, max) = if self.count == 0 {
            (0.0, 0.0)
        } else {
            (self.min, self.max)
        };
        let numbers = [("mean", self.mean), ("std", std), ("min", min), ("max", max)];
        Statistics {
            count: self.count,
            numbers: numbers.map(|(name, x)| (name.to_owned(), vec![x])).into(),
            ..Statistics::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn moments(values: &[f64]) -> BTreeMap<String, Vec<f64>> {
        let mut moments = Box::new(Moments {
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            ..Moments::default()
        });
        values.iter().for_each(|x| moments.add(*x));
        moments.finish().numbers
    }

    #[test]
    fn moments_by_hand() {
        let found = moments(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(
            (found["mean"][0], found["min"][0], found["max"][0]),
            (5.0, 2.0, 9.0)
        );
        assert!((found["std"][0] - 2.0).abs() < 1e-15);
    }

    #[test]
    fn moments_of_nothing_are_zero() {
        assert!(moments(&[]).values().all(|x| x == &[0.0]));
    }

    #[test]
    fn moments_far_from_zero_keep_their_spread() {
        let found = moments(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
        assert!((found["std"][0] - 22.5f64.sqrt()).abs() < 1e-9);
    }
}
