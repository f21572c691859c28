//! `MappedFile`: a file's bytes as memory, and stretches of it as f32. The operating system pages it in and shares it
//! between processes; an artefact's files are immutable once published, which is what makes a mapping sound.

use crate::error::KernelError;
use std::fs::File;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

/// A read-only mapping of a whole file. An empty file maps to no bytes.
#[derive(Debug)]
pub struct MappedFile {
    path: PathBuf,
    map: Option<memmap2::Mmap>,
}

impl MappedFile {
    /// Maps a file.
    ///
    /// *Contract*: nobody changes or truncates the file while it is mapped; published artefacts are immutable.
    ///
    /// # Errors
    /// [`KernelError::Map`] if the file cannot be opened or mapped.
    pub fn open(path: &Path) -> Result<MappedFile, KernelError> {
        let fault = |source| KernelError::Map {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(fault)?;
        let empty = file.metadata().map_err(fault)?.len() == 0;
        // SAFETY: the file is not changed while mapped: published files are never written again (the contract above).
        let map = if empty {
            None
        } else {
            Some(unsafe { memmap2::Mmap::map(&file) }.map_err(fault)?)
        };
        Ok(MappedFile {
            path: path.to_owned(),
            map,
        })
    }

    /// Returns the path it was opened with.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a byte range as f32 (little-endian machines only, which is all we build for).
    ///
    /// # Errors
    /// [`KernelError::Range`] outside the file, [`KernelError::Alignment`] off a boundary of four bytes.
    pub fn floats(&self, range: Range<usize>) -> Result<&[f32], KernelError> {
        let bytes = self.bytes(range.clone())?;
        // SAFETY: every bit pattern is an f32; `align_to` itself keeps to aligned, whole numbers.
        let (before, floats, after) = unsafe { bytes.align_to::<f32>() };
        if before.is_empty() && after.is_empty() {
            Ok(floats)
        } else {
            Err(self.misaligned(range, 4))
        }
    }

    /// Returns a byte range as u64.
    ///
    /// # Errors
    /// [`KernelError::Range`] outside the file, [`KernelError::Alignment`] off a boundary of eight bytes.
    pub fn words(&self, range: Range<usize>) -> Result<&[u64], KernelError> {
        let bytes = self.bytes(range.clone())?;
        // SAFETY: every bit pattern is a u64; `align_to` itself keeps to aligned, whole numbers.
        let (before, words, after) = unsafe { bytes.align_to::<u64>() };
        if before.is_empty() && after.is_empty() {
            Ok(words)
        } else {
            Err(self.misaligned(range, 8))
        }
    }

    fn bytes(&self, range: Range<usize>) -> Result<&[u8], KernelError> {
        self.get(range.clone()).ok_or_else(|| KernelError::Range {
            path: self.path.clone(),
            start: range.start,
            end: range.end,
            length: self.len(),
        })
    }

    fn misaligned(&self, range: Range<usize>, size: usize) -> KernelError {
        KernelError::Alignment {
            path: self.path.clone(),
            start: range.start,
            end: range.end,
            size,
        }
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    #[test]
    fn numbers_are_read_in_place() {
        let mut bytes = 7u64.to_le_bytes().to_vec();
        bytes.extend(1.5f32.to_le_bytes());
        bytes.extend((-2.0f32).to_le_bytes());
        let (_dir, path) = file(&bytes);
        let map = MappedFile::open(&path).unwrap();
        assert_eq!(map.words(0..8).unwrap(), [7]);
        assert_eq!(map.floats(8..16).unwrap(), [1.5, -2.0]);
        assert_eq!(map.path(), path);
    }

    #[test]
    fn ranges_outside_or_off_a_boundary_are_faults() {
        let (_dir, path) = file(&[0; 16]);
        let map = MappedFile::open(&path).unwrap();
        assert!(matches!(
            map.floats(8..20),
            Err(KernelError::Range { length: 16, .. })
        ));
        assert!(matches!(
            map.floats(2..6),
            Err(KernelError::Alignment { size: 4, .. })
        ));
        assert!(matches!(
            map.words(0..12),
            Err(KernelError::Alignment { size: 8, .. })
        ));
        assert!(map.floats(16..16).unwrap().is_empty());
    }

    #[test]
    fn empty_and_missing_files() {
        let (dir, path) = file(&[]);
        assert!(MappedFile::open(&path).unwrap().is_empty());
        assert!(matches!(
            MappedFile::open(&dir.path().join("no")),
            Err(KernelError::Map { .. })
        ));
    }
}
