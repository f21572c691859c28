//! Activations.

use super::super::sheet::Sheet;
use crate::error::ModelError;
use crate::graph::{batchnorm::EPSILON, gelu};
use rankine_kernel::activation::Activation;

impl Sheet<'_> {
    /// A function of each number.
    pub(in super::super) fn activated(&mut self, name: &str, x: &str, activation: Activation) -> String {
        let op = match activation {
            Activation::Linear => return x.to_owned(),
            Activation::Relu => "Relu",
            Activation::Sigmoid => "Sigmoid",
            Activation::Tanh => "Tanh",
        };
        self.add(op, name, &[x])
    }

    /// `½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
    #[expect(clippy::cast_possible_truncation, reason = "numbers of a model are f32")]
    pub(in super::super) fn gelu(&mut self, name: &str, x: &str) -> String {
        let of = |part: &str| format!("{name}/{part}");
        let (scale, cube) = (self.float(gelu::SCALE as f32), self.float(gelu::CUBE as f32));
        let (half, one) = (self.float(0.5), self.float(1.0));
        let square = self.add("Mul", &of("square"), &[x, x]);
        let third = self.add("Mul", &of("cube"), &[&square, x]);
        let third = self.add("Mul", &of("scaled"), &[&third, &cube]);
        let inner = self.add("Add", &of("inner"), &[x, &third]);
        let inner = self.add("Mul", &of("angle"), &[&inner, &scale]);
        let tanh = self.add("Tanh", &of("tanh"), &[&inner]);
        let factor = self.add("Add", &of("factor"), &[&tanh, &one]);
        let halved = self.add("Mul", &of("half"), &[x, &half]);
        self.add("Mul", name, &[&halved, &factor])
    }

    /// `x` above 0, `a x` below.
    pub(in super::super) fn prelu(&mut self, name: &str, x: &str) -> Result<String, ModelError> {
        let slope = self.parameter(&format!("{name}.weight"))?;
        Ok(self.add("PRelu", name, &[x, &slope]))
    }

    /// `p x + (1 − p) a x`, `p = σ((x − m) / √(v + ε))`.
    pub(in super::super) fn dice(&mut self, name: &str, x: &str) -> Result<String, ModelError> {
        let of = |part: &str| format!("{name}/{part}");
        let slope = self.parameter(&format!("{name}.weight"))?;
        let scaled = self.centred(name, x)?;
        let p = self.add("Sigmoid", &of("p"), &[&scaled]);
        let one = self.float(1.0);
        let rest = self.add("Sub", &of("rest"), &[&one, &p]);
        let below = self.add("Mul", &of("slope"), &[&rest, &slope]);
        let factor = self.add("Add", &of("factor"), &[&p, &below]);
        Ok(self.add("Mul", name, &[&factor, x]))
    }

    /// `(x − m) / √(v + ε)` by the moving figures of a node.
    #[expect(clippy::cast_possible_truncation, reason = "numbers of a model are f32")]
    pub(super) fn centred(&mut self, name: &str, x: &str) -> Result<String, ModelError> {
        let of = |part: &str| format!("{name}/{part}");
        let (mean, variance) = self.block(&format!("{name}.moving"))?;
        let epsilon = self.float(EPSILON as f32);
        let moved = self.add("Sub", &of("moved"), &[x, &mean]);
        let variance = self.add("Add", &of("variance"), &[&variance, &epsilon]);
        let deviation = self.add("Sqrt", &of("deviation"), &[&variance]);
        Ok(self.add("Div", &of("centred"), &[&moved, &deviation]))
    }
}
