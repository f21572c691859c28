//! `<home>/events/data-hash`: which data the live events refer to, by the hash of its import.
//!
//! The decision: a file of its own beside the log, not the import's summary, for the summary is gone while an import is
//! under way or was killed, and the events must not be taken for those of whatever is imported next.

use std::io::Write;
use std::path::{Path, PathBuf};

use rankine_table::{AtomicFile, TableError};

use crate::PipelineError;

fn path(home: &Path) -> PathBuf {
    home.join("events/data-hash")
}

/// The hash of the data; `None` where no import has written it yet.
pub(super) fn read(home: &Path) -> Result<Option<String>, PipelineError> {
    let path = path(home);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(TableError::Open { path, source }.into()),
    };
    let hash = text.trim();
    if !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Some(hash.to_owned()));
    }
    Err(PipelineError::Malformed {
        path,
        reason: format!(
            "expected a hash of hex digits, got {:?}",
            hash.get(..40).unwrap_or(hash)
        ),
    })
}

/// Writes it down, durably.
pub(super) fn write(home: &Path, hash: &str) -> Result<(), PipelineError> {
    let path = path(home);
    let mut file = AtomicFile::create(&path)?;
    writeln!(file, "{hash}").map_err(|source| TableError::Write { path, source })?;
    Ok(file.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_back_and_anything_else_is_refused() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("events")).unwrap();
        assert_eq!(read(home.path()).unwrap(), None);
        write(home.path(), "00ff").unwrap();
        assert_eq!(read(home.path()).unwrap().as_deref(), Some("00ff"));
        for bad in ["", "\n", "../../etc", "ü"] {
            std::fs::write(path(home.path()), bad).unwrap();
            let error = read(home.path()).unwrap_err().to_string();
            assert!(error.contains("data-hash: expected a hash"), "{error}");
        }
    }
}
