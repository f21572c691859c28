//! A file that appears complete or not at all.
//!
//! Every file other parts of the system may open is written through here: a hidden sibling in the
//! same folder, flushed and fsynced, renamed over the name, folder fsynced. The decision: the
//! sibling's name carries the process id and a counter, so two writers never share one; what a
//! killed process leaves is hidden and swept by [`AtomicFile::sweep`].

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::TableError;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A buffered writer whose file gets its name only at [`AtomicFile::commit`]; dropped before that,
/// it leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    hidden: PathBuf,
    out: Option<BufWriter<File>>,
}

impl AtomicFile {
    /// Starts writing what will become `path`; missing folders are made.
    ///
    /// # Errors
    /// [`TableError::Write`] if the folder or the hidden file cannot be made.
    pub fn create(path: &Path) -> Result<Self, TableError> {
        let fail = |source| TableError::Write {
            path: path.to_owned(),
            source,
        };
        let folder = folder_of(path);
        std::fs::create_dir_all(folder).map_err(fail)?;
        let hidden = folder.join(hidden_name(path));
        let file = File::create(&hidden).map_err(fail)?;
        Ok(Self {
            path: path.to_owned(),
            hidden,
            out: Some(BufWriter::with_capacity(1 << 16, file)),
        })
    }

    /// The name the file will have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Flushes, fsyncs, renames and fsyncs the folder: on return the file is there and durable.
    ///
    /// # Errors
    /// [`TableError::Write`]; the old file, if there was one, is then untouched.
    pub fn commit(mut self) -> Result<(), TableError> {
        let result = self.publish();
        if result.is_ok() {
            self.out = None;
        }
        result.map_err(|source| TableError::Write {
            path: self.path.clone(),
            source,
        })
    }

    /// Removes the hidden siblings that killed processes left in a folder. Call it only while no
    /// other process writes there. Returns how many went.
    pub fn sweep(folder: &Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return 0;
        };
        let left = entries
            .flatten()
            .filter(|entry| is_hidden_name(&entry.file_name().to_string_lossy()));
        left.filter(|entry| std::fs::remove_file(entry.path()).is_ok())
            .count()
    }

    fn publish(&mut self) -> std::io::Result<()> {
        if let Some(out) = self.out.as_mut() {
            out.flush()?;
            out.get_ref().sync_all()?;
        }
        std::fs::rename(&self.hidden, &self.path)?;
        sync_folder(folder_of(&self.path))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.out.as_mut() {
            Some(out) => out.write(bytes),
            None => Err(std::io::Error::other("the file is already committed")),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.out.take().is_some() {
            // A failure leaves a hidden file, which nobody reads and `sweep` removes.
            let _ = std::fs::remove_file(&self.hidden);
        }
    }
}

/// Makes renames and removals in a folder durable.
///
/// # Errors
/// What the system says when the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn hidden_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!(".{name}.writing-{}-{count}", std::process::id())
}

fn is_hidden_name(name: &str) -> bool {
    name.starts_with('.') && name.contains(".writing-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_old_file_stays_until_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/file");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(&path, "old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        file.commit().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(&folder.path().join("sub")), ["file"]);
    }

    #[test]
    fn a_dropped_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = AtomicFile::create(&folder.path().join("file")).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn sweep_removes_what_a_killed_process_left_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kept"), "").unwrap();
        std::mem::forget(AtomicFile::create(&folder.path().join("file")).unwrap());
        assert_eq!(AtomicFile::sweep(folder.path()), 1);
        assert_eq!(names(folder.path()), ["kept"]);
        assert_eq!(AtomicFile::sweep(&folder.path().join("absent")), 0);
    }

    #[test]
    fn an_impossible_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let error = AtomicFile::create(&folder.path().join("file/under"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("file/under: cannot write"), "{error}");
    }
}
