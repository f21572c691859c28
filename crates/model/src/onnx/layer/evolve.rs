//! A GRU whose update gate attention scales, as a Scan over the entries: no operator of ONNX does it.

use super::super::attribute::{graph, int, ints};
use super::super::pooled::Entries;
use super::super::proto::{FLOAT, GraphProto, NodeProto};
use super::super::sheet::{Sheet, node, value};
use crate::error::ModelError;

impl Sheet<'_> {
    /// The last state; attention is 0 behind the entries, so the state stays.
    pub(in super::super) fn evolve(
        &mut self,
        name: &str,
        target: &str,
        entries: &Entries,
    ) -> Result<String, ModelError> {
        let of = |part: &str| format!("{name}/{part}");
        let states = entries.values.as_str();
        let turn = self.parameter(&format!("{name}.attention.weight"))?;
        let turned = self.add("MatMul", &of("turned"), &[target, &turn]);
        let upright = self.unsqueeze(&of("upright"), &turned, 2);
        let scores = self.add("MatMul", &of("products"), &[states, &upright]);
        let scores = self.squeeze(&of("scores"), &scores, 2);
        let attention = self.masked_softmax(&of("softmax"), &scores, &entries.mask);
        let attention = self.unsqueeze(&of("attention"), &attention, 2);
        let from_input = self.affine(&of("from_input"), states, &format!("{name}.input"))?;
        let size = self.add("Shape", &of("size"), &[&turned]);
        let begin = self.add("ConstantOfShape", &of("begin"), &[&size]);
        let block = self.block(&format!("{name}.state"))?;
        let one = self.float(1.0);
        let how = vec![
            graph("body", body(name, &block, &one)),
            int("num_scan_inputs", 2),
            ints("scan_input_axes", &[1, 1]),
        ];
        Ok(self.with("Scan", name, &[&begin, &from_input, &attention], how))
    }
}

/// One step: `h ← (1 − a z) ⊙ h + a z ⊙ n`. Weights are the outer graph's.
fn body(name: &str, (weight, bias): &(String, String), one: &str) -> GraphProto {
    let of = |part: &str| format!("/{name}/step/{part}");
    let mut step = Step {
        of: &of,
        nodes: Vec::new(),
    };
    let (h, x, a) = (of("h"), of("x"), of("a"));
    let product = step.add("MatMul", "product", &[&h, weight]);
    let sums = step.add("Add", "sums", &[&product, bias]);
    let (x, s) = (step.gates("x", &x), step.gates("s", &sums));
    let z = step.add("Add", "z.sum", &[&x[0], &s[0]]);
    let z = step.add("Sigmoid", "z", &[&z]);
    let r = step.add("Add", "r.sum", &[&x[1], &s[1]]);
    let r = step.add("Sigmoid", "r", &[&r]);
    let n = step.add("Mul", "n.reset", &[&r, &s[2]]);
    let n = step.add("Add", "n.sum", &[&x[2], &n]);
    let n = step.add("Tanh", "n", &[&n]);
    let share = step.add("Mul", "share", &[&a, &z]);
    let stay = step.add("Sub", "stay", &[one, &share]);
    let old = step.add("Mul", "old", &[&stay, &h]);
    let new = step.add("Mul", "new", &[&share, &n]);
    let next = step.add("Add", "next", &[&old, &new]);
    GraphProto {
        node: step.nodes,
        name: Some(format!("{name}.step")),
        input: ["h", "x", "a"].map(|part| value(&of(part), FLOAT, None)).to_vec(),
        output: vec![value(&next, FLOAT, None)],
        ..GraphProto::default()
    }
}

/// The nodes of a step.
struct Step<'a> {
    of: &'a dyn Fn(&str) -> String,
    nodes: Vec<NodeProto>,
}

impl Step<'_> {
    fn add(&mut self, op: &str, part: &str, from: &[&str]) -> String {
        let name = (self.of)(part);
        self.nodes
            .push(node(op, from, std::slice::from_ref(&name), Vec::new()));
        name
    }

    /// The three gates' shares of a value.
    fn gates(&mut self, part: &str, from: &str) -> [String; 3] {
        let gates = ["z", "r", "n"].map(|gate| (self.of)(&format!("{part}.{gate}")));
        self.nodes
            .push(node("Split", &[from], &gates, vec![int("axis", -1)]));
        gates
    }
}
