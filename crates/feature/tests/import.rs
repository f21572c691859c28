//! Confs from `fg.json`: the shop example of `tests/data/fg` holds every kind of feature.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use rankine_feature::import::{Imported, fg};
use rankine_feature::{Group, Part, Plan, Scratch, SlotKind, Value, sign};
use std::path::PathBuf;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/fg")
        .join(name)
}

fn shop() -> (Imported, Plan) {
    let imported = fg(&std::fs::read_to_string(data("shop.json")).unwrap(), "shop").unwrap();
    let plan = Plan::compile(&imported.conf, "shop", None).unwrap_or_else(|faults| panic!("{faults}"));
    (imported, plan)
}

/// `RANKINE_BLESS=1 cargo test -p rankine-feature --test import` writes both anew.
#[test]
fn the_shop_s_conf_and_notes_are_the_committed_ones() {
    let (imported, _) = shop();
    let notes: String = imported.notes.iter().map(|note| format!("{note}\n")).collect();
    for (name, found) in [("shop.feature.toml", &imported.conf), ("shop.notes.txt", &notes)] {
        if std::env::var_os("RANKINE_BLESS").is_some() {
            std::fs::write(data(name), found).unwrap();
        }
        assert_eq!(found, &std::fs::read_to_string(data(name)).unwrap(), "{name}");
    }
}

#[test]
fn what_cannot_be_said_is_told_and_left_out() {
    let (imported, plan) = shop();
    let lost: Vec<&str> = imported
        .notes
        .iter()
        .filter(|note| note.lost)
        .map(|note| &*note.feature)
        .collect();
    assert_eq!(
        lost,
        [
            "title_joined",
            "text",
            "distance",
            "click_seq__ts",
            "bad_formula",
            "on_bad"
        ]
    );
    assert_eq!((imported.found, imported.mapped), (36, 30));
    let delivered = plan
        .outline()
        .iter()
        .filter(|feature| feature.slot.is_some())
        .count();
    assert_eq!(delivered, imported.mapped);
}

#[test]
fn groups_and_dictionaries_come_out_as_they_must() {
    let (_, plan) = shop();
    let feature = |name: &str| {
        plan.outline()
            .iter()
            .find(|feature| &*feature.name == name)
            .unwrap()
    };
    assert_eq!(feature("user_tags").group, Group::Common);
    assert_eq!(feature("price_bin").group, Group::Item);
    assert_eq!(feature("colour_pair").group, Group::Cross);
    assert_eq!(feature("click_seq__cate").reads, ["@items.cate"]);
    let dictionaries: Vec<&str> = plan
        .dictionaries()
        .iter()
        .map(|dictionary| &*dictionary.name)
        .collect();
    assert_eq!(dictionaries, ["city_vocabulary", "idf", "items"]);
}

/// One item through the imported conf: values by hand.
#[test]
fn the_imported_conf_computes_what_the_source_says() {
    let (_, plan) = shop();
    let value = |name: &str| match name {
        "current_price" => Value::Float(16.0),
        "ctr" => Value::Float(0.01),
        "brand" => Value::str("abc"),
        "title" => Value::str("Big TV"),
        _ => Value::Missing,
    };
    let fields = plan.schema().side(rankine_feature::Side::Item);
    let item: Vec<Value> = fields.iter().map(|field| value(&field.name)).collect();
    let mut part = Part::default();
    plan.item(&item, &mut Scratch::default(), &mut part);
    let slot = |name: &str| plan.slots().iter().find(|spec| &*spec.name == name).unwrap();
    let floats = |name: &str| match slot(name).kind {
        SlotKind::Dense(width) => part.dense(slot(name).index, width).to_vec(),
        SlotKind::Sparse => panic!("{name} has signs"),
    };
    let signs = |name: &str| part.sparse(slot(name).index).0.to_vec();
    assert_eq!((floats("goods_ctr"), floats("price")), (vec![-2.0], vec![2.75]));
    assert_eq!(
        signs("price_bin"),
        [sign::int(slot("price_bin").slot, 1)],
        "sqrt(16) = 4 lies between 1 and 5"
    );
    assert_eq!(
        signs("brand_bucket"),
        [sign::int(slot("brand_bucket").slot, 61385)],
        "TensorFlow's bucket"
    );
    assert_eq!(
        signs("goods_id_feature"),
        [sign::text(
            slot("goods_id_feature").slot,
            "-1024",
            &mut Vec::new()
        )]
    );
    assert_eq!(signs("title_token").len(), 2);
}

#[test]
fn what_is_no_configuration_is_refused() {
    for text in ["", "{", "{}", "3", "{\"features\": 1}"] {
        let error = fg(text, "x").unwrap_err().to_string();
        assert!(error.starts_with("not a feature configuration: "), "{error}");
    }
    let imported = fg("[1, {}, {\"feature_name\": \"a\"}]", "x").unwrap();
    assert_eq!((imported.mapped, imported.notes.len()), (0, 3));
}

#[test]
fn features_that_share_a_name_with_a_field_are_told() {
    let text = r#"[{"feature_name": "a", "feature_type": "id_feature", "expression": "user:a"}]"#;
    let imported = fg(text, "x").unwrap();
    Plan::compile(&imported.conf, "x", None).unwrap();
    assert_eq!(imported.mapped, 1, "{:?}", imported.notes);
}

fn json() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("\"user:a\"".to_owned()),
        Just("\"item:b\"".to_owned()),
        Just("\"feature:f\"".to_owned()),
        Just("\"ALL\"".to_owned()),
        Just("[\"user:a\", \"item:b\"]".to_owned()),
        Just("[1, 2]".to_owned()),
        Just("true".to_owned()),
        Just("3".to_owned()),
        "\"[a-z:=,\\[+ ]{0,8}\"",
    ];
    let keys = [
        "expression",
        "map",
        "key",
        "user",
        "category",
        "item",
        "query",
        "title",
        "method",
        "variables",
        "boundaries",
        "normalizer",
        "hash_bucket_size",
        "value_dim",
        "vocab_list",
        "weighted",
        "default_value",
        "document",
        "slice",
    ];
    let classes = [
        "id_feature",
        "raw_feature",
        "combo_feature",
        "lookup_feature",
        "match_feature",
        "expr_feature",
        "overlap_feature",
        "tokenize_feature",
        "kv_dot_product",
        "bool_mask_feature",
        "slice_feature",
        "sequence_id_feature",
        "x",
    ];
    let pair = (proptest::sample::select(keys.to_vec()), value)
        .prop_map(|(key, value)| format!("\"{key}\": {value}"));
    let entry = (
        proptest::sample::select(classes.to_vec()),
        "[a-c]?",
        proptest::collection::vec(pair, 0..6),
    )
        .prop_map(|(class, name, pairs)| {
            let pairs: String = pairs.iter().map(|pair| format!(", {pair}")).collect();
            format!("{{\"feature_type\": \"{class}\", \"feature_name\": \"{name}\"{pairs}}}")
        });
    proptest::collection::vec(entry, 0..6).prop_map(|entries| format!("[{}]", entries.join(", ")))
}

proptest! {
    /// Whatever the source: no panic, and the conf compiles.
    #[test]
    fn an_imported_conf_always_compiles(text in json()) {
        let imported = fg(&text, "x").unwrap();
        prop_assert!(Plan::compile(&imported.conf, "x", None).is_ok(), "{text}\n{}", imported.conf);
        prop_assert!(imported.mapped <= imported.found);
    }
}
