//! Pairwise samples: two items of the same user and request or day, the one with the higher label first.

use super::statement::Parts;

/// The column of the second item.
pub(super) fn second(item: &str) -> String {
    format!("negative_{item}")
}

/// The pairs of `from`; a pair is as old as its older half, so that neither knows of the other's time.
pub(super) fn pairs(parts: &Parts<'_>, from: &str) -> String {
    let (item, label) = (parts.item(), parts.label());
    let second = parts.dialect.name(&second(&parts.template.tables.behaviour.item));
    let mut keys = parts.keys("p.");
    let same: Vec<String> = parts
        .keys("")
        .iter()
        .filter(|key| **key != item)
        .map(|key| format!("n.{key} = p.{key}"))
        .collect();
    keys.insert(2, format!("n.{item} AS {second}"));
    format!(
        "SELECT {},\n  CASE WHEN p.first_time <= n.first_time THEN p.first_time ELSE n.first_time END AS first_time,\n  \
         1 AS {label}\nFROM {from} AS p\nJOIN {from} AS n ON {}\nWHERE p.{label} > n.{label}",
        keys.join(", "),
        same.join(" AND ")
    )
}
