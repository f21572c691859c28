//! `const`: the same for every sample, as a bias or to fill a slot that a model expects.

use super::{Built, Class, Doc, Example, Inputs, Operator, Out, Setting};

pub(super) const CLASS: Class = Class {
    name: "const",
    version: 1,
    doc: Doc {
        what: "numbers or a category that never change",
        inputs: "none (`depend = []`)",
        args: "args: one to 1024 numbers; or str_args: one word",
        output: "the numbers; or one sign of weight 1",
        formula: "the settings themselves",
        missing: "never missing",
        examples: &[
            Example::of("", "depend = []\nargs = [1, 0.5]", "[1, 0.5]"),
            Example::of("", "depend = []\nstr_args = [\"app\"]", "{text app}"),
        ],
    },
    depend: (0, 0),
    accepts: |_| true,
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let numbers = setting.all_args().to_vec();
    let word = setting.prefixed("");
    match (&numbers[..], &word[..]) {
        ([], [word]) => Built::sparse(Word((*word).to_owned())),
        ([_, ..], []) if numbers.len() <= 1024 => Built::dense(numbers.len(), Numbers(numbers)),
        _ => {
            setting.complain(
                "args",
                None,
                "expected one to 1024 numbers, or one word in str_args",
            );
            Built::dense(1, Numbers(numbers))
        }
    }
}

struct Numbers(Vec<f64>);

impl Operator for Numbers {
    fn run(&self, _inputs: &Inputs<'_>, out: &mut Out<'_>) {
        self.0.iter().for_each(|x| out.number(Some(*x)));
    }
}

struct Word(String);

impl Operator for Word {
    fn run(&self, _inputs: &Inputs<'_>, out: &mut Out<'_>) {
        out.text(&self.0, 1.0);
    }
}
