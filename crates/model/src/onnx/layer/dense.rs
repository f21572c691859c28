//! Dense layers: Gemm, and the function behind it.

use super::super::sheet::Sheet;
use crate::error::ModelError;
use rankine_kernel::activation::Activation;

impl Sheet<'_> {
    /// `f(x·W + b)`.
    pub(in super::super) fn dense(
        &mut self,
        name: &str,
        x: &str,
        activation: Activation,
    ) -> Result<String, ModelError> {
        let (weight, bias) = self.block(name)?;
        let own = if activation == Activation::Linear {
            name.to_owned()
        } else {
            format!("{name}/gemm")
        };
        let sums = self.add("Gemm", &own, &[x, &weight, &bias]);
        Ok(self.activated(name, &sums, activation))
    }

    /// Weight and bias of a block.
    pub(in super::super) fn block(&mut self, name: &str) -> Result<(String, String), ModelError> {
        let weight = self.parameter(&format!("{name}.weight"))?;
        Ok((weight, self.parameter(&format!("{name}.bias"))?))
    }

    /// `x·W + b` along the last axis, whatever the others.
    pub(super) fn affine(&mut self, name: &str, x: &str, block: &str) -> Result<String, ModelError> {
        let (weight, bias) = self.block(block)?;
        let product = self.add("MatMul", &format!("{name}/product"), &[x, &weight]);
        Ok(self.add("Add", name, &[&product, &bias]))
    }
}
