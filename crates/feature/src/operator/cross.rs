//! `cross`: combinations of categories, one sign per combination.

use super::stream::gather;
use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::FieldType;
use crate::sign::{self, MAX_CROSS};

pub(super) const CLASS: Class = Class {
    name: "cross",
    version: 1,
    doc: Doc {
        what: "every combination of one category from each input",
        inputs: "two to eight: features of signs, or fields (int, string, bool, timestamp, list<int>, list<string>, \
                 map<string,float>), which are hashed with slot 0",
        args: "args: the most combinations (1..100000, default 256)",
        output: "a sign per combination, the last input varying fastest; the weight is the product of the weights",
        formula: "sign(slot, s_1 ‖ … ‖ s_n) of the components' signs in depend order",
        missing: "no sign where a component has none",
        examples: &[
            Example::of("a int = 5; b int = 7", "", "{cross(int 5, int 7)}"),
            Example::of(
                "a list<int> = 1,2; b list<string> = c,d",
                "",
                "{cross(int 1, text c), cross(int 1, text d), cross(int 2, text c), cross(int 2, text d)}",
            ),
        ],
    },
    depend: (2, MAX_CROSS),
    accepts,
    build,
};

/// What has categories: features of signs and most fields.
pub(super) fn accepts(input: InputType) -> bool {
    use FieldType::{Bool, Int, IntList, String, StringList, Timestamp, Weighted};
    matches!(input, InputType::Unknown | InputType::Sparse)
        || matches!(
            input,
            InputType::Field(Bool | Int | IntList | String | StringList | Timestamp | Weighted)
        )
}

fn build(setting: &mut Setting<'_>) -> Built {
    Built::sparse(Cross {
        most: setting.count("the most combinations", 1..=100_000, Some(256)),
    })
}

struct Cross {
    most: usize,
}

impl Operator for Cross {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        let mut ends = [0; MAX_CROSS];
        let count = inputs.len().min(MAX_CROSS);
        out.scratch.components.clear();
        for (i, end) in ends.iter_mut().enumerate().take(count) {
            let before = out.scratch.components.len();
            gather(0, inputs.get(i), out.scratch);
            *end = out.scratch.components.len();
            if *end == before {
                return;
            }
        }
        self.combine(&ends[..count], out);
    }

    fn joins(&self) -> bool {
        true
    }
}

impl Cross {
    /// Counts through all combinations like an odometer, the last component turning fastest.
    fn combine(&self, ends: &[usize], out: &mut Out<'_>) {
        let start = |i: usize| if i == 0 { 0 } else { ends[i - 1] };
        let mut at = [0; MAX_CROSS];
        (0..ends.len()).for_each(|i| at[i] = start(i));
        for _ in 0..self.most {
            let mut signs = [0; MAX_CROSS];
            let mut weight = 1.0;
            for (sign, i) in signs.iter_mut().zip(&at[..ends.len()]) {
                let (component, factor) = out.scratch.components[*i];
                *sign = component;
                weight *= factor;
            }
            out.sign(sign::cross(out.slot, &signs[..ends.len()]), weight);
            let Some(turn) = (0..ends.len()).rev().find(|i| at[*i] + 1 < ends[*i]) else {
                return;
            };
            at[turn] += 1;
            (turn + 1..ends.len()).for_each(|i| at[i] = start(i));
        }
    }
}
