//! One sample through all three groups: what everything offline does row by row, and what parity is measured against.
//!
//! In the flow: a reader (Parquet, text lines, a foreign engine through the C interface) hands a row of each side over and
//! reads slots or canonical bytes back. Decision: plan and working memory in one value, one per thread, so that no caller
//! strings `common`, `item` and `cross` together in a way of its own.

use crate::{Group, Part, Plan, Rows, Scratch, SlotKind, SlotSpec};
use std::fmt::Write;
use std::sync::Arc;

/// What a slot holds for one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Content<'a> {
    /// Signs and their weights, as many.
    Signs(&'a [u64], &'a [f32]),
    /// Floats.
    Floats(&'a [f32]),
}

impl Content<'_> {
    /// Appends the text form: `sign:weight` separated by commas, or floats separated by commas. Numbers are decimal and
    /// read back to the same bits.
    pub fn print(&self, out: &mut String) {
        let mut first = true;
        let mut comma = |out: &mut String| {
            if !std::mem::take(&mut first) {
                out.push(',');
            }
        };
        match self {
            Content::Signs(signs, weights) => {
                for (sign, weight) in signs.iter().zip(*weights) {
                    comma(out);
                    // writing to a text does not fail
                    let _ = write!(out, "{sign}:{weight}");
                }
            }
            Content::Floats(floats) => {
                for x in *floats {
                    comma(out);
                    let _ = write!(out, "{x}");
                }
            }
        }
    }
}

impl Part {
    /// What a slot of this part's group holds.
    #[must_use]
    pub fn content(&self, spec: &SlotSpec) -> Content<'_> {
        match spec.kind {
            SlotKind::Sparse => {
                let (signs, weights) = self.sparse(spec.index);
                Content::Signs(signs, weights)
            }
            SlotKind::Dense(width) => Content::Floats(self.dense(spec.index, width)),
        }
    }
}

/// A plan with working memory of its own. One per thread; after the first rows it does not allocate.
pub struct Extractor {
    plan: Arc<Plan>,
    scratch: Scratch,
    parts: [Part; 3],
}

impl Extractor {
    /// An extractor without a row.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Extractor {
        Extractor {
            plan,
            scratch: Scratch::default(),
            parts: <[Part; 3]>::default(),
        }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Extracts one sample; what was there before is gone.
    pub fn run(&mut self, row: Rows<'_>) {
        let [common, item, cross] = &mut self.parts;
        self.plan.common(row.user, row.context, &mut self.scratch, common);
        self.plan.item(row.item, &mut self.scratch, item);
        self.plan.cross(row, common, item, &mut self.scratch, cross);
    }

    /// The part of a group.
    #[must_use]
    pub fn part(&self, group: Group) -> &Part {
        &self.parts[group as usize]
    }

    /// Every slot with its content, ascending by slot number.
    pub fn slots(&self) -> impl Iterator<Item = (&SlotSpec, Content<'_>)> {
        let slots = self.plan.slots().iter();
        slots.map(|spec| (spec, self.part(spec.group).content(spec)))
    }

    /// Appends the canonical little-endian bytes of all slots ([`Plan::encode`]).
    pub fn encode(&self, out: &mut Vec<u8>) {
        let [common, item, cross] = &self.parts;
        self.plan.encode(common, item, cross, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    const CONF: &str = r#"
        format = 1
        name = "ab"
        schema.user = [{ name = "age", type = "float" }]
        schema.item = [{ name = "tags", type = "map<string,float>" }]
        [[feature]]
        name = "f_age"
        class = "raw"
        slot = 9
        depend = ["age"]
        [[feature]]
        name = "f_tags"
        class = "tag"
        slot = 2
        depend = ["tags"]
    "#;

    fn plan() -> Arc<Plan> {
        Arc::new(Plan::compile(CONF, "c.toml", None).unwrap())
    }

    fn printed(content: Content<'_>) -> String {
        let mut out = String::new();
        content.print(&mut out);
        out
    }

    #[test]
    fn text_forms() {
        assert_eq!(
            printed(Content::Signs(&[7, u64::MAX], &[1.0, -0.5])),
            "7:1,18446744073709551615:-0.5"
        );
        assert_eq!(printed(Content::Floats(&[0.1, 3.0])), "0.1,3");
        assert_eq!(printed(Content::Floats(&[])), "");
    }

    #[test]
    fn a_row_leaves_nothing_of_the_one_before() {
        let plan = plan();
        let (full, empty) = ([Value::weighted(&[("War", 2.0)])], [Value::Missing]);
        let user = [Value::Float(4.5)];
        let bytes = |rows: &[&[Value]]| {
            let mut extractor = Extractor::new(plan.clone());
            let mut out = Vec::new();
            for item in rows {
                extractor.run(Rows {
                    user: &user,
                    item,
                    context: &[],
                });
                out.clear();
                extractor.encode(&mut out);
            }
            out
        };
        assert_eq!(bytes(&[&full, &empty]), bytes(&[&empty]));
        assert_eq!(bytes(&[&empty, &full]), bytes(&[&full]));
        assert_ne!(bytes(&[&full]), bytes(&[&empty]));
    }

    #[test]
    fn slots_come_in_order_with_their_content() {
        let mut extractor = Extractor::new(plan());
        let tags = [Value::weighted(&[("War", 2.0)])];
        extractor.run(Rows {
            user: &[Value::Float(4.5)],
            item: &tags,
            context: &[],
        });
        let slots: Vec<u32> = extractor.slots().map(|(spec, _)| spec.slot).collect();
        assert_eq!(slots, [2, 9]);
        assert!(matches!(
            extractor.slots().next().unwrap().1,
            Content::Signs([_], [2.0])
        ));
        assert_eq!(extractor.slots().last().unwrap().1, Content::Floats(&[4.5]));
    }
}
