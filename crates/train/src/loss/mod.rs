//! Losses: what a raw output costs, and how the cost pulls on it.
//!
//! A loss works on the logit (the output before any sigmoid), which is where cross-entropy is stable; one file per loss.

mod bce;
mod mse;

use rankine_kernel::Real;

/// A loss over one raw output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Binary cross-entropy on the logit; labels in 0..=1.
    Bce,
    /// Squared error of the raw output.
    Mse,
}

impl From<rankine_model::Loss> for Loss {
    fn from(loss: rankine_model::Loss) -> Self {
        match loss {
            rankine_model::Loss::Bce => Self::Bce,
            rankine_model::Loss::Mse => Self::Mse,
        }
    }
}

/// Outputs judged at once: their numbers stay in registers and the first cache.
pub const TOGETHER: usize = 64;

/// What a loss says of one output.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judged<T> {
    /// The cost.
    pub value: T,
    /// Its derivative with respect to the output.
    pub slope: T,
    /// What the model answers: a probability or the number itself.
    pub answer: T,
}

impl Loss {
    /// The cost of output `z` where `y` was right.
    #[must_use]
    pub fn value<T: Real>(self, z: T, y: T) -> T {
        match self {
            Self::Bce => bce::value(z, y),
            Self::Mse => mse::value(z, y),
        }
    }

    /// The derivative of [`Loss::value`] with respect to `z`.
    #[must_use]
    pub fn slope<T: Real>(self, z: T, y: T) -> T {
        match self {
            Self::Bce => bce::slope(z, y),
            Self::Mse => mse::slope(z, y),
        }
    }

    /// Value, slope and answer at once; cheaper than one after the other.
    #[inline]
    #[must_use]
    pub fn all<T: Real>(self, z: T, y: T) -> Judged<T> {
        match self {
            Self::Bce => bce::all(z, y),
            Self::Mse => mse::all(z, y),
        }
    }

    /// [`Loss::all`] of every output in `z`, at most [`TOGETHER`], to as many places of `judged`.
    pub fn each<T: Real>(self, z: &[T], y: &[T], judged: &mut [Judged<T>; TOGETHER]) {
        match self {
            Self::Bce => bce::each(z, y, judged),
            Self::Mse => {
                let pairs = judged.iter_mut().zip(z.iter().zip(y));
                pairs.for_each(|(judged, (&z, &y))| *judged = mse::all(z, y));
            }
        }
    }

    /// What the model answers for output `z`: a probability under cross-entropy, the number itself otherwise.
    #[must_use]
    pub fn answer<T: Real>(self, z: T) -> T {
        match self {
            Self::Bce => rankine_kernel::activation::sigmoid(z),
            Self::Mse => z,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slopes_are_the_derivatives(z in -30.0_f64..30.0, y in 0.0_f64..1.0, mse: bool) {
            let loss = if mse { Loss::Mse } else { Loss::Bce };
            let h = 1e-5;
            let numeric = (loss.value(z + h, y) - loss.value(z - h, y)) / (2.0 * h);
            prop_assert!((loss.slope(z, y) - numeric).abs() < 1e-6 * (1.0 + numeric.abs()));
            let mut judged = [Judged::default(); TOGETHER];
            loss.each(&[0.0, z], &[0.0, y], &mut judged);
            for all in [loss.all(z, y), judged[1]] {
                prop_assert!((all.value - loss.value(z, y)).abs() < 1e-12 * (1.0 + all.value));
                prop_assert!((all.slope - loss.slope(z, y)).abs() < 1e-12 * (1.0 + all.slope.abs()));
                prop_assert!((all.answer - loss.answer(z)).abs() < 1e-12 * (1.0 + all.answer.abs()));
            }
        }
    }
}
