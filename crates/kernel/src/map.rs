//! `MappedFile`: a file's bytes as memory, and stretches of it as numbers. The operating system pages it in and shares it
//! between processes; an artefact's files are immutable once published, which is what makes a mapping sound.

use crate::error::KernelError;
use std::fs::File;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;

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
        let map = if empty {
            None
        } else {
            // SAFETY: published files are never written again (the contract above), so the bytes do not change.
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

    /// Returns a byte range as numbers (little-endian machines only, which is all we build for).
    ///
    /// # Errors
    /// [`KernelError::Range`] outside the file, [`KernelError::Alignment`] off a number's boundary.
    pub fn numbers<P: Plain>(&self, range: Range<usize>) -> Result<&[P], KernelError> {
        let bytes = self.bytes(range.clone())?;
        // SAFETY: `Plain` types have no invalid bit patterns; `align_to` itself keeps to aligned, whole numbers.
        let (before, numbers, after) = unsafe { bytes.align_to::<P>() };
        let whole = before.is_empty() && after.is_empty();
        if whole {
            Ok(numbers)
        } else {
            Err(self.misaligned(range, size_of::<P>()))
        }
    }

    /// Returns a byte range as numbers that keep the file mapped. Checked here, so that reading one is a pointer's step.
    ///
    /// # Errors
    /// As [`MappedFile::numbers`].
    pub fn share<P: Plain>(self: &Arc<Self>, range: Range<usize>) -> Result<Mapped<P>, KernelError> {
        let numbers = self.numbers::<P>(range)?;
        Ok(Mapped {
            numbers: NonNull::from(numbers).cast(),
            length: numbers.len(),
            file: Arc::clone(self),
        })
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

/// Numbers without invalid bit patterns or padding.
///
/// # Safety
/// Every sequence of bytes must be a valid value.
pub unsafe trait Plain: Copy + Send + Sync + 'static {}
// SAFETY: every bit pattern is a value.
unsafe impl Plain for f32 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}
// SAFETY: as above.
unsafe impl Plain for i64 {}

/// A stretch of a mapped file as numbers; checked once, when it was made.
#[derive(Debug, Clone)]
pub struct Mapped<P> {
    #[expect(dead_code, reason = "keeps the numbers mapped")]
    file: Arc<MappedFile>,
    numbers: NonNull<P>,
    length: usize,
}

// SAFETY: numbers in a read-only mapping that the `Arc` keeps; `Plain` numbers are `Send + Sync` themselves.
unsafe impl<P: Plain> Send for Mapped<P> {}
// SAFETY: as above.
unsafe impl<P: Plain> Sync for Mapped<P> {}

impl<P: Plain> Deref for Mapped<P> {
    type Target = [P];

    #[inline]
    fn deref(&self) -> &[P] {
        // SAFETY: made from a checked slice of the mapping, which lives as long as the file that `self` holds.
        unsafe { std::slice::from_raw_parts(self.numbers.as_ptr(), self.length) }
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
        assert_eq!(map.numbers::<u64>(0..8).unwrap(), [7]);
        assert_eq!(map.numbers::<f32>(8..16).unwrap(), [1.5, -2.0]);
        assert_eq!(map.path(), path);
        let shared = Arc::new(map).share::<i64>(0..8).unwrap();
        assert_eq!(shared[..], [7]);
    }

    #[test]
    fn ranges_outside_or_off_a_boundary_are_faults() {
        let (_dir, path) = file(&[0; 16]);
        let map = MappedFile::open(&path).unwrap();
        assert!(matches!(
            map.numbers::<f32>(8..20),
            Err(KernelError::Range { length: 16, .. })
        ));
        assert!(matches!(
            map.numbers::<f32>(2..6),
            Err(KernelError::Alignment { size: 4, .. })
        ));
        assert!(matches!(
            map.numbers::<u64>(0..12),
            Err(KernelError::Alignment { size: 8, .. })
        ));
        assert!(map.numbers::<f32>(16..16).unwrap().is_empty());
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
