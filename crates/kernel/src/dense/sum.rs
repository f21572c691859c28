//! `f(a + b)` in one pass: where parts of a layer that were made apart come together. Written once; compiled for each
//! instruction set, whose registers the loop takes by itself.

use crate::activation::Activation;
use crate::machine::Machine;
use crate::real::Real;

/// `out = f(a + b)`, number by number.
///
/// # Panics
/// If the three have not the same length.
pub fn sum<T: Real>(a: &[T], b: &[T], f: Activation, out: &mut [T]) {
    sum_on(Machine::detect(), a, b, f, out);
}

pub(super) fn sum_on<T: Real>(machine: Machine, a: &[T], b: &[T], f: Activation, out: &mut [T]) {
    assert!(
        a.len() == out.len() && b.len() == out.len(),
        "sums of {} and {} numbers into {}",
        a.len(),
        b.len(),
        out.len()
    );
    let relu = f == Activation::Relu;
    match machine {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: callers name only machines of this processor.
        Machine::Avx512 => unsafe { avx512(a, b, relu, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Machine::Avx2 => unsafe { avx2(a, b, relu, out) },
        _ => each(a, b, relu, out),
    }
    if !relu {
        f.apply(out);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512<T: Real>(a: &[T], b: &[T], relu: bool, out: &mut [T]) {
    each(a, b, relu, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<T: Real>(a: &[T], b: &[T], relu: bool, out: &mut [T]) {
    each(a, b, relu, out);
}

#[inline(always)]
fn each<T: Real>(a: &[T], b: &[T], relu: bool, out: &mut [T]) {
    let sums = a.iter().zip(b).map(|(a, b)| *a + *b);
    if relu {
        let sums = sums.map(|sum| if sum < T::ZERO { T::ZERO } else { sum });
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum);
    } else {
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum);
    }
}
