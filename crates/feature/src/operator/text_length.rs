//! `text_length`: how long a text is.

use super::tokens::Cutter;
use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::{FieldType, Value};

pub(super) const CLASS: Class = Class {
    name: "text_length",
    version: 1,
    doc: Doc {
        what: "the length of a text",
        inputs: "one field: string",
        args: "str_args: `chars` (default; Unicode scalar values), `bytes` (UTF-8) or `words` (as `tokenize` cuts them); `flag` \
               adds a float that is 1 where the text is missing",
        output: "one float (two with `flag`)",
        formula: "count",
        missing: "0; `default` replaces it",
        examples: &[
            Example::of("a string = 帝国 x", "", "[4]"),
            Example::of("a string = 帝国 x", "str_args = [\"words\"]", "[3]"),
            Example::of("a string = \\N", "str_args = [\"bytes\", \"flag\"]", "[0, 1]"),
        ],
    },
    depend: (1, 1),
    accepts: |input| matches!(input, InputType::Unknown | InputType::Field(FieldType::String)),
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let unit = setting.one_of(&["chars", "bytes", "words"], true);
    let flag = setting.flag("flag");
    Built::dense(1 + usize::from(flag), TextLength { unit, flag })
}

struct TextLength {
    unit: &'static str,
    flag: bool,
}

impl Operator for TextLength {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let length = match (inputs.value(0), self.unit) {
            (Value::Str(text), "bytes") => Some(text.len()),
            (Value::Str(text), "words") => Some(words(text, out)),
            (Value::Str(text), _) => Some(text.chars().count()),
            _ => None,
        };
        out.flagged(
            length.map(|length| length as f64),
            inputs.was_missing(0),
            self.flag,
        );
    }
}

fn words(text: &str, out: &mut Out<'_>) -> usize {
    out.scratch.text.clear();
    out.scratch.spans.clear();
    let cutter = Cutter {
        chars: false,
        lower: false,
        halfwidth: false,
    };
    cutter.cut(text, out.scratch);
    out.scratch.spans.len()
}
