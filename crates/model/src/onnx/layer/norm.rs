//! Batch and layer normalisation. The former is written out, its tensors having one row.

use super::super::attribute::{float, int};
use super::super::sheet::Sheet;
use crate::error::ModelError;
use crate::graph::batchnorm::EPSILON;

impl Sheet<'_> {
    /// `γ (x − m) / √(v + ε) + β` by the moving figures.
    pub(in super::super) fn batch_norm(&mut self, name: &str, x: &str) -> Result<String, ModelError> {
        let (scale, shift) = self.block(name)?;
        let centred = self.centred(name, x)?;
        let scaled = self.add("Mul", &format!("{name}/scaled"), &[&centred, &scale]);
        Ok(self.add("Add", name, &[&scaled, &shift]))
    }

    /// The same by the figures of the row.
    #[expect(clippy::cast_possible_truncation, reason = "numbers of a model are f32")]
    pub(in super::super) fn layer_norm(&mut self, name: &str, x: &str) -> Result<String, ModelError> {
        let (scale, shift) = self.block(name)?;
        let scale = self.squeeze(&format!("{name}/scale"), &scale, 0);
        let how = vec![int("axis", -1), float("epsilon", EPSILON as f32)];
        Ok(self.with("LayerNormalization", name, &[x, &scale, &shift], how))
    }
}
