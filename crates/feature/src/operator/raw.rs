//! `raw`: numbers as they are.

use super::stream::Input;
use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out};
use crate::FieldType;

pub(super) const CLASS: Class = Class {
    name: "raw",
    version: 1,
    doc: Doc {
        what: "a number or a vector as it is",
        inputs: "one field: int, float, bool, timestamp (seconds) or vector<n>; or a feature of floats",
        args: "str_args: `flag` adds a float that is 1 where the input was missing (not for vectors)",
        output: "one float (two with `flag`), or n for a vector",
        formula: "f32(x)",
        missing: "0; `default` replaces it",
        examples: &[
            Example::of("a float = 4.5", "", "[4.5]"),
            Example::of("a float = \\N", "str_args = [\"flag\"]", "[0, 1]"),
        ],
    },
    depend: (1, 1),
    accepts: |input| input.is_number() || matches!(input, InputType::Field(FieldType::Vector(_))),
    build,
};

fn build(setting: &mut super::Setting<'_>) -> Built {
    match setting.inputs.first() {
        Some(InputType::Field(FieldType::Vector(width))) => Built::dense(*width, Whole { width: *width }),
        Some(InputType::Dense(width)) if *width > 1 => Built::dense(*width, Whole { width: *width }),
        _ => {
            let flag = setting.flag("flag");
            Built::dense(1 + usize::from(flag), Raw { flag })
        }
    }
}

struct Raw {
    flag: bool,
}

impl Operator for Raw {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        out.flagged(inputs.number(0), inputs.was_missing(0), self.flag);
    }
}

/// A vector, all its floats.
struct Whole {
    width: usize,
}

impl Operator for Whole {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let numbers: &[f32] = match inputs.get(0) {
            Input::Numbers(numbers) => numbers.unwrap_or(&[]),
            Input::Field(value) => value.as_vector(),
            Input::Signs(..) => &[],
        };
        if numbers.len() != self.width {
            out.missing = true;
        }
        numbers.iter().for_each(|x| out.number(Some(f64::from(*x))));
    }
}
