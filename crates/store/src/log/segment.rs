//! Reading the files of a log from first to last, and cutting the torn end off the last one.
//!
//! Only the last file may end in an incomplete write: a file is begun after the one before it was synced. Files
//! are read whole, which `rotate_at` bounds.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use super::record::{Frame, LogRecord, MAGIC, decode};
use super::{ReplaySummary, files};
use crate::StoreError;

/// An incomplete write at the end of a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file.
    pub path: PathBuf,
    /// Where the complete records end.
    pub offset: u64,
    /// Bytes behind that.
    pub bytes: u64,
}

/// Visits every complete record of every file in order.
pub(crate) fn replay(
    folder: &Path,
    limit: usize,
    visit: &mut dyn FnMut(&LogRecord),
) -> Result<ReplaySummary, StoreError> {
    let paths = files::list(folder)?;
    let mut summary = ReplaySummary {
        files: paths.len(),
        ..ReplaySummary::default()
    };
    let mut last = None;
    for (at, (_, path)) in paths.iter().enumerate() {
        let bytes = std::fs::read(path).map_err(files::fail("read", path))?;
        let end = walk(path, &bytes, limit, &mut |record, offset| {
            ascend(path, offset, &mut last, record)?;
            summary.records += 1;
            visit(record);
            Ok(())
        })?;
        if end < bytes.len() {
            summary.torn = Some(torn(path, &bytes, end, at + 1 == paths.len())?);
        }
    }
    Ok(summary)
}

/// Visits the complete records of one file; returns where they end (0 if the magic itself is cut short).
fn walk(
    path: &Path,
    bytes: &[u8],
    limit: usize,
    visit: &mut dyn FnMut(&LogRecord, usize) -> Result<(), StoreError>,
) -> Result<usize, StoreError> {
    if bytes.len() < MAGIC.len() && MAGIC.starts_with(bytes) {
        return Ok(0);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(damaged(path, 0, "not an event log of this format".to_owned()));
    }
    let mut at = MAGIC.len();
    while at < bytes.len() {
        match decode(&bytes[at..], limit) {
            Frame::Record(record, size) => {
                visit(&record, at)?;
                at += size;
            }
            Frame::Torn => break,
            Frame::Damaged(reason) => return Err(damaged(path, at, reason)),
        }
    }
    Ok(at)
}

/// Sequence numbers and times must strictly increase, over file borders too.
fn ascend(
    path: &Path,
    offset: usize,
    last: &mut Option<(u64, i64)>,
    record: &LogRecord,
) -> Result<(), StoreError> {
    let (seq, time) = (record.seq, record.time);
    if let Some((before, earlier)) = *last
        && (seq <= before || time <= earlier)
    {
        let reason = format!("record {seq} at time {time} stands after record {before} at time {earlier}");
        return Err(damaged(path, offset, reason));
    }
    *last = Some((seq, time));
    Ok(())
}

fn torn(path: &Path, bytes: &[u8], end: usize, last_file: bool) -> Result<Torn, StoreError> {
    if !last_file {
        return Err(damaged(
            path,
            end,
            "cut short, but later log files exist".to_owned(),
        ));
    }
    Ok(Torn {
        path: path.to_owned(),
        offset: end as u64,
        bytes: (bytes.len() - end) as u64,
    })
}

/// Cuts the torn end off its file, durably, with a warning.
pub(crate) fn cut(torn: &Torn) -> Result<(), StoreError> {
    tracing::warn!(
        path = %torn.path.display(), offset = torn.offset, bytes = torn.bytes,
        "event log ends in an incomplete write; cutting it off"
    );
    let file = OpenOptions::new()
        .write(true)
        .open(&torn.path)
        .map_err(files::fail("open", &torn.path))?;
    file.set_len(torn.offset)
        .map_err(files::fail("cut", &torn.path))?;
    file.sync_all().map_err(files::fail("sync", &torn.path))
}

fn damaged(path: &Path, offset: usize, reason: String) -> StoreError {
    StoreError::LogDamaged {
        path: path.to_owned(),
        offset: offset as u64,
        reason,
    }
}
