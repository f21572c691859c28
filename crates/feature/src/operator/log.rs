//! `log`: logarithms of counts and amounts.

use super::{Built, Class, Doc, Example, Inputs, Operator, Out, Setting};

pub(super) const CLASS: Class = Class {
    name: "log",
    version: 1,
    doc: Doc {
        what: "the logarithm of a number",
        inputs: "one number: field int, float, bool, timestamp (seconds), or a feature of floats (its first)",
        args: "str_args: `log1p` (default), `ln` or `log10`; `flag` adds a float that is 1 where there is no result",
        output: "one float, two with `flag`",
        formula: "log1p: ln(1 + x); ln: ln(x); log10: log10(x); by libm, equal on every machine",
        missing: "0, as is the logarithm of what has none; `default` replaces missing inputs",
        examples: &[
            Example::of("a int = 0", "", "[0]"),
            Example::of("a int = 1000", "str_args = [\"log10\"]", "[3]"),
        ],
    },
    depend: (1, 1),
    accepts: |input| input.is_number(),
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let function = match setting.one_of(&["log1p", "ln", "log10"], true) {
        "ln" => libm::log,
        "log10" => libm::log10,
        _ => libm::log1p,
    };
    let flag = setting.flag("flag");
    Built::dense(1 + usize::from(flag), Log { function, flag })
}

struct Log {
    function: fn(f64) -> f64,
    flag: bool,
}

impl Operator for Log {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let value = inputs.number(0).map(self.function);
        out.flagged(value, inputs.was_missing(0), self.flag);
    }
}
