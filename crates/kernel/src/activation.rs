//! Activations and their derivatives, written in terms of the output, so that backward needs no second buffer.

use crate::machine::Machine;
use crate::real::Real;

/// An element-wise function applied to the output of a dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// y = x.
    Linear,
    /// y = x for x ≥ 0, else 0; NaN stays NaN.
    #[default]
    Relu,
    /// y = 1 / (1 + e^−x).
    Sigmoid,
    /// y = tanh x.
    Tanh,
}

impl Activation {
    /// Every activation, in the order of the documentation.
    pub const ALL: [Activation; 4] = [
        Activation::Linear,
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
    ];

    /// Returns the name used in model files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Activation::Linear => "linear",
            Activation::Relu => "relu",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
        }
    }

    /// Finds an activation by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<Activation> {
        Activation::ALL.into_iter().find(|a| a.name() == name)
    }

    /// Returns the function's value at `x`.
    #[inline]
    pub fn value<T: Real>(self, x: T) -> T {
        match self {
            Activation::Linear => x,
            Activation::Relu => relu(x),
            Activation::Sigmoid => sigmoid(x),
            Activation::Tanh => x.tanh(),
        }
    }

    /// Returns the derivative at the point whose value is `y`; at the kink of relu it is 0.
    #[inline]
    pub fn slope<T: Real>(self, y: T) -> T {
        match self {
            Activation::Linear => T::ONE,
            Activation::Relu if y > T::ZERO => T::ONE,
            Activation::Relu => T::ZERO,
            Activation::Sigmoid => y * (T::ONE - y),
            Activation::Tanh => T::ONE - y * y,
        }
    }

    /// Replaces each number by the function's value.
    pub fn apply<T: Real>(self, values: &mut [T]) {
        match self {
            Activation::Linear => {}
            Activation::Relu => values.iter_mut().for_each(|v| *v = relu(*v)),
            Activation::Sigmoid => values.iter_mut().for_each(|v| *v = sigmoid(*v)),
            Activation::Tanh => values.iter_mut().for_each(|v| *v = v.tanh()),
        }
    }

    /// Multiplies a gradient with respect to the output by the derivative: `gradient[i] *= f'(x[i])`, given `y = f(x)`.
    pub fn backward<T: Real>(self, y: &[T], gradient: &mut [T]) {
        debug_assert_eq!(y.len(), gradient.len());
        match self {
            Activation::Linear => {}
            Activation::Relu => close(y, gradient),
            Activation::Sigmoid | Activation::Tanh => {
                gradient.iter_mut().zip(y).for_each(|(g, y)| *g *= self.slope(*y));
            }
        }
    }
}

/// Zeroes the gradient where relu gave nothing, with the registers of this processor.
fn close<T: Real>(y: &[T], gradient: &mut [T]) {
    match Machine::detect() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: detected.
        Machine::Avx512 => unsafe { close_avx512(y, gradient) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: detected.
        Machine::Avx2 => unsafe { close_avx2(y, gradient) },
        _ => close_each(y, gradient),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn close_avx512<T: Real>(y: &[T], gradient: &mut [T]) {
    close_each(y, gradient);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn close_avx2<T: Real>(y: &[T], gradient: &mut [T]) {
    close_each(y, gradient);
}

/// By a product with one or nothing: of a choice between what stands there and zero the compiler makes stores through a mask, for which
/// AMD's processors take six times as long as for whole ones.
#[inline(always)]
fn close_each<T: Real>(y: &[T], gradient: &mut [T]) {
    for (g, y) in gradient.iter_mut().zip(y) {
        *g *= T::of(f64::from(u8::from(*y > T::ZERO)));
    }
}

/// `if x < 0 { 0 } else { x }`.
#[inline(always)]
fn relu<T: Real>(x: T) -> T {
    if x < T::ZERO { T::ZERO } else { x }
}

/// 1 / (1 + e^−x), without overflow on either side.
#[inline]
pub fn sigmoid<T: Real>(x: T) -> T {
    if x >= T::ZERO {
        T::ONE / (T::ONE + (-x).exp())
    } else {
        let e = x.exp();
        e / (T::ONE + e)
    }
}

/// ln(1 + e^x), without overflow: the loss of a logit.
#[inline]
pub fn softplus<T: Real>(x: T) -> T {
    let high = if x > T::ZERO { x } else { T::ZERO };
    high + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slope_agrees_with_differences(x in -4.0f64..4.0) {
            prop_assume!(x.abs() > 1e-3);
            for f in Activation::ALL {
                let h = 1e-6;
                let numeric = (f.value(x + h) - f.value(x - h)) / (2.0 * h);
                prop_assert!((numeric - f.slope(f.value(x))).abs() < 1e-8, "{f:?} at {x}");
            }
        }

        #[test]
        fn slices_agree_with_single_values(xs in proptest::collection::vec(-9.0f32..9.0, 0..40)) {
            for f in Activation::ALL {
                let mut ys = xs.clone();
                f.apply(&mut ys);
                let mut gradient = vec![2.0f32; xs.len()];
                f.backward(&ys, &mut gradient);
                for ((x, y), g) in xs.iter().zip(&ys).zip(&gradient) {
                    prop_assert_eq!(*y, f.value(*x));
                    prop_assert_eq!(*g, 2.0 * f.slope(*y));
                }
            }
        }
    }

    #[test]
    fn extremes_stay_finite_and_nan_stays_nan() {
        assert_eq!(sigmoid(1000.0f32), 1.0);
        assert_eq!(sigmoid(-1000.0f32), 0.0);
        assert_eq!(softplus(-1000.0f64), 0.0);
        assert_eq!(softplus(1000.0f64), 1000.0);
        assert!((softplus(0.0f64) - 2f64.ln()).abs() < 1e-15);
        for f in Activation::ALL {
            assert!(f.value(f32::NAN).is_nan(), "{f:?}");
            assert_eq!(Activation::find(f.name()), Some(f));
        }
    }
}
