//! CSV, TSV and text with any delimiter: rows of cells with their line numbers.
//!
//! The decision: an own reader instead of a CSV crate, because the delimiter may be several
//! characters (`::`), the file may be Latin-1, a reject needs the source text of its row, and a quote
//! that never closes may cost one line but not the rest of the file. Agreement with the `csv` crate is
//! tested. Quoting follows RFC 4180; text behind a closing quote is kept, blank lines are skipped.

use std::io::Write;
use std::path::Path;

use crate::lines::{Encoding, Got, LONGEST, LineReader, without_end};
use crate::stream::OutputFile;
use crate::{Record, RowFault, Step, TableError};

/// How a delimited file is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What separates cells; not empty.
    pub delimiter: String,
    /// Whether a cell may stand in double quotes (doubled inside).
    pub quotes: bool,
    /// Column names of a file without header line; `None`: the first line names them.
    pub columns: Option<Vec<String>>,
    /// How bytes become characters.
    pub encoding: Encoding,
}

impl Layout {
    /// Comma, quotes, header line, UTF-8.
    pub fn csv() -> Self {
        Self {
            delimiter: ",".to_owned(),
            quotes: true,
            columns: None,
            encoding: Encoding::Utf8,
        }
    }

    /// Tab, no quotes, header line, UTF-8.
    pub fn tsv() -> Self {
        Self {
            delimiter: "\t".to_owned(),
            quotes: false,
            columns: None,
            encoding: Encoding::Utf8,
        }
    }

    /// The same without header line: the columns have these names.
    #[must_use]
    pub fn with_columns(mut self, names: &[&str]) -> Self {
        self.columns = Some(names.iter().map(|&name| name.to_owned()).collect());
        self
    }
}

/// Reads rows; every row has as many cells as there are columns, others are faults.
pub struct DelimitedReader {
    lines: LineReader,
    layout: Layout,
    names: Vec<String>,
    line: Vec<u8>,
}

impl DelimitedReader {
    /// Opens a file (`.gz` and `.zst` are unpacked) and reads its header.
    ///
    /// # Errors
    /// [`TableError::Open`], [`TableError::Read`], [`TableError::Header`] for an empty file or a
    /// column name that stands twice.
    pub fn open(path: &Path, layout: Layout) -> Result<Self, TableError> {
        let lines = LineReader::open(path)?;
        let mut reader = Self {
            lines,
            layout,
            names: Vec::new(),
            line: Vec::new(),
        };
        reader.names = match reader.layout.columns.clone() {
            Some(names) => names,
            None => reader.header()?,
        };
        match first_double(&reader.names) {
            Some(name) => Err(reader.bad_header(format!("column `{name}` stands twice in the header"))),
            None => Ok(reader),
        }
    }

    /// Column names in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Index of a column.
    ///
    /// # Errors
    /// [`TableError::Header`] lists the columns there are.
    pub fn column(&self, name: &str) -> Result<usize, TableError> {
        let at = self.names.iter().position(|other| other == name);
        at.ok_or_else(|| {
            self.bad_header(format!(
                "column `{name}` is missing; there are: {}",
                self.names.join(", ")
            ))
        })
    }

    /// Reads the next row into `record`.
    ///
    /// # Errors
    /// [`TableError::Read`] when the file cannot be read on.
    pub fn next(&mut self, record: &mut Record) -> Result<Step, TableError> {
        let step = self.row(record)?;
        if step != Step::Row || record.len() == self.names.len() {
            return Ok(step);
        }
        let reason = format!("expected {} fields, got {}", self.names.len(), record.len());
        Ok(Step::Fault(record.fault("fields", reason)))
    }

    fn header(&mut self) -> Result<Vec<String>, TableError> {
        let mut record = Record::default();
        match self.row(&mut record)? {
            Step::Row => Ok(record
                .iter()
                .map(|cell| cell.unwrap_or_default().trim().to_owned())
                .collect()),
            Step::Fault(fault) => Err(self.bad_header(fault.reason)),
            Step::End => Err(self.bad_header("the file is empty, expected a header line".to_owned())),
        }
    }

    fn row(&mut self, record: &mut Record) -> Result<Step, TableError> {
        loop {
            record.clear();
            match self.lines.next(&mut self.line)? {
                Got::End => return Ok(Step::End),
                Got::TooLong => return Ok(Step::Fault(self.too_long())),
                Got::Line => {}
            }
            record.line = self.lines.line();
            let valid = self.layout.encoding.append(&self.line, &mut record.raw);
            if !valid {
                return Ok(Step::Fault(record.fault("encoding", "the line is not UTF-8")));
            }
            if without_end(&record.raw).is_empty() {
                continue;
            }
            let closed = split(&self.layout, record);
            return if closed {
                Ok(Step::Row)
            } else {
                self.follow_quote(record)
            };
        }
    }

    /// Appends lines until the quote closes, or gives up and hands them back.
    fn follow_quote(&mut self, record: &mut Record) -> Result<Step, TableError> {
        let (first, mut taken) = (record.raw.len(), Vec::new());
        while record.raw.len() < LONGEST {
            if self.lines.next(&mut self.line)? != Got::Line {
                break;
            }
            let valid = self.layout.encoding.append(&self.line, &mut record.raw);
            let may_close = self.line.contains(&b'"');
            taken.push(std::mem::take(&mut self.line));
            if !valid {
                break;
            }
            if may_close && split(&self.layout, record) {
                return Ok(Step::Row);
            }
        }
        self.lines.hand_back(taken);
        record.raw.truncate(first);
        Ok(Step::Fault(
            record.fault("quote", "a quote opens and never closes"),
        ))
    }

    fn too_long(&self) -> RowFault {
        let raw = String::from_utf8_lossy(&self.line[..self.line.len().min(200)]).into_owned();
        let reason = format!("the line is longer than {LONGEST} bytes");
        RowFault {
            line: self.lines.line(),
            rule: "length",
            reason,
            raw,
        }
    }

    fn bad_header(&self, reason: String) -> TableError {
        TableError::Header {
            path: self.lines.path().to_owned(),
            reason,
        }
    }
}

fn first_double(names: &[String]) -> Option<&String> {
    names
        .iter()
        .enumerate()
        .find(|(at, name)| names[..*at].contains(name))
        .map(|(_, name)| name)
}

/// Cuts `record.raw` into cells; `false` if a quote is still open at its end.
fn split(layout: &Layout, record: &mut Record) -> bool {
    record.clear_cells();
    let Record { raw, text, spans, .. } = record;
    let mut rest = without_end(raw);
    loop {
        let from = text.len();
        if layout.quotes && rest.starts_with('"') {
            match unquote(&rest[1..], text) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        let end = find(rest, &layout.delimiter);
        text.push_str(&rest[..end.unwrap_or(rest.len())]);
        spans.push(Some((from, text.len())));
        match end {
            Some(at) => rest = &rest[at + layout.delimiter.len()..],
            None => return true,
        }
    }
}

fn find(text: &str, delimiter: &str) -> Option<usize> {
    match delimiter.as_bytes() {
        [byte] => text.bytes().position(|other| other == *byte),
        _ => text.find(delimiter),
    }
}

/// Copies a quoted cell, whose opening quote is already taken; what stands behind the closing
/// quote, or `None` if there is no closing quote.
fn unquote<'a>(mut rest: &'a str, out: &mut String) -> Option<&'a str> {
    loop {
        let at = rest.find('"')?;
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(behind) => {
                out.push('"');
                rest = behind;
            }
            None => return Some(rest),
        }
    }
}

/// Writes rows to a file that appears at [`DelimitedWriter::commit`]; `.gz` and `.zst` are packed.
pub struct DelimitedWriter {
    out: OutputFile,
    delimiter: String,
    row: String,
}

impl DelimitedWriter {
    /// Starts a file with one header row. Cells that need it are quoted.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn create(path: &Path, delimiter: &str, header: &[&str]) -> Result<Self, TableError> {
        let out = OutputFile::create(path)?;
        let mut writer = Self {
            out,
            delimiter: delimiter.to_owned(),
            row: String::new(),
        };
        writer.write(header.iter().copied())?;
        Ok(writer)
    }

    /// Appends one row.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn write<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> Result<(), TableError> {
        self.row.clear();
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                self.row.push_str(&self.delimiter);
            }
            quote(cell, &self.delimiter, &mut self.row);
        }
        if self.row.is_empty() {
            self.row.push_str("\"\"");
        }
        self.row.push('\n');
        let written = self.out.write_all(self.row.as_bytes());
        written.map_err(|source| TableError::Write {
            path: self.out.path().to_owned(),
            source,
        })
    }

    /// Makes the file visible and durable.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn commit(self) -> Result<(), TableError> {
        self.out.commit()
    }
}

fn quote(cell: &str, delimiter: &str, out: &mut String) {
    let edge = delimiter.chars().next().unwrap_or(',');
    let plain = !cell.contains(['"', '\n', '\r', '\u{feff}', edge]);
    if plain {
        out.push_str(cell);
        return;
    }
    out.push('"');
    out.push_str(&cell.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
#[path = "delimited/tests.rs"]
mod tests;
