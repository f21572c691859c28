//! Vectors made ahead: a tower of an artefact over rows of its side.
//!
//! What it gives goes into a dictionary of vectors (or an index) under the artefact's version; served from there, an item
//! has the bits that the tower would give for the same row, because it is the same code over the same plan. Many rows are shared out to
//! as many threads as there are processors; each row is computed by itself, so how many there are changes no bit.

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
    let (scorer, width, group) = tower_of(artefact, wanted)?;
    let mut rows: Vec<(i64, Row)> = rows.into_iter().collect();
    rows.sort_by_key(|(id, _)| *id);
    rows.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    let side = if wanted.users { Side::User } else { Side::Item };
    let tower = &Embedding {
        artefact,
        plan,
        scorer,
        group,
        raw: wanted.raw,
        projector: Projector::new(plan.schema().side(side)),
    };
    let parts = rows.len().div_ceil(SHARE).clamp(1, threads());
    let share = rows.len().div_ceil(parts).max(1);
    let made = match parts {
        1 => vec![tower.run(&rows)],
        _ => std::thread::scope(|scope| {
            let begun = rows
                .chunks(share)
                .map(|rows| scope.spawn(move || tower.run(rows)));
            let begun: Vec<_> = begun.collect();
            begun.into_iter().map(|part| joined(part.join())).collect()
        }),
    };
    let mut vectors = ItemVectorRows {
        ids: rows.iter().map(|(id, _)| *id).collect(),
        width,
        version: artefact.manifest().version,
        artefact: artefact.manifest().checksum.clone(),
        ..ItemVectorRows::default()
    };
    for part in made {
        let (floats, numbers) = part?;
        vectors.floats.extend(floats);
        vectors.numbers.extend(numbers);
    }
    Ok(vectors)
}

/// Rows from which another thread pays.
const SHARE: usize = 512;

/// Threads that there are processors for.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What a thread gave; its panic goes on here.
fn joined<T>(given: std::thread::Result<T>) -> T {
    given.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A tower over rows of its side.
struct Embedding<'a> {
    artefact: &'a Artefact,
    plan: &'a Plan,
    scorer: &'a Scorer,
    group: Group,
    raw: bool,
    projector: Projector,
}

impl Embedding<'_> {
    /// The vectors of rows one after another, and the number beside each.
    fn run(&self, rows: &[(i64, Row)]) -> Result<(Vec<f32>, Vec<f32>), PredictError> {
        let (mut floats, mut numbers) = (Vec::new(), Vec::new());
        let users = self.group == Group::Common;
        let name = if users { "user" } else { "item" };
        let context = vec![Value::Missing; self.plan.schema().side(Side::Context).len()];
        let (mut values, mut scratch, mut part) = (Vec::new(), Scratch::default(), Part::default());
        let mut hidden = Hidden::default();
        for (id, row) in rows {
            let fitted = self.projector.project(row, &mut values);
            fitted.map_err(|misfit| PredictError::Input {
                side: name,
                field: misfit.field.to_string(),
                expected: misfit.expected.to_string(),
                got: format!("{} ({name} {id})", misfit.got),
            })?;
            if users {
                self.plan.common(&values, &context, &mut scratch, &mut part);
            } else {
                self.plan.item(&values, &mut scratch, &mut part);
            }
            match (self.raw, users) {
                (true, _) => self.scorer.tower_output(self.group, &part, &mut hidden),
                (false, true) => self.scorer.common(&part, &mut hidden),
                (false, false) => self.scorer.item(&part, &mut hidden),
            }
            if hidden.vector().iter().any(|x| !x.is_finite()) {
                return Err(PredictError::Common {
                    model: self.artefact.manifest().name.clone(),
                    message: format!("the vector of {name} {id} is not finite"),
                });
            }
            floats.extend_from_slice(hidden.vector());
            numbers.push(hidden.number());
        }
        Ok((floats, numbers))
    }
}

/// The scorer whose vectors are wanted, their width, and the group that they rest on.
fn tower_of(artefact: &Artefact, wanted: Wanted) -> Result<(&Scorer, usize, Group), PredictError> {
    let tower = artefact.scorer();
    let towers = artefact.network().and_then(|network| network.towers.as_ref());
    let group = if wanted.users { Group::Common } else { Group::Item };
    // a half of a split model has but one side
    let tower = tower.filter(|_| towers.is_none_or(|towers| towers.has(group)));
    let tower = tower.and_then(|scorer| Some((scorer, scorer.vector_width()?, group)));
    let side = if wanted.users { "user" } else { "item" };
    tower.ok_or_else(|| PredictError::NoVectors {
        side,
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
