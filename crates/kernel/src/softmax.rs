//! Powers of many scores and their sum: the inner loop of a softmax over a batch's candidates.
//!
//! A batch of 4,096 asks for sixteen million powers a step. f32 goes by the polynomial of [`crate::logistic`], which the compiler
//! spreads over a register; the sum has sixteen virtual lanes and a fixed tree, so that the bits are those of the scalar twin on every
//! machine. f64 keeps `libm`'s function and one sum in order: it is what gradients are checked against.

use crate::logistic::fall;
use crate::machine::Machine;
use crate::real::Real;

const LANES: usize = 16;

/// Replaces every score s by e^(s − top), top being the largest of them and `least`; returns top and the sum of the powers. A score of −∞
/// becomes 0; f32 within 2e-7 of exact, relatively, but for the rounding of s − top, and 0 below e^-87. What is no number stays none, and so does its sum.
#[must_use]
pub fn powers<T: Real>(scores: &mut [T], least: T) -> (T, T) {
    T::powers(Machine::detect(), scores, least)
}

/// [`powers`] of f64, one after another.
pub(crate) fn exact(_: Machine, scores: &mut [f64], least: f64) -> (f64, f64) {
    let top = scores
        .iter()
        .fold(least, |top, s| if *s > top { *s } else { top });
    let mut sum = 0.0;
    for s in scores.iter_mut() {
        *s = libm::exp(*s - top);
        sum += *s;
    }
    (top, sum)
}

/// [`powers`] of f32 with the registers of a machine.
pub(crate) fn fast(machine: Machine, scores: &mut [f32], least: f32) -> (f32, f32) {
    match machine {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: callers name only machines of this processor.
        Machine::Avx512 => unsafe { avx512(scores, least) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx2 => unsafe { avx2(scores, least) },
        _ => each(scores, least),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(scores: &mut [f32], least: f32) -> (f32, f32) {
    each(scores, least)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(scores: &mut [f32], least: f32) -> (f32, f32) {
    each(scores, least)
}

#[inline(always)]
fn each(scores: &mut [f32], least: f32) -> (f32, f32) {
    let top = by_lanes(scores, [least; LANES], |top, s| if s > top { s } else { top });
    for s in scores.iter_mut() {
        let a = top - *s;
        let power = fall(a);
        *s = if a > 87.0 { 0.0 } else { power };
    }
    let sum = by_lanes(scores, [0.0; LANES], |sum, s| sum + s);
    (top, sum)
}

/// Joins all numbers: the i-th into lane i mod 16, then the lanes 8 and 8, 4 and 4, 2 and 2, 1 and 1.
#[inline(always)]
fn by_lanes(numbers: &[f32], mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let (whole, rest) = numbers.as_chunks::<LANES>();
    for chunk in whole {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = join(*lane, *x);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = join(*lane, *x);
    }
    for half in [8, 4, 2, 1] {
        for l in 0..half {
            lanes[l] = join(lanes[l], lanes[l + half]);
        }
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_machine_says_the_same_and_nearly_what_f64_says(
            scores in proptest::collection::vec(-60.0f32..60.0, 0..70),
        ) {
            let mut one = scores.clone();
            let told = fast(Machine::Scalar, &mut one, -3.0);
            for machine in Machine::available() {
                let mut other = scores.clone();
                prop_assert_eq!(fast(machine, &mut other, -3.0), told);
                prop_assert_eq!(&other, &one);
            }
            let mut wide: Vec<f64> = scores.iter().map(|s| f64::from(*s)).collect();
            let (top, sum) = powers(&mut wide, -3.0);
            prop_assert_eq!(f64::from(told.0), top);
            prop_assert!((f64::from(told.1) - sum).abs() <= 1e-5 * sum);
            for ((a, b), s) in one.iter().zip(&wide).zip(&scores) {
                let rounded = (top - f64::from(*s)) * 6e-8;
                prop_assert!((f64::from(*a) - b).abs() <= (4e-7 + rounded) * b + 1e-37, "{} for {}", a, b);
            }
        }
    }

    #[test]
    fn what_does_not_count_is_nothing_and_nan_stays_nan() {
        let mut scores = [f32::NEG_INFINITY, 2.0, -500.0];
        assert_eq!(powers(&mut scores, 1.0), (2.0, 1.0));
        assert_eq!(scores, [0.0, 1.0, 0.0]);
        let mut none: [f32; 0] = [];
        assert_eq!(powers(&mut none, 0.5), (0.5, 0.0));
        let (_, sum) = powers(&mut [f32::NAN, 1.0], 0.0);
        assert!(sum.is_nan());
    }
}
