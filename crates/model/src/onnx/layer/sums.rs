//! Sums of values, of products of pairs, and the logit of two things both happening.

use super::super::sheet::{Sheet, count};
use crate::error::ModelError;

impl Sheet<'_> {
    /// Equally long values added up.
    pub(in super::super) fn total(&mut self, name: &str, from: &[String]) -> String {
        if let [one] = from {
            return one.clone();
        }
        let from: Vec<&str> = from.iter().map(String::as_str).collect();
        self.add("Sum", name, &from)
    }

    /// Every stretch of `width` numbers added up.
    pub(in super::super) fn blocks(&mut self, name: &str, from: &[String], width: usize) -> String {
        let all = self.concat(&format!("{name}/all"), from, 1);
        // 0: as long as before, the batch
        let blocks = self.reshape(&format!("{name}/blocks"), &all, &[0, -1, count(width)]);
        self.sum(name, &blocks, 1, false)
    }

    /// `½ Σ_k [(Σ e)² − Σ e²]_k` of vectors of `dim` numbers.
    pub(in super::super) fn pairs(&mut self, name: &str, from: &[String], dim: usize) -> String {
        let of = |part: &str| format!("{name}/{part}");
        let all = self.concat(&of("all"), from, 1);
        let squares = self.add("Mul", &of("squares"), &[&all, &all]);
        let squares = self.sum(&of("squares.sum"), &squares, 1, true);
        let total = self.blocks(&of("total"), &[all], dim);
        let square = self.add("Mul", &of("square"), &[&total, &total]);
        let square = self.sum(&of("square.sum"), &square, 1, true);
        let twice = self.add("Sub", &of("twice"), &[&square, &squares]);
        let half = self.float(0.5);
        self.add("Mul", name, &[&twice, &half])
    }

    /// `Σ_k h[k]·p[k]·q[k]`, h standing as a column.
    pub(in super::super) fn weighed_product(
        &mut self,
        name: &str,
        from: &[String],
    ) -> Result<String, ModelError> {
        let weight = self.parameter(&format!("{name}.weight"))?;
        let both = self.add("Mul", &format!("{name}/both"), &[&from[0], &from[1]]);
        Ok(self.add("MatMul", name, &[&both, &weight]))
    }

    /// `−ln(e^x + e^y)`, `x = −a`, `y = ln(1 + e^−a) − b`.
    pub(in super::super) fn both(&mut self, name: &str, from: &[String]) -> String {
        let of = |part: &str| format!("{name}/{part}");
        let x = self.add("Neg", &of("x"), &[&from[0]]);
        let soft = self.add("Softplus", &of("soft"), &[&x]);
        let y = self.add("Sub", &of("y"), &[&soft, &from[1]]);
        let high = self.add("Max", &of("high"), &[&x, &y]);
        let low = self.add("Min", &of("low"), &[&x, &y]);
        let less = self.add("Sub", &of("less"), &[&low, &high]);
        let rest = self.add("Softplus", &of("rest"), &[&less]);
        let sum = self.add("Add", &of("sum"), &[&high, &rest]);
        self.add("Neg", name, &[&sum])
    }
}
