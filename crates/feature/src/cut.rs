//! A conf cut to some of its slots: their features, what these rest on, and the fields and dictionaries that are then read.
//!
//! Signs and floats of the slots that stay are the same to the bit. A feature that shares the slot of one that goes keeps
//! sharing it: the slot is written down under `elsewhere`.

use crate::conf::Conf;
use crate::{Faults, Plan};
use rankine_config::{Located, parse_partial};
use std::collections::BTreeSet;

impl Plan {
    /// Returns the plan of these slots alone, reading no dictionary until it is bound.
    ///
    /// # Errors
    /// Faults of the conf that is left, were there any.
    pub fn cut(&self, slots: &[u32]) -> Result<Plan, Faults> {
        let (text, name) = (self.canonical(), self.name());
        let (conf, faults) = parse_partial::<Conf>(&text, name);
        faults.check()?;
        let Some(mut conf) = conf else {
            return Plan::compile(&text, name, Some(self.fit()));
        };
        features(&mut conf, slots);
        fields(&mut conf);
        let versions = conf.feature.iter().map(|feature| {
            let version = feature.value.version.as_ref();
            version.map_or(1, |version| version.value)
        });
        let text = conf.canonical(&versions.collect::<Vec<_>>());
        Plan::compile(&text, name, Some(self.fit()))
    }
}

/// Keeps the features of the slots and those they rest on, in the order of the conf.
fn features(conf: &mut Conf, slots: &[u32]) {
    let own = |slot: &Option<Located<u32>>| slot.as_ref().is_some_and(|slot| slots.contains(&slot.value));
    let of_slots = conf.feature.iter().filter(|feature| own(&feature.value.slot));
    let mut needed: BTreeSet<String> = of_slots.map(|feature| feature.value.name.value.clone()).collect();
    loop {
        let before = needed.len();
        for feature in &conf.feature {
            if needed.contains(&feature.value.name.value) {
                needed.extend(feature.value.depend.value.iter().map(|name| name.value.clone()));
            }
        }
        if needed.len() == before {
            break;
        }
    }
    conf.feature
        .retain(|feature| needed.contains(&feature.value.name.value));
    let there: BTreeSet<u32> = conf
        .feature
        .iter()
        .filter_map(|feature| Some(feature.value.slot.as_ref()?.value))
        .collect();
    let shared = conf
        .feature
        .iter()
        .filter_map(|feature| feature.value.share.clone());
    conf.elsewhere.extend(shared);
    conf.elsewhere.sort_by_key(|slot| slot.value);
    conf.elsewhere.dedup_by_key(|slot| slot.value);
    conf.elsewhere.retain(|slot| !there.contains(&slot.value));
}

/// Keeps the fields and dictionaries that features read.
fn fields(conf: &mut Conf) {
    let depend = conf
        .feature
        .iter()
        .flat_map(|feature| &feature.value.depend.value);
    let read: BTreeSet<String> = depend.map(|name| name.value.clone()).collect();
    let schema = &mut conf.schema;
    for side in [&mut schema.user, &mut schema.item, &mut schema.context] {
        side.retain(|field| read.contains(&field.name.value));
    }
    if let Some(all) = &mut schema.all {
        all.value.retain(|name| read.contains(&name.value));
    }
    let words = conf.feature.iter().flat_map(|feature| feature.value.words());
    let words: Vec<String> = words.map(|word| word.value.clone()).collect();
    conf.dictionary.retain(|dictionary| {
        let column = format!("@{}.", dictionary.name.value);
        words.iter().any(|word| word.starts_with(&column))
    });
}

#[cfg(test)]
mod tests {
    use crate::{Part, Plan, Scratch, Value};

    const CONF: &str = r#"format = 1
name = "shop"
schema.user = [{ name = "userId", type = "int" }, { name = "seen", type = "list<int>" }, { name = "age", type = "float" }]
schema.item = [{ name = "itemId", type = "int" }, { name = "price", type = "float" }]
schema.context = [{ name = "hour", type = "int" }]
schema.all = ["hour", "itemId", "userId", "age", "seen", "price"]
sample = { label = ["label"] }
[[feature]]
name = "item"
class = "id"
slot = 1
depend = ["itemId"]
[[feature]]
name = "last"
class = "history"
slot = 2
share = 1
depend = ["seen"]
args = [5]
[[feature]]
name = "years"
class = "raw"
depend = ["age"]
[[feature]]
name = "decade"
class = "bucketize"
slot = 3
depend = ["years"]
args = [10, 20, 30]
[[feature]]
name = "cost"
class = "raw"
slot = 4
depend = ["price"]
[[feature]]
name = "pair"
class = "cross"
slot = 5
depend = ["last", "item"]
"#;

    #[test]
    fn what_stays_is_the_same_to_the_bit_and_reads_nothing_else() {
        let whole = Plan::compile(CONF, "conf.toml", None).unwrap();
        let cut = whole.cut(&[2, 3]).unwrap();
        let names = |plan: &Plan| -> Vec<String> {
            plan.schema()
                .all()
                .iter()
                .map(|field| field.name.to_string())
                .collect()
        };
        assert_eq!(names(&cut), ["age", "seen"]);
        assert_eq!(
            cut.slots().iter().map(|slot| slot.slot).collect::<Vec<_>>(),
            [2, 3]
        );
        assert!(cut.canonical().contains("\nelsewhere = [1]\n"));
        let common = |plan: &Plan, user: &[Value]| {
            let (mut part, mut bytes) = (Part::default(), Vec::new());
            plan.common(user, &[], &mut Scratch::default(), &mut part);
            for slot in [2, 3] {
                part.encode(plan.slot(slot).unwrap(), &mut bytes);
            }
            bytes
        };
        let (seen, age) = (Value::ints(&[4, 9]), Value::Float(27.0));
        let of_cut = common(&cut, &[seen.clone(), age.clone()]);
        assert_eq!(common(&whole, &[Value::Int(6), seen, age]), of_cut);
        // its text is a conf like any other, and cut again it is itself
        assert_eq!(
            Plan::compile(&cut.canonical(), "", None).unwrap().hash(),
            cut.hash()
        );
        assert_eq!(cut.cut(&[2, 3]).unwrap().hash(), cut.hash());
        assert_eq!(names(&whole.cut(&[5]).unwrap()), ["itemId", "seen"]);
    }

    #[test]
    fn a_share_of_no_slot_is_still_a_fault() {
        let text = CONF.replace("share = 1", "share = 9");
        let faults = Plan::compile(&text, "conf.toml", None).unwrap_err();
        assert!(faults.to_string().contains("no feature has slot 9"), "{faults}");
        assert!(Plan::compile(&text.replace("sample =", "elsewhere = [9]\nsample ="), "", None).is_ok());
    }
}
