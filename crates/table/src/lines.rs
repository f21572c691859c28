//! Physical lines of a text file, with their numbers and bounded length.
//!
//! The decision: a line can be handed back, so that a reader which followed an opening quote over
//! many lines in vain can give up on one line only; and no line may grow without bound.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::{TableError, stream};

/// Longest line, and longest record of several lines, in bytes.
pub(crate) const LONGEST: usize = 1 << 22;

/// How the bytes of a text file become characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8; a line that is not is a fault.
    #[default]
    Utf8,
    /// ISO 8859-1: each byte is one character.
    Latin1,
    /// UTF-8, and a line that is not is read as ISO 8859-1 (older MovieLens releases).
    Utf8OrLatin1,
}

impl Encoding {
    /// Appends a line's characters; `false`, and replacement characters, if it is not in this encoding.
    pub(crate) fn append(self, bytes: &[u8], out: &mut String) -> bool {
        match (self, std::str::from_utf8(bytes)) {
            (Self::Utf8 | Self::Utf8OrLatin1, Ok(text)) => out.push_str(text),
            (Self::Utf8, Err(_)) => {
                out.push_str(&String::from_utf8_lossy(bytes));
                return false;
            }
            (Self::Latin1, _) | (Self::Utf8OrLatin1, Err(_)) => {
                out.extend(bytes.iter().map(|&byte| char::from(byte)));
            }
        }
        true
    }
}

/// What [`LineReader::next`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    Line,
    TooLong,
    End,
}

/// Reads lines with their terminators.
pub(crate) struct LineReader {
    path: PathBuf,
    input: BufReader<Box<dyn Read + Send>>,
    back: Vec<Vec<u8>>,
    line: u64,
}

impl LineReader {
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        let input = BufReader::with_capacity(1 << 17, stream::open(path)?);
        Ok(Self {
            path: path.to_owned(),
            input,
            back: Vec::new(),
            line: 0,
        })
    }

    /// Number of the line read last, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the next line into `out` (cleared first). An over-long line is skipped whole; `out`
    /// then holds its beginning.
    pub(crate) fn next(&mut self, out: &mut Vec<u8>) -> Result<Got, TableError> {
        out.clear();
        if let Some(line) = self.back.pop() {
            *out = line;
            self.line += 1;
            return Ok(Got::Line);
        }
        let read = self.bounded(out)?;
        if read == 0 {
            return Ok(Got::End);
        }
        self.line += 1;
        if self.line == 1 && out.starts_with(b"\xef\xbb\xbf") {
            out.drain(..3);
        }
        if out.len() < LONGEST || out.ends_with(b"\n") {
            return Ok(Got::Line);
        }
        self.skip_line()?;
        Ok(Got::TooLong)
    }

    /// Hands lines back, given in the order they were read; they are read again.
    pub(crate) fn hand_back(&mut self, lines: Vec<Vec<u8>>) {
        self.line -= lines.len() as u64;
        self.back.extend(lines.into_iter().rev());
    }

    fn bounded(&mut self, out: &mut Vec<u8>) -> Result<usize, TableError> {
        let mut limited = self.input.by_ref().take(LONGEST as u64);
        limited
            .read_until(b'\n', out)
            .map_err(|source| self.fault(source))
    }

    fn skip_line(&mut self) -> Result<(), TableError> {
        self.input
            .skip_until(b'\n')
            .map(drop)
            .map_err(|source| self.fault(source))
    }

    fn fault(&self, source: std::io::Error) -> TableError {
        TableError::Read {
            path: self.path.clone(),
            line: self.line,
            source,
        }
    }
}

/// A line without its `\n` or `\r\n`.
pub(crate) fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &[u8]) -> (tempfile::TempDir, LineReader) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, bytes).unwrap();
        let reader = LineReader::open(&path).unwrap();
        (folder, reader)
    }

    #[test]
    fn lines_keep_their_ends_and_lose_the_byte_order_mark() {
        let (_folder, mut lines) = reader(b"\xef\xbb\xbfa\r\nb\n\nc");
        let mut line = Vec::new();
        for (number, expected) in [(1, "a\r\n"), (2, "b\n"), (3, "\n"), (4, "c")] {
            assert_eq!(lines.next(&mut line).unwrap(), Got::Line);
            assert_eq!((lines.line(), line.as_slice()), (number, expected.as_bytes()));
        }
        assert_eq!(lines.next(&mut line).unwrap(), Got::End);
    }

    #[test]
    fn lines_handed_back_are_read_again_with_their_numbers() {
        let (_folder, mut lines) = reader(b"a\nb\nc\n");
        let mut line = Vec::new();
        for _ in 0..3 {
            lines.next(&mut line).unwrap();
        }
        lines.hand_back(vec![b"b\n".to_vec(), b"c\n".to_vec()]);
        assert_eq!(lines.line(), 1);
        lines.next(&mut line).unwrap();
        assert_eq!((lines.line(), line.as_slice()), (2, b"b\n".as_slice()));
        lines.next(&mut line).unwrap();
        assert_eq!((lines.line(), line.as_slice()), (3, b"c\n".as_slice()));
        assert_eq!(lines.next(&mut line).unwrap(), Got::End);
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_read() {
        let mut bytes = vec![b'x'; LONGEST + 5];
        bytes.extend(b"\nnext\n");
        let (_folder, mut lines) = reader(&bytes);
        let mut line = Vec::new();
        assert_eq!(lines.next(&mut line).unwrap(), Got::TooLong);
        assert_eq!(line.len(), LONGEST);
        assert_eq!(lines.next(&mut line).unwrap(), Got::Line);
        assert_eq!((lines.line(), line.as_slice()), (2, b"next\n".as_slice()));
    }

    #[test]
    fn encodings_read_the_same_bytes_differently() {
        let text = |encoding: Encoding, bytes: &[u8]| {
            let mut out = String::new();
            (encoding.append(bytes, &mut out), out)
        };
        assert_eq!(
            text(Encoding::Utf8, b"Am\xe9lie"),
            (false, "Am\u{fffd}lie".into())
        );
        assert_eq!(text(Encoding::Latin1, b"Am\xe9lie"), (true, "Am\u{e9}lie".into()));
        assert_eq!(
            text(Encoding::Utf8OrLatin1, b"Am\xe9lie"),
            (true, "Am\u{e9}lie".into())
        );
        assert_eq!(
            text(Encoding::Utf8OrLatin1, "Amélie".as_bytes()),
            (true, "Amélie".into())
        );
        assert_eq!(
            text(Encoding::Latin1, "é".as_bytes()),
            (true, "\u{c3}\u{a9}".into())
        );
    }
}
