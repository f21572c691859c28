//! Self-attention between fields, head by head, with a residual.

use super::super::attribute::int;
use super::super::sheet::{Sheet, count};
use crate::error::ModelError;
use crate::graph::Interact;

impl Sheet<'_> {
    /// The source is fields × dim numbers.
    pub(in super::super) fn interact(
        &mut self,
        name: &str,
        layer: &Interact,
        x: &str,
    ) -> Result<String, ModelError> {
        let of = |part: &str| format!("{name}/{part}");
        let (fields, outputs, heads) = (count(layer.fields), count(layer.outputs), count(layer.heads));
        let x = self.reshape(&of("fields"), x, &[-1, fields, count(layer.dim)]);
        let residual = self.parameter(&format!("{name}.residual.weight"))?;
        let residual = self.add("MatMul", &of("residual"), &[&x, &residual]);
        let mut parts = Vec::new();
        for part in ["query", "key", "value"] {
            let weight = self.parameter(&format!("{name}.{part}.weight"))?;
            let all = self.add("MatMul", &of(part), &[&x, &weight]);
            let apart = [-1, fields, heads, outputs / heads.max(1)];
            let all = self.reshape(&of(&format!("{part}.heads")), &all, &apart);
            parts.push(self.transpose(&of(&format!("{part}.by_head")), &all, &[0, 2, 1, 3]));
        }
        let keys = self.transpose(&of("keys"), &parts[1], &[0, 1, 3, 2]);
        let scores = self.add("MatMul", &of("scores"), &[&parts[0], &keys]);
        let weights = self.with("Softmax", &of("weights"), &[&scores], vec![int("axis", -1)]);
        let seen = self.add("MatMul", &of("seen"), &[&weights, &parts[2]]);
        let seen = self.transpose(&of("by_field"), &seen, &[0, 2, 1, 3]);
        let seen = self.reshape(&of("joined"), &seen, &[-1, fields, outputs]);
        let sums = self.add("Add", &of("sums"), &[&seen, &residual]);
        let rectified = self.add("Relu", &of("relu"), &[&sums]);
        Ok(self.reshape(name, &rectified, &[-1, fields * outputs]))
    }
}
