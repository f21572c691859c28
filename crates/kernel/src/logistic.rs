//! What a logit says: its probability and the cost of its being wrong, many at a time.
//!
//! A training loop asks this of every sample. f32 goes by polynomials that the compiler spreads over a register; each is plain
//! products and sums, none fused, so that the bits are those of the scalar twin on every machine. f64 keeps `libm`'s functions:
//! it is what gradients are checked against.

use crate::activation::{sigmoid, softplus};
use crate::machine::Machine;
use crate::real::Real;

/// Writes σ(z) to `answers` and ln(1 + e^z) to `costs` for every logit z. f32 is within 2e-7 of exact, relatively, where
/// |z| < 80; beyond, the smaller side of σ and of the cost stays at e^-87. NaN stays NaN.
///
/// # Panics
/// If the lengths differ.
pub fn logistic<T: Real>(logits: &[T], answers: &mut [T], costs: &mut [T]) {
    assert!(
        logits.len() == answers.len() && logits.len() == costs.len(),
        "as many places as logits"
    );
    T::logistic(Machine::detect(), logits, answers, costs);
}

/// [`logistic`] of f64, one after another.
pub(crate) fn exact(_: Machine, logits: &[f64], answers: &mut [f64], costs: &mut [f64]) {
    for ((&z, answer), cost) in logits.iter().zip(answers).zip(costs) {
        (*answer, *cost) = (sigmoid(z), softplus(z));
    }
}

/// [`logistic`] of f32 with the registers of a machine.
pub(crate) fn fast(machine: Machine, logits: &[f32], answers: &mut [f32], costs: &mut [f32]) {
    match machine {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: callers name only machines of this processor.
        Machine::Avx512 => unsafe { avx512(logits, answers, costs) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx2 => unsafe { avx2(logits, answers, costs) },
        _ => each(logits, answers, costs),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(logits: &[f32], answers: &mut [f32], costs: &mut [f32]) {
    each(logits, answers, costs);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(logits: &[f32], answers: &mut [f32], costs: &mut [f32]) {
    each(logits, answers, costs);
}

#[inline(always)]
fn each(logits: &[f32], answers: &mut [f32], costs: &mut [f32]) {
    for ((&z, answer), cost) in logits.iter().zip(answers).zip(costs) {
        let e = fall(z.abs());
        let (high, top) = if z > 0.0 { (z, 1.0) } else { (0.0, e) };
        *answer = top / (1.0 + e);
        *cost = high + log(e);
    }
}

/// e^-a for a from 0; a beyond 87 counts as 87. Cephes' polynomial on a ln 2 wide interval, times a power of two.
#[inline(always)]
pub(crate) fn fall(a: f32) -> f32 {
    // adding it leaves an integer in the lowest bits
    const ROUND: f32 = 12_582_912.0;
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -2.121_944_4e-4;
    let a = if a > 87.0 { 87.0 } else { a };
    let shifted = ROUND - a * std::f32::consts::LOG2_E;
    let n = shifted - ROUND;
    let r = (-a - n * HIGH) - n * LOW;
    let mut p = 1.987_569_1e-4;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = p * r + c;
    }
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    (p * r * r + r + 1.0) * f32::from_bits(power)
}

/// ln(1 + e) for e in 0..=1, by the series of 2·artanh(e / (2 + e)).
#[inline(always)]
fn log(e: f32) -> f32 {
    let s = e / (2.0 + e);
    let square = s * s;
    let mut p = 1.0 / 15.0;
    for c in [1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 0.2, 1.0 / 3.0, 1.0] {
        p = p * square + c;
    }
    2.0 * s * p
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn both(machine: Machine, logits: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (mut answers, mut costs) = (vec![0.0; logits.len()], vec![0.0; logits.len()]);
        fast(machine, logits, &mut answers, &mut costs);
        (answers, costs)
    }

    proptest! {
        #[test]
        fn every_machine_says_the_same_and_nearly_what_f64_says(
            logits in proptest::collection::vec(-80.0f32..80.0, 0..70),
        ) {
            let (answers, costs) = both(Machine::Scalar, &logits);
            for machine in Machine::available() {
                prop_assert_eq!(&both(machine, &logits), &(answers.clone(), costs.clone()));
            }
            let wide: Vec<f64> = logits.iter().map(|z| f64::from(*z)).collect();
            let (mut exact, mut cost) = (vec![0.0; wide.len()], vec![0.0; wide.len()]);
            logistic(&wide, &mut exact, &mut cost);
            let near = |a: f32, b: f64| (f64::from(a) - b).abs() <= 4e-7 * b;
            for i in 0..wide.len() {
                prop_assert!(near(answers[i], exact[i]), "answer to {}: {} for {}", wide[i], answers[i], exact[i]);
                prop_assert!(near(costs[i], cost[i]), "cost of {}: {} for {}", wide[i], costs[i], cost[i]);
            }
        }
    }

    #[test]
    fn extremes_stay_finite_and_nan_stays_nan() {
        let (answers, costs) = both(
            Machine::detect(),
            &[
                -1e30,
                -100.0,
                0.0,
                100.0,
                1e30,
                f32::INFINITY,
                f32::NEG_INFINITY,
                f32::NAN,
            ],
        );
        assert!(answers[0] < 1e-37 && answers[1] < 1e-37 && answers[6] < 1e-37);
        assert_eq!(
            (answers[2], answers[3], answers[4], answers[5]),
            (0.5, 1.0, 1.0, 1.0)
        );
        assert!((costs[2] - 2f32.ln()).abs() < 1e-7);
        assert_eq!((costs[3], costs[4], costs[5]), (100.0, 1e30, f32::INFINITY));
        assert!(answers[7].is_nan() && costs[7].is_nan());
    }
}
