//! A dense layer `y = f(x·W + b)`: W is inputs × outputs. One output is a dot product, others are summed over the inputs
//! in order, so a row's bits do not depend on the batch.

use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};

/// Weights of one dense layer.
#[derive(Debug, Clone)]
pub struct Dense<T> {
    /// inputs × outputs.
    pub weight: Vec<T>,
    /// One per output.
    pub bias: Vec<T>,
    /// Applied to each output.
    pub activation: Activation,
}

impl<T: Real> Dense<T> {
    /// Computes one row: x is as long as the layer has inputs, y as it has outputs.
    pub fn row(&self, x: &[T], y: &mut [T]) {
        dense::affine(x, &self.weight, Some(&self.bias), self.activation, y);
    }

    /// Computes `rows` rows: x is rows × inputs, y takes rows × outputs.
    pub fn forward(&self, rows: usize, x: &[T], y: &mut Vec<T>) {
        // What it holds is overwritten, so only growth is filled.
        y.resize(rows * self.bias.len(), T::ZERO);
        dense::affine_batch(rows, x, &self.weight, Some(&self.bias), self.activation, y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_independent() {
        let layer = Dense {
            weight: vec![1.0, 0.0, 0.0, 2.0],
            bias: vec![0.5, -3.0],
            activation: Activation::Relu,
        };
        let mut y = vec![9.0f32; 7];
        layer.forward(2, &[1.0, 2.0, -1.0, 1.0], &mut y);
        assert_eq!(y, [1.5, 1.0, 0.0, 0.0]);
    }
}
