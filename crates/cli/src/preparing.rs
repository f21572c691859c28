//! One preparation of a home at a time: the lock that `demo`, `data import` and `sample build` take alone, and that
//! `train` and `eval` share while they read samples.
//!
//! The decision: an advisory lock of the operating system on `<home>/.prepare.lock`. It ends with the process that
//! holds it, so there are no stale locks and the file itself says nothing; whoever comes second waits, is told so, and
//! then finds done what the first one did.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;

use anyhow::Context;

use crate::home::Home;
use crate::output;

/// The right to prepare a home, or to read what was prepared; ends when dropped.
#[derive(Debug)]
pub(crate) struct Preparing {
    _lock: Option<File>,
}

impl Preparing {
    /// Takes the right to change data and samples of `home`, waiting for whoever has it or reads.
    ///
    /// # Errors
    /// A home that cannot be written, or a file system without locks.
    pub(crate) fn alone(home: &Home) -> anyhow::Result<Self> {
        std::fs::create_dir_all(home.root()).with_context(|| home.root().display().to_string())?;
        let lock = File::create(home.lock()).with_context(|| home.lock().display().to_string())?;
        Self::wait(home, lock, File::try_lock, File::lock)
    }

    /// Takes the right to read samples of `home` while nobody changes them. A home that is not there, or that cannot be
    /// written, is read without.
    ///
    /// # Errors
    /// A file system without locks.
    pub(crate) fn beside(home: &Home) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        match options.write(true).create(true).truncate(false).open(home.lock()) {
            Ok(lock) => Self::wait(home, lock, File::try_lock_shared, File::lock_shared),
            Err(_) => Ok(Self { _lock: None }),
        }
    }

    fn wait(
        home: &Home,
        lock: File,
        attempt: fn(&File) -> Result<(), TryLockError>,
        wait: fn(&File) -> io::Result<()>,
    ) -> anyhow::Result<Self> {
        let path = || home.lock().display().to_string();
        match attempt(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let home = home.root().display();
                output::note(&format!(
                    "{home}: another rankine prepares or trains here; waiting for it"
                ));
                wait(&lock).with_context(path)?;
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(path),
        }
        Ok(Self { _lock: Some(lock) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn one_prepares_or_many_read() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("new"));
        let first = Preparing::alone(&home).unwrap();
        let (other, done) = (home.clone(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let readers = [
                    Preparing::beside(&other).unwrap(),
                    Preparing::beside(&other).unwrap(),
                ];
                assert!(done.load(Ordering::SeqCst), "read while another prepared");
                drop(readers);
                Preparing::alone(&other).unwrap();
            });
            std::thread::sleep(std::time::Duration::from_millis(20));
            done.store(true, Ordering::SeqCst);
            drop(first);
            second.join().unwrap();
        });
    }

    #[test]
    fn reading_makes_no_home() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("none"));
        Preparing::beside(&home).unwrap();
        assert!(!home.root().exists());
    }
}
