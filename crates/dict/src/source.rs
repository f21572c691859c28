//! What a dictionary looks at: a folder of versions or one file, listed as candidates, best first.
//!
//! The decision here: a version is the *number* its folder's name spells ("9" < "10", "002" is 2); names that are not
//! positive decimal numbers, hidden ones first of all, are not versions. A candidate's stamp changes when anything
//! inside changes, which is how a refused candidate earns its next try.

use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::DictError;
use crate::pin;

/// How deep a version folder is looked into for its stamp.
const STAMP_DEPTH: usize = 4;

/// Where a dictionary's content lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A folder whose sub-folders are versions; the highest that loads serves, or the one its pin names
    /// ([`crate::pin`]).
    Versions(PathBuf),
    /// One version of such a folder, whatever its pin says.
    Pinned(PathBuf, u64),
    /// One file, replaced by renaming over it. Its version is 0.
    File(PathBuf),
}

/// Something that could be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The number of the folder; 0 for a file.
    pub version: u64,
    /// Folder or file.
    pub path: PathBuf,
    /// Changes when the content's names, sizes, times or inodes change.
    pub stamp: u64,
}

impl Source {
    /// The folder or file looked at.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Versions(path) | Self::Pinned(path, _) | Self::File(path) => path,
        }
    }

    /// Lists what is there now, highest version first. A missing folder or file gives an empty list.
    ///
    /// # Errors
    /// [`DictError::Scan`] where the folder exists and cannot be read, or its pin cannot; [`DictError::Pinned`] where
    /// it is pinned to a version that is not there.
    pub fn candidates(&self) -> Result<Vec<Candidate>, DictError> {
        let scan = |source| DictError::Scan {
            path: self.path().to_path_buf(),
            source,
        };
        if let Self::Versions(folder) = self
            && let Some(version) = pin::pinned(folder).map_err(scan)?
        {
            let found = Self::Pinned(folder.clone(), version).candidates()?;
            let path = folder.clone();
            return if found.is_empty() {
                Err(DictError::Pinned { path, version })
            } else {
                Ok(found)
            };
        }
        let found = match self {
            Self::Versions(folder) => versions(folder, None),
            Self::Pinned(folder, version) => versions(folder, Some(*version)),
            Self::File(path) => file(path),
        };
        match found {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(scan(source)),
            Ok(list) => Ok(list),
        }
    }
}

/// The version a folder name spells: decimal digits, leading zeros allowed, above 0. Anything else is `None`.
#[must_use]
pub fn parse_version(name: &str) -> Option<u64> {
    let digits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| name.parse().ok()).flatten().filter(|v| *v > 0)
}

fn versions(folder: &Path, only: Option<u64>) -> io::Result<Vec<Candidate>> {
    let mut list = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let version = entry.file_name().to_str().and_then(parse_version);
        let Some(version) = version.filter(|v| only.is_none_or(|o| o == *v)) else {
            continue;
        };
        let path = entry.path();
        if path.is_dir() {
            list.push(Candidate {
                version,
                stamp: stamp(&path),
                path,
            });
        }
    }
    list.sort_by(|a, b| {
        b.version
            .cmp(&a.version)
            .then_with(|| shorter_first(&a.path, &b.path))
    });
    list.dedup_by_key(|c| c.version);
    Ok(list)
}

/// Two folders may spell one version ("2", "002"): the shorter name is taken.
fn shorter_first(a: &Path, b: &Path) -> std::cmp::Ordering {
    a.as_os_str().len().cmp(&b.as_os_str().len())
}

fn file(path: &Path) -> io::Result<Vec<Candidate>> {
    fs::metadata(path)?;
    Ok(vec![Candidate {
        version: 0,
        stamp: stamp(path),
        path: path.to_path_buf(),
    }])
}

/// Names, sizes, times and inodes below a path, as one number; what cannot be read counts as absent.
fn stamp(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    stamp_into(path, STAMP_DEPTH, &mut hasher);
    hasher.finish()
}

fn stamp_into(path: &Path, depth: usize, hasher: &mut DefaultHasher) {
    let Ok(meta) = fs::metadata(path) else {
        return;
    };
    path.file_name().hash(hasher);
    stamp_meta(&meta, hasher);
    if !meta.is_dir() || depth == 0 {
        return;
    }
    let mut inside: Vec<PathBuf> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect();
    inside.sort();
    for entry in inside {
        stamp_into(&entry, depth - 1, hasher);
    }
}

/// Bytes of the files below a path; what cannot be read counts nothing.
pub(crate) fn size(path: &Path) -> u64 {
    let Ok(meta) = fs::metadata(path) else {
        return 0;
    };
    if !meta.is_dir() {
        return meta.len();
    }
    let inside = fs::read_dir(path).into_iter().flatten().flatten();
    inside.map(|entry| size(&entry.path())).sum()
}

fn stamp_meta(meta: &Metadata, hasher: &mut DefaultHasher) {
    (
        meta.ino(),
        meta.len(),
        meta.mtime(),
        meta.mtime_nsec(),
        meta.mode(),
    )
        .hash(hasher);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        folder
    }

    fn listed(source: &Source) -> Vec<u64> {
        source.candidates().unwrap().iter().map(|c| c.version).collect()
    }

    #[test]
    fn versions_are_numbers_not_text() {
        let folder = folder_with(&[
            "9",
            "10",
            "002",
            ".11",
            "11.tmp",
            "x12",
            "0",
            "+13",
            "99999999999999999999",
        ]);
        assert_eq!(listed(&Source::Versions(folder.path().into())), [10, 9, 2]);
        assert_eq!(listed(&Source::Pinned(folder.path().into(), 2)), [2]);
        assert_eq!(listed(&Source::Pinned(folder.path().into(), 3)), [0; 0]);
    }

    #[test]
    fn a_file_named_like_a_version_is_no_version() {
        let folder = folder_with(&["1"]);
        fs::write(folder.path().join("2"), "x").unwrap();
        assert_eq!(listed(&Source::Versions(folder.path().into())), [1]);
    }

    #[test]
    fn one_version_spelt_twice_is_listed_once() {
        let folder = folder_with(&["002", "2"]);
        let found = Source::Versions(folder.path().into()).candidates().unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].path.ends_with("2") && !found[0].path.ends_with("002"));
    }

    #[test]
    fn a_missing_folder_is_empty_and_an_unreadable_one_a_fault() {
        let folder = folder_with(&[]);
        assert_eq!(listed(&Source::Versions(folder.path().join("none"))), [0; 0]);
        fs::write(folder.path().join("plain"), "x").unwrap();
        let fault = Source::Versions(folder.path().join("plain"))
            .candidates()
            .unwrap_err();
        assert!(matches!(fault, DictError::Scan { .. }), "{fault}");
    }

    #[test]
    fn the_stamp_follows_content_names_and_sizes() {
        let folder = folder_with(&["1"]);
        let source = Source::Versions(folder.path().into());
        let now = || source.candidates().unwrap()[0].stamp;
        let first = now();
        assert_eq!(first, now());
        fs::write(folder.path().join("1/a"), "x").unwrap();
        let second = now();
        assert_ne!(first, second);
        fs::write(folder.path().join("1/a"), "xy").unwrap();
        assert_ne!(second, now());
    }

    proptest! {
        #[test]
        fn parsing_agrees_with_the_number(version in 1u64.., zeros in 0usize..4) {
            let name = format!("{}{version}", "0".repeat(zeros));
            prop_assert_eq!(parse_version(&name), Some(version));
        }

        #[test]
        fn no_name_panics(name in "\\PC*") {
            let parsed = parse_version(&name);
            prop_assert_eq!(parsed.is_some(), name.bytes().all(|b| b.is_ascii_digit()) && name.parse::<u64>().is_ok_and(|v| v > 0));
        }
    }
}
