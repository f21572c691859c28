//! `id`: a scalar field as one sign, the plain categorical feature.

use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out};
use crate::FieldType;

pub(super) const CLASS: Class = Class {
    name: "id",
    version: 1,
    doc: Doc {
        what: "the value itself as a category",
        inputs: "one field: int, string, timestamp, bool or float",
        args: "none",
        output: "one sign of weight 1",
        formula: "sign(slot, value), see the module `sign`",
        missing: "no sign (models have a row for that); `default` replaces it",
        examples: &[
            Example::of("a int = 5", "", "{int 5}"),
            Example::of("a string = \\N", "default = \"x\"", "{text x}"),
        ],
    },
    depend: (1, 1),
    accepts,
    build: |_| Built::sparse(Id),
};

fn accepts(input: InputType) -> bool {
    use FieldType::{Bool, Float, Int, String, Timestamp};
    matches!(
        input,
        InputType::Unknown | InputType::Field(Int | String | Timestamp | Bool | Float)
    )
}

struct Id;

impl Operator for Id {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        out.elements(inputs.value(0), 0, 1);
    }
}
