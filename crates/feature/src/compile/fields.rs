//! Fields and sample columns: types, unique names, and the two orders.

use super::Report;
use crate::conf::{Conf, FieldConf, SampleConf};
use crate::{Field, FieldType, SampleSpec, Schema, Side};
use rankine_config::Located;
use std::collections::BTreeMap;
use std::ops::Range;

/// Resolves `schema` and `sample`.
pub(super) fn resolve(conf: &Conf, report: &mut Report<'_>) -> (Schema, SampleSpec) {
    let written = [&conf.schema.user, &conf.schema.item, &conf.schema.context];
    let mut first = BTreeMap::new();
    let sides = Side::ALL.map(|side| {
        let mut fields = Vec::new();
        for field in written[side as usize] {
            if unique(field, &mut first, report) {
                fields.push(resolve_field(field, side, report));
            }
        }
        fields
    });
    let all = all_order(conf, &sides, report);
    (Schema::new(all, sides), sample(&conf.sample, &first, report))
}

/// Names and where they stand first.
type Seen<'c> = BTreeMap<&'c str, &'c Range<usize>>;

fn unique<'c>(field: &'c FieldConf, first: &mut Seen<'c>, report: &mut Report<'_>) -> bool {
    let name = &field.name.value;
    check_name(&field.name, report);
    if let Some(span) = first.get(name.as_str()) {
        let line = report.line(span);
        report.at(
            field.name.span.clone(),
            name,
            format!("field `{name}` is declared twice, first in line {line}"),
        );
        return false;
    }
    first.insert(name, &field.name.span);
    true
}

/// Names appear in file headers, store cells and messages: no control characters, no endless ones.
pub(super) fn check_name(name: &Located<String>, report: &mut Report<'_>) {
    if name.value.is_empty() || name.value.len() > 200 || name.value.chars().any(char::is_control) {
        let message = "expected a name of 1 to 200 bytes without control characters";
        report.at(name.span.clone(), &name.value, message);
    }
}

fn resolve_field(field: &FieldConf, side: Side, report: &mut Report<'_>) -> Field {
    Field {
        name: field.name.value.as_str().into(),
        ty: field_type(&field.ty, report),
        side,
    }
}

/// The type of that name; some type after a fault.
pub(super) fn field_type(name: &Located<String>, report: &mut Report<'_>) -> FieldType {
    FieldType::from_name(&name.value).unwrap_or_else(|| {
        let names: Vec<String> = FieldType::PLAIN.iter().map(ToString::to_string).collect();
        let known = names.iter().map(String::as_str).chain(["vector<16>"]);
        let message = format!(
            "unknown type `{}`, expected one of: {}, vector<n>",
            name.value,
            names.join(", ")
        );
        let fault = report
            .source
            .unknown(name.span.clone(), &name.value, message, known);
        report.faults.push(fault);
        FieldType::Int
    })
}

/// The order of all fields: as `schema.all` says, or user, item, context.
fn all_order(conf: &Conf, sides: &[Vec<Field>; 3], report: &mut Report<'_>) -> Vec<Field> {
    let default: Vec<Field> = sides.iter().flatten().cloned().collect();
    let Some(all) = &conf.schema.all else {
        return default;
    };
    let mut left: BTreeMap<&str, &Field> = default.iter().map(|field| (field.name.as_ref(), field)).collect();
    let mut fields = Vec::new();
    for name in &all.value {
        match left.remove(name.value.as_str()) {
            Some(field) => fields.push(field.clone()),
            None if default.iter().any(|field| *field.name == *name.value) => {
                report.at(
                    name.span.clone(),
                    &name.value,
                    format!("field `{}` stands in `all` twice", name.value),
                );
            }
            None => {
                let known = default.iter().map(|field| field.name.as_ref());
                report.unknown(name, format!("unknown field `{}`", name.value), known);
            }
        }
    }
    for name in left.keys() {
        report.at(
            all.span.clone(),
            name,
            format!("field `{name}` is missing in `all`"),
        );
    }
    fields
}

/// Sample columns; a label that is a field could be learnt from itself.
fn sample(conf: &SampleConf, fields: &Seen<'_>, report: &mut Report<'_>) -> SampleSpec {
    for label in &conf.label {
        check_name(label, report);
        if fields.contains_key(label.value.as_str()) {
            let message = format!("label `{}` is also a field: features could see it", label.value);
            report.at(label.span.clone(), &label.value, message);
        }
    }
    let name = |name: &Option<Located<String>>| name.as_ref().map(|name| name.value.clone());
    SampleSpec {
        label: conf.label.iter().map(|label| label.value.clone()).collect(),
        weight: name(&conf.weight),
        time: name(&conf.time),
        group: name(&conf.group),
    }
}
