//! JSON lines: one object a line, read as text cells by key.
//!
//! The decision: a reader is told which keys it wants and gives their values as text (a list joined
//! by `|`, an object as JSON), so that a mapping treats JSON like any table.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value};

use crate::lines::{Encoding, Got, LineReader, without_end};
use crate::stream::OutputFile;
use crate::{Record, Step, TableError};

/// Reads objects, one a line; blank lines are skipped.
pub struct JsonLinesReader {
    lines: LineReader,
    keys: Vec<String>,
    line: Vec<u8>,
}

impl JsonLinesReader {
    /// Opens a file (`.gz` and `.zst` are unpacked); cells will be the values of `keys` in order.
    ///
    /// # Errors
    /// [`TableError::Open`].
    pub fn open(path: &Path, keys: &[&str]) -> Result<Self, TableError> {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        Ok(Self {
            lines: LineReader::open(path)?,
            keys,
            line: Vec::new(),
        })
    }

    /// Reads the next object into `record`; a key that is absent or null is a missing cell.
    ///
    /// # Errors
    /// [`TableError::Read`] when the file cannot be read on.
    pub fn next(&mut self, record: &mut Record) -> Result<Step, TableError> {
        let mut object = Map::new();
        let step = self.next_object(record, &mut object)?;
        if step == Step::Row {
            for key in &self.keys {
                record.push(object.get(key).and_then(text).as_deref());
            }
        }
        Ok(step)
    }

    /// Reads the next object as it is into `object`; `record` has its line and text, no cells.
    ///
    /// # Errors
    /// [`TableError::Read`] when the file cannot be read on.
    pub fn next_object(
        &mut self,
        record: &mut Record,
        object: &mut Map<String, Value>,
    ) -> Result<Step, TableError> {
        loop {
            record.clear();
            let got = self.lines.next(&mut self.line)?;
            record.line = self.lines.line();
            let valid = Encoding::Utf8.append(&self.line, &mut record.raw);
            match got {
                Got::End => return Ok(Step::End),
                Got::TooLong => {
                    record.raw.truncate(record.raw.floor_char_boundary(200));
                    return Ok(Step::Fault(record.fault("length", "the line is too long")));
                }
                Got::Line if !valid => {
                    return Ok(Step::Fault(record.fault("encoding", "the line is not UTF-8")));
                }
                Got::Line if without_end(&record.raw).trim().is_empty() => {}
                Got::Line => return Ok(parsed(record, object)),
            }
        }
    }
}

fn parsed(record: &Record, object: &mut Map<String, Value>) -> Step {
    match serde_json::from_str::<Map<String, Value>>(&record.raw) {
        Ok(read) => {
            *object = read;
            Step::Row
        }
        Err(error) => Step::Fault(record.fault("json", format!("expected a JSON object: {error}"))),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(text).collect();
            Some(items.join("|"))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Some(value.to_string()),
    }
}

/// Writes objects, one a line, to a file that appears at [`JsonLinesWriter::commit`].
pub struct JsonLinesWriter(OutputFile);

impl JsonLinesWriter {
    /// Starts a file.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn create(path: &Path) -> Result<Self, TableError> {
        Ok(Self(OutputFile::create(path)?))
    }

    /// Appends one value as one line.
    ///
    /// # Errors
    /// [`TableError::Write`], also for a value that JSON cannot hold.
    pub fn write(&mut self, value: &impl serde::Serialize) -> Result<(), TableError> {
        let written = serde_json::to_string(value)
            .map_err(std::io::Error::from)
            .and_then(|line| writeln!(self.0, "{line}"));
        written.map_err(|source| TableError::Write {
            path: self.0.path().to_owned(),
            source,
        })
    }

    /// Makes the file visible and durable.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn commit(self) -> Result<(), TableError> {
        self.0.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Row = Result<Vec<Option<String>>, (u64, &'static str)>;

    fn read(bytes: &[u8]) -> Vec<Row> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        std::fs::write(&path, bytes).unwrap();
        let mut reader = JsonLinesReader::open(&path, &["id", "tags"]).unwrap();
        let (mut record, mut rows) = (Record::default(), Vec::new());
        loop {
            match reader.next(&mut record).unwrap() {
                Step::Row => rows.push(Ok(record.iter().map(|cell| cell.map(str::to_owned)).collect())),
                Step::Fault(fault) => rows.push(Err((fault.line, fault.rule))),
                Step::End => return rows,
            }
        }
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn values_become_text_and_bad_lines_are_faults() {
        let text = b"{\"id\":5,\"tags\":[\"a\",2,null]}\n\n{\"tags\":null}\n[1]\n{\"id\":\"x\\ty\",\"tags\":{\"a\":1}}\n\xff\n";
        let expected = vec![
            Ok(vec![some("5"), some("a|2")]),
            Ok(vec![None, None]),
            Err((4, "json")),
            Ok(vec![some("x\ty"), some("{\"a\":1}")]),
            Err((6, "encoding")),
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl.zst");
        let mut writer = JsonLinesWriter::create(&path).unwrap();
        writer
            .write(&serde_json::json!({"id": 1, "tags": "line\nend"}))
            .unwrap();
        writer.commit().unwrap();
        let mut reader = JsonLinesReader::open(&path, &["tags", "id"]).unwrap();
        let mut record = Record::default();
        assert_eq!(reader.next(&mut record).unwrap(), Step::Row);
        assert_eq!((record.get(0), record.get(1)), (Some("line\nend"), Some("1")));
        assert_eq!(reader.next(&mut record).unwrap(), Step::End);
    }

    proptest! {
        #[test]
        fn any_bytes_are_rows_or_faults(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let lines = bytes.split(|&byte| byte == b'\n').count();
            prop_assert!(read(&bytes).len() <= lines);
        }
    }
}
