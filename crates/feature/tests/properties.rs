//! What holds for every operator, tried on the examples of its documentation with any values in their fields: no panic,
//! finite floats, the same bits again, nothing carried over from other rows, and nothing made of nothing.
#![expect(clippy::unwrap_used, reason = "tests")]

mod rows;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rankine_feature::operator::{Class, Example, registry};
use rankine_feature::{FieldType, Part, Plan, Rows, Scratch, Side, SlotKind, Value};

/// Every example with its plan.
fn plans() -> impl Iterator<Item = (&'static Class, &'static Example, Plan)> {
    registry().iter().flat_map(|class| {
        class
            .doc
            .examples
            .iter()
            .map(move |example| (class, example, example.plan(class).unwrap()))
    })
}

fn extract(plan: &Plan, item: &[Value]) -> Vec<u8> {
    rows::extract(
        plan,
        Rows {
            user: &[],
            item,
            context: &[],
        },
    )
}

#[test]
fn any_values_give_finite_floats_and_the_same_bytes_in_any_batch() {
    let mut runner = TestRunner::deterministic();
    for (class, example, plan) in plans() {
        let row = rows::row(plan.schema(), Side::Item);
        let (mut s, mut common, mut item) = (Scratch::default(), Part::default(), Part::default());
        plan.common(&[], &[], &mut s, &mut common);
        for _ in 0..200 {
            let mut values = row.new_tree(&mut runner).unwrap().current();
            if runner.rng().random_bool(0.3) {
                values = example.item();
            }
            plan.item(&values, &mut s, &mut item);
            let mut reused = Vec::new();
            plan.encode(&common, &item, &Part::default(), &mut reused);
            assert_eq!(reused, extract(&plan, &values), "{} with {values:?}", class.name);
            for spec in plan.slots() {
                let part = [&common, &item, &common][spec.group as usize];
                if let SlotKind::Dense(width) = spec.kind {
                    let floats = part.dense(spec.index, width);
                    assert!(
                        floats.len() == width && floats.iter().all(|x| x.is_finite()),
                        "{} {values:?}",
                        class.name
                    );
                } else {
                    let (signs, weights) = part.sparse(spec.index);
                    assert!(signs.len() == weights.len() && weights.iter().all(|w| w.is_finite()));
                }
            }
        }
    }
}

/// Operators whose whole point is an answer without inputs.
const ANSWERS_NOTHING: [&str; 3] = ["const", "expression", "is_missing"];

#[test]
fn nothing_comes_of_missing_values() {
    for (class, example, plan) in plans() {
        if ANSWERS_NOTHING.contains(&class.name) || example.with.contains("default =") {
            continue;
        }
        let missing = vec![Value::Missing; plan.schema().side(Side::Item).len()];
        let mut part = Part::default();
        plan.item(&missing, &mut Scratch::default(), &mut part);
        let spec = plan.slot(9).unwrap();
        match spec.kind {
            SlotKind::Sparse => assert!(part.sparse(spec.index).0.is_empty(), "{}", class.name),
            SlotKind::Dense(width) => {
                let flag = usize::from(example.with.contains("\"flag\""));
                let floats = part.dense(spec.index, width);
                let right = floats.iter().rev().skip(flag).all(|x| *x == 0.0);
                assert!(
                    right && (flag == 0 || floats[width - 1] == 1.0),
                    "{} {floats:?}",
                    class.name
                );
            }
        }
        assert_eq!(
            extract(&plan, &missing),
            extract(&plan, &[]),
            "{}: a short row is missing",
            class.name
        );
    }
}

#[test]
fn values_of_another_type_are_missing() {
    for (class, _, plan) in plans() {
        let fields = plan.schema().side(Side::Item);
        let odd = |ty| match ty == FieldType::Bool {
            true => Value::Int(1),
            false => Value::Bool(true),
        };
        let odd: Vec<Value> = fields.iter().map(|field| odd(field.ty)).collect();
        assert_eq!(extract(&plan, &odd), extract(&plan, &[]), "{}", class.name);
    }
}

proptest! {
    /// Any settings: a plan or faults, never a panic.
    #[test]
    fn no_settings_panic(
        class in 0..registry().len(),
        types in proptest::collection::vec(rows::field_type(), 0..4),
        args in proptest::collection::vec(prop_oneof![-3.0..40.0, Just(0.0), Just(1.0), Just(1e9)], 0..4),
        words in proptest::collection::vec(
            prop_oneof![proptest::sample::select(WORDS.to_vec()).prop_map(str::to_owned), "[a-z@.=]{0,6}"], 0..4),
    ) {
        let class = &registry()[class];
        let fields: Vec<String> = types.iter().enumerate()
            .map(|(i, ty)| format!("{{ name = \"f{i}\", type = \"{ty}\" }}")).collect();
        let names: Vec<String> = (0..types.len()).map(|i| format!("\"f{i}\"")).collect();
        let words: Vec<String> = words.iter().map(|w| format!("{w:?}")).collect();
        let text = format!(
            "format = 1\nname = \"x\"\nschema.item = [{}]\n\
             [[dictionary]]\nname = \"d\"\nkey = \"string\"\ncolumns = [{{ name = \"c\", type = \"float\" }}]\n\
             [[feature]]\nname = \"f\"\nclass = \"{}\"\nslot = 1\ndepend = [{}]\nargs = {args:?}\nstr_args = [{}]\n",
            fields.join(", "), class.name, names.join(", "), words.join(", "),
        );
        if let Ok(plan) = Plan::compile(&text, "x", None) {
            let _ = extract(&plan, &[]);
            prop_assert_eq!(Plan::compile(&plan.canonical(), "y", None).unwrap().hash(), plan.hash());
        }
    }
}

/// Words that operators know.
const WORDS: &[&str] = &[
    "flag",
    "category",
    "sum",
    "mean",
    "count",
    "nth",
    "@d",
    "@d.c",
    "dense",
    "hour",
    "age",
    "seconds",
    "zscore",
    "minmax",
    "quantile",
    "log",
    "first",
    "last",
    "dedupe",
    "length",
    "normalize",
    "top",
    "xxh3",
    "farmhash64",
    "=a",
    "other",
    "fitted",
    "f0 + 1",
    "dot",
    "cosine",
    "norm",
    "rate",
    "cvm",
    "view=0.1",
    "chars",
    "words",
    "lower",
    "jaccard",
    "equal",
];
