//! `expression`: a number computed from numbers, as text in the conf.

use super::formula::{Formula, functions};
use super::{Built, Class, Doc, Example, Inputs, Operator, Out, Setting};

pub(super) const CLASS: Class = Class {
    name: "expression",
    version: 1,
    doc: Doc {
        what: "a number computed from other numbers",
        inputs: "one to eight numbers: fields int, float, bool, timestamp (seconds), or features of floats (their first)",
        args: "str_args: the expression, over the names in `depend` (odd ones in backticks); `flag` adds a float that is 1 \
               where there is no result",
        output: "one float (two with `flag`)",
        formula: "`c ? a : b`, `||`, `&&`, `== != < <= > >=` (1 or 0), `+ -`, `* / %`, `- !`, `^`, brackets; abs sign floor \
                  ceil round rint trunc, exp sqrt log ln log1p log2 log10 sigmoid, sin cos tan and their kin, pow min max sum \
                  avg clamp if, haversine(lon1, lat1, lon2, lat2), is_missing, coalesce; _pi _e. Compiled once; transcendental \
                  functions by libm",
        missing: "missing inputs make the result missing (0), but for coalesce, is_missing and the branch not taken",
        examples: &[
            Example::of(
                "age int = 20; low int = 18",
                "str_args = [\"age >= low ? 1 : 0\"]",
                "[1]",
            ),
            Example::of(
                "a float = 3; b float = 4",
                "str_args = [\"sqrt(a^2 + b^2)\", \"flag\"]",
                "[5, 0]",
            ),
            Example::of("a float = \\N", "str_args = [\"coalesce(a, -1)\"]", "[-1]"),
        ],
    },
    depend: (1, 8),
    accepts: |input| input.is_number(),
    build,
};

fn build(setting: &mut Setting<'_>) -> Built {
    let flag = setting.flag("flag");
    let text = setting.parsed(|word| Some(word.to_owned())).unwrap_or_default();
    let names = setting.subject.input_names.clone();
    let formula = compile(setting, &text, &names);
    Built::dense(1 + usize::from(flag), Expression { formula, flag })
}

/// Compiles, or complains with the nearest name.
pub(super) fn compile(setting: &mut Setting<'_>, text: &str, names: &[&str]) -> Option<Formula> {
    match Formula::compile(text, names) {
        Ok(formula) => Some(formula),
        Err(wrong) => {
            let mut known: Vec<String> = functions().map(str::to_owned).collect();
            known.extend(names.iter().map(|name| (*name).to_owned()));
            if wrong.name.is_none() {
                known.clear();
            }
            setting.complain_near("str_args", wrong.name.as_deref(), wrong.message, known);
            None
        }
    }
}

struct Expression {
    /// None after a fault.
    formula: Option<Formula>,
    flag: bool,
}

impl Operator for Expression {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let input = |i| inputs.number(i).unwrap_or(f64::NAN);
        let value = self.formula.as_ref().map(|formula| formula.value(input));
        let value = value.filter(|x| x.is_finite());
        out.flagged(value, value.is_none(), self.flag);
    }
}
