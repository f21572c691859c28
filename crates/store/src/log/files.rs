//! The files of a log: their names and order, the lock, making and opening the tail.
//!
//! Numbers are compared as numbers (`live-10.log` after `live-9.log`). A new file is synced, and its folder
//! with it, before a record goes into it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::record::MAGIC;
use crate::StoreError;

/// The file that new records go to.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) bytes: u64,
}

impl Tail {
    /// Whether the file holds no record yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes <= MAGIC.len() as u64
    }
}

/// An error constructor for `map_err`.
pub(crate) fn fail(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Io {
        action,
        path: path.clone(),
        source,
    }
}

/// Makes the folder of the log.
pub(crate) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(folder).map_err(fail("make the folder", folder))
}

/// Takes the folder for this process; the lock goes with the returned file.
pub(crate) fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(fail("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::LogLocked { path }),
        Err(TryLockError::Error(error)) => Err(fail("lock", &path)(error)),
    }
}

/// The log files by number, ascending. Other files of the folder are ignored; a missing folder has none.
pub(crate) fn list(folder: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail("list", folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(fail("list", folder))?;
        if let Some(number) = entry.file_name().to_str().and_then(number_of) {
            found.push((number, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("live-")?.strip_suffix(".log")?;
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())
        .flatten()
}

/// Opens the last file for appending, or makes the first.
pub(crate) fn open_tail(folder: &Path) -> Result<Tail, StoreError> {
    let Some((number, path)) = list(folder)?.pop() else {
        return begin(folder, 1);
    };
    let mut file = OpenOptions::new()
        .append(true)
        .open(&path)
        .map_err(fail("open", &path))?;
    let mut bytes = file.metadata().map_err(fail("measure", &path))?.len();
    if bytes < MAGIC.len() as u64 {
        file.set_len(0).map_err(fail("cut", &path))?;
        write_magic(&mut file, &path)?;
        bytes = MAGIC.len() as u64;
    }
    Ok(Tail {
        number,
        path,
        file,
        bytes,
    })
}

/// Makes file `number`, durable with its magic.
pub(crate) fn begin(folder: &Path, number: u64) -> Result<Tail, StoreError> {
    let path = folder.join(format!("live-{number}.log"));
    let mut file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(&path)
        .map_err(fail("make", &path))?;
    write_magic(&mut file, &path)?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(fail("sync", folder))?;
    Ok(Tail {
        number,
        path,
        file,
        bytes: MAGIC.len() as u64,
    })
}

fn write_magic(file: &mut File, path: &Path) -> Result<(), StoreError> {
    file.write_all(MAGIC).map_err(fail("write", path))?;
    file.sync_all().map_err(fail("sync", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_ordered_by_number() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "live-10.log",
            "live-9.log",
            "live-+8.log",
            "live-x.log",
            "base-1.parquet",
            "live-7.log~",
        ] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let numbers: Vec<_> = list(folder.path())
            .unwrap()
            .into_iter()
            .map(|(number, _)| number)
            .collect();
        assert_eq!(numbers, [9, 10]);
    }

    #[test]
    fn a_second_lock_is_refused_until_the_first_goes() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path()).unwrap();
        assert!(matches!(lock(folder.path()), Err(StoreError::LogLocked { .. })));
        drop(held);
        lock(folder.path()).unwrap();
    }
}
