//! `overlap`: how much two lists, or the tokens of two texts, have in common.
//!
//! Everything is compared by sign. Features of signs can be compared with each other only if both make their signs with
//! the same slot (both without one, or by `share`); that is checked when the conf is compiled, because two slots would
//! simply never agree.

use super::stream::gather;
use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::sign;

pub(super) const CLASS: Class = Class {
    name: "overlap",
    version: 1,
    doc: Doc {
        what: "what two lists or tokenized texts have in common",
        inputs: "query and title: fields (int, string, list<int>, list<string>, map<string,float>), or features of signs that \
                 are made with one slot (both stubs, or by `share`)",
        args: "str_args: one of `query_ratio`, `title_ratio`, `jaccard`, `common` (a count), `contains` (the query stands in \
               the title, whole and in order), `equal`, `index` (where it stands there, or -1), `intersection`, \
               `difference` (the query's elements that are, or are not, in the title); `flag` adds a float that is 1 where \
               there is no result",
        output: "one float (two with `flag`); `intersection`, `difference`: a sign of weight 1 per different element",
        formula: "Q, T as sets: |Q∩T| / |Q|, |Q∩T| / |T|, |Q∩T| / |Q∪T|, |Q∩T|; signs: sign(slot, sign of the element)",
        missing: "0 where one of both has no elements; no sign",
        examples: &[
            Example::of(
                "q list<string> = high,high2,fiberglass,abc; t list<string> = high,quality,fiberglass,tube,golf",
                "str_args = [\"query_ratio\"]",
                "[0.5]",
            ),
            Example::of("q list<int> = 1,2; t list<int> = 2,3,3", "str_args = [\"jaccard\"]", "[0.33333334]"),
            Example::of("q list<int> = 2,3; t list<int> = 1,2,3", "str_args = [\"index\"]", "[1]"),
            Example::of("q list<int> = 2,4; t list<int> = 2,3", "str_args = [\"intersection\"]", "{cross(int 2)}"),
            Example::of("q string = Star Wars; t string = star trek", "depend = [\"qt\", \"tt\"]\nstr_args = [\"common\"]", "[1]")
                .before(
                    "[[feature]]\nname = \"qt\"\nclass = \"tokenize\"\ndepend = [\"q\"]\nstr_args = [\"lower\"]\n\
                     [[feature]]\nname = \"tt\"\nclass = \"tokenize\"\ndepend = [\"t\"]\nstr_args = [\"lower\"]",
                ),
        ],
    },
    depend: (2, 2),
    accepts: super::cross::accepts,
    build,
};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    QueryRatio,
    TitleRatio,
    Jaccard,
    Common,
    Contains,
    Equal,
    Index,
}

const WORDS: [&str; 9] = [
    "query_ratio",
    "title_ratio",
    "jaccard",
    "common",
    "contains",
    "equal",
    "index",
    "intersection",
    "difference",
];

fn build(setting: &mut Setting<'_>) -> Built {
    let word = setting.one_of(&WORDS, false);
    let slot = slot(setting);
    let measure = match word {
        "intersection" | "difference" => {
            let inside = word == "intersection";
            return Built::sparse(Elements { slot, inside });
        }
        "title_ratio" => Measure::TitleRatio,
        "jaccard" => Measure::Jaccard,
        "common" => Measure::Common,
        "contains" => Measure::Contains,
        "equal" => Measure::Equal,
        "index" => Measure::Index,
        _ => Measure::QueryRatio,
    };
    let flag = setting.flag("flag");
    Built::dense(1 + usize::from(flag), Overlap { slot, measure, flag })
}

/// The slot of the signs to compare: that of the features, 0 between fields.
pub(super) fn slot(setting: &mut Setting<'_>) -> u32 {
    let sparse = setting.inputs.iter().zip(&setting.subject.hash_slots);
    let slots: Vec<u32> = sparse
        .filter(|(input, _)| **input == InputType::Sparse)
        .filter_map(|(_, slot)| *slot)
        .collect();
    if slots.windows(2).any(|pair| pair[0] != pair[1]) {
        let message = format!(
            "the features make their signs with slots {} and {}, which never agree; leave both without slot, or `share` one",
            slots[0], slots[1]
        );
        setting.complain("depend", None, message);
    }
    slots.first().copied().unwrap_or(0)
}

/// Puts the signs of both inputs, one behind the other, into `components`; returns how many the first has. None if one
/// has none.
pub(super) fn both(inputs: &Inputs<'_>, slot: u32, out: &mut Out<'_>) -> Option<usize> {
    out.scratch.components.clear();
    gather(slot, inputs.get(0), out.scratch);
    let first = out.scratch.components.len();
    gather(slot, inputs.get(1), out.scratch);
    (first > 0 && out.scratch.components.len() > first).then_some(first)
}

struct Overlap {
    slot: u32,
    measure: Measure,
    flag: bool,
}

impl Operator for Overlap {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let first = both(inputs, self.slot, out);
        let value = first.map(|first| {
            let (query, title) = out.scratch.components.split_at_mut(first);
            self.measure.of(query, title)
        });
        out.flagged(value, value.is_none(), self.flag);
    }
}

type Signs = [(u64, f32)];

impl Measure {
    fn of(self, query: &mut Signs, title: &mut Signs) -> f64 {
        match self {
            Measure::Equal => truth(query.iter().map(|x| x.0).eq(title.iter().map(|x| x.0))),
            Measure::Contains => truth(find(query, title).is_some()),
            Measure::Index => find(query, title).map_or(-1.0, |i| i as f64),
            Measure::QueryRatio | Measure::TitleRatio | Measure::Jaccard | Measure::Common => {
                self.of_sets(query, title)
            }
        }
    }

    fn of_sets(self, query: &mut Signs, title: &mut Signs) -> f64 {
        query.sort_unstable_by_key(|x| x.0);
        title.sort_unstable_by_key(|x| x.0);
        let (q, t, common) = count(query, title);
        match self {
            Measure::QueryRatio => common / q,
            Measure::TitleRatio => common / t,
            Measure::Jaccard => common / (q + t - common),
            Measure::Common | Measure::Contains | Measure::Equal | Measure::Index => common,
        }
    }
}

fn truth(x: bool) -> f64 {
    f64::from(u8::from(x))
}

/// Where the query stands in the title as a whole.
fn find(query: &Signs, title: &Signs) -> Option<usize> {
    let mut windows = title.windows(query.len());
    windows.position(|window| window.iter().map(|x| x.0).eq(query.iter().map(|x| x.0)))
}

/// Different elements of both and of their intersection. Both are sorted.
fn count(query: &Signs, title: &Signs) -> (f64, f64, f64) {
    let distinct = |signs: &Signs| 1 + signs.windows(2).filter(|pair| pair[0].0 != pair[1].0).count();
    let mut common = 0u32;
    let mut before = None;
    for (sign, _) in query {
        if before != Some(sign) && title.binary_search_by_key(sign, |x| x.0).is_ok() {
            common += 1;
        }
        before = Some(sign);
    }
    (distinct(query) as f64, distinct(title) as f64, f64::from(common))
}

/// The elements of the query that the title has, or has not.
struct Elements {
    slot: u32,
    inside: bool,
}

impl Operator for Elements {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let Some(first) = both(inputs, self.slot, out) else {
            return;
        };
        out.scratch.components[first..].sort_unstable_by_key(|x| x.0);
        for i in 0..first {
            let (query, title) = out.scratch.components.split_at(first);
            let element = query[i].0;
            let inside = title.binary_search_by_key(&element, |x| x.0).is_ok();
            if inside == self.inside {
                out.sign(sign::cross(out.slot, &[element]), 1.0);
            }
        }
        out.dedupe();
    }
}
