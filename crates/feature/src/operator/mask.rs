//! `mask`: the elements of a list that another list says yes to.

use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out};
use crate::{FieldType, Value, text};

pub(super) const CLASS: Class = Class {
    name: "mask",
    version: 1,
    doc: Doc {
        what: "the elements of a list where a second list is true",
        inputs: "list<int> or list<string>; then the mask: list<int>, list<float> (true: not 0) or list<string> (`true`, `1`)",
        args: "none",
        output: "a sign of weight 1 per element kept",
        formula: "[x_i for which mask_i]; elements beyond the mask's end are dropped",
        missing: "no sign",
        examples: &[
            Example::of("a list<int> = 7,8,9; m list<int> = 1,0,1", "", "{int 7, int 9}"),
            Example::of(
                "a list<string> = x,y; m list<string> = false,true",
                "",
                "{text y}",
            ),
        ],
    },
    depend: (2, 2),
    accepts: |input| {
        use FieldType::{FloatList, IntList, StringList};
        matches!(
            input,
            InputType::Unknown | InputType::Field(IntList | FloatList | StringList)
        )
    },
    build: |setting| {
        if setting.inputs.first() == Some(&InputType::Field(FieldType::FloatList)) {
            setting.complain("depend", Some(0), "expected a list<int> or a list<string> first");
        }
        Built::sparse(Mask)
    },
};

struct Mask;

impl Operator for Mask {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let mask = inputs.value(1);
        out.append(inputs.value(0));
        out.retain(|i, _| says_yes(mask, i));
    }
}

fn says_yes(mask: &Value, i: usize) -> bool {
    match mask {
        Value::Ints(items) => items.get(i).is_some_and(|x| *x != 0),
        Value::Floats(items) => items.get(i).is_some_and(|x| *x != 0.0 && !x.is_nan()),
        Value::Strs(items) => items.get(i).and_then(|x| text::truth(x)) == Some(true),
        Value::Missing
        | Value::Int(_)
        | Value::Float(_)
        | Value::Str(_)
        | Value::Time(_)
        | Value::Bool(_)
        | Value::Weighted(_)
        | Value::Vector(_) => false,
    }
}
