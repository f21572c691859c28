//! `history`: the most recent elements of a behaviour list, together or one of them.
//!
//! Pipelines keep histories latest first; lists that grow at their end say `oldest_first`.

use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::FieldType;

pub(super) const CLASS: Class = Class {
    name: "history",
    version: 1,
    doc: Doc {
        what: "the last n things a user did, or the n-th last",
        inputs: "one field: list<int> or list<string>",
        args: "args: n (1..10000). str_args: `nth` takes only the n-th most recent; `latest_first` (default) or \
               `oldest_first` says how the list is ordered",
        output: "up to n signs of weight 1, most recent first; with `nth` one",
        formula: "sign(slot, element)",
        missing: "no sign; nor where the history is shorter",
        examples: &[
            Example::of("a list<int> = 9,8,7", "args = [2]", "{int 9, int 8}"),
            Example::of(
                "a list<int> = 9,8,7",
                "args = [2]\nstr_args = [\"nth\"]",
                "{int 8}",
            ),
        ],
    },
    depend: (1, 1),
    accepts: |input| {
        use FieldType::{IntList, StringList};
        matches!(input, InputType::Unknown | InputType::Field(IntList | StringList))
    },
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let count = setting.count("how many", 1..=10_000, None);
    let oldest_first = setting.one_of(&["latest_first", "oldest_first"], true) == "oldest_first";
    let nth = setting.flag("nth");
    Built::sparse(History {
        from: if nth { count - 1 } else { 0 },
        to: count,
        oldest_first,
    })
}

/// The elements `from..to`, counted from the most recent.
struct History {
    from: usize,
    to: usize,
    oldest_first: bool,
}

impl Operator for History {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let value = inputs.value(0);
        let len = value.len();
        if !self.oldest_first {
            return out.elements(value, self.from, self.to);
        }
        out.elements(value, len.saturating_sub(self.to), len.saturating_sub(self.from));
        out.scratch.signs.reverse();
        out.scratch.weights.reverse();
    }
}
