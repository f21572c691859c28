//! `match`: a two-level map asked for two keys, either of which may be a wildcard.
//!
//! The map comes as a map field with keys `first^second`, or as one text in the form that Alibaba's generators use,
//! `first^second:0.2,second:0.3|first^…`. Decision: scanned where it lies, not parsed into a map: it is read once per
//! candidate and is short, and so nothing is allocated.

use super::element::texts;
use super::pool::{Pool, Pooling};
use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::{FieldType, Value, sign};

pub(super) const CLASS: Class = Class {
    name: "match",
    version: 1,
    doc: Doc {
        what: "what a two-level map holds for two keys",
        inputs: "the map (a map<string,float> with keys `first^second`, or a string `first^second:0.2,second:0.3|first^…`), \
                 then the first key, then the second (int or string); a key that is a wildcard is left out",
        args: "str_args: `any_first`, `any_second`: that key matches everything; `sum` (default), `mean`, `max`, `min`, \
               `count` pools what matches; `flag` adds a float that is 1 where nothing matches; `category` makes signs \
               instead",
        output: "one float (two with `flag`); `category`: per match cross(first, second), its value as weight",
        formula: "pool of the entries with equal keys; if there are none, of those whose key is `*` where keys differ",
        missing: "0 or no sign where a key is missing or nothing matches",
        examples: &[
            Example::of(
                "m string = a^x:0.5,y:2|b^x:4; p string = a; s string = y",
                "",
                "[2]",
            ),
            Example::of(
                "m string = a^x:0.5,y:2|b^x:4; s string = x",
                "str_args = [\"any_first\"]",
                "[4.5]",
            ),
            Example::of(
                "m map<string,float> = a^x:0.5,*^x:4; p string = c; s string = x",
                "",
                "[4]",
            ),
            Example::of(
                "m string = a^7:0.5; p string = a; s int = 7",
                "str_args = [\"category\"]",
                "{cross(text a, text 7) × 0.5}",
            ),
        ],
    },
    depend: (1, 3),
    accepts: |input| {
        use FieldType::{Int, String, Weighted};
        matches!(
            input,
            InputType::Unknown | InputType::Field(Int | String | Weighted)
        )
    },
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let (any_first, any_second) = (setting.flag("any_first"), setting.flag("any_second"));
    let wanted = 3 - usize::from(any_first) - usize::from(any_second);
    if setting.inputs.len() != wanted {
        let message = format!(
            "expected the map and {} key(s), got {} inputs",
            wanted - 1,
            setting.inputs.len()
        );
        setting.complain("depend", None, message);
    }
    if setting.inputs.first() == Some(&InputType::Field(FieldType::Int)) {
        setting.complain(
            "depend",
            Some(0),
            "expected a map<string,float> or a string first",
        );
    }
    let keys = setting.inputs.iter().skip(1);
    if let Some(i) = keys
        .clone()
        .position(|key| *key == InputType::Field(FieldType::Weighted))
    {
        setting.complain("depend", Some(i + 1), "a key is an int or a string");
    }
    let inputs = [(!any_first).then_some(1), (!any_second).then_some(wanted - 1)];
    if setting.flag("category") {
        return Built::sparse(Match {
            inputs,
            pooling: None,
            flag: false,
        });
    }
    let (pooling, flag) = (Some(Pooling::of(setting)), setting.flag("flag"));
    Built::dense(
        1 + usize::from(flag),
        Match {
            inputs,
            pooling,
            flag,
        },
    )
}

struct Match {
    /// Where the two keys come from; none for a wildcard.
    inputs: [Option<usize>; 2],
    /// None for categories.
    pooling: Option<Pooling>,
    flag: bool,
}

/// Matches anything in a map.
const STAR: &str = "*";

impl Match {
    /// Visits the entries that match: with equal keys, or with stars where they differ.
    fn visit(&self, inputs: &Inputs<'_>, stars: bool, mut found: impl FnMut(&str, &str, f64)) {
        self.with_key(inputs, 0, |first| {
            self.with_key(inputs, 1, |second| {
                entries(inputs.value(0), |a, b, value| {
                    let equal = [(first, a), (second, b)].map(|(key, x)| key.is_none_or(|key| key == x));
                    let star = equal == [true; 2] || !stars;
                    let right = [a, b]
                        .into_iter()
                        .zip(equal)
                        .all(|(x, equal)| equal || stars && x == STAR);
                    if right && (!stars || !star) {
                        found(a, b, value);
                    }
                });
            });
        });
    }

    /// Calls with a key as text; with none for a wildcard; not at all if it is missing.
    fn with_key(&self, inputs: &Inputs<'_>, i: usize, mut with: impl FnMut(Option<&str>)) {
        match self.inputs[i] {
            None => with(None),
            Some(input) => texts(inputs.value(input), |key, _| with(Some(key))),
        }
    }
}

impl Operator for Match {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let mut pool = Pool::new();
        let mut any = false;
        for stars in [false, true] {
            self.visit(inputs, stars, |a, b, value| {
                any = true;
                pool.add(value);
                if self.pooling.is_none() {
                    let bytes = &mut out.scratch.bytes;
                    let signs = [sign::text(0, a, bytes), sign::text(0, b, bytes)];
                    out.sign(sign::cross(out.slot, &signs), super::stream::narrow(value));
                }
            });
            if any {
                break;
            }
        }
        if let Some(pooling) = self.pooling {
            let value = pool.result(pooling);
            out.flagged(value, value.is_none(), self.flag);
        }
    }
}

/// The entries of a two-level map. Pieces that are not entries are passed over.
fn entries(map: &Value, mut each: impl FnMut(&str, &str, f64)) {
    if let Value::Weighted(items) = map {
        for (key, value) in items.iter() {
            if let Some((first, second)) = key.split_once('^') {
                each(first, second, f64::from(*value));
            }
        }
    }
    if let Value::Str(text) = map {
        for (first, rest) in text.split('|').filter_map(|part| part.split_once('^')) {
            for (second, value) in rest.split(',').filter_map(|entry| entry.rsplit_once(':')) {
                if let Ok(value) = value.trim().parse() {
                    each(first, second, value);
                }
            }
        }
    }
}
