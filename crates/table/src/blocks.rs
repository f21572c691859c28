//! A text stream in blocks of whole lines, to be parsed on several threads.
//!
//! The decision: the reading thread only looks for the last line end of a block; where cells begin is found by whoever
//! parses the block. A block knows the number of its first line, so that every fault can still name its line.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::lines::LONGEST;
use crate::{TableError, stream};

/// Some lines of a text stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineBlock {
    /// Number of the first line, counted from 1.
    pub first: u64,
    /// Whole lines with their ends; the last may lack one at the end of the stream.
    pub bytes: Vec<u8>,
    /// The last line was longer than lines may be and has been cut.
    pub cut: bool,
}

impl LineBlock {
    /// Every line with its number, without its end.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let whole = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        let lines = whole.split(|byte| *byte == b'\n');
        let bare = |line: &'_ [u8]| line.len() - usize::from(line.ends_with(b"\r"));
        (self.first..).zip(lines.map(move |line| &line[..bare(line)]))
    }

    /// Where the line that begins at the byte `from` ends: at its line end, or with the block.
    #[must_use]
    pub fn line_end(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + memchr::memchr(b'\n', rest).unwrap_or(rest.len())
    }
}

/// Reads blocks; `.gz` and `.zst` are unpacked, `-` is the standard input.
pub struct LineBlocks {
    path: PathBuf,
    input: BufReader<Box<dyn Read + Send>>,
    size: usize,
    next: u64,
}

impl LineBlocks {
    /// Opens a stream to be read in blocks of about `size` bytes.
    ///
    /// # Errors
    /// [`TableError::Open`].
    pub fn open(path: &Path, size: usize) -> Result<Self, TableError> {
        Ok(Self {
            path: path.to_owned(),
            input: BufReader::with_capacity(1 << 17, stream::open(path)?),
            size: size.clamp(1, LONGEST),
            next: 1,
        })
    }

    /// The first line alone, without its end: a header.
    ///
    /// # Errors
    /// [`TableError::Header`] for an empty stream or a line that is not UTF-8, [`TableError::Read`].
    pub fn header(&mut self) -> Result<String, TableError> {
        let bad = |reason: &str| TableError::Header {
            path: self.path.clone(),
            reason: reason.to_owned(),
        };
        let (empty, wrong) = (
            bad("the file is empty, expected a header line"),
            bad("the header is not UTF-8, or too long"),
        );
        let mut bytes = Vec::new();
        let cut = self.end_line(&mut bytes)?;
        if bytes.is_empty() {
            return Err(empty);
        }
        self.next += 1;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) if !cut => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            _ => Err(wrong),
        }
    }

    /// The next block; none at the end.
    ///
    /// # Errors
    /// [`TableError::Read`] where the stream cannot be read on.
    pub fn next_block(&mut self) -> Result<Option<LineBlock>, TableError> {
        let mut bytes = Vec::with_capacity(self.size + (1 << 10));
        let mut limited = self.input.by_ref().take(self.size as u64);
        let read = limited.read_to_end(&mut bytes);
        read.map_err(|source| self.fault(source))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let cut = !bytes.ends_with(b"\n") && self.end_line(&mut bytes)?;
        let first = self.next;
        self.next += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        self.next += u64::from(!bytes.ends_with(b"\n"));
        if first == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        Ok(Some(LineBlock { first, bytes, cut }))
    }

    /// Reads on to the end of the line; true if that is too far, the rest of the line is skipped then.
    fn end_line(&mut self, bytes: &mut Vec<u8>) -> Result<bool, TableError> {
        let mut limited = self.input.by_ref().take(LONGEST as u64);
        let read = limited.read_until(b'\n', bytes);
        let read = read.map_err(|source| self.fault(source))?;
        if read < LONGEST || bytes.ends_with(b"\n") {
            return Ok(false);
        }
        let skipped = self.input.skip_until(b'\n');
        skipped.map_err(|source| self.fault(source))?;
        Ok(true)
    }

    fn fault(&self, source: std::io::Error) -> TableError {
        TableError::Read {
            path: self.path.clone(),
            line: self.next - 1,
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], size: usize) -> Vec<(u64, Vec<u8>)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, bytes).unwrap();
        let mut blocks = LineBlocks::open(&path, size).unwrap();
        let mut lines = Vec::new();
        while let Some(block) = blocks.next_block().unwrap() {
            lines.extend(block.lines().map(|(number, line)| (number, line.to_vec())));
        }
        lines
    }

    #[test]
    fn a_header_is_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "\u{feff}a\tb\r\n1\t2\n").unwrap();
        let mut blocks = LineBlocks::open(&path, 100).unwrap();
        assert_eq!(blocks.header().unwrap(), "a\tb");
        let block = blocks.next_block().unwrap().unwrap();
        assert_eq!(block.lines().collect::<Vec<_>>(), [(2, &b"1\t2"[..])]);
        std::fs::write(&path, "").unwrap();
        assert!(LineBlocks::open(&path, 100).unwrap().header().is_err());
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        let mut bytes = vec![b'x'; 3 * LONGEST];
        bytes.extend_from_slice(b"\nlast\n");
        std::fs::write(&path, &bytes).unwrap();
        let mut blocks = LineBlocks::open(&path, 1 << 16).unwrap();
        let first = blocks.next_block().unwrap().unwrap();
        assert!(first.cut && first.bytes.len() <= 2 * LONGEST);
        let second = blocks.next_block().unwrap().unwrap();
        assert_eq!(second.lines().collect::<Vec<_>>(), [(2, &b"last"[..])]);
        assert_eq!(blocks.next_block().unwrap(), None);
    }

    proptest! {
        #[test]
        fn lines_and_numbers_do_not_depend_on_the_size_of_blocks(
            text in prop::collection::vec(prop::sample::select(b"ab\r\n".to_vec()), 0..60), size in 1usize..20,
        ) {
            let whole = read(&text, 1 << 16);
            prop_assert_eq!(read(&text, size), whole.clone());
            let numbers: Vec<u64> = whole.iter().map(|(number, _)| *number).collect();
            prop_assert_eq!(numbers, (1..=whole.len() as u64).collect::<Vec<_>>());
        }
    }
}
