//! `lookup`: what a map field or a dictionary holds for a key.
//!
//! One operator for both places: in the importers' world a `lookup_feature` reads a map that travels with the user, and
//! a key→value dictionary is the same question asked of something that is loaded.

use super::element::{keys, texts};
use super::pool::{Pool, Pooling};
use super::{Built, Class, Column, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::{FieldType, Value};
use std::sync::Arc;

pub(super) const CLASS: Class = Class {
    name: "lookup",
    version: 1,
    doc: Doc {
        what: "the value that a map field or a dictionary holds for a key",
        inputs: "a map<string,float> and a key; or, with a dictionary, the key alone. Keys: int, string, list<int>, list<string>",
        args: "str_args: `@dictionary.column` reads a dictionary; `sum` (default), `mean`, `max`, `min` or `count` pools the \
               values of several keys; `flag` adds a float that is 1 where nothing was found; `category` makes signs instead: \
               of the cells found in a dictionary, of the keys found in a map",
        output: "one float (two with `flag`); a column of vectors: its floats (the first key's); `category`: a sign per \
                 element found, of weight 1, of a map the value found as weight",
        formula: "pool(map[k] for k in keys if there)",
        missing: "0 or no sign where the key is missing or not there",
        examples: &[
            Example::of("m map<string,float> = a:2,b:5; k string = b", "", "[5]"),
            Example::of(
                "m map<string,float> = 7:2,8:5; k list<int> = 7,8,9",
                "str_args = [\"mean\", \"flag\"]",
                "[3.5, 0]",
            ),
            Example::of(
                "m map<string,float> = a:2; k string = b",
                "str_args = [\"flag\"]",
                "[0, 1]",
            ),
            Example::of(
                "m map<string,float> = a:2; k string = a",
                "str_args = [\"category\"]",
                "{text a × 2}",
            ),
            Example::of(
                "k int = 7",
                "str_args = [\"@items.genre\", \"category\"]",
                "{text War}",
            )
            .dictionary("items: int -> genre string, price float: 7 = War, 1.5"),
            Example::of("k int = 7", "str_args = [\"@items.price\"]", "[1.5]")
                .dictionary("items: int -> genre string, price float: 7 = War, 1.5"),
        ],
    },
    depend: (1, 2),
    accepts: |input| {
        use FieldType::{Int, IntList, String, StringList, Weighted};
        matches!(
            input,
            InputType::Unknown | InputType::Field(Int | IntList | String | StringList | Weighted)
        )
    },
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let column = setting.column();
    let category = setting.flag("category");
    if let Some(column) = column {
        return in_dictionary(setting, column, category);
    }
    if setting.inputs.len() != 2 || setting.inputs[0] == InputType::Field(FieldType::Weighted) {
        check_map(setting);
    } else if setting.inputs[0] != InputType::Unknown {
        setting.complain(
            "depend",
            Some(0),
            "expected a field of type map<string,float> first, or `@dictionary.column`",
        );
    }
    if category {
        return Built::sparse(InMap {
            pooling: Pooling::Sum,
            flag: false,
            category,
        });
    }
    let (pooling, flag) = (Pooling::of(setting), setting.flag("flag"));
    Built::dense(
        1 + usize::from(flag),
        InMap {
            pooling,
            flag,
            category,
        },
    )
}

fn check_map(setting: &mut Setting<'_>) {
    if setting.inputs.len() != 2 {
        setting.complain(
            "depend",
            None,
            "expected a map and a key, or a key and `@dictionary.column`",
        );
    } else if setting.inputs[1] == InputType::Field(FieldType::Weighted) {
        setting.complain("depend", Some(1), "a key is an int, a string or a list of them");
    }
}

fn in_dictionary(setting: &mut Setting<'_>, column: Column, category: bool) -> Built {
    if setting.inputs.len() != 1 {
        setting.complain("depend", None, "with a dictionary, lookup takes the key alone");
    }
    setting.check_key(column, 0);
    if let (FieldType::Vector(width), false) = (column.ty, category) {
        return Built::dense(width, Floats { column, width });
    }
    if category {
        if matches!(column.ty, FieldType::Vector(_)) {
            setting.complain("str_args", None, "a vector is no category");
        }
        return Built::sparse(Cells {
            column,
            pooling: None,
            flag: false,
        });
    }
    if matches!(column.ty, FieldType::String | FieldType::StringList) {
        let message = format!("a column of type {} needs `category` in str_args", column.ty);
        setting.complain("str_args", None, message);
    }
    let (pooling, flag) = (Some(Pooling::of(setting)), setting.flag("flag"));
    Built::dense(
        1 + usize::from(flag),
        Cells {
            column,
            pooling,
            flag,
        },
    )
}

/// Reads a map field.
struct InMap {
    pooling: Pooling,
    flag: bool,
    category: bool,
}

impl Operator for InMap {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let map: &[(Arc<str>, f32)] = if let Value::Weighted(map) = inputs.value(0) {
            map
        } else {
            &[]
        };
        let mut pool = Pool::new();
        texts(inputs.value(1), |key, _| {
            let Some((_, value)) = map.iter().find(|(tag, _)| **tag == *key) else {
                return;
            };
            pool.add(f64::from(*value));
            if self.category {
                out.text(key, *value);
            }
        });
        if !self.category {
            let value = pool.result(self.pooling);
            out.flagged(value, value.is_none(), self.flag);
        }
    }
}

/// Reads cells of a dictionary; signs without pooling.
struct Cells {
    column: Column,
    pooling: Option<Pooling>,
    flag: bool,
}

impl Operator for Cells {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let mut pool = Pool::new();
        keys(inputs.value(0), self.column.key, |key, _| {
            let cell = inputs.look(self.column.read, Some(key));
            match self.pooling {
                Some(_) => numbers(cell, |x| pool.add(x)),
                None => out.append(cell),
            }
        });
        if let Some(pooling) = self.pooling {
            let value = pool.result(pooling);
            out.flagged(value, value.is_none(), self.flag);
        }
    }
}

/// The numbers of a value: itself, its elements, or its weights.
pub(super) fn numbers(value: &Value, mut each: impl FnMut(f64)) {
    match value {
        Value::Ints(items) => items.iter().for_each(|x| each(*x as f64)),
        Value::Floats(items) => items.iter().for_each(|x| each(*x)),
        Value::Weighted(items) => items.iter().for_each(|(_, weight)| each(f64::from(*weight))),
        Value::Vector(items) => items.iter().for_each(|x| each(f64::from(*x))),
        Value::Int(_) | Value::Float(_) | Value::Time(_) | Value::Bool(_) => {
            if let Some(x) = value.number() {
                each(x);
            }
        }
        Value::Missing | Value::Str(_) | Value::Strs(_) => {}
    }
}

/// A vector of a dictionary.
struct Floats {
    column: Column,
    width: usize,
}

impl Operator for Floats {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let mut found = false;
        keys(inputs.value(0), self.column.key, |key, _| {
            let floats = inputs.look_vector(self.column.read, key);
            if !found && floats.len() == self.width {
                found = true;
                floats.iter().for_each(|x| out.number(Some(f64::from(*x))));
            }
        });
        out.missing |= !found;
    }
}
