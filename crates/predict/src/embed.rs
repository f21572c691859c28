//! Vectors made ahead: a tower of an artefact over rows of its side.
//!
//! What it gives goes into a dictionary of vectors (or an index) under the artefact's version; served from there, an item
//! has the bits that the tower would give for the same row, because it is the same code over the same plan.

use std::path::Path;

use rankine_dict::LoadFault;
use rankine_feature::{Group, Part, Plan, Scratch, Side, Value};
use rankine_model::{Artefact, Hidden, Scorer};
use rankine_table::{Column, Table};

use crate::dictionary::{ARTEFACT, ItemTable};
use crate::error::PredictError;
use crate::project::Projector;
use crate::row::Row;

/// Vectors by item id, all of one artefact version.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ItemVectorRows {
    /// The ids, ascending, each once.
    pub ids: Vec<i64>,
    /// Numbers per vector.
    pub width: usize,
    /// ids × width.
    pub floats: Vec<f32>,
    /// What else goes into the logit of every candidate of a user, per id: the bias, the context's number; of items nothing.
    pub numbers: Vec<f32>,
    /// The version that made them.
    pub version: u64,
    /// Checksum of the artefact that made them.
    pub artefact: String,
}

/// Which vectors are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The users' instead of the items'. Context fields are missing then.
    pub users: bool,
    /// The towers' outputs as they are, rather than made ready for a dot product (weights, lengths and temperature folded in).
    pub raw: bool,
}

/// Runs an artefact's item tower over rows; of an id that comes twice, the last row counts. `plan` is the artefact's,
/// bound where its conf reads dictionaries.
///
/// # Errors
/// `NoVectors` for a kind without an item tower; `Input` for a value that does not fit its field; `Common` for a vector
/// that is not finite.
pub fn embed(
    artefact: &Artefact,
    plan: &Plan,
    items: impl IntoIterator<Item = (i64, Row)>,
) -> Result<ItemVectorRows, PredictError> {
    let wanted = Wanted {
        users: false,
        raw: false,
    };
    embed_side(artefact, plan, wanted, items)
}

/// As [`embed`], of the side and in the form that are wanted.
///
/// # Errors
/// As [`embed`].
pub fn embed_side(
    artefact: &Artefact,
    plan: &Plan,
    wanted: Wanted,
    rows: impl IntoIterator<Item = (i64, Row)>,
) -> Result<ItemVectorRows, PredictError> {
    let manifest = artefact.manifest();
    let (scorer, width, group) = tower_of(artefact, wanted)?;
    let mut rows: Vec<(i64, Row)> = rows.into_iter().collect();
    rows.sort_by_key(|(id, _)| *id);
    let mut vectors = ItemVectorRows {
        width,
        version: manifest.version,
        artefact: manifest.checksum.clone(),
        ..ItemVectorRows::default()
    };
    let (side, name) = match wanted.users {
        true => (Side::User, "user"),
        false => (Side::Item, "item"),
    };
    let projector = Projector::new(plan.schema().side(side));
    let context = vec![Value::Missing; plan.schema().side(Side::Context).len()];
    let (mut values, mut scratch, mut part) = (Vec::new(), Scratch::default(), Part::default());
    let mut hidden = Hidden::default();
    for (at, (id, row)) in rows.iter().enumerate() {
        if rows.get(at + 1).is_some_and(|(next, _)| next == id) {
            continue;
        }
        projector
            .project(row, &mut values)
            .map_err(|misfit| PredictError::Input {
                side: name,
                field: misfit.field.to_string(),
                expected: misfit.expected.to_string(),
                got: format!("{} ({name} {id})", misfit.got),
            })?;
        if wanted.users {
            plan.common(&values, &context, &mut scratch, &mut part);
        } else {
            plan.item(&values, &mut scratch, &mut part);
        }
        match (wanted.raw, wanted.users) {
            (true, _) => scorer.tower_output(group, &part, &mut hidden),
            (false, true) => scorer.common(&part, &mut hidden),
            (false, false) => scorer.item(&part, &mut hidden),
        }
        if hidden.vector().iter().any(|x| !x.is_finite()) {
            return Err(PredictError::Common {
                model: manifest.name.clone(),
                message: format!("the vector of {name} {id} is not finite"),
            });
        }
        vectors.ids.push(*id);
        vectors.floats.extend_from_slice(hidden.vector());
        vectors.numbers.push(hidden.number());
    }
    Ok(vectors)
}

/// The scorer whose vectors are wanted, their width, and the group that they rest on.
fn tower_of(artefact: &Artefact, wanted: Wanted) -> Result<(&Scorer, usize, Group), PredictError> {
    let tower = artefact.scorer();
    let towers = artefact.network().and_then(|network| network.towers.as_ref());
    let group = if wanted.users { Group::Common } else { Group::Item };
    // a half of a split model has but one side
    let tower = tower.filter(|_| towers.is_none_or(|towers| towers.has(group)));
    let tower = tower.and_then(|scorer| Some((scorer, scorer.vector_width()?, group)));
    tower.ok_or_else(|| PredictError::NoVectors {
        model: artefact.manifest().name.clone(),
        kind: artefact.manifest().kind.clone(),
    })
}

/// Reads item rows from a Parquet file, as a dictionary of kind `items` does.
///
/// # Errors
/// What is wrong with it, with the row.
pub fn item_rows(path: &Path) -> Result<Vec<(i64, Row)>, LoadFault> {
    Ok(ItemTable::load(path)?.into_rows())
}

impl ItemVectorRows {
    /// What every logit has beside the dot product, where that is the same for all of these ids.
    #[must_use]
    pub fn number(&self) -> Option<f32> {
        let (first, rest) = self.numbers.split_first()?;
        rest.iter().all(|number| number == first).then_some(*first)
    }

    /// What the file's metadata says of them, so that no other artefact of that version takes them for its own.
    #[must_use]
    pub fn metadata(&self) -> [(String, String); 1] {
        [(ARTEFACT.to_owned(), self.artefact.clone())]
    }

    /// The table that a dictionary of kind `vectors` reads: id, vector, version.
    #[must_use]
    pub fn table(&self) -> Table {
        let ids = self.ids.iter().map(|id| Some(*id)).collect();
        let rows = self
            .floats
            .chunks(self.width.max(1))
            .map(|row| Some(row.to_vec()));
        let version = i64::try_from(self.version).ok();
        Table {
            columns: vec![
                ("id".to_owned(), Column::Int(ids)),
                (
                    "vector".to_owned(),
                    Column::Vector {
                        width: self.width,
                        rows: rows.collect(),
                    },
                ),
                ("version".to_owned(), Column::Int(vec![version; self.ids.len()])),
            ],
        }
    }
}
