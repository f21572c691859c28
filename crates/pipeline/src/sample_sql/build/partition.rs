//! A day's file: what stands in its footer, and whether it is the one that is wanted.

use std::path::Path;

use rankine_table::{Kind, Table, parquet};
use xxhash_rust::xxh3::xxh3_64;

use crate::PipelineError;
use crate::sample_sql::Tables;

const STATEMENT: &str = "rankine.statement";
const POSITIVE: &str = "rankine.positive";

/// What a file says of itself.
pub(super) struct Stamp {
    pub(super) statement: String,
    pub(super) rows: u64,
    pub(super) positive: u64,
    pub(super) columns: Vec<(String, Kind)>,
}

/// The mark of a statement and of the types its text files are read with.
pub(super) fn mark(sql: &str, tables: &Tables) -> String {
    let sides = [&tables.user, &tables.item];
    let types = sides.map(|side| side.as_ref().map(|side| &side.types));
    let text = format!("{sql}\n{:?}{types:?}", tables.behaviour.types);
    format!("{:016x}", xxh3_64(text.as_bytes()))
}

/// Reads a file's stamp; none if there is no such file, or none of ours, or a damaged one.
pub(super) fn stamped(path: &Path) -> Option<Stamp> {
    let reader = parquet::Reader::open(path, 1).ok()?;
    let value = |key: &str| {
        let mut pairs = reader.metadata().iter();
        pairs
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.clone())
    };
    Some(Stamp {
        statement: value(STATEMENT)?,
        positive: value(POSITIVE)?.parse().ok()?,
        rows: reader.rows(),
        columns: reader.columns().to_vec(),
    })
}

/// Writes a file with its stamp.
pub(super) fn write(path: &Path, table: &Table, (mark, positive): (&str, u64)) -> Result<(), PipelineError> {
    let metadata = [
        (STATEMENT.to_owned(), mark.to_owned()),
        (POSITIVE.to_owned(), positive.to_string()),
    ];
    Ok(parquet::write(path, table, &metadata)?)
}
