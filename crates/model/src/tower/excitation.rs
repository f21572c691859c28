//! Squeeze and excitation over the fields of a tower's input: each field is multiplied by a weight from 0 to 1 that rests
//! on all of them.
//!
//! `s = σ(relu(z·W₁ + b₁)·W₂ + b₂)`, z the mean of each field's numbers; Hu, Shen and Sun 2018 (Squeeze-and-excitation
//! networks, arXiv:1709.01507), with fields for channels as in FiBiNET (Huang et al. 2019) and two-tower practice.

use crate::layer::dense::Dense;
use rankine_kernel::Real;

/// The two layers with the widths of the fields.
pub(super) struct Excitation<T> {
    pub(super) fields: Vec<usize>,
    pub(super) squeeze: Dense<T>,
    pub(super) excite: Dense<T>,
}

impl<T: Real> Excitation<T> {
    /// Weighs the fields of `x` in place; `scratch` is working memory.
    pub(super) fn apply(&self, x: &mut [T], scratch: &mut Vec<T>) {
        let (fields, squeezed) = (self.fields.len(), self.squeeze.bias.len());
        scratch.clear();
        scratch.resize(2 * fields + squeezed, T::ZERO);
        let (means, rest) = scratch.split_at_mut(fields);
        let (low, weights) = rest.split_at_mut(squeezed);
        let mut at = 0;
        for (mean, width) in means.iter_mut().zip(&self.fields) {
            let sum: T = x[at..at + width].iter().copied().sum();
            *mean = sum / T::of(*width as f64);
            at += width;
        }
        self.squeeze.row(means, low);
        self.excite.row(low, weights);
        at = 0;
        for (weight, width) in weights.iter().zip(&self.fields) {
            x[at..at + width].iter_mut().for_each(|x| *x *= *weight);
            at += width;
        }
    }
}
