//! The reject file: rows that were not taken, each with file, line, rule, reason and source text.
//!
//! The decision: nothing a source holds disappears silently: a row is either taken or listed here
//! and counted by rule. In strict mode the first bad row stops the reading with file and line.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use crate::{AtomicFile, RowFault, TableError};

const LONGEST_RAW: usize = 4_096;

/// Lists bad rows in a tab-separated file that appears at [`RejectFile::commit`].
#[derive(Debug)]
pub struct RejectFile {
    out: AtomicFile,
    strict: bool,
    counts: BTreeMap<&'static str, u64>,
}

impl RejectFile {
    /// Starts a reject file. Columns: file, line, rule, reason, raw; tabs, line ends and backslashes
    /// inside are escaped.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn create(path: &Path, strict: bool) -> Result<Self, TableError> {
        let mut file = Self {
            out: AtomicFile::create(path)?,
            strict,
            counts: BTreeMap::new(),
        };
        file.line("file\tline\trule\treason\traw")?;
        Ok(file)
    }

    /// Goes on with a list that was committed before; what it has is kept and not counted.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn going_on(path: &Path) -> Result<Self, TableError> {
        let mut out = AtomicFile::create(path)?;
        let copied = std::fs::File::open(path).and_then(|mut old| std::io::copy(&mut old, &mut out));
        copied.map_err(|source| TableError::Write {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            out,
            strict: false,
            counts: BTreeMap::new(),
        })
    }

    /// Lists and counts a bad row of the file `source`.
    ///
    /// # Errors
    /// [`TableError::Rejected`] in strict mode, at once; [`TableError::Write`].
    pub fn reject(&mut self, source: &Path, fault: &RowFault) -> Result<(), TableError> {
        if self.strict {
            return Err(TableError::Rejected {
                path: source.to_owned(),
                line: fault.line,
                rule: fault.rule,
                reason: fault.reason.clone(),
            });
        }
        *self.counts.entry(fault.rule).or_default() += 1;
        let name = source.file_name().unwrap_or(source.as_os_str()).to_string_lossy();
        let raw = fault.raw.trim_end_matches(['\r', '\n']);
        let raw = escaped(&raw[..raw.floor_char_boundary(LONGEST_RAW)]);
        let row = format!(
            "{}\t{}\t{}\t{}\t{raw}",
            escaped(&name),
            fault.line,
            fault.rule,
            escaped(&fault.reason)
        );
        self.line(&row)
    }

    /// Bad rows so far, by rule.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Bad rows so far.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Makes the file visible and durable.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn commit(self) -> Result<(), TableError> {
        self.out.commit()
    }

    fn line(&mut self, row: &str) -> Result<(), TableError> {
        let written = writeln!(self.out, "{row}");
        written.map_err(|source| TableError::Write {
            path: self.out.path().to_owned(),
            source,
        })
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: u64, rule: &'static str, raw: &str) -> RowFault {
        RowFault {
            line,
            rule,
            reason: format!("{rule} is wrong"),
            raw: raw.into(),
        }
    }

    #[test]
    fn rejects_are_listed_escaped_and_counted_by_rule() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejects.tsv");
        let mut file = RejectFile::create(&path, false).unwrap();
        let source = Path::new("/data/ratings.csv");
        file.reject(source, &fault(3, "number", "1\tx\\y\r\n")).unwrap();
        file.reject(source, &fault(9, "number", "two\nlines")).unwrap();
        file.reject(source, &fault(12, "range", &"x".repeat(LONGEST_RAW + 1)))
            .unwrap();
        assert_eq!(file.counts(), &BTreeMap::from([("number", 2), ("range", 1)]));
        assert_eq!(file.total(), 3);
        file.commit().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "file\tline\trule\treason\traw");
        assert_eq!(lines[1], "ratings.csv\t3\tnumber\tnumber is wrong\t1\\tx\\\\y");
        assert_eq!(lines[2], "ratings.csv\t9\tnumber\tnumber is wrong\ttwo\\nlines");
        assert_eq!(lines[3].rsplit('\t').next().unwrap().len(), LONGEST_RAW);
    }

    #[test]
    fn strict_stops_at_the_first_with_file_and_line_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejects.tsv");
        let mut file = RejectFile::create(&path, true).unwrap();
        let error = file
            .reject(Path::new("/data/ratings.csv"), &fault(3, "number", "x"))
            .unwrap_err();
        assert_eq!(error.to_string(), "/data/ratings.csv:3: number: number is wrong");
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
