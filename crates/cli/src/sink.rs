//! Vectors written straight into a store: PostgreSQL with pgvector, Redis, or the embedded one of a stream.
//!
//! Sets are named after the model (`NAME`, `NAME_users`), a generation per version; when both are written they become the
//! serving ones in one step. Decision: a batch stands at the position it is given (0 by default), so that it never
//! overwrites what a change stream wrote since.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use rankine_index::Metric;
use rankine_pipeline::stream::config::folder;
use rankine_predict::ItemVectorRows;
use rankine_store::RedisOptions;
use rankine_store::vectors::{
    EmbeddedVectors, Generation, PgVectors, RedisVectors, Shape, VectorRow, VectorStore,
};

use crate::clock;
use crate::home::Home;

/// Rows per call.
const CHUNK: usize = 5_000;

/// The store at an address.
///
/// # Errors
/// An address of none of them, nobody there, a stream that is not there or running.
pub(crate) fn open(url: &str, home: &Home) -> anyhow::Result<Box<dyn VectorStore>> {
    if let Some(place) = url.strip_prefix("embedded:") {
        let file = embedded(place, home)?;
        let opened = EmbeddedVectors::open(&file);
        return Ok(Box::new(
            opened.context("--to: while a stream runs, nobody else opens its vectors")?,
        ));
    }
    Ok(match url.split_once("://") {
        Some(("redis", _)) => Box::new(RedisVectors::connect(RedisOptions::new(url))?),
        Some(("postgres" | "postgresql", _)) => Box::new(PgVectors::connect(url)?),
        _ => {
            bail!("--to: expected redis://…, postgres://…, embedded:STREAM or embedded:FILE.redb, got {url}")
        }
    })
}

/// The file of an embedded store: one by its name, or a stream's.
fn embedded(place: &str, home: &Home) -> anyhow::Result<PathBuf> {
    let file = PathBuf::from(place);
    if file.extension().is_some_and(|e| e == "redb") {
        return Ok(file);
    }
    let stream = folder(home.root(), place);
    ensure!(
        !place.is_empty() && stream.is_dir(),
        "--to embedded:{place}: no stream in {}; a store of its own is a FILE.redb",
        stream.display()
    );
    Ok(stream.join("vectors.redb"))
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
        let home = Home::new(PathBuf::from("/nowhere"));
        for (url, part) in [
            ("mysql://x", "expected redis://…, postgres://…, embedded:STREAM"),
            ("embedded:films", "no stream in /nowhere/stream/films"),
            ("embedded:", "no stream in"),
        ] {
            let told = open(url, &home).err().map(|error| error.to_string());
            assert!(told.as_ref().is_some_and(|told| told.contains(part)), "{told:?}");
        }
    }
}
