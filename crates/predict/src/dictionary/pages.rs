//! Parquet files batch by batch at a bounded speed.
//!
//! The decision here: speed is counted in bytes of the file per share of its rows, so that decoding is slowed down with
//! the disk: both are what a reload takes from requests.

use std::path::Path;

use rankine_dict::{LoadFault, Pace};
use rankine_table::parquet::Reader;
use rankine_table::{Kind, Table};

/// Rows per batch: some milliseconds of decoding.
const BATCH: usize = 4096;

/// A file under way.
pub(super) struct Pages {
    reader: Reader,
    pace: Pace,
    bytes: u64,
}

impl Pages {
    /// Opens a file to read it at most `max_mb_s` fast.
    ///
    /// # Errors
    /// Of the file.
    pub(super) fn open(path: &Path, max_mb_s: f64) -> Result<Self, LoadFault> {
        Ok(Self {
            bytes: std::fs::metadata(path)?.len(),
            reader: Reader::open(path, BATCH)?,
            pace: Pace::new(max_mb_s),
        })
    }

    /// Names and kinds of the columns, in file order.
    pub(super) fn columns(&self) -> &[(String, Kind)] {
        self.reader.columns()
    }

    /// What the file's metadata has under a key.
    pub(super) fn note(&self, key: &str) -> Option<String> {
        let mut pairs = self.reader.metadata().iter();
        pairs
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.clone())
    }

    /// The next batch; none at the end.
    ///
    /// # Errors
    /// Of the file.
    pub(super) fn next(&mut self) -> Result<Option<Table>, LoadFault> {
        let batch = self.reader.next_batch()?;
        let read = batch.as_ref().map_or(0, Table::rows) as u128;
        let share = u128::from(self.bytes) * read / u128::from(self.reader.rows().max(1));
        self.pace.spend(u64::try_from(share).unwrap_or(self.bytes));
        Ok(batch)
    }
}

/// Whether a file is Parquet, by its first bytes.
pub(super) fn is_parquet(path: &Path) -> std::io::Result<bool> {
    let mut magic = [0; 4];
    let mut file = std::fs::File::open(path)?;
    match std::io::Read::read_exact(&mut file, &mut magic) {
        Ok(()) => Ok(&magic == b"PAR1"),
        Err(fault) if fault.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(fault) => Err(fault),
    }
}
