//! Versions of a model: folders with decimal names, compared as numbers ("9" < "10", "002" is 2).

use super::manifest::Manifest;
use std::path::{Path, PathBuf};

/// Returns the complete versions of a model's folder in ascending order; complete: the manifest parses, names this
/// version and every size matches. Of two folders with one number ("2", "002") the shorter name counts.
#[must_use]
pub fn versions(dir: &Path) -> Vec<(u64, PathBuf)> {
    let mut found: Vec<(u64, PathBuf)> = numbered(dir)
        .into_iter()
        .filter(|(v, p)| complete(*v, p))
        .collect();
    found.sort_by_key(|(version, path)| (*version, path.as_os_str().len()));
    found.dedup_by_key(|(version, _)| *version);
    found
}

/// Every folder whose name is a positive decimal number, complete or not.
pub(super) fn numbered(dir: &Path) -> Vec<(u64, PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let numbered = entries.filter_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str().filter(|n| n.bytes().all(|b| b.is_ascii_digit()))?;
        Some((name.parse().ok().filter(|v| *v > 0)?, entry.path()))
    });
    numbered.collect()
}

fn complete(version: u64, dir: &Path) -> bool {
    let read = Manifest::read(dir);
    read.is_ok_and(|manifest| manifest.version == version && manifest.check_sizes(dir).is_ok())
}
