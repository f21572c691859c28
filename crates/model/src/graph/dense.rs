//! Dense: `y = f(x·W + b)` over its sources side by side.

use super::{Block, BlockSpec, Keep, Operation, View, concat};
use rankine_kernel::Real;
use rankine_kernel::activation::Activation;

/// A dense layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Numbers of all sources.
    pub inputs: usize,
    /// Numbers of its value.
    pub outputs: usize,
    /// Applied to each.
    pub activation: Activation,
}

impl Operation for Dense {
    fn width(&self) -> usize {
        self.outputs
    }

    fn blocks(&self) -> Vec<BlockSpec> {
        vec![BlockSpec::product("", self.inputs, self.outputs)]
    }

    fn forward<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &[Block<'_, T>],
        out: &mut [T],
        keep: &mut Keep<T>,
    ) {
        let x = concat(rows, from, &mut keep.input);
        let Block { weight, bias } = blocks[0];
        rankine_kernel::dense::affine_batch(rows, x, weight, Some(bias), self.activation, out);
    }
}
