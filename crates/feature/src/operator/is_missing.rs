//! `is_missing`: whether values are missing, as numbers.

use super::{Built, Class, Doc, Example, Inputs, Operator, Out};

pub(super) const CLASS: Class = Class {
    name: "is_missing",
    version: 1,
    doc: Doc {
        what: "whether a value is missing",
        inputs: "one to eight fields or features",
        args: "none",
        output: "one float per input",
        formula: "1 if missing (NaN, no sign, no result), else 0",
        missing: "1",
        examples: &[Example::of("a float = \\N; b int = 0", "", "[1, 0]")],
    },
    depend: (1, 8),
    accepts: |_| true,
    build: |setting| Built::dense(setting.inputs.len(), IsMissing),
};

struct IsMissing;

impl Operator for IsMissing {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        for i in 0..inputs.len() {
            out.number(Some(if inputs.was_missing(i) { 1.0 } else { 0.0 }));
        }
    }
}
