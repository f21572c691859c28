//! `bm25`: how well a title answers a query (Robertson, Walker: Okapi at TREC-3, 1994).

use super::{Built, Class, Column, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::{FieldType, Key, Value};

pub(super) const CLASS: Class = Class {
    name: "bm25",
    version: 1,
    doc: Doc {
        what: "the BM25 score of a title for a query",
        inputs: "query and title, as lists of terms: two list<string> or two list<int>",
        args: "args: the average length of a title, k1 (default 1.2), b (default 0.75). str_args: `@dictionary.column` with a \
               term's inverse document frequency (float; without it each counts 1); `flag` adds a float that is 1 where there \
               is no result",
        output: "one float (two with `flag`)",
        formula: "sum over different terms q of idf(q) f (k1 + 1) / (f + k1 (1 - b + b |title| / average)), f = count of q in the title",
        missing: "0 where query or title have no terms; a term without idf counts 0",
        examples: &[
            Example::of("q list<string> = a,c; t list<string> = a,b", "args = [2]", "[1]"),
            Example::of(
                "q list<string> = a,c; t list<string> = a,b",
                "args = [2]\nstr_args = [\"@idf\"]",
                "[1.5]",
            )
            .dictionary("idf: string -> idf float: a = 1.5; c = 3"),
        ],
    },
    depend: (2, 2),
    accepts: |input| {
        matches!(
            input,
            InputType::Unknown | InputType::Field(FieldType::IntList | FieldType::StringList)
        )
    },
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let (average, k1, b) = match *setting.all_args() {
        [average] => (average, 1.2, 0.75),
        [average, k1] => (average, k1, 0.75),
        [average, k1, b] => (average, k1, b),
        _ => (0.0, 0.0, 0.0),
    };
    if !(average > 0.0 && k1 >= 0.0 && (0.0..=1.0).contains(&b)) {
        setting.complain(
            "args",
            None,
            "expected the average length (> 0), k1 (>= 0), b (0..1)",
        );
    }
    let idf = setting.column();
    if let Some(column) = idf {
        setting.check_key(column, 0);
        if column.ty != FieldType::Float {
            setting.complain("str_args", None, "an inverse document frequency is a float");
        }
    }
    if setting
        .inputs
        .windows(2)
        .any(|pair| pair[0] != pair[1] && !pair.contains(&InputType::Unknown))
    {
        setting.complain("depend", None, "query and title are lists of one type");
    }
    let flag = setting.flag("flag");
    Built::dense(
        1 + usize::from(flag),
        Bm25 {
            average,
            k1,
            b,
            idf,
            flag,
        },
    )
}

struct Bm25 {
    average: f64,
    k1: f64,
    b: f64,
    idf: Option<Column>,
    flag: bool,
}

impl Operator for Bm25 {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let value = match (inputs.value(0), inputs.value(1)) {
            (Value::Strs(query), Value::Strs(title)) => {
                self.score(query, title, |term| self.idf(inputs, Key::Text(term)))
            }
            (Value::Ints(query), Value::Ints(title)) => {
                self.score(query, title, |term| self.idf(inputs, Key::Int(*term)))
            }
            _ => None,
        };
        out.flagged(value, value.is_none(), self.flag);
    }
}

impl Bm25 {
    fn idf(&self, inputs: &Inputs<'_>, term: Key<'_>) -> f64 {
        match self.idf {
            Some(column) => inputs.look(column.read, Some(term)).number().unwrap_or(0.0),
            None => 1.0,
        }
    }

    fn score<T: PartialEq>(&self, query: &[T], title: &[T], idf: impl Fn(&T) -> f64) -> Option<f64> {
        if query.is_empty() || title.is_empty() {
            return None;
        }
        let norm = self.k1 * (1.0 - self.b + self.b * title.len() as f64 / self.average);
        let distinct = (0..query.len()).filter(|i| !query[..*i].contains(&query[*i]));
        let terms = distinct.map(|i| {
            let f = title.iter().filter(|term| **term == query[i]).count() as f64;
            if f == 0.0 {
                0.0
            } else {
                idf(&query[i]) * f * (self.k1 + 1.0) / (f + norm)
            }
        });
        Some(terms.sum())
    }
}
