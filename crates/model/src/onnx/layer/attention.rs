//! A target's attention on a sequence.

use super::super::attribute::int;
use super::super::pooled::Entries;
use super::super::sheet::Sheet;
use crate::error::ModelError;
use crate::graph::Attention;

/// What stands for a weight's logarithm where there is no entry.
const NOTHING: f32 = 1e30;

impl Sheet<'_> {
    /// `Σ_t a_t e_t`, `a_t = w·f([e | q | e − q | e ⊙ q]·W + b) + c`.
    pub(in super::super) fn attention(
        &mut self,
        name: &str,
        layer: &Attention,
        target: &str,
        entries: &Entries,
    ) -> Result<String, ModelError> {
        let of = |part: &str| format!("{name}/{part}");
        let e = entries.values.as_str();
        let q = self.unsqueeze(&of("target"), target, 1);
        let shape = self.add("Shape", &of("shape"), &[e]);
        let q = self.add("Expand", &of("targets"), &[&q, &shape]);
        let minus = self.add("Sub", &of("minus"), &[e, &q]);
        let times = self.add("Mul", &of("times"), &[e, &q]);
        let parts = [e.to_owned(), q, minus, times];
        let x = self.concat(&of("inputs"), &parts, 2);
        let hidden = self.affine(&of("hidden.sums"), &x, &format!("{name}.hidden"))?;
        let hidden = self.bent(name, layer, &hidden)?;
        let raw = self.affine(&of("raw"), &hidden, &format!("{name}.weight"))?;
        let raw = self.squeeze(&of("scores"), &raw, 2);
        let weights = if layer.softmax {
            self.masked_softmax(&of("softmax"), &raw, &entries.mask)
        } else {
            self.add("Mul", &of("masked"), &[&raw, &entries.mask])
        };
        let weights = self.unsqueeze(&of("weights"), &weights, 2);
        let weighed = self.add("Mul", &of("weighed"), &[e, &weights]);
        Ok(self.sum(name, &weighed, 1, false))
    }

    /// The hidden layer's values, from its sums.
    fn bent(&mut self, name: &str, layer: &Attention, sums: &str) -> Result<String, ModelError> {
        let slope = format!("{name}.slope");
        match layer.bend() {
            Some(bend) => super::super::nodes::single(self, (&slope, &bend), sums),
            None => {
                let own = layer.activation.fused().unwrap_or_default();
                Ok(self.activated(&format!("{name}/hidden"), sums, own))
            }
        }
    }

    /// A softmax over the entries that are there, `[batch, L]`; zeros elsewhere, also where there is none.
    pub(super) fn masked_softmax(&mut self, name: &str, scores: &str, mask: &str) -> String {
        let of = |part: &str| format!("{name}/{part}");
        let (one, nothing) = (self.float(1.0), self.float(NOTHING));
        let there = self.add("Mul", &of("there"), &[scores, mask]);
        let less = self.add("Sub", &of("less"), &[mask, &one]);
        let less = self.add("Mul", &of("nothing"), &[&less, &nothing]);
        let scores = self.add("Add", &of("scores"), &[&there, &less]);
        let shares = self.with("Softmax", &of("shares"), &[&scores], vec![int("axis", 1)]);
        self.add("Mul", name, &[&shares, mask])
    }
}
