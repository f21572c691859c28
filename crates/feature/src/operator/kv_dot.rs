//! `kv_dot`: the product of two weighted sets, as a user's tags by an item's.

use super::overlap::{both, slot};
use super::{Built, Class, Doc, Example, Inputs, Operator, Out, Setting};

pub(super) const CLASS: Class = Class {
    name: "kv_dot",
    version: 1,
    doc: Doc {
        what: "the dot product of two weighted sets, matched by key",
        inputs: "two: fields (map<string,float>, list<int>, list<string>, int, string; without weights they count 1), or features of \
                 signs that are made with one slot",
        args: "str_args: `dot` (default) or `cosine`; `flag` adds a float that is 1 where there is no result",
        output: "one float (two with `flag`)",
        formula: "sum over keys of a[k] b[k]; cosine: that / (|a| |b|); a repeated key counts with the sum of its weights",
        missing: "0 where one of both has no elements, or, for the cosine, no length",
        examples: &[
            Example::of(
                "a map<string,float> = a:0.5,b:0.5; b map<string,float> = d:0.5,b:0.5",
                "",
                "[0.25]",
            ),
            Example::of("a list<string> = a,b,c; b list<string> = a,b,d", "", "[2]"),
            Example::of(
                "a map<string,float> = a:3,b:4; b map<string,float> = a:1",
                "str_args = [\"cosine\"]",
                "[0.6]",
            ),
        ],
    },
    depend: (2, 2),
    accepts: super::cross::accepts,
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let cosine = setting.one_of(&["dot", "cosine"], true) == "cosine";
    let (slot, flag) = (slot(setting), setting.flag("flag"));
    Built::dense(1 + usize::from(flag), KvDot { slot, cosine, flag })
}

struct KvDot {
    slot: u32,
    cosine: bool,
    flag: bool,
}

impl Operator for KvDot {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let first = both(inputs, self.slot, out);
        let value = first.and_then(|first| {
            let (a, b) = out.scratch.components.split_at_mut(first);
            // Stable in effect: equal keys are summed in the order of their weights' bits.
            let order = |x: &(u64, f32)| (x.0, x.1.to_bits());
            a.sort_unstable_by_key(order);
            b.sort_unstable_by_key(order);
            let dot = dot(a, b);
            if !self.cosine {
                return Some(dot);
            }
            let length = (square(a) * square(b)).sqrt();
            (length > 0.0).then(|| dot / length)
        });
        out.flagged(value, value.is_none(), self.flag);
    }
}

type Signs = [(u64, f32)];

/// Keys with the sums of their weights. Sorted by key.
fn sums(signs: &Signs) -> impl Iterator<Item = (u64, f64)> {
    let runs = signs.chunk_by(|a, b| a.0 == b.0);
    runs.map(|run| (run[0].0, run.iter().map(|x| f64::from(x.1)).sum()))
}

fn square(signs: &Signs) -> f64 {
    sums(signs).map(|(_, x)| x * x).sum()
}

fn dot(a: &Signs, b: &Signs) -> f64 {
    let mut others = sums(b).peekable();
    let mut total = 0.0;
    for (key, x) in sums(a) {
        while others.next_if(|(other, _)| *other < key).is_some() {}
        if let Some((_, y)) = others.next_if(|(other, _)| *other == key) {
            total += x * y;
        }
    }
    total
}
