//! Random values and rows for the tests of this crate.
#![expect(dead_code, reason = "each test binary uses some of these")]

use proptest::prelude::*;
use rankine_feature::{FieldType, Part, Plan, Rows, Schema, Scratch, Side, Value};

/// Any type of field.
pub(crate) fn field_type() -> impl Strategy<Value = FieldType> {
    prop_oneof![
        proptest::sample::select(FieldType::PLAIN.to_vec()),
        (1usize..5).prop_map(FieldType::Vector),
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -10.0..10.0,
        Just(0.0),
        Just(-0.0),
        Just(f64::NAN),
        Just(f64::INFINITY)
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[,:\\\\\t\n\rNe]{0,4}", "[a-c]{0,2}"]
}

/// Any value of a type, missing ones and odd ones too.
pub(crate) fn value(ty: FieldType) -> BoxedStrategy<Value> {
    use proptest::collection::vec;
    let int = prop_oneof![any::<i64>(), -5i64..5];
    let weight = prop_oneof![
        any::<f32>().prop_filter("finite", |x| x.is_finite()),
        -2.0f32..2.0
    ];
    let some: BoxedStrategy<Value> = match ty {
        FieldType::Int => int.prop_map(Value::Int).boxed(),
        FieldType::Float => number().prop_map(Value::Float).boxed(),
        FieldType::String => text().prop_map(|x| Value::str(&x)).boxed(),
        FieldType::Timestamp => int.prop_map(Value::Time).boxed(),
        FieldType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        FieldType::IntList => vec(int, 0..5).prop_map(|x| Value::ints(&x)).boxed(),
        FieldType::FloatList => vec(number(), 0..5).prop_map(|x| Value::floats(&x)).boxed(),
        FieldType::StringList => vec(text(), 0..5).prop_map(|x| Value::strs(&x)).boxed(),
        FieldType::Weighted => vec((text(), weight), 0..5)
            .prop_map(|x| Value::weighted(&x))
            .boxed(),
        FieldType::Vector(width) => vec(weight, width).prop_map(|x| Value::vector(&x)).boxed(),
    };
    prop_oneof![9 => some, 1 => Just(Value::Missing)].boxed()
}

/// Any row of one side of a schema.
pub(crate) fn row(schema: &Schema, side: Side) -> BoxedStrategy<Vec<Value>> {
    schema
        .side(side)
        .iter()
        .map(|field| value(field.ty))
        .collect::<Vec<_>>()
        .boxed()
}

/// The canonical bytes of one row's features.
pub(crate) fn extract(plan: &Plan, row: Rows<'_>) -> Vec<u8> {
    let (mut s, [mut common, mut item, mut cross]) = (Scratch::default(), <[Part; 3]>::default());
    plan.common(row.user, row.context, &mut s, &mut common);
    plan.item(row.item, &mut s, &mut item);
    plan.cross(row, &common, &item, &mut s, &mut cross);
    let mut bytes = Vec::new();
    plan.encode(&common, &item, &cross, &mut bytes);
    bytes
}

/// A conf of one feature `f` in slot 9 over item fields `a` (of type `ty`) and `b` (int), and a slotless id `k` of `b`.
pub(crate) fn one(ty: &str, feature: &str) -> String {
    format!(
        "format = 1\nname = \"one\"\nschema.item = [{{ name = \"a\", type = \"{ty}\" }}, {{ name = \"b\", type = \"int\" }}]\n\
         [[feature]]\nname = \"k\"\nclass = \"id\"\ndepend = [\"b\"]\n\
         [[feature]]\nname = \"f\"\nslot = 9\n{feature}\n"
    )
}
