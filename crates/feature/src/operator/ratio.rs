//! `ratio`: clicks per show with a prior, and the counts behind it.
//!
//! What counts as a click is a matter of weights per event type (view 0.1, like 1, buy 3). They stand in the conf or in a
//! dictionary, which is swapped while serving. Decision: the weight of an event type that nobody named is 0, so that a new
//! type in the data changes nothing until somebody says so.

use super::{Built, Class, Column, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::{FieldType, Key, Value};
use rustc_hash::FxHashMap;

pub(super) const CLASS: Class = Class {
    name: "ratio",
    version: 1,
    doc: Doc {
        what: "a smoothed rate of two counts, such as clicks per show, with weights per event type",
        inputs: "the shows (a number), then the clicks: a map<string,float> of counts by event type, or one to seven numbers \
                 whose names are the event types",
        args: "args: prior clicks and prior shows (default 0, 0). str_args: weights as `view=0.1`, or `@dictionary.column` \
               (string key, float), else all 1; `rate` (default), or `cvm` for the counts, too; `flag` adds a float that is 1 \
               where there is no result",
        output: "`rate`: one float; `cvm`: three, ln(1 + shows), ln(1 + clicks), rate; one more with `flag`",
        formula: "clicks = sum of weight[type] × count[type]; rate = (clicks + prior clicks) / (shows + prior shows)",
        missing: "0 where the shows are missing, all clicks are missing, or the divisor is not positive; single missing counts \
                  are 0",
        examples: &[
            Example::of("show int = 98; click int = 1", "args = [1, 2]", "[0.02]"),
            Example::of(
                "show int = 10; event map<string,float> = view:10,like:2,buy:1,share:9",
                "str_args = [\"view=0.1\", \"like=1\", \"buy=3\"]",
                "[0.6]",
            ),
            Example::of(
                "show int = 10; view int = 10; buy int = 1",
                "str_args = [\"@weights\"]",
                "[0.4]",
            )
            .dictionary("weights: string -> weight float: view = 0.1; buy = 3"),
            Example::of(
                "show int = 0; click int = 0",
                "args = [1, 4]\nstr_args = [\"cvm\"]",
                "[0, 0, 0.25]",
            ),
        ],
    },
    depend: (2, 8),
    accepts: |input| input.is_number() || input == InputType::Field(FieldType::Weighted),
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let prior = match *setting.all_args() {
        [] => [0.0; 2],
        [clicks, shows] if clicks >= 0.0 && shows >= 0.0 => [clicks, shows],
        _ => {
            setting.complain(
                "args",
                None,
                "expected no args, or prior clicks and prior shows, not negative",
            );
            [0.0; 2]
        }
    };
    let cvm = setting.one_of(&["rate", "cvm"], true) == "cvm";
    let flag = setting.flag("flag");
    let mapped = check(setting);
    let weights = weights(setting, mapped);
    let width = if cvm { 3 } else { 1 };
    Built::dense(
        width + usize::from(flag),
        Ratio {
            prior,
            cvm,
            flag,
            weights,
        },
    )
}

/// Checks the inputs; true if the clicks are a map.
fn check(setting: &mut Setting<'_>) -> bool {
    let map = InputType::Field(FieldType::Weighted);
    if setting.inputs.first() == Some(&map) {
        setting.complain("depend", Some(0), "the shows are one number");
    }
    let mapped = setting.inputs.get(1) == Some(&map);
    let other = setting
        .inputs
        .iter()
        .skip(2)
        .position(|input| mapped || *input == map);
    if let Some(i) = other {
        setting.complain("depend", Some(i + 2), "the clicks are one map, or numbers");
    }
    mapped
}

/// What events weigh.
enum Weights {
    /// 1 each.
    None,
    /// Of a map's types, from the conf.
    Given(FxHashMap<String, f64>),
    /// Of a map's types, from a dictionary.
    Loaded(Column),
    /// Of the numbers, in order, from the conf.
    Listed(Vec<f64>),
    /// Of the numbers, in order: where a dictionary's cells were read.
    Fixed(Vec<usize>),
}

fn weights(setting: &mut Setting<'_>, mapped: bool) -> Weights {
    let types: Vec<&str> = setting.subject.input_names.iter().skip(1).copied().collect();
    if let Some(column) = setting.column() {
        if (column.key, column.ty) != (FieldType::String, FieldType::Float) {
            setting.complain("str_args", None, "weights have a string key and a float column");
        }
        if mapped {
            return Weights::Loaded(column);
        }
        return Weights::Fixed(types.iter().map(|name| setting.fixed(column, name)).collect());
    }
    let mut given = FxHashMap::default();
    while let Some((name, weight)) = setting.parsed(weight) {
        if !mapped && !types.contains(&name.as_str()) {
            let known = types.iter().map(|name| (*name).to_owned()).collect();
            let message = format!("`{name}` is no input of this feature");
            setting.complain_near("str_args", Some(&name), message, known);
        }
        given.insert(name, weight);
    }
    match (given.is_empty(), mapped) {
        (true, _) => Weights::None,
        (false, true) => Weights::Given(given),
        (false, false) => {
            let weight = |name: &&str| given.get(*name).copied().unwrap_or(0.0);
            Weights::Listed(types.iter().map(weight).collect())
        }
    }
}

/// `view=0.1`.
fn weight(word: &str) -> Option<(String, f64)> {
    let (name, weight) = word.split_once('=')?;
    let weight = weight.parse().ok().filter(|x: &f64| x.is_finite())?;
    Some((name.to_owned(), weight))
}

struct Ratio {
    prior: [f64; 2],
    cvm: bool,
    flag: bool,
    weights: Weights,
}

impl Operator for Ratio {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let shows = inputs.number(0);
        let counts = shows.zip(self.clicks(inputs));
        let rate = counts.and_then(|(shows, clicks)| {
            let divisor = shows + self.prior[1];
            (divisor > 0.0).then(|| (clicks + self.prior[0]) / divisor)
        });
        if self.cvm {
            let counted = rate.and(counts);
            out.number(counted.map(|(shows, _)| libm::log1p(shows.max(0.0))));
            out.number(counted.map(|(_, clicks)| libm::log1p(clicks.max(0.0))));
        }
        out.flagged(rate, rate.is_none(), self.flag);
    }
}

impl Ratio {
    fn clicks(&self, inputs: &Inputs<'_>) -> Option<f64> {
        if let Value::Weighted(counts) = inputs.value(1) {
            let weighted = counts
                .iter()
                .map(|(name, count)| self.of_type(inputs, name) * f64::from(*count));
            return Some(weighted.sum());
        }
        let mut total = None;
        for i in 1..inputs.len() {
            if let Some(count) = inputs.number(i) {
                total = Some(total.unwrap_or(0.0) + self.of_input(inputs, i - 1) * count);
            }
        }
        total
    }

    /// The weight of a map's type.
    fn of_type(&self, inputs: &Inputs<'_>, name: &str) -> f64 {
        match &self.weights {
            Weights::Given(weights) => weights.get(name).copied().unwrap_or(0.0),
            Weights::Loaded(column) => inputs
                .look(column.read, Some(Key::Text(name)))
                .number()
                .unwrap_or(0.0),
            Weights::None | Weights::Listed(_) | Weights::Fixed(_) => 1.0,
        }
    }

    /// The weight of the i-th number of clicks.
    fn of_input(&self, inputs: &Inputs<'_>, i: usize) -> f64 {
        match &self.weights {
            Weights::Listed(weights) => weights.get(i).copied().unwrap_or(0.0),
            Weights::Fixed(reads) => {
                let cell = reads.get(i).map(|read| inputs.look(*read, None));
                cell.and_then(Value::number).unwrap_or(0.0)
            }
            Weights::None | Weights::Given(_) | Weights::Loaded(_) => 1.0,
        }
    }
}
