//! `tokenize`: the words, characters or n-grams of a text as categories.

use super::tokens::Cutter;
use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::{Value, sign};

pub(super) const CLASS: Class = Class {
    name: "tokenize",
    version: 1,
    doc: Doc {
        what: "the words, characters or n-grams of a text",
        inputs: "one field: string or list<string> (n-grams do not reach over elements)",
        args: "args: shortest and longest n-gram (1..8, default 1, 1), the most tokens to make (1..100000, default 1000). \
               str_args: `words` (default) or `chars`; `lower`: lower case; `halfwidth`: full-width forms become the usual \
               ones; `dedupe`: each once",
        output: "a sign of weight 1 per token, shorter n-grams first, in text order",
        formula: "sign(slot, token). A word is a run of letters and digits; a Han, kana or Hangul character is a word of its \
                  own. Words of an n-gram are joined by a space, characters by nothing",
        missing: "no sign; `default` replaces it",
        examples: &[
            Example::of(
                "a string = Star Wars 帝国",
                "str_args = [\"lower\"]",
                "{text star, text wars, text 帝, text 国}",
            ),
            Example::of(
                "a string = a new hope",
                "args = [2, 2]",
                "{text a new, text new hope}",
            ),
            Example::of(
                "a string = abc d",
                "args = [1, 2]\nstr_args = [\"chars\"]",
                "{text a, text b, text c, text d, text ab, text bc}",
            ),
        ],
    },
    depend: (1, 1),
    accepts: InputType::is_text,
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let shortest = setting.count("the shortest n-gram", 1..=8, Some(1));
    let longest = setting.count("the longest n-gram", shortest..=8, Some(shortest));
    let most = setting.count("the most tokens", 1..=100_000, Some(1000));
    let chars = setting.one_of(&["words", "chars"], true) == "chars";
    let (lower, halfwidth) = (setting.flag("lower"), setting.flag("halfwidth"));
    let (cutter, dedupe) = (
        Cutter {
            chars,
            lower,
            halfwidth,
        },
        setting.flag("dedupe"),
    );
    Built::sparse(Tokenize {
        shortest,
        longest,
        most,
        cutter,
        dedupe,
    })
}

struct Tokenize {
    shortest: usize,
    longest: usize,
    most: usize,
    cutter: Cutter,
    dedupe: bool,
}

impl Operator for Tokenize {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        match inputs.value(0) {
            Value::Str(text) => self.cut(text, out),
            Value::Strs(texts) => texts.iter().for_each(|text| self.cut(text, out)),
            Value::Missing
            | Value::Int(_)
            | Value::Float(_)
            | Value::Time(_)
            | Value::Bool(_)
            | Value::Ints(_)
            | Value::Floats(_)
            | Value::Weighted(_)
            | Value::Vector(_) => {}
        }
        if self.dedupe {
            out.dedupe();
        }
    }
}

impl Tokenize {
    fn cut(&self, text: &str, out: &mut Out<'_>) {
        out.scratch.text.clear();
        out.scratch.spans.clear();
        self.cutter.cut(text, out.scratch);
        for n in self.shortest..=self.longest {
            self.grams(n, out);
        }
    }

    /// All n-grams of one length. Those of characters do not reach over a gap.
    fn grams(&self, n: usize, out: &mut Out<'_>) {
        let slot = out.slot;
        let scratch = &mut *out.scratch;
        for gram in scratch.spans.windows(n) {
            let gap = gram.windows(2).any(|pair| pair[0].1 != pair[1].0);
            if self.cutter.chars && gap {
                continue;
            }
            if scratch.signs.len() >= self.most {
                return;
            }
            let token = &scratch.text[gram[0].0..gram[n - 1].1];
            scratch.signs.push(sign::text(slot, token, &mut scratch.bytes));
            scratch.weights.push(1.0);
        }
    }
}
