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

/// Hands over every batch of a file.
///
/// # Errors
/// Of the file, or what `each` answers.
pub(super) fn each(
    path: &Path,
    max_mb_s: f64,
    check: impl FnOnce(&[(String, Kind)]) -> Result<(), LoadFault>,
    mut each: impl FnMut(&Table) -> Result<(), LoadFault>,
) -> Result<(), LoadFault> {
    let mut pace = Pace::new(max_mb_s);
    let bytes = std::fs::metadata(path)?.len();
    let mut reader = Reader::open(path, BATCH)?;
    check(reader.columns())?;
    let rows = u128::from(reader.rows().max(1));
    while let Some(batch) = reader.next_batch()? {
        each(&batch)?;
        let share = u128::from(bytes) * (batch.rows() as u128) / rows;
        pace.spend(u64::try_from(share).unwrap_or(bytes));
    }
    Ok(())
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
