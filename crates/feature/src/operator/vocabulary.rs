//! `vocabulary`: categories as their places in a list that is given, loaded or fitted.
//!
//! Everything is compared as text (ints in decimal), so one list serves fields of both types. Ties of a fitted list are
//! broken by the text itself, so that equal rows in any order give equal lists.

use super::element::{keys, texts};
use super::{
    Built, Class, Column, Doc, Example, InputType, Inputs, Observer, Operator, Out, Setting, Statistics,
};
use crate::{FieldType, Value};
use rustc_hash::FxHashMap;

pub(super) const CLASS: Class = Class {
    name: "vocabulary",
    version: 1,
    doc: Doc {
        what: "each category's place in a list of known ones",
        inputs: "one field: int, string, bool, list<int>, list<string>, map<string,float>",
        args: "str_args: the words, each behind `=`; or `@dictionary.column` (a column of type int); or `fitted`, with args \
               [most words to keep (1..10000000), least count (default 1)]. `other` gives unknown words the place -1",
        output: "a sign per known element: its place as an int, from 0; weight 1 or the map's weight",
        formula: "place(word); fitted: by falling count, then by text",
        missing: "no sign, as for unknown words without `other`; `default` replaces it",
        examples: &[
            Example::of(
                "a list<string> = War,New,Drama",
                "str_args = [\"=Drama\", \"=War\"]",
                "{int 1, int 0}",
            ),
            Example::of("a int = 9", "str_args = [\"=7\", \"=8\", \"other\"]", "{int -1}"),
            Example::of(
                "a string = y",
                "args = [2, 2]\nstr_args = [\"fitted\"]",
                "{int 1}",
            )
            .fitted(&["x", "y", "x", "z", "y", "x"]),
            Example::of("a string = b", "str_args = [\"@words\"]", "{int 1}")
                .dictionary("words: string -> line int: a = 0; b = 1"),
        ],
    },
    depend: (1, 1),
    accepts: |input| {
        use FieldType::{Bool, Int, IntList, String, StringList, Weighted};
        matches!(
            input,
            InputType::Unknown | InputType::Field(Bool | Int | IntList | String | StringList | Weighted)
        )
    },
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let other = setting.flag("other");
    if let Some(column) = setting.column() {
        setting.check_key(column, 0);
        if column.ty != FieldType::Int {
            setting.complain("str_args", None, "a vocabulary's column is of type int");
        }
        return Built::sparse(Loaded { column, other });
    }
    if setting.flag("fitted") {
        return fitted(setting, other);
    }
    let words = setting.prefixed("=");
    if words.is_empty() {
        setting.complain(
            "str_args",
            None,
            "expected words behind `=`, `@dictionary.column`, or `fitted`",
        );
    }
    let places = places(words.iter().copied());
    if places.len() != words.len() {
        setting.complain("str_args", None, "a word stands in the list twice");
    }
    Built::sparse(Vocabulary {
        places: Some(places),
        most: 0,
        least: 0,
        other,
    })
}

fn fitted(setting: &mut Setting<'_>, other: bool) -> Built {
    let most = setting.count("the most words to keep", 1..=10_000_000, None);
    let least = setting.count("the least count of a word", 1..=1_000_000_000, Some(1)) as u64;
    let entry = setting.fitted();
    let words = entry.map(|entry| entry.texts.get("words").map_or(&[][..], Vec::as_slice));
    let places = words.map(|words| places(words.iter().map(String::as_str)));
    Built::sparse(Vocabulary {
        places,
        most,
        least,
        other,
    })
}

/// Words to places.
type Places = FxHashMap<Box<str>, i64>;

fn places<'a>(words: impl Iterator<Item = &'a str>) -> Places {
    let mut places = Places::default();
    for (place, word) in (0..).zip(words) {
        places.entry(word.into()).or_insert(place);
    }
    places
}

struct Vocabulary {
    /// None until fitted.
    places: Option<Places>,
    most: usize,
    least: u64,
    other: bool,
}

impl Operator for Vocabulary {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let Some(places) = &self.places else {
            return;
        };
        texts(inputs.value(0), |word, weight| {
            let place = places.get(word).copied();
            if let Some(place) = place.or(self.other.then_some(-1)) {
                out.weighted_int(place, weight);
            }
        });
    }

    fn observer(&self) -> Option<Box<dyn Observer>> {
        (self.most > 0).then(|| {
            let counts = FxHashMap::default();
            Box::new(Counts {
                counts,
                most: self.most,
                least: self.least,
                count: 0,
            }) as Box<dyn Observer>
        })
    }
}

/// Reads places from a dictionary.
struct Loaded {
    column: Column,
    other: bool,
}

impl Operator for Loaded {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        keys(inputs.value(0), self.column.key, |key, weight| {
            let cell = inputs.look(self.column.read, Some(key));
            let place = if let Value::Int(place) = cell {
                Some(*place)
            } else {
                None
            };
            if let Some(place) = place.or(self.other.then_some(-1)) {
                out.weighted_int(place, weight);
            }
        });
    }
}

/// The most different words that are counted; later ones are not seen. Bounds the memory of a fit.
const LIMIT: usize = 20_000_000;

/// Counts words.
struct Counts {
    counts: FxHashMap<Box<str>, u64>,
    most: usize,
    least: u64,
    count: u64,
}

impl Observer for Counts {
    fn observe(&mut self, inputs: &Inputs<'_>) {
        texts(inputs.value(0), |word, _| {
            self.count += 1;
            if let Some(count) = self.counts.get_mut(word) {
                *count += 1;
            } else if self.counts.len() < LIMIT {
                self.counts.insert(word.into(), 1);
            }
        });
    }

    fn finish(self: Box<Self>) -> Statistics {
        let least = self.least;
        let kept = self.counts.into_iter().filter(|(_, count)| *count >= least);
        let mut kept: Vec<(Box<str>, u64)> = kept.collect();
        kept.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        kept.truncate(self.most);
        let words = kept.into_iter().map(|(word, _)| word.into_string()).collect();
        Statistics {
            count: self.count,
            texts: [("words".to_owned(), words)].into(),
            ..Statistics::default()
        }
    }
}
