//! Halves of crosses: what a cross reads from the common part and from the item part, kept where the join needs it.
//!
//! Most crosses join the one sign of a user's feature with the one sign of an item's, for every candidate of a request.
//! The decision here: each part ends with its halves, side by side, so that a candidate's crosses read one cache line
//! instead of the offsets, signs and weights of the whole item part, and run no operator. Whatever is not that simple
//! takes the general way; both give the same bits.

use crate::operator::Wire;
use crate::plan::Step;
use crate::{Group, Part, sign};

/// A cross of one feature of signs of the common part and one of the item part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    /// Index of the result in the common part.
    common: usize,
    /// Index of the result in the item part.
    item: usize,
    /// Whether the common sign comes first in `depend`.
    common_first: bool,
}

/// One part's share of a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Half {
    /// No sign: the cross has none.
    None,
    /// One sign with its weight.
    One(u64, f32),
    /// More: the general way.
    Several,
}

impl Pair {
    /// The pair that a step is, if it is one.
    pub(crate) fn of(step: &Step) -> Option<Pair> {
        use Group::{Common, Item};
        let &[
            Wire::Sparse { group: a, index: i },
            Wire::Sparse { group: b, index: j },
        ] = &step.wires[..]
        else {
            return None;
        };
        let (common, item, common_first) = match (a, b) {
            (Common, Item) => (i, j, true),
            (Item, Common) => (j, i, false),
            _ => return None,
        };
        step.operator.joins().then_some(Pair {
            common,
            item,
            common_first,
        })
    }

    /// This pair's half in a part of the group.
    pub(crate) fn half(self, group: Group, part: &Part) -> Half {
        let index = if group == Group::Item {
            self.item
        } else {
            self.common
        };
        match part.sparse(index) {
            ([], _) => Half::None,
            (&[sign], &[weight]) => Half::One(sign, weight),
            _ => Half::Several,
        }
    }

    /// Appends the cross of two halves made with `slot`; false where it takes the general way.
    pub(crate) fn join(self, slot: u32, common: Half, item: Half, out: &mut Part) -> bool {
        match (common, item) {
            (Half::Several, _) | (_, Half::Several) => return false,
            (Half::None, _) | (_, Half::None) => {}
            (Half::One(common, weight), Half::One(item, factor)) => {
                let both = if self.common_first {
                    [common, item]
                } else {
                    [item, common]
                };
                let weight = weight * factor;
                if weight.is_finite() {
                    out.signs.push(sign::cross(slot, &both));
                    out.weights.push(weight);
                }
            }
        }
        out.end();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plan, Rows, Scratch, Value};
    use proptest::prelude::*;

    const CONF: &str = r#"
format = 1
name = "halves"
schema.user = [{ name = "u", type = "int" }, { name = "taste", type = "map<string,float>" }]
schema.item = [{ name = "i", type = "int" }, { name = "tags", type = "list<string>" }]
schema.context = []
feature = [
  { name = "user", class = "id", slot = 1, depend = ["u"] },
  { name = "likes", class = "tag", slot = 2, depend = ["taste"] },
  { name = "item", class = "id", slot = 3, depend = ["i"] },
  { name = "about", class = "tag", slot = 4, depend = ["tags"] },
  { name = "one", class = "cross", slot = 5, depend = ["user", "item"] },
  { name = "turned", class = "cross", slot = 6, depend = ["about", "likes"] },
  { name = "fields", class = "cross", slot = 7, depend = ["u", "tags"] },
  { name = "three", class = "cross", slot = 8, depend = ["user", "item", "about"] },
  { name = "again", class = "cross", slot = 9, depend = ["one", "item"] },
  { name = "shared", class = "cross", slot = 10, share = 5, depend = ["likes", "about"] },
]
"#;

    fn number(known: Option<i64>) -> Value {
        known.map_or(Value::Missing, Value::Int)
    }

    #[test]
    fn crosses_of_one_common_and_one_item_feature_are_pairs() {
        let plan = Plan::compile(CONF, "halves.toml", None).unwrap();
        let names: Vec<&str> = plan.steps[Group::Cross as usize]
            .iter()
            .zip(&*plan.pairs)
            .filter_map(|(step, pair)| pair.map(|_| &*step.name))
            .collect();
        assert_eq!(names, ["one", "turned", "shared"]);
    }

    proptest! {
        #[test]
        fn the_short_way_has_the_bits_of_the_general_one(
            u in prop::option::of(0i64..3), i in prop::option::of(0i64..3),
            taste in prop::collection::vec(("[ab]", prop::sample::select(vec![1.0f32, -0.5, 3e38, f32::NAN])), 0..3),
            tags in prop::collection::vec("[cd]", 0..3),
        ) {
            let plan = Plan::compile(CONF, "halves.toml", None).unwrap();
            let (user, item) = ([number(u), Value::weighted(&taste)], [number(i), Value::strs(&tags)]);
            let rows = Rows { user: &user, item: &item, context: &[] };
            let mut s = Scratch::default();
            let [mut common, mut items, mut short, mut general] = <[Part; 4]>::default();
            plan.common(&user, &[], &mut s, &mut common);
            plan.item(&item, &mut s, &mut items);
            plan.cross(rows, &common, &items, &mut s, &mut short);
            prop_assert_eq!(items.halves.len(), 3);
            items.halves.clear();
            plan.cross(rows, &common, &items, &mut s, &mut general);
            prop_assert_eq!(short, general);
        }
    }
}
