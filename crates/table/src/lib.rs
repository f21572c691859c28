//! Rows in and out: delimited text, JSON lines, Parquet, gzip and zstd, reject files, progress.
//!
//! Where it sits: below every import and every sample reader; it knows files and cells, never
//! what a cell means. The decision: row formats are read as *text cells with their line number*
//! (so that a bad row can be named and set aside), tables are held as *typed columns* (so that
//! Parquet keeps types), and every file that becomes visible is written through [`AtomicFile`].
//!
//! ```
//! use rankine_table::{Column, Table, parquet};
//!
//! let folder = std::env::temp_dir().join(format!("rankine-table-{}", std::process::id()));
//! std::fs::create_dir_all(&folder)?;
//! let path = folder.join("films.parquet");
//! let table = Table::new(vec![
//!     ("id".into(), Column::Int(vec![Some(1), Some(2)])),
//!     ("title".into(), Column::Text(vec![Some("Toy Story".into()), None])),
//! ])?;
//! parquet::write(&path, &table, &[("made-by".into(), "an example".into())])?;
//! let (again, metadata) = parquet::read(&path)?;
//! assert_eq!((again, metadata.len()), (table, 1));
//! std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atomic;
mod blocks;
mod column;
pub mod decimal;
pub mod delimited;
mod error;
pub mod json_lines;
mod left_out;
mod lines;
pub mod parquet;
mod progress;
mod record;
mod reject;
mod rows;
pub mod stream;
mod table;
pub mod vectors;

pub use atomic::{AtomicFile, sync_folder};
pub use blocks::{LineBlock, LineBlocks};
pub use column::{Column, Kind, Signs, WeightedTags};
pub use error::TableError;
pub use left_out::{FileRows, LeftOut, Taker};
pub use lines::Encoding;
pub use progress::{Progress, Stage};
pub use record::{Record, RowFault, Step};
pub use reject::RejectFile;
pub use rows::{Form, RowReader, for_each_row};
pub use table::Table;
