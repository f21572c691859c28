//! What every feature of a plan gave for one sample, stubs included: for people who ask where a number comes from.

use crate::{Content, FeatureOutline, Part, Plan, SlotKind, SlotSpec};

/// One feature's result.
#[derive(Debug, Clone, Copy)]
pub struct Traced<'a> {
    /// The feature.
    pub feature: &'a FeatureOutline,
    /// What it gave.
    pub content: Content<'a>,
    /// It is missing: no sign, or zeros in place of floats.
    pub missing: bool,
}

impl Plan {
    /// The results of all features in order of execution, out of the parts of one sample (by [`crate::Group`]).
    #[must_use]
    pub fn trace<'a>(&'a self, parts: [&'a Part; 3]) -> Vec<Traced<'a>> {
        let mut features = self.outline().iter();
        let mut found = Vec::with_capacity(features.len());
        for (steps, part) in self.steps.iter().zip(parts) {
            // results lie in a part in order of execution
            let (mut sparse, mut offset, mut dense) = (0, 0, 0);
            for (step, feature) in steps.iter().zip(&mut features) {
                let (content, missing) = match step.width {
                    None => {
                        let (signs, weights) = part.sparse(sparse);
                        sparse += 1;
                        (Content::Signs(signs, weights), signs.is_empty())
                    }
                    Some(width) => {
                        let floats = part.dense(offset, width);
                        let missing = part.missing.get(dense).copied().unwrap_or(true);
                        (offset, dense) = (offset + width, dense + 1);
                        (Content::Floats(floats), missing)
                    }
                };
                found.push(Traced {
                    feature,
                    content,
                    missing,
                });
            }
        }
        found
    }
}

impl Part {
    /// The same part without what one slot of its group holds: no signs, or zeros in place of all floats (a missing flag too).
    #[must_use]
    pub fn without(&self, spec: &SlotSpec) -> Part {
        let mut part = self.clone();
        match spec.kind {
            SlotKind::Dense(width) => {
                let floats = part.dense.iter_mut().skip(spec.index).take(width);
                floats.for_each(|x| *x = 0.0);
            }
            SlotKind::Sparse => {
                let count = self.sparse(spec.index).0.len();
                let end = self.ends.get(spec.index).copied().unwrap_or(0);
                part.signs.drain(end - count..end);
                part.weights.drain(end - count..end);
                part.ends
                    .iter_mut()
                    .skip(spec.index)
                    .for_each(|end| *end -= count);
            }
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extractor, Group, Rows, Value};
    use std::sync::Arc;

    const CONF: &str = r#"
        format = 1
        name = "traced"
        schema.user = [{ name = "u", type = "int" }, { name = "x", type = "float" }]
        schema.item = [{ name = "tags", type = "map<string,float>" }, { name = "y", type = "float" }]
        feature = [
          { name = "both", class = "expression", slot = 9, depend = ["xxx", "yy"], str_args = ["xxx + yy"] },
          { name = "pair", class = "cross", slot = 1, depend = ["user", "tag"] },
          { name = "user", class = "id", depend = ["u"] },
          { name = "tag", class = "tag", slot = 3, depend = ["tags"] },
          { name = "xx", class = "raw", slot = 4, depend = ["x"], str_args = ["flag"] },
          { name = "yy", class = "raw", depend = ["y"] },
          { name = "xxx", class = "raw", slot = 5, depend = ["x"] },
        ]
    "#;

    fn extracted() -> Extractor {
        let mut extractor = Extractor::new(Arc::new(Plan::compile(CONF, "t.toml", None).unwrap()));
        let tags = Value::weighted(&[("a", 1.0), ("b", 2.0)]);
        let (user, item) = ([Value::Int(7), Value::Float(0.5)], [tags, Value::Missing]);
        extractor.run(Rows {
            user: &user,
            item: &item,
            context: &[],
        });
        extractor
    }

    fn parts(extractor: &Extractor) -> [&Part; 3] {
        [Group::Common, Group::Item, Group::Cross].map(|group| extractor.part(group))
    }

    #[test]
    fn every_feature_is_told_with_what_it_gave() {
        let extractor = extracted();
        let plan = extractor.plan();
        let traced = plan.trace(parts(&extractor));
        assert_eq!(traced.len(), 7);
        let find = |name: &str| traced.iter().find(|t| &*t.feature.name == name).unwrap();
        assert!(matches!(find("user").content, Content::Signs([_], [1.0])));
        assert_eq!(find("xx").content, Content::Floats(&[0.5, 0.0]));
        assert!(find("yy").missing && !find("xx").missing);
        for (spec, content) in extractor.slots() {
            assert_eq!(find(&spec.name).content, content, "{}", spec.name);
        }
    }

    #[test]
    fn without_a_slot_the_others_stand() {
        let extractor = extracted();
        for (gone, _) in extractor.slots() {
            let part = extractor.part(gone.group).without(gone);
            for (spec, content) in extractor.slots().filter(|(spec, _)| spec.group == gone.group) {
                match part.content(spec) {
                    now if spec.slot != gone.slot => assert_eq!(now, content),
                    Content::Signs(signs, _) => assert!(signs.is_empty()),
                    Content::Floats(floats) => assert!(floats.iter().all(|x| *x == 0.0)),
                }
            }
        }
    }
}
