//! The columns of a sample, in the order of the statement, and where each comes from.
//!
//! Who runs the statement here types its columns by this: a database without types (SQLite) does not tell them.

use super::pairs;
use super::tables::Side;
use super::template::{Grain, LabelKind, Template};

/// Where a column of the sample comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A column of the behaviour table.
    Behaviour,
    /// A column of the user table.
    User,
    /// A column of the item table.
    Item,
    /// The label's selection.
    Label,
}

/// A column of the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// The table it comes from.
    pub origin: Origin,
    /// The column there; of the label its own name.
    pub column: String,
}

/// All of them. A side whose features are not listed adds none: see [`Side::list`].
#[must_use]
pub fn outputs(template: &Template) -> Vec<Output> {
    let behaviour = &template.tables.behaviour;
    let of = |origin, column: &str, name: &str| Output {
        name: name.to_owned(),
        origin,
        column: column.to_owned(),
    };
    let own = |column: &str| of(Origin::Behaviour, column, column);
    let pairwise = template.kind == LabelKind::Pairwise;
    let mut found = vec![own(&behaviour.user), own(&behaviour.item)];
    if pairwise {
        let second = pairs::second(&behaviour.item);
        found.push(of(Origin::Behaviour, &behaviour.item, &second));
    }
    let request = behaviour
        .request
        .iter()
        .filter(|_| template.grain == Grain::Request);
    found.extend(request.map(|request| own(request)));
    found.extend([own(&behaviour.partition), own(&behaviour.time)]);
    found.push(of(Origin::Label, &template.label, &template.label));
    let features = |side: &Option<Side>, origin, prefix: &str| -> Vec<Output> {
        let listed = side.iter().filter_map(|side| side.features.as_ref()).flatten();
        listed
            .map(|f| of(origin, &f.column, &format!("{prefix}{}", f.name)))
            .collect()
    };
    found.extend(features(&template.tables.user, Origin::User, ""));
    found.extend(features(&template.tables.item, Origin::Item, ""));
    if pairwise {
        found.extend(features(&template.tables.item, Origin::Item, "negative_"));
    }
    found
}

/// The columns that the statement reads of a table.
#[must_use]
pub fn inputs(template: &Template, origin: Origin) -> Vec<String> {
    let tables = &template.tables;
    let mut found: Vec<String> = match origin {
        Origin::Behaviour => template
            .selection
            .columns()
            .into_iter()
            .map(|(column, _)| column.to_owned())
            .collect(),
        Origin::User => of_side(tables.user.as_ref()),
        Origin::Item => of_side(tables.item.as_ref()),
        Origin::Label => Vec::new(),
    };
    let read = outputs(template).into_iter().filter(|o| o.origin == origin);
    found.extend(read.map(|output| output.column));
    found.sort();
    found.dedup();
    found
}

fn of_side(side: Option<&Side>) -> Vec<String> {
    let keys = |side: &Side| [Some(side.key.clone()), side.version().map(str::to_owned)];
    side.map(keys).into_iter().flatten().flatten().collect()
}

/// A name that two columns of the sample have.
#[must_use]
pub fn twice(template: &Template) -> Option<String> {
    let mut names: Vec<String> = outputs(template).into_iter().map(|output| output.name).collect();
    names.sort();
    names.windows(2).find(|w| w[0] == w[1]).map(|w| w[0].clone())
}
