//! `coalesce`: the first of several vectors or numbers that is there.
//!
//! What a model reads is often known in more than one way: learnt factors of a user, and for one who came since the mean of the factors of
//! what he has done. `expression` has the same of single numbers, among other sums.

use super::stream::Input;
use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out};
use crate::FieldType;

pub(super) const CLASS: Class = Class {
    name: "coalesce",
    version: 1,
    doc: Doc {
        what: "the first of several vectors or numbers that is there",
        inputs: "two to eight of one width: features of floats, fields vector<n>, or numbers (int, float, bool, timestamp in seconds)",
        args: "none",
        output: "as many floats as each input",
        formula: "the first input that is not missing",
        missing: "0 where all are missing",
        examples: &[
            Example::of("a vector<2> = \\N; b vector<2> = 1,2", "", "[1, 2]"),
            Example::of("a float = 4; b int = 7", "", "[4]"),
            Example::of(
                "id int = 9; seen list<int> = 7,8,1",
                "depend = [\"own\", \"seen_mean\"]",
                "[2, 3]",
            )
            .before(
                "[[feature]]\nname = \"own\"\nclass = \"vector\"\ndepend = [\"id\"]\nstr_args = [\"@items\"]\n\
                 [[feature]]\nname = \"seen_mean\"\nclass = \"vector\"\ndepend = [\"seen\"]\nstr_args = [\"@items\"]",
            )
            .dictionary("items: int -> v vector<2>: 7 = 3,4; 8 = 1,2"),
        ],
    },
    depend: (2, 8),
    accepts: |input| input.is_number() || matches!(input, InputType::Field(FieldType::Vector(_))),
    build,
};

fn build(setting: &mut super::Setting<'_>) -> Built {
    let mut width = None;
    let inputs = setting.inputs;
    for (i, input) in inputs.iter().enumerate() {
        let own = match input {
            InputType::Field(FieldType::Vector(own)) | InputType::Dense(own) => *own,
            InputType::Field(_) => 1,
            InputType::Sparse | InputType::Unknown => continue,
        };
        let first = *width.get_or_insert(own);
        if own != first {
            let message = format!("expected {first} float(s) as of the first input, got {own}");
            setting.complain("depend", Some(i), message);
        }
    }
    let width = width.unwrap_or(1);
    Built::dense(width, Coalesce { width })
}

struct Coalesce {
    width: usize,
}

impl Operator for Coalesce {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let last = inputs.len().saturating_sub(1);
        let first = (0..last).find(|i| !inputs.was_missing(*i)).unwrap_or(last);
        let floats: &[f32] = match inputs.get(first) {
            Input::Numbers(Some(numbers)) => numbers,
            Input::Field(value) => value.as_vector(),
            Input::Numbers(None) | Input::Signs(..) => &[],
        };
        if floats.len() == self.width {
            floats.iter().for_each(|x| out.number(Some(f64::from(*x))));
        } else if self.width == 1 {
            out.number(inputs.number(first));
        } else {
            out.missing = true;
        }
    }
}
