//! `x₀ ⊙ (x·W + b) + x`, or with a rank `x₀ ⊙ ((x·V)·U + b) + x`.

use super::super::sheet::Sheet;
use crate::error::ModelError;
use crate::graph::Cross;

impl Sheet<'_> {
    /// Sources: x₀, then x.
    pub(in super::super) fn cross(
        &mut self,
        name: &str,
        layer: &Cross,
        from: &[String],
    ) -> Result<String, ModelError> {
        let x = &self.concat(&format!("{name}/x"), &from[1..], 1);
        let sums = if layer.rank.is_some() {
            let v = self.parameter(&format!("{name}.v.weight"))?;
            let low = self.add("MatMul", &format!("{name}/low"), &[x, &v]);
            self.affine(&format!("{name}/sums"), &low, &format!("{name}.u"))?
        } else {
            self.affine(&format!("{name}/sums"), x, name)?
        };
        let product = self.add("Mul", &format!("{name}/crossed"), &[&from[0], &sums]);
        Ok(self.add("Add", name, &[&product, x]))
    }
}
