//! In steady state extraction allocates nothing: counted by the allocator itself.

mod counting;

use counting::count;
use rankine_feature::operator::{Class, Example, registry};
use rankine_feature::{Fitter, Part, Plan, Rows, Scratch, Side, Value};

fn row(plan: &Plan, side: Side, n: i64) -> Vec<Value> {
    use rankine_feature::FieldType as T;
    let value = |ty| match ty {
        T::Int => Value::Int(n),
        T::Float => Value::Float(n as f64),
        T::Timestamp => Value::Time(n * 1_000_000_000),
        T::IntList => Value::ints(&(0..20 - n % 5).collect::<Vec<_>>()),
        T::StringList => Value::strs(&["Drama", "War"]),
        T::String => Value::str("Comedy"),
        T::Bool | T::FloatList | T::Weighted | T::Vector(_) => Value::Missing,
    };
    plan.schema()
        .side(side)
        .iter()
        .map(|field| value(field.ty))
        .collect()
}

#[test]
fn extraction_allocates_nothing_after_the_first_rows() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/movielens.feature.toml");
    let plan = Plan::compile(&std::fs::read_to_string(path).unwrap(), path, None).unwrap();
    let rows: Vec<[Vec<Value>; 3]> = (0..20)
        .map(|n| Side::ALL.map(|side| row(&plan, side, n)))
        .collect();
    let mut fitter = Fitter::new(&plan);
    rows.iter()
        .for_each(|[user, item, context]| fitter.observe(Rows { user, item, context }));
    let plan = plan.fitted(&fitter.finish()).unwrap();

    let (mut s, [mut common, mut items, mut cross]) = (Scratch::default(), <[Part; 3]>::default());
    let mut bytes = Vec::new();
    let mut pass = || {
        for [user, item, context] in &rows {
            let row = Rows { user, item, context };
            plan.common(user, context, &mut s, &mut common);
            plan.item(item, &mut s, &mut items);
            plan.cross(row, &common, &items, &mut s, &mut cross);
            bytes.clear();
            plan.encode(&common, &items, &cross, &mut bytes);
        }
    };
    pass();
    let before = count();
    (0..50).for_each(|_| pass());
    assert_eq!(count() - before, 0);
    assert!(bytes.len() > 200, "the rows have features");

    every_operator_too();
}

fn plan_of(class: &Class, example: &Example) -> Plan {
    example.plan(class).unwrap_or_else(|fault| panic!("{fault}"))
}

/// The examples of all operators, again and again.
fn every_operator_too() {
    for class in registry() {
        for example in class.doc.examples {
            let (plan, item) = (plan_of(class, example), example.item());
            let (mut s, [mut common, mut part, mut cross]) = (Scratch::default(), <[Part; 3]>::default());
            let mut pass = || {
                let row = Rows {
                    user: &[],
                    item: &item,
                    context: &[],
                };
                plan.common(&[], &[], &mut s, &mut common);
                plan.item(&item, &mut s, &mut part);
                plan.cross(row, &common, &part, &mut s, &mut cross);
            };
            pass();
            let before = count();
            (0..5).for_each(|_| pass());
            let count = count() - before;
            assert_eq!(
                count, 0,
                "{} with {} {}",
                class.name, example.fields, example.with
            );
        }
    }
}
