//! Dictionaries that a conf declares: unique names, key types, columns.

use super::{
    Report,
    fields::{check_name, field_type},
};
use crate::conf::{Conf, DictionaryConf};
use crate::{DictionarySpec, FieldType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Resolves all dictionaries; those with faults stay, so that what names them is not a second fault.
pub(super) fn resolve(conf: &Conf, report: &mut Report<'_>) -> Vec<DictionarySpec> {
    let mut first = BTreeMap::new();
    for dictionary in &conf.dictionary {
        check_name(&dictionary.name, report);
        let line = report.line(&dictionary.name.span);
        if let Some(first) = first.insert(dictionary.name.value.as_str(), line) {
            let message = format!(
                "dictionary `{}` is declared twice, first in line {first}",
                dictionary.name.value
            );
            report.at(dictionary.name.span.clone(), &dictionary.name.value, message);
        }
    }
    conf.dictionary.iter().map(|d| one(d, report)).collect()
}

fn one(written: &DictionaryConf, report: &mut Report<'_>) -> DictionarySpec {
    if written.columns.is_empty() {
        report.at(
            written.name.span.clone(),
            "columns",
            "expected at least one column",
        );
    }
    let mut columns: Vec<(Arc<str>, FieldType)> = Vec::new();
    for column in &written.columns {
        check_name(&column.name, report);
        let name = &column.name;
        if columns.iter().any(|(other, _)| **other == *name.value) {
            report.at(
                name.span.clone(),
                &name.value,
                format!("column `{}` is declared twice", name.value),
            );
        }
        let ty = field_type(&column.ty, report);
        columns.push((name.value.as_str().into(), ty));
    }
    DictionarySpec {
        name: written.name.value.as_str().into(),
        key: key(written, report),
        columns,
        frozen: written.frozen,
    }
}

fn key(written: &DictionaryConf, report: &mut Report<'_>) -> FieldType {
    match FieldType::from_name(&written.key.value) {
        Some(ty @ (FieldType::Int | FieldType::String)) => ty,
        _ => {
            let (span, known) = (written.key.span.clone(), ["int", "string"]);
            let message = "a dictionary's key is int or string";
            let fault = report.source.unknown(span, &written.key.value, message, known);
            report.faults.push(fault);
            FieldType::String
        }
    }
}
