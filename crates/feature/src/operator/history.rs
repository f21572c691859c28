//! `history`: the most recent elements of a behaviour list, together or one of them.
//!
//! Pipelines keep histories latest first; lists that grow at their end say `oldest_first`.

use super::lookup::numbers;
use super::pool::{Pool, Pooling};
use super::{Built, Class, Column, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::{FieldType, Key, Value};

pub(super) const CLASS: Class = Class {
    name: "history",
    version: 1,
    doc: Doc {
        what: "the last n things a user did, or the n-th last, or what a dictionary says of them",
        inputs: "one field: list<int> or list<string>",
        args: "args: n (1..10000). str_args: `nth` takes only the n-th most recent; `latest_first` (default) or \
               `oldest_first` says how the list is ordered; `@dictionary.column` takes the elements' cells \
               instead: categories, or, with `sum`, `mean`, `max`, `min` or `count`, one number",
        output: "up to n signs of weight 1, most recent first; with `nth` one; pooled: one float",
        formula: "sign(slot, element); sign(slot, cell); pool(cells)",
        missing: "no sign; nor where the history is shorter or the dictionary has no cell; pooled: 0",
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
    let window = History {
        from: if nth { count - 1 } else { 0 },
        to: count,
        oldest_first,
    };
    match setting.column() {
        Some(column) => beside(setting, window, column),
        None => Built::sparse(window),
    }
}

/// With side information.
fn beside(setting: &mut Setting<'_>, window: History, column: Column) -> Built {
    setting.check_key(column, 0);
    let pooled = ["sum", "mean", "max", "min", "count"]
        .iter()
        .any(|word| setting.has(word));
    if matches!(column.ty, FieldType::Vector(_)) {
        setting.complain("str_args", None, "a history of vectors is what `vector` is for");
    }
    if !pooled {
        return Built::sparse(Beside {
            window,
            column,
            pooling: None,
        });
    }
    if matches!(column.ty, FieldType::String | FieldType::StringList) {
        setting.complain(
            "str_args",
            None,
            format!("a column of type {} has no numbers to pool", column.ty),
        );
    }
    let pooling = Some(Pooling::of(setting));
    Built::dense(
        1,
        Beside {
            window,
            column,
            pooling,
        },
    )
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

/// The cells of the elements.
struct Beside {
    window: History,
    column: Column,
    pooling: Option<Pooling>,
}

impl Operator for Beside {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let (value, mut pool) = (inputs.value(0), Pool::new());
        for i in self.window.from..self.window.to.min(value.len()) {
            let at = if self.window.oldest_first {
                value.len() - 1 - i
            } else {
                i
            };
            let cell = inputs.look(self.column.read, key_at(value, at));
            match self.pooling {
                Some(_) => numbers(cell, |x| pool.add(x)),
                None => out.append(cell),
            }
        }
        if let Some(pooling) = self.pooling {
            out.number(pool.result(pooling));
        }
    }
}

fn key_at(value: &Value, i: usize) -> Option<Key<'_>> {
    if let Value::Ints(items) = value {
        return items.get(i).map(|x| Key::Int(*x));
    }
    if let Value::Strs(items) = value {
        items.get(i).map(|x| Key::Text(x))
    } else {
        None
    }
}
