//! First weights: draws from what a model file's `init` says.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::Real;
use rankine_model::config::Spread;

/// Draws weights; nothing is drawn where all are zeros.
pub(crate) fn fill<T: Real>(spread: Spread, weights: &mut [T], random: &mut Xoshiro256PlusPlus) {
    match spread {
        Spread::Uniform(limit) => weights
            .iter_mut()
            .for_each(|w| *w = T::of(random.random_range(-1.0..1.0) * limit)),
        Spread::Normal(deviation) if deviation > 0.0 => weights
            .iter_mut()
            .for_each(|w| *w = T::of(normal(random) * deviation)),
        Spread::Normal(_) => weights.fill(T::ZERO),
    }
}

/// One draw from the standard normal distribution (Box and Muller 1958).
pub(crate) fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rankine_model::config::{Init, InitName};

    const INPUTS: usize = 400;
    const OUTPUTS: usize = 250;

    fn drawn(kind: InitName, scale: Option<f64>) -> Vec<f64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(4);
        let mut weights = vec![9.0; INPUTS * OUTPUTS];
        fill(
            Init { kind, scale }.spread(INPUTS, OUTPUTS),
            &mut weights,
            &mut random,
        );
        weights
    }

    /// Mean, variance and the fourth moment over the variance's square: 1.8 of a uniform, 3 of a normal distribution.
    fn moments(values: &[f64]) -> [f64; 3] {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let power = |p: i32| values.iter().map(|v| (v - mean).powi(p)).sum::<f64>() / n;
        [mean, power(2), power(4) / power(2).powi(2)]
    }

    #[test]
    fn draws_have_the_variance_and_the_shape_of_their_formula() {
        let (i, both) = (INPUTS as f64, (INPUTS + OUTPUTS) as f64);
        let cases = [
            (InitName::GlorotUniform, None, 2.0 / both, 1.8),
            (InitName::GlorotNormal, None, 2.0 / both, 3.0),
            (InitName::HeUniform, None, 2.0 / i, 1.8),
            (InitName::HeNormal, Some(0.5), 0.25 * 2.0 / i, 3.0),
            (InitName::LecunNormal, None, 1.0 / i, 3.0),
            (InitName::Uniform, Some(0.3), 0.09 / 3.0, 1.8),
            (InitName::Normal, Some(0.3), 0.09, 3.0),
        ];
        for (kind, scale, variance, shape) in cases {
            // 100,000 draws: the variance is known to √(2/n), the mean to √(v/n), five deviations each
            let [mean, found, bent] = moments(&drawn(kind, scale));
            assert!(
                mean.abs() < 5.0 * (variance / 1e5).sqrt(),
                "{kind:?}: mean {mean}"
            );
            assert!(
                (found / variance - 1.0).abs() < 0.0224,
                "{kind:?}: {found} for {variance}"
            );
            assert!((bent - shape).abs() < 0.08, "{kind:?}: {bent} for {shape}");
        }
        assert!(drawn(InitName::Zeros, None).iter().all(|w| *w == 0.0));
    }
}
