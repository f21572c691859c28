//! Vectors written straight into a store: PostgreSQL with pgvector, or Redis.
//!
//! Sets are named after the model (`NAME`, `NAME_users`), a generation per version; when both are written they become the
//! serving ones in one step. Decision: a batch stands at the position it is given (0 by default), so that it never
//! overwrites what a change stream wrote since.

use anyhow::bail;
use rankine_index::Metric;
use rankine_predict::ItemVectorRows;
use rankine_store::RedisOptions;
use rankine_store::vectors::{Generation, PgVectors, RedisVectors, Shape, VectorRow, VectorStore};

use crate::clock;

/// Rows per call.
const CHUNK: usize = 5_000;

/// The store at an address.
///
/// # Errors
/// An address of neither, nobody there.
pub(crate) fn open(url: &str) -> anyhow::Result<Box<dyn VectorStore>> {
    Ok(match url.split_once("://") {
        Some(("redis", _)) => Box::new(RedisVectors::connect(RedisOptions::new(url))?),
        Some(("postgres" | "postgresql", _)) => Box::new(PgVectors::connect(url)?),
        _ => bail!("--to: expected redis://… or postgres://…"),
    })
}

/// The set of a model's vectors: its name, with `_` for what a set's name may not have.
pub(crate) fn set_of(model: &str, users: bool) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = model.chars().map(word).collect();
    if users { name + "_users" } else { name }
}

/// Writes all vectors of one version and tells their generation; nothing is switched yet.
///
/// # Errors
/// The store's.
pub(crate) fn write(
    store: &dyn VectorStore,
    set: &str,
    vectors: &ItemVectorRows,
    position: i64,
) -> anyhow::Result<Generation> {
    let generation = Generation::new(set, vectors.version);
    let shape = Shape {
        width: vectors.width,
        metric: Metric::InnerProduct,
    };
    store.prepare(&generation, shape)?;
    let as_of = clock::now_micros();
    let row = |(id, floats): (&i64, &[f32])| VectorRow {
        id: *id,
        vector: floats.to_vec(),
        as_of,
        position,
        ..VectorRow::default()
    };
    let ids = vectors.ids.chunks(CHUNK);
    let floats = vectors.floats.chunks(CHUNK * vectors.width.max(1));
    for (ids, floats) in ids.zip(floats) {
        let rows = ids.iter().zip(floats.chunks(vectors.width.max(1))).map(row);
        store.upsert(&generation, &rows.collect::<Vec<_>>())?;
    }
    Ok(generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_named_after_the_model() {
        assert_eq!(set_of("dssm-finetune", false), "dssm_finetune");
        assert_eq!(set_of("dssm", true), "dssm_users");
    }

    #[test]
    fn other_addresses_are_refused() {
        let told = open("mysql://x").err().map(|error| error.to_string());
        assert_eq!(told.as_deref(), Some("--to: expected redis://… or postgres://…"));
    }
}
