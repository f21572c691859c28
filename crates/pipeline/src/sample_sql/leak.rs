//! Which features may know what came after the sample's first event, told from the template and the tables alone.

use super::tables::{Feature, Side};
use super::template::Template;

/// A feature that may not be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Its table.
    pub table: String,
    /// Its column.
    pub column: String,
    /// Why.
    pub reason: String,
}

impl std::fmt::Display for Leak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} leaks: {}", self.table, self.column, self.reason)
    }
}

/// All of them, in the order of the tables.
#[must_use]
pub fn leaks(template: &Template) -> Vec<Leak> {
    let tables = &template.tables;
    let sides = [&tables.user, &tables.item];
    let of = |side: &Side| of_side(template, side);
    sides.into_iter().flatten().flat_map(of).collect()
}

fn of_side(template: &Template, side: &Side) -> Vec<Leak> {
    let leak = |column: &str, reason: String| Leak {
        table: side.table.clone(),
        column: column.to_owned(),
        reason,
    };
    let Some(features) = &side.features else {
        let timeless = side.version().is_none();
        let reason = "the table has neither `time` nor `partition`, its rows may be from after the sample; list \
                      `features`, and those that never change as `fixed`";
        return timeless
            .then(|| leak("*", reason.to_owned()))
            .into_iter()
            .collect();
    };
    let reason = |feature: &Feature| reason(template, side, feature);
    let with = |f: &Feature| reason(f).map(|reason| leak(&f.column, reason));
    features.iter().filter_map(with).collect()
}

fn reason(template: &Template, side: &Side, feature: &Feature) -> Option<String> {
    if side.table == template.tables.behaviour.table {
        return Some("it is read from the behaviour table, which holds the outcome".to_owned());
    }
    if feature.column == template.label || feature.name == template.label {
        return Some(format!("it has the name of the label `{}`", template.label));
    }
    let keys = [
        &side.key,
        &template.tables.behaviour.user,
        &template.tables.behaviour.item,
    ];
    let mut read = template.selection.columns().into_iter();
    if read.any(|(column, _)| column == feature.column && !keys.iter().any(|key| *key == column)) {
        return Some(format!(
            "the label `{}` is computed from a column of this name",
            template.label
        ));
    }
    let fixed = side.fixed.contains(&feature.column);
    (side.version().is_none() && !fixed).then(|| {
        "the table has neither `time` nor `partition`, its rows may be from after the sample; if the column never \
         changes, list it as `fixed`"
            .to_owned()
    })
}
