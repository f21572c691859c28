//! One loaded state of a dictionary. Readers hold it by `Arc`; the last one to leave frees it.

use std::path::PathBuf;

/// One loaded state: the value and where it came from.
#[derive(Debug)]
pub struct Generation<T> {
    /// Counts loads of this dictionary from 1; never repeats within a process, so it may key caches.
    pub number: u64,
    /// The version folder's number; 0 for a plain file.
    pub version: u64,
    /// Folder or file it was read from.
    pub path: PathBuf,
    /// When the swap happened, microseconds UTC of the dictionary's clock.
    pub loaded_at: i64,
    /// The thing itself.
    pub value: T,
}
