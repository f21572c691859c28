//! A log that no process has open, held so that none opens it: for those who change what its events refer to.
//!
//! The decision: files are moved, never deleted, and never onto others; the newest go first, so that what is left
//! after a kill is a log that ends earlier, not one with a hole at its start.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::files;
use crate::StoreError;

/// The right to move the files of a log; ends when dropped.
#[derive(Debug)]
pub struct LogHold {
    folder: PathBuf,
    _lock: File,
}

impl LogHold {
    /// Takes the lock of the log in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// [`StoreError::LogLocked`] while a process has the log open, or [`StoreError::Io`].
    pub fn take(folder: &Path) -> Result<LogHold, StoreError> {
        files::make_folder(folder)?;
        Ok(LogHold {
            folder: folder.to_owned(),
            _lock: files::lock(folder)?,
        })
    }

    /// Moves all files of the log into its subfolder `name`; where that is there already, into `name-2` and so on.
    /// Returns where they are now; `None` if there were none.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn set_aside(&self, name: &str) -> Result<Option<PathBuf>, StoreError> {
        let files = files::list(&self.folder)?;
        if files.is_empty() {
            return Ok(None);
        }
        let aside = self.unused(name);
        files::make_folder(&aside)?;
        for (number, path) in files.iter().rev() {
            let to = aside.join(format!("live-{number}.log"));
            std::fs::rename(path, &to).map_err(files::fail("move", path))?;
        }
        for folder in [&aside, &self.folder] {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(files::fail("sync", folder))?;
        }
        Ok(Some(aside))
    }

    fn unused(&self, name: &str) -> PathBuf {
        let (mut path, mut number) = (self.folder.join(name), 1);
        while path.exists() {
            number += 1;
            path = self.folder.join(format!("{name}-{number}"));
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventLog, LogOptions};

    #[test]
    fn a_log_that_is_open_is_not_held_and_a_held_one_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let open = || EventLog::open(folder.path(), LogOptions::default(), Box::new(|_| ()));
        let log = open().unwrap();
        let refused = LogHold::take(folder.path());
        assert!(matches!(refused, Err(StoreError::LogLocked { .. })));
        drop(log);
        let hold = LogHold::take(folder.path()).unwrap();
        assert!(matches!(open(), Err(StoreError::LogLocked { .. })));
        drop(hold);
        open().unwrap();
    }

    #[test]
    fn what_was_set_aside_before_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let hold = LogHold::take(folder.path()).unwrap();
        assert_eq!(hold.set_aside("of-a").unwrap(), None);
        for (text, aside) in [("first", "of-a"), ("second", "of-a-2"), ("third", "of-a-3")] {
            for name in ["live-1.log", "live-2.log", "base-1.parquet"] {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
            let aside = folder.path().join(aside);
            assert_eq!(hold.set_aside("of-a").unwrap().as_ref(), Some(&aside));
            for name in ["live-1.log", "live-2.log"] {
                assert!(!folder.path().join(name).exists());
                assert_eq!(std::fs::read_to_string(aside.join(name)).unwrap(), text);
            }
            assert!(folder.path().join("base-1.parquet").exists());
        }
    }
}
