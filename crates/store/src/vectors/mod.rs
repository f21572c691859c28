//! The vector port: where embeddings are written and searched.
//!
//! A *set* is named (`items`, `users`) and has one *generation* per artefact version, so vectors of two versions never
//! meet in a search; which generation serves is switched for several sets in one step. Every row carries its as-of time
//! and source position, and a write that is older than what stands there changes nothing: replaying a stream is harmless,
//! and a deleted id leaves a tombstone that an older upsert cannot bring back. Drivers: embedded (on redb; exact, HNSW beside it),
//! PostgreSQL with pgvector, Redis (stored, not searched); one contract, one suite ([`conformance`]).

pub mod conformance;
mod embedded;
mod pgvector;
mod redis;
mod row;

pub use self::embedded::EmbeddedVectors;
pub use self::pgvector::PgVectors;
pub(crate) use self::pgvector::reason;
pub use self::redis::RedisVectors;
pub use self::row::VectorRow;

pub use rankine_index::{Hnsw, Metric, Neighbour};

use crate::StoreError;
use crate::rows::check_family;

/// The lowest bits of a position, which count the rows of one commit of the source. All of them set: that row or a later one.
pub const ROW_BITS: u32 = 14;

/// The vectors of one set that one artefact version made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation {
    /// Name of the set: 1 to 32 ASCII letters, digits or `_`.
    pub set: String,
    /// The artefact's version.
    pub version: u64,
}

/// What all vectors of a generation have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Numbers per vector, at least 1.
    pub width: usize,
    /// How nearness is measured.
    pub metric: Metric,
}

/// An id that is gone, as of a position of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The id.
    pub id: i64,
    /// Where the source says so.
    pub position: i64,
}

/// Which rows a search may return; the default lets all pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only rows created at this time or later (µs UTC).
    pub created_from: Option<i64>,
    /// Only rows of at least one of these categories; empty: of any.
    pub categories: Vec<String>,
    /// None of these ids.
    pub without: Vec<i64>,
}

/// What a search asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// How many rows at most.
    pub n: usize,
    /// Which rows may come.
    pub filter: Filter,
    /// Whether an approximate structure ([`VectorStore::accelerate`]) may be used where there is one.
    pub approximate: bool,
}

/// Where vectors are kept. All calls block; they must not be made on an asynchronous runtime's thread.
///
/// Rows are ordered by (position, as-of time) per id. An upsert is applied where nothing stands, over a lower position,
/// or over a live row of the same position and the same or a lower as-of time. A delete is applied over anything of a
/// lower position and over a live row of the same one, and leaves a tombstone. A position whose [`ROW_BITS`] are all set stands
/// for several rows: there an upsert is applied over a tombstone, too, so that the last write stands, and the writer sees to
/// the order. Anything else changes nothing. When a write returns, it is as durable as the store is.
pub trait VectorStore: Send + Sync {
    /// Makes a generation if there is none.
    ///
    /// # Errors
    /// [`StoreError::Family`]; [`StoreError::Shape`] where it exists in another shape; the driver's failure.
    fn prepare(&self, generation: &Generation, shape: Shape) -> Result<(), StoreError>;

    /// The shape of a generation, `None` where it does not exist.
    ///
    /// # Errors
    /// The driver's failure.
    fn shape(&self, generation: &Generation) -> Result<Option<Shape>, StoreError>;

    /// Adds or replaces rows, all or none; how many were applied.
    ///
    /// # Errors
    /// [`StoreError::Generation`] where it was not prepared; [`StoreError::Vector`] for a row that does not fit.
    fn upsert(&self, generation: &Generation, rows: &[VectorRow]) -> Result<usize, StoreError>;

    /// Replaces rows by tombstones, all or none; how many were applied.
    ///
    /// # Errors
    /// As [`VectorStore::upsert`].
    fn delete(&self, generation: &Generation, gone: &[Gone]) -> Result<usize, StoreError>;

    /// Removes the tombstones of these ids that are no newer than the positions given; how many. Older upserts are applied
    /// again afterwards: the caller knows that none comes.
    ///
    /// # Errors
    /// As [`VectorStore::upsert`].
    fn forget(&self, generation: &Generation, gone: &[Gone]) -> Result<usize, StoreError>;

    /// The live rows of ids, one entry per id in order.
    ///
    /// # Errors
    /// As [`VectorStore::upsert`].
    fn get(&self, generation: &Generation, ids: &[i64]) -> Result<Vec<Option<VectorRow>>, StoreError>;

    /// Ids of all live rows, ascending.
    ///
    /// # Errors
    /// As [`VectorStore::upsert`].
    fn ids(&self, generation: &Generation) -> Result<Vec<i64>, StoreError>;

    /// Versions of a set's generations, ascending.
    ///
    /// # Errors
    /// The driver's failure.
    fn versions(&self, set: &str) -> Result<Vec<u64>, StoreError>;

    /// The version that serves, if one was chosen.
    ///
    /// # Errors
    /// The driver's failure.
    fn current(&self, set: &str) -> Result<Option<u64>, StoreError>;

    /// Makes these generations the serving ones in one step: a reader sees all of the change or nothing.
    ///
    /// # Errors
    /// [`StoreError::Generation`] where one was not prepared; then nothing changes.
    fn switch(&self, to: &[Generation]) -> Result<(), StoreError>;

    /// Removes a generation with its rows and tombstones; one that is not there is no error.
    ///
    /// # Errors
    /// [`StoreError::Serving`] where it is the serving one.
    fn discard(&self, generation: &Generation) -> Result<(), StoreError>;

    /// Builds what makes approximate search quick; later writes keep it up. Does nothing where there is no such thing.
    ///
    /// # Errors
    /// As [`VectorStore::upsert`].
    fn accelerate(&self, generation: &Generation) -> Result<(), StoreError> {
        let _ = generation;
        Ok(())
    }
}

/// A store that finds the nearest vectors itself.
pub trait VectorSearch: VectorStore {
    /// The nearest live rows, nearest first, ties by lower id. Exact unless `search.approximate` says otherwise. Scores
    /// are inner products or cosines.
    ///
    /// # Errors
    /// As [`VectorStore::upsert`], for the query.
    fn search(
        &self,
        generation: &Generation,
        query: &[f32],
        search: &Search,
    ) -> Result<Vec<Neighbour>, StoreError>;

    /// Ids of the `n` live rows created last, the newest first, ties by higher id; of those created at `from` (µs UTC) or later
    /// where that is given. Takes the longer the more it answers, not the more there is.
    ///
    /// # Errors
    /// As [`VectorStore::upsert`].
    fn newest(&self, generation: &Generation, from: Option<i64>, n: usize) -> Result<Vec<i64>, StoreError>;
}

/// Whether a position stands for several rows of a commit.
fn is_shared(position: i64) -> bool {
    let rows = (1 << ROW_BITS) - 1;
    position & rows == rows
}

impl Generation {
    /// The generation of a set that a version made.
    pub fn new(set: &str, version: u64) -> Generation {
        Generation {
            set: set.to_owned(),
            version,
        }
    }

    /// The error for a generation that was not prepared.
    fn missing(&self) -> StoreError {
        StoreError::Generation {
            set: self.set.clone(),
            version: self.version,
        }
    }

    fn serving(&self) -> StoreError {
        StoreError::Serving {
            set: self.set.clone(),
            version: self.version,
        }
    }

    /// Versions are written as signed numbers by every driver.
    fn check(&self) -> Result<(), StoreError> {
        check_family(&self.set)?;
        i64::try_from(self.version).map(drop).map_err(|_| self.missing())
    }

    /// Checks a new shape against the one that stands.
    fn agree(&self, standing: Shape, wanted: Shape) -> Result<(), StoreError> {
        if standing == wanted {
            return Ok(());
        }
        Err(StoreError::Shape {
            set: self.set.clone(),
            version: self.version,
            expected: standing.to_string(),
            got: wanted.to_string(),
        })
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.width, self.metric_name())
    }
}

impl Shape {
    fn metric_name(self) -> &'static str {
        match self.metric {
            Metric::InnerProduct => "ip",
            Metric::Cosine => "cosine",
        }
    }

    /// A shape of its two words.
    fn of(width: &str, metric: &str) -> Option<Shape> {
        let metric = match metric {
            "ip" => Metric::InnerProduct,
            "cosine" => Metric::Cosine,
            _ => return None,
        };
        let width = width.parse().ok()?;
        Some(Shape { width, metric })
    }
}

impl Filter {
    /// Whether a row of this time and these categories may come.
    fn passes(&self, id: i64, created: i64, categories: &[String]) -> bool {
        self.created_from.is_none_or(|from| created >= from)
            && (self.categories.is_empty() || categories.iter().any(|one| self.categories.contains(one)))
            && !self.without.contains(&id)
    }
}
