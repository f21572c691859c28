//! Inverted dropout: each number is zeroed with probability `rate`, the others scaled so that the mean stays.
//!
//! Serving therefore needs to know nothing of it (Srivastava et al. 2014). Masks come from a generator of the layer's
//! own, so that other layers' draws do not move when one is switched off.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::Real;

use crate::checkpoint::tape::Tape;

/// Zeroes numbers while learning.
#[derive(Clone, Debug)]
pub struct Dropout<T> {
    rate: f64,
    mask: Vec<T>,
    random: Xoshiro256PlusPlus,
}

impl<T: Real> Dropout<T> {
    /// Drops with probability `rate` (0 ≤ rate < 1); `None` for rate 0.
    #[must_use]
    pub fn new(rate: f64, seed: u64) -> Option<Self> {
        (rate > 0.0).then(|| Self {
            rate,
            mask: Vec::new(),
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
        })
    }

    /// Writes or reads back the generator.
    pub(crate) fn exchange(&mut self, tape: &mut Tape<'_>) {
        tape.random(&mut self.random);
    }

    /// Lets a copy for another thread draw masks of its own.
    pub fn jump(&mut self) {
        self.random.jump();
    }

    /// Draws a new mask and applies it.
    pub fn forward(&mut self, values: &mut [T]) {
        let scale = T::of(1.0 / (1.0 - self.rate));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of the u32 range"
        )]
        let threshold = (self.rate * f64::from(u32::MAX)) as u32;
        self.mask.clear();
        for _ in 0..values.len().div_ceil(2) {
            let bits = self.random.next_u64();
            for half in [bits >> 32, bits & 0xffff_ffff] {
                self.mask.push(if half < u64::from(threshold) {
                    T::ZERO
                } else {
                    scale
                });
            }
        }
        self.backward(values);
    }

    /// Takes the scale of the kept numbers back, so that an activation's slope can be read from its own output.
    pub fn unscale(&self, values: &mut [T]) {
        rankine_kernel::dense::scale(T::of(1.0 - self.rate), values);
    }

    /// Applies the mask of the last forward to a gradient.
    pub fn backward(&self, gradient: &mut [T]) {
        gradient.iter_mut().zip(&self.mask).for_each(|(g, m)| *g *= *m);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_the_share_asked_for_and_keeps_the_mean() {
        let mut dropout = Dropout::<f64>::new(0.3, 1).unwrap();
        let mut values = vec![1.0; 100_001];
        dropout.forward(&mut values);
        let dropped = values.iter().filter(|v| **v == 0.0).count() as f64 / 100_001.0;
        let mean = values.iter().sum::<f64>() / 100_001.0;
        assert!((dropped - 0.3).abs() < 0.01, "{dropped}");
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }

    #[test]
    fn backward_uses_the_mask_of_forward_and_zero_is_none() {
        let mut dropout = Dropout::<f32>::new(0.5, 9).unwrap();
        let (mut values, mut gradient) = (vec![1.0; 64], vec![1.0; 64]);
        dropout.forward(&mut values);
        dropout.backward(&mut gradient);
        assert_eq!(values, gradient);
        assert!(Dropout::<f32>::new(0.0, 9).is_none());
    }
}
