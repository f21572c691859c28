//! `tag`: several categories at once, with weights where the field has them.

use super::{Built, Class, Doc, Example, InputType, Inputs, Operator, Out, Setting};
use crate::FieldType;

pub(super) const CLASS: Class = Class {
    name: "tag",
    version: 1,
    doc: Doc {
        what: "each element of a list or map as a category",
        inputs: "one field: list<string>, list<int>, map<string,float>, or a single int or string",
        args: "args: the most tags to take, in order (1..10000, default 100). str_args: `top` takes the heaviest \
               instead, heaviest first; `normalize` makes the weights' absolute values add up to 1",
        output: "a sign per tag; weight 1, or the map's weight (tags of a weight that is not finite are left out)",
        formula: "sign(slot, tag_i), w_i; normalize: w_i / sum |w|",
        missing: "no sign; nor for an empty list",
        examples: &[
            Example::of(
                "a list<string> = Drama,War",
                "str_args = [\"normalize\"]",
                "{text Drama × 0.5, text War × 0.5}",
            ),
            Example::of("a map<string,float> = x:0.5,y:-1", "args = [1]", "{text x × 0.5}"),
            Example::of(
                "a map<string,float> = x:0.5,y:3,z:1",
                "args = [2]\nstr_args = [\"top\"]",
                "{text y × 3, text z × 1}",
            ),
        ],
    },
    depend: (1, 1),
    accepts,
    build,
};

fn accepts(input: InputType) -> bool {
    use FieldType::{Int, IntList, String, StringList, Weighted};
    matches!(
        input,
        InputType::Unknown | InputType::Field(IntList | StringList | Weighted | Int | String)
    )
}

fn build(setting: &mut Setting<'_>) -> Built {
    let most = setting.count("the most tags to take", 1..=10_000, Some(100));
    Built::sparse(Tag {
        most,
        top: setting.flag("top"),
        normalize: setting.flag("normalize"),
    })
}

struct Tag {
    most: usize,
    top: bool,
    normalize: bool,
}

impl Operator for Tag {
    fn run(&self, inputs: &Inputs<'_>, out: &mut Out<'_>) {
        if self.top {
            out.append(inputs.value(0));
            out.heaviest(self.most);
        } else {
            out.elements(inputs.value(0), 0, self.most);
        }
        let weights = &mut out.scratch.weights;
        let sum: f32 = weights.iter().map(|w| w.abs()).sum();
        if self.normalize && sum > 0.0 {
            weights.iter_mut().for_each(|w| *w /= sum);
        }
    }
}
