//! The reference confs in `config/`: they compile, fit, extract the same bytes for ever, and in every grouping.
//!
//! `RANKINE_BLESS=1 cargo test -p rankine-feature --test confs` writes the golden anew: only with a new operator version
//! or another conf.
#![expect(clippy::unwrap_used, reason = "tests")]

mod rows;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rankine_feature::{Fit, Fitter, Group, Part, Plan, Rows, Scratch, Side, SlotKind, Value};
use rows::{extract, row};
use std::path::PathBuf;

fn conf(name: &str) -> Plan {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../config")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    Plan::compile(&text, name, None).unwrap_or_else(|faults| panic!("{faults}"))
}

/// A row with plausible values: the `n`-th of a made-up history.
fn made_up(plan: &Plan, side: Side, n: i64) -> Vec<Value> {
    use rankine_feature::FieldType as T;
    let one = |(i, field): (usize, &rankine_feature::Field)| {
        let k = (n * 31 + i64::try_from(i).unwrap() * 7) % 23;
        match field.ty {
            _ if k == 0 => Value::Missing,
            T::Int if &*field.name == "timestamp" => Value::Int(1_000_000_000 + n * 5000),
            T::Int => Value::Int(1980 + k),
            T::Float => Value::Float(k as f64 / 4.0),
            T::Timestamp => Value::Time((1_000_000_000 + n * 5000) * 1_000_000),
            T::IntList => Value::ints(&(1..=k).collect::<Vec<_>>()),
            T::StringList => Value::strs(&["Drama", "War", "Sci-Fi"][..usize::try_from(k % 4).unwrap()]),
            T::Bool | T::FloatList | T::Weighted | T::Vector(_) => Value::Missing,
            T::String => Value::str(["Drama", "War", "Sci-Fi", "Comedy"][usize::try_from(k % 4).unwrap()]),
        }
    };
    plan.schema().side(side).iter().enumerate().map(one).collect()
}

fn sides(plan: &Plan, n: i64) -> [Vec<Value>; 3] {
    Side::ALL.map(|side| made_up(plan, side, n))
}

fn rows(sides: &[Vec<Value>; 3]) -> Rows<'_> {
    Rows {
        user: &sides[0],
        item: &sides[1],
        context: &sides[2],
    }
}

fn fitted(plan: &Plan) -> Plan {
    let mut fitter = Fitter::new(plan);
    (0..200).for_each(|n| fitter.observe(rows(&sides(plan, n))));
    plan.fitted(&fitter.finish()).unwrap()
}

const CONFS: [&str; 2] = ["movielens.feature.toml", "sparrow.feature.toml"];

#[test]
fn confs_compile_fit_and_keep_their_hash() {
    for name in CONFS {
        let plan = conf(name);
        assert!(plan.needs_fit());
        let plan = fitted(&plan);
        assert!(!plan.needs_fit());
        let fit = Fit::from_json(&plan.fit().to_json()).unwrap();
        let again = Plan::compile(&plan.canonical(), "again", Some(&fit)).unwrap();
        assert_eq!(
            (again.hash(), again.canonical(), again.fit()),
            (plan.hash(), plan.canonical(), plan.fit())
        );
    }
}

#[test]
fn confs_have_the_slots_that_models_name() {
    for name in CONFS {
        let plan = conf(name);
        let slot = |slot| plan.slot(slot).map(|s| (&*s.name, s.group, s.kind)).unwrap();
        assert_eq!(slot(1), ("user", Group::Common, SlotKind::Sparse));
        assert_eq!(slot(2), ("movie", Group::Item, SlotKind::Sparse));
        assert_eq!(
            slot(31),
            ("movieRatingCountNumber", Group::Item, SlotKind::Dense(2))
        );
        assert_eq!(slot(50), ("ratedXMovie", Group::Cross, SlotKind::Sparse));
        assert_eq!(plan.sample_spec().label, ["label"]);
        assert!(plan.schema().find("label").is_none() && plan.schema().find("rating").is_none());
    }
}

#[test]
fn shared_slots_make_one_sign_for_one_film() {
    let plan = conf(CONFS[0]);
    let at = |side: Side, name: &str| (side as usize, plan.schema().find(name).unwrap().1);
    let mut rows = Side::ALL.map(|side| vec![Value::Missing; plan.schema().side(side).len()]);
    for (side, index) in [at(Side::User, "userRatedMovie3"), at(Side::Item, "movieId")] {
        rows[side][index] = Value::Int(7);
    }
    let (mut s, [mut common, mut item]) = (Scratch::default(), <[Part; 2]>::default());
    plan.common(&rows[0], &rows[2], &mut s, &mut common);
    plan.item(&rows[1], &mut s, &mut item);
    let signs = |part: &Part, slot| part.sparse(plan.slot(slot).unwrap().index).0.to_vec();
    assert_eq!(signs(&common, 13), signs(&item, 2));
    assert_eq!(signs(&item, 2).len(), 1);
}

#[test]
fn extraction_equals_the_golden_bytes() {
    let lines = CONFS.iter().map(|name| {
        let plan = fitted(&conf(name));
        let bytes: Vec<u8> = (0..50)
            .flat_map(|n| extract(&plan, rows(&sides(&plan, n))))
            .collect();
        format!(
            "{name} {} {} {:032x}\n",
            plan.hash(),
            bytes.len(),
            xxhash_rust::xxh3::xxh3_128(&bytes)
        )
    });
    let found: String = lines.collect();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden_extract.txt");
    if std::env::var_os("RANKINE_BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(path).unwrap());
}

#[test]
fn fitting_is_deterministic_and_skips_given_statistics() {
    let plan = conf(CONFS[0]);
    assert_eq!(fitted(&plan).fit().to_json(), fitted(&plan).fit().to_json());
    let fitted = fitted(&plan);
    let entry = &fitted.fit().features["movieAvgRatingNumber"];
    assert!(
        entry.count > 100 && entry.count < 200,
        "missing values do not count: {}",
        entry.count
    );
    let text = rows::one("int", "class = \"normalize\"\ndepend = [\"a\"]\nargs = [1, 2]");
    let given = Plan::compile(&text, "one", None).unwrap();
    assert!(!given.needs_fit() && Fitter::new(&given).finish() == Fit::default());
}

#[test]
fn fitted_numbers_have_mean_zero_and_spread_one() {
    let text = rows::one("float", "class = \"normalize\"\ndepend = [\"a\"]");
    let plan = Plan::compile(&text, "one", None).unwrap();
    let values = [1.0, 2.0, 3.0, 4.0].map(|x| [Value::Float(x), Value::Missing]);
    let mut fitter = Fitter::new(&plan);
    values.iter().for_each(|item| {
        fitter.observe(Rows {
            user: &[],
            item,
            context: &[],
        })
    });
    let plan = plan.fitted(&fitter.finish()).unwrap();
    let (mut s, mut part) = (Scratch::default(), Part::default());
    let scaled = values.map(|item| {
        plan.item(&item, &mut s, &mut part);
        f64::from(part.dense(0, 1)[0])
    });
    let (sum, squares) = (
        scaled.iter().sum::<f64>(),
        scaled.iter().map(|x| x * x).sum::<f64>(),
    );
    assert!(
        sum.abs() < 1e-6 && (squares / 4.0 - 1.0).abs() < 1e-6,
        "{scaled:?}"
    );
}

#[test]
fn a_fit_of_another_format_or_broken_is_refused() {
    assert!(
        Fit::from_json("{\"format\":2,\"features\":{}}")
            .unwrap_err()
            .to_string()
            .contains("format 2")
    );
    assert!(Fit::from_json("{\"format\":1,\"features\":{},\"x\":1}").is_err());
    assert!(
        Fit::from_json("")
            .unwrap_err()
            .to_string()
            .starts_with("fit is not readable")
    );
}

/// Whatever the rows: nothing panics, every number is finite, and reused buffers give the bytes of fresh ones.
#[test]
fn any_rows_extract_alike_with_reused_buffers() {
    for name in CONFS {
        let plan = fitted(&conf(name));
        let any_rows = Side::ALL.map(|side| row(plan.schema(), side));
        let (mut s, [mut common, mut item, mut cross]) = (Scratch::default(), <[Part; 3]>::default());
        let mut runner = TestRunner::deterministic();
        for _ in 0..300 {
            let sides = any_rows
                .each_ref()
                .map(|strategy| strategy.new_tree(&mut runner).unwrap().current());
            let row = rows(&sides);
            plan.common(row.user, row.context, &mut s, &mut common);
            plan.item(row.item, &mut s, &mut item);
            plan.cross(row, &common, &item, &mut s, &mut cross);
            let mut bytes = Vec::new();
            plan.encode(&common, &item, &cross, &mut bytes);
            assert_eq!(bytes, extract(&plan, row));
            for spec in plan.slots() {
                let part = [&common, &item, &cross][spec.group as usize];
                if let SlotKind::Dense(width) = spec.kind {
                    let floats = part.dense(spec.index, width);
                    assert!(
                        floats.len() == width && floats.iter().all(|x| x.is_finite()),
                        "{}",
                        spec.name
                    );
                }
            }
        }
    }
}

#[test]
fn short_and_foreign_rows_are_missing() {
    let plan = fitted(&conf(CONFS[0]));
    let empty = extract(
        &plan,
        Rows {
            user: &[],
            item: &[],
            context: &[],
        },
    );
    let foreign = vec![Value::Bool(true); 40];
    assert_eq!(
        extract(
            &plan,
            Rows {
                user: &foreign,
                item: &foreign,
                context: &foreign
            }
        ),
        empty
    );
    let missing = vec![Value::Missing; 40];
    assert_eq!(
        extract(
            &plan,
            Rows {
                user: &missing,
                item: &missing,
                context: &missing
            }
        ),
        empty
    );
}
