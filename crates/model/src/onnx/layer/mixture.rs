//! Experts under a gate.

use super::super::attribute::int;
use super::super::sheet::{Sheet, count};
use crate::error::ModelError;
use crate::graph::Mixture;

impl Sheet<'_> {
    /// `Σ_k softmax(x·W)_k E_k`. Sources: the experts, then what the gate reads.
    pub(in super::super) fn mixture(
        &mut self,
        name: &str,
        layer: &Mixture,
        from: &[String],
    ) -> Result<String, ModelError> {
        let of = |part: &str| format!("{name}/{part}");
        let (experts, gate) = from.split_at(layer.experts);
        let x = self.concat(&of("gate.input"), gate, 1);
        let weight = self.parameter(&format!("{name}.weight"))?;
        let scores = self.add("MatMul", &of("scores"), &[&x, &weight]);
        let gate = self.with("Softmax", &of("gate"), &[&scores], vec![int("axis", -1)]);
        let gate = self.unsqueeze(&of("gates"), &gate, 2);
        let all = self.concat(&of("all"), experts, 1);
        let experts = self.reshape(
            &of("experts"),
            &all,
            &[-1, count(layer.experts), count(layer.width)],
        );
        let weighed = self.add("Mul", &of("weighed"), &[&experts, &gate]);
        Ok(self.sum(name, &weighed, 1, false))
    }
}
