//! Vector search: which items' vectors lie nearest to a query. Exact, or by a graph; upsert, delete, filter, files.
//!
//! In the flow: embeddings are published with an artefact (or upserted by a pipeline), `recommend` asks for the
//! neighbours of a user's last positives. The decision behind it: vectors stand in one row-major block and are compared
//! with the kernel's dot product, those left over by the same rows rounded to bytes, so results are exact and the same on every machine; every index carries the version
//! of the artefact that made its vectors. Refused: ids of users or items as a notion, an id here is a number.
//!
//! ```
//! use rankine_index::{Metric, VectorIndex};
//! let index = VectorIndex::new(2, Metric::Cosine, 1);
//! index.upsert(10, &[1.0, 0.0])?;
//! index.upsert(20, &[0.6, 0.8])?;
//! let best = index.search(&[0.0, 2.0], 1, |id| id != 10)?;
//! assert_eq!(best[0].id, 20);
//! # Ok::<(), rankine_index::IndexError>(())
//! ```

mod best;
mod codes;
mod error;
mod file;
mod graph;
mod index;
mod rows;

pub use best::Neighbour;
pub use error::IndexError;
pub use graph::Hnsw;
pub use index::VectorIndex;
pub use rows::Metric;
