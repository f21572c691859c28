//! From numbers to pixels: value ranges, round ticks and their labels.
//!
//! Flow: every chart asks a [`Range`] for its ticks and a [`Scale`] for positions. Decision: a range is always finite and
//! wider than zero, whatever the data, so that no later step divides by zero or prints `NaN`.

/// Values beyond this are treated as not finite: their differences would overflow.
const LARGEST: f64 = 1e300;
/// Magnitudes below this are treated as zero.
const SMALLEST: f64 = 1e-290;

/// Says whether `value` can be drawn.
pub(crate) fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() <= LARGEST
}

/// A finite interval with `high > low`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Range {
    /// Covers all drawable `values`; 0 … 1 when there are none, and a tenth either side when they are all equal.
    pub(crate) fn covering(values: impl Iterator<Item = f64>) -> Range {
        let (low, high) = values
            .filter(|v| drawable(*v))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        if low > high {
            return Range { low: 0.0, high: 1.0 };
        }
        let size = low.abs().max(high.abs());
        if high - low > (size * 1e-9).max(SMALLEST) {
            return Range { low, high };
        }
        let margin = if size > SMALLEST { size * 0.1 } else { 1.0 };
        Range {
            low: low - margin,
            high: high + margin,
        }
    }

    /// Widens the range to whole ticks, about `count` of them; `whole` allows no steps below 1.
    pub(crate) fn ticks(self, count: usize, whole: bool) -> Ticks {
        let step = round_step((self.high - self.low) / count.max(1) as f64);
        let step = if whole { step.max(1.0).ceil() } else { step };
        let first = (self.low / step + 1e-9).floor();
        let last = (self.high / step - 1e-9).ceil().max(first + 1.0);
        let mut values = Vec::new();
        while values.len() < 4 * count + 4 {
            let index = first + values.len() as f64;
            values.push(index * step);
            if index >= last {
                break;
            }
        }
        Ticks { values, step }
    }
}

/// Round values in ascending order, `step` apart; never fewer than two.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ticks {
    pub(crate) values: Vec<f64>,
    pub(crate) step: f64,
}

impl Ticks {
    /// The range from the first to the last tick.
    pub(crate) fn range(&self) -> Range {
        match (self.values.first(), self.values.last()) {
            (Some(&low), Some(&high)) if high > low => Range { low, high },
            _ => Range { low: 0.0, high: 1.0 },
        }
    }

    /// Labels of all ticks, with the same unit and number of decimals.
    pub(crate) fn labels(&self) -> Vec<String> {
        let size = self.values.iter().fold(0.0_f64, |size, v| size.max(v.abs()));
        let (divisor, unit) = match size {
            s if s >= 1e12 || self.step < 1e-6 => (0.0, ""),
            s if s >= 1e9 => (1e9, "G"),
            s if s >= 1e6 => (1e6, "M"),
            s if s >= 1e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        self.values
            .iter()
            .map(|v| self.label(*v, divisor, unit))
            .collect()
    }

    fn label(&self, value: f64, divisor: f64, unit: &str) -> String {
        if value == 0.0 {
            return "0".to_owned();
        }
        if divisor == 0.0 {
            return exponent(value);
        }
        let text = format!("{:.*}", decimals(self.step / divisor), value / divisor);
        format!("{}{unit}", text.replace('-', "−"))
    }
}

/// The number of decimals that tells multiples of `step` apart (0 … 8).
fn decimals(step: f64) -> usize {
    (0_usize..8)
        .find(|&n| {
            let shifted = step * 10_f64.powf(n as f64);
            (shifted - shifted.round()).abs() < 1e-6 * shifted && shifted >= 1.0 - 1e-6
        })
        .unwrap_or(8)
}

/// The next of 1, 2, 2.5, 5 × a power of ten at or above `raw`.
fn round_step(raw: f64) -> f64 {
    let power = 10_f64.powf(raw.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= raw * 0.999_999)
        .unwrap_or(raw)
}

fn exponent(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    format!("{mantissa}e{power}").replace('-', "−")
}

/// Prints one value for a tooltip or a bar's end: four decimals at most, exponents only when very large or small.
pub(crate) fn value_label(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value != 0.0 && !(1e-4..1e9).contains(&value.abs()) {
        return exponent(value);
    }
    crate::svg::number_with(value, 4).replace('-', "−")
}

/// Maps a [`Range`] linearly onto pixels `from` … `to` (`from > to` for upward axes).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) range: Range,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

impl Scale {
    /// The pixel of `value`; values outside the range go to the nearer end.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let share = (value - self.range.low) / (self.range.high - self.range.low);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(low: f64, high: f64) -> Vec<String> {
        Range { low, high }.ticks(4, false).labels()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(0.0, 1.0), ["0", "0.25", "0.50", "0.75", "1.00"]);
        assert_eq!(
            labels(0.612, 0.687),
            ["0.60", "0.62", "0.64", "0.66", "0.68", "0.70"]
        );
        assert_eq!(labels(0.0, 23_000.0), ["0", "10k", "20k", "30k"]);
        assert_eq!(labels(-3.0, 2.0), ["−4", "−2", "0", "2"]);
        assert_eq!(labels(0.0, 3e15), ["0", "1e15", "2e15", "3e15"]);
        assert_eq!(labels(0.0, 3_000_000.0), ["0", "1M", "2M", "3M"]);
    }

    #[test]
    fn whole_ticks_have_no_fractions() {
        let ticks = Range { low: 1.0, high: 3.0 }.ticks(8, true);
        assert_eq!(ticks.values, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn nothing_and_one_value_still_make_a_range() {
        assert_eq!(Range::covering([].into_iter()), Range { low: 0.0, high: 1.0 });
        assert_eq!(
            Range::covering([f64::NAN, f64::INFINITY].into_iter()),
            Range { low: 0.0, high: 1.0 }
        );
        let one = Range::covering([0.8].into_iter());
        assert!(one.low < 0.8 && one.high > 0.8 && one.high < 1.0);
        assert_eq!(
            Range::covering([0.0, 0.0].into_iter()),
            Range { low: -1.0, high: 1.0 }
        );
    }

    #[test]
    fn values_for_reading() {
        assert_eq!(value_label(0.781_512), "0.7815");
        assert_eq!(value_label(-2.0), "−2");
        assert_eq!(value_label(1.5e-7), "1.5e−7");
        assert_eq!(value_label(f64::NAN), "–");
    }

    proptest! {
        #[test]
        fn ticks_cover_the_data(values in prop::collection::vec(any::<f64>(), 0..20), count in 1_usize..10) {
            let range = Range::covering(values.iter().copied());
            prop_assert!(range.high > range.low);
            let ticks = range.ticks(count, false);
            prop_assert!(ticks.values.len() >= 2 && ticks.values.iter().all(|v| v.is_finite()));
            let wide = ticks.range();
            let slack = (range.high - range.low) * 1e-6;
            prop_assert!(wide.low <= range.low + slack && wide.high >= range.high - slack);
            let scale = Scale { range: wide, from: 300.0, to: 10.0 };
            prop_assert!(values.iter().filter(|v| drawable(**v)).all(|v| (10.0..=300.0).contains(&scale.at(*v))));
        }
    }
}
