//! `list`: lists as numbers (length, pooling) or as their first elements.
//!
//! Pooling adds in list order, in f64.

use super::stream::Input;
use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::{FieldType, Value};

pub(super) const CLASS: Class = Class {
    name: "list",
    version: 1,
    doc: Doc {
        what: "a list in short: its length, its pooled numbers, or some of its elements",
        inputs: "one field: list<int>, list<float>, list<string> or map<string,float>; for `length` a feature of signs, too; \
                 pooling needs numbers (of a map: its weights)",
        args: "str_args: one of `length`, `mean`, `sum`, `max`, `min`, `first`, `last`, `slice`; `flag` (not with the last \
               three) adds a float that is 1 where there is no result; `dedupe` (with the last three) first drops repeated \
               elements. args with `first` and `last`: how many (1..10000); with `slice`: from, to (not included), step \
               (default 1)",
        output: "one float (two with `flag`); `first`, `last`, `slice`: signs of weight 1 or a map's weight, in list order",
        formula: "length: n; mean: sum / n; sum, max, min over the elements that are not NaN",
        missing: "0; so are mean, max and min of an empty list (its sum and length are 0 without being missing)",
        examples: &[
            Example::of("a list<float> = 1,2,6", "str_args = [\"mean\"]", "[3]"),
            Example::of(
                "a list<int> = 7,8,9",
                "args = [2]\nstr_args = [\"first\"]",
                "{int 7, int 8}",
            ),
        ],
    },
    depend: (1, 1),
    accepts,
    build,
};

fn accepts(input: InputType) -> bool {
    use FieldType::{FloatList, IntList, StringList, Weighted};
    matches!(input, InputType::Unknown | InputType::Sparse)
        || matches!(
            input,
            InputType::Field(IntList | FloatList | StringList | Weighted)
        )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pooling {
    Length,
    Mean,
    Sum,
    Max,
    Min,
}

fn build(setting: &mut Setting<'_>) -> Built {
    let pooling = match setting.one_of(
        &["length", "mean", "sum", "max", "min", "first", "last", "slice"],
        false,
    ) {
        word @ ("first" | "last" | "slice") => return some(setting, word),
        "mean" => Pooling::Mean,
        "sum" => Pooling::Sum,
        "max" => Pooling::Max,
        "min" => Pooling::Min,
        _ => Pooling::Length,
    };
    let texts = matches!(
        setting.inputs.first(),
        Some(InputType::Sparse | InputType::Field(FieldType::StringList))
    );
    if texts && pooling != Pooling::Length {
        setting.complain("depend", Some(0), "pooling needs a list of numbers");
    }
    let flag = setting.flag("flag");
    Built::dense(1 + usize::from(flag), List { pooling, flag })
}

/// Some of the elements.
fn some(setting: &mut Setting<'_>, word: &str) -> Built {
    if setting.inputs.first() == Some(&InputType::Sparse) {
        setting.complain("depend", Some(0), format!("`{word}` needs a field"));
    }
    let dedupe = setting.flag("dedupe");
    let taken = match word {
        "slice" => {
            let from = setting.count("where to begin", 0..=10_000, None);
            let to = setting.count("where to end", from + 1..=10_001, None);
            let step = setting.count("the step", 1..=10_000, Some(1));
            Taken::Slice(from, to, step)
        }
        "last" => Taken::Last(setting.count("how many elements", 1..=10_000, None)),
        _ => Taken::Slice(0, setting.count("how many elements", 1..=10_000, None), 1),
    };
    Built::sparse(Elements { taken, dedupe })
}

struct List {
    pooling: Pooling,
    flag: bool,
}

impl List {
    fn pool(&self, numbers: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
        if self.pooling == Pooling::Length {
            return Some(numbers.len() as f64);
        }
        let (mut count, mut sum, mut max, mut min) = (0u32, 0.0, f64::NEG_INFINITY, f64::INFINITY);
        for x in numbers.filter(|x| !x.is_nan()) {
            (count, sum, max, min) = (count.saturating_add(1), sum + x, x.max(max), x.min(min));
        }
        match self.pooling {
            Pooling::Length | Pooling::Sum => Some(sum),
            Pooling::Mean => (count > 0).then(|| sum / f64::from(count)),
            Pooling::Max => (count > 0).then_some(max),
            Pooling::Min => (count > 0).then_some(min),
        }
    }

    fn value(&self, value: &Value) -> Option<f64> {
        match value {
            Value::Ints(items) => self.pool(items.iter().map(|x| *x as f64)),
            Value::Floats(items) => self.pool(items.iter().copied()),
            Value::Weighted(items) => self.pool(items.iter().map(|(_, weight)| f64::from(*weight))),
            Value::Strs(items) => Some(items.len() as f64),
            Value::Missing
            | Value::Int(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::Time(_)
            | Value::Bool(_)
            | Value::Vector(_) => None,
        }
    }
}

impl Operator for List {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let value = match inputs.get(0) {
            Input::Field(value) => self.value(value),
            Input::Signs(signs, _) => Some(signs.len() as f64),
            Input::Numbers(_) => None,
        };
        out.flagged(value, inputs.was_missing(0) && value.is_none(), self.flag);
    }
}

/// Which elements.
enum Taken {
    Slice(usize, usize, usize),
    Last(usize),
}

struct Elements {
    taken: Taken,
    dedupe: bool,
}

impl Operator for Elements {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        if let (Taken::Slice(from, to, 1), false) = (&self.taken, self.dedupe) {
            return out.elements(inputs.value(0), *from, *to);
        }
        out.append(inputs.value(0));
        if self.dedupe {
            out.dedupe();
        }
        let len = out.scratch.signs.len();
        match self.taken {
            Taken::Slice(from, to, step) => out.slice(from, to, step),
            Taken::Last(count) => out.slice(len.saturating_sub(count), len, 1),
        }
    }
}
