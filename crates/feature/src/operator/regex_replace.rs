//! `regex_replace`: a text with what a pattern finds replaced, as a category.
//!
//! The replacement is plain text: expanding groups would need memory per evaluation. The regex engine runs in linear time.

use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::{Value, sign};
use regex::{Regex, RegexBuilder};

pub(super) const CLASS: Class = Class {
    name: "regex_replace",
    version: 1,
    doc: Doc {
        what: "a text with what a pattern finds replaced, as a category",
        inputs: "one field: string or list<string>",
        args: "str_args: `pattern=` and a regular expression (no look-around, no back-references), `with=` and the text put in \
               its place (default: nothing; taken as it is)",
        output: "a sign of weight 1 per text",
        formula: "sign(slot, text with every match replaced, from the left)",
        missing: "no sign; `default` replaces it",
        examples: &[Example::of(
            "a string = iPhone 15 Pro",
            "str_args = [\"pattern=[0-9]+\", \"with=#\"]",
            "{text iPhone # Pro}",
        )],
    },
    depend: (1, 1),
    accepts: InputType::is_text,
    build,
};

/// The largest compiled pattern, in bytes.
const SIZE: usize = 1 << 20;

fn build(setting: &mut Setting<'_>) -> Built {
    let patterns = setting.prefixed("pattern=");
    let with = setting
        .prefixed("with=")
        .first()
        .copied()
        .unwrap_or("")
        .to_owned();
    let pattern = match patterns[..] {
        [pattern] => compile(setting, pattern),
        _ => {
            setting.complain(
                "str_args",
                None,
                "expected one `pattern=` and a regular expression",
            );
            None
        }
    };
    Built::sparse(RegexReplace { pattern, with })
}

fn compile(setting: &mut Setting<'_>, pattern: &str) -> Option<Regex> {
    match RegexBuilder::new(pattern).size_limit(SIZE).build() {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let told = error.to_string();
            let last = told.lines().last().unwrap_or_default();
            setting.complain("str_args", None, format!("pattern `{pattern}`: {last}"));
            None
        }
    }
}

struct RegexReplace {
    /// None after a fault.
    pattern: Option<Regex>,
    with: String,
}

impl RegexReplace {
    fn replace(&self, text: &str, out: &mut Out<'_>) {
        let Some(pattern) = &self.pattern else {
            return;
        };
        let scratch = &mut *out.scratch;
        scratch.text.clear();
        let mut end = 0;
        for found in pattern.find_iter(text) {
            scratch.text.push_str(&text[end..found.start()]);
            scratch.text.push_str(&self.with);
            end = found.end();
        }
        scratch.text.push_str(&text[end..]);
        scratch
            .signs
            .push(sign::text(out.slot, &scratch.text, &mut scratch.bytes));
        scratch.weights.push(1.0);
    }
}

impl Operator for RegexReplace {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let value = inputs.value(0);
        if let Value::Str(text) = value {
            self.replace(text, out);
        }
        if let Value::Strs(texts) = value {
            texts.iter().for_each(|text| self.replace(text, out));
        }
    }
}
