//! Both: the logit of two independent things both happening, from a logit each.
//!
//! `σ(y) = σ(a)·σ(b)`, so `y = −ln(e^−a + e^−b + e^−(a+b))`; Ma et al. 2018, ESMM, arXiv:1804.07931: clicked and then bought.

use super::{Block, Keep, Operation, View};
use rankine_kernel::Real;
use rankine_kernel::activation::softplus;

/// The logit of a product of probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Both;

impl Operation for Both {
    fn width(&self) -> usize {
        1
    }

    fn forward<T: Real>(
        &self,
        _rows: usize,
        from: &[View<'_, T>],
        _blocks: &[Block<'_, T>],
        out: &mut [T],
        _keep: &mut Keep<T>,
    ) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = both(from[0].row(i)[0], from[1].row(i)[0]);
        }
    }
}

/// `−ln(e^−a + e^−b·(1 + e^−a))`: a sum of the kind `ln(e^x + e^y)`, so it neither over- nor underflows.
pub fn both<T: Real>(a: T, b: T) -> T {
    let (x, y) = (-a, softplus(-a) - b);
    let (high, low) = if x > y { (x, y) } else { (y, x) };
    -(high + (low - high).exp().ln_1p())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_kernel::activation::sigmoid;

    #[test]
    fn the_probability_is_the_product() {
        for (a, b) in [(0.0, 0.0), (2.5, -1.0), (-30.0, 4.0), (40.0, 40.0), (-3.0, -50.0)] {
            let expected: f64 = sigmoid::<f64>(a) * sigmoid::<f64>(b);
            let got = sigmoid(both::<f64>(a, b));
            assert!((got / expected - 1.0).abs() < 1e-12, "{a} {b}: {got} {expected}");
        }
        assert!(both(-800.0f32, -800.0).is_finite() && both(800.0f32, 800.0).is_finite());
    }
}
