//! The whole statement: what was seen, what was drawn, pairs, versions of features, and the final join.

use super::dialect::Dialect;
use super::expression::print;
use super::side::Join;
use super::template::{Grain, LabelKind, Template};
use super::variables::Variables;
use super::{negatives, pairs};

/// The SQL of a template; `days` counts back from `${bizdate}`, 1 is that day alone.
#[must_use]
pub fn statement(template: &Template, dialect: Dialect, days: u32, variables: &Variables) -> String {
    let parts = Parts { template, dialect };
    let mut with = vec![("seen".to_owned(), seen(&parts, days))];
    let mut last = "seen";
    if let Some(negatives) = template.negatives {
        with.extend(negatives::parts(&parts, negatives));
        last = "sample";
    }
    if template.kind == LabelKind::Pairwise {
        with.push(("pair".to_owned(), pairs::pairs(&parts, last)));
        last = "pair";
    }
    let joins = joins(&parts);
    with.extend(joins.iter().filter_map(|join| join.version(&parts, last)));
    let with: Vec<String> = with
        .iter()
        .map(|(name, text)| format!("{name} AS (\n  {}\n)", text.replace('\n', "\n  ")))
        .collect();
    let text = format!("WITH {}\n{}", with.join(",\n"), outer(&parts, &joins, last));
    variables.fill(&format!("{}{text}\n", head(template)))
}

fn head(template: &Template) -> String {
    let per = match template.grain {
        Grain::Request => "user, item, request and day",
        Grain::Day => "user, item and day",
    };
    let kind = match template.kind {
        LabelKind::Classification => "class",
        LabelKind::Regression => "number",
        LabelKind::Pairwise => "pairs of items",
    };
    let line = |text: &str| text.replace(['\n', '\r'], " ");
    format!(
        "-- Samples of `{}` for {} {}: one row per {per}; label {} ({kind}).\n-- No feature is younger than the first event of \
         its row.\n",
        line(&template.name),
        line(&template.model_type),
        line(&template.model_name),
        line(&template.label),
    )
}

/// A label's value as the kind needs it.
pub(super) fn label_of(kind: LabelKind, value: &str, dialect: Dialect) -> String {
    match kind {
        LabelKind::Regression => format!("CAST({value} AS {})", dialect.double()),
        LabelKind::Classification | LabelKind::Pairwise => value.to_owned(),
    }
}

/// What every part of the statement asks for.
pub(super) struct Parts<'a> {
    pub(super) template: &'a Template,
    pub(super) dialect: Dialect,
}

impl Parts<'_> {
    pub(super) fn user(&self) -> String {
        self.dialect.name(&self.template.tables.behaviour.user)
    }

    pub(super) fn item(&self) -> String {
        self.dialect.name(&self.template.tables.behaviour.item)
    }

    pub(super) fn day(&self) -> String {
        self.dialect.name(&self.template.tables.behaviour.partition)
    }

    pub(super) fn label(&self) -> String {
        self.dialect.name(&self.template.label)
    }

    /// The grain's columns: user, item, request, day.
    pub(super) fn keys(&self, prefix: &str) -> Vec<String> {
        let behaviour = &self.template.tables.behaviour;
        let request = behaviour
            .request
            .as_ref()
            .filter(|_| self.template.grain == Grain::Request);
        let mut keys = vec![self.user(), self.item()];
        keys.extend(request.map(|request| self.dialect.name(request)));
        keys.push(self.day());
        keys.iter().map(|key| format!("{prefix}{key}")).collect()
    }
}

/// One row per grain, with its label and the time of its first event.
fn seen(parts: &Parts<'_>, days: u32) -> String {
    let (template, dialect) = (parts.template, parts.dialect);
    let (keys, behaviour) = (parts.keys("").join(", "), &template.tables.behaviour);
    let label = label_of(template.kind, &print(&template.selection, dialect), dialect);
    let first = match days {
        0 | 1 => "${bizdate}".to_owned(),
        days => format!("${{bizdate-{}}}", days - 1),
    };
    let day = parts.day();
    format!(
        "SELECT {keys},\n  MIN({time}) AS first_time,\n  {label} AS {}\nFROM {}\nWHERE {day} BETWEEN '{first}' AND \
         '${{bizdate}}'\n  AND {} IS NOT NULL AND {} IS NOT NULL\nGROUP BY {keys}",
        parts.label(),
        dialect.table(&behaviour.table),
        parts.user(),
        parts.item(),
        time = dialect.name(&behaviour.time),
    )
}

fn joins<'a>(parts: &Parts<'a>) -> Vec<Join<'a>> {
    let tables = &parts.template.tables;
    let mut joins = Vec::new();
    joins.extend(tables.user.as_ref().map(|side| Join {
        side,
        alias: "u",
        versions: "user_version",
        key: parts.user(),
        prefix: "",
    }));
    joins.extend(tables.item.as_ref().map(|side| Join {
        side,
        alias: "i",
        versions: "item_version",
        key: parts.item(),
        prefix: "",
    }));
    if parts.template.kind == LabelKind::Pairwise {
        joins.extend(tables.item.as_ref().map(|side| Join {
            side,
            alias: "n",
            versions: "negative_version",
            key: parts.dialect.name(&pairs::second(&tables.behaviour.item)),
            prefix: "negative_",
        }));
    }
    joins
}

fn outer(parts: &Parts<'_>, joins: &[Join<'_>], sample: &str) -> String {
    let mut columns = parts.keys("s.");
    if parts.template.kind == LabelKind::Pairwise {
        let second = pairs::second(&parts.template.tables.behaviour.item);
        columns.insert(2, format!("s.{}", parts.dialect.name(&second)));
    }
    let time = parts.dialect.name(&parts.template.tables.behaviour.time);
    columns.push(format!("s.first_time AS {time}"));
    columns.push(format!("s.{}", parts.label()));
    columns.extend(joins.iter().flat_map(|join| join.columns(parts)));
    let joined: String = joins.iter().map(|join| join.from(parts)).collect();
    format!("SELECT\n  {}\nFROM {sample} AS s{joined}", columns.join(",\n  "))
}
