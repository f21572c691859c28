//! What a run leaves out of its files: every broken row listed once, counted by file, told at the end.
//!
//! Files are read many times (statistics, encoding, figures), some of them not to their end. The decision: a file's rows are
//! noted in the order of their lines, so a row is new if its line lies behind the last one noted, whoever reads it; the
//! list appears at the end of each reading that added to it, so that a killed run has one, too.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::{RejectFile, RowFault, TableError};

/// The ledger of a run; clones are the same one.
#[derive(Clone, Debug)]
pub struct LeftOut(Arc<Mutex<Ledger>>);

#[derive(Debug)]
struct Ledger {
    /// Where rows are listed.
    path: PathBuf,
    list: Option<RejectFile>,
    /// Whether this run has made the list before.
    begun: bool,
    files: BTreeMap<PathBuf, FileRows>,
}

/// The rows of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileRows {
    /// The file.
    pub file: PathBuf,
    /// Rows that were left out.
    pub left_out: u64,
    /// All its rows; 0 until it has been read to its end.
    pub rows: u64,
    /// Line of the first that was left out.
    pub line: u64,
    /// What was wrong with it.
    pub reason: String,
    /// The last line noted.
    #[serde(skip)]
    last: u64,
}

impl fmt::Display for FileRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.left_out)?;
        if self.rows > 0 {
            write!(f, " of {}", self.rows)?;
        }
        write!(f, " rows left out")
    }
}

impl LeftOut {
    /// A ledger whose list is to appear at `path`.
    #[must_use]
    pub fn listed_in(path: &Path) -> LeftOut {
        LeftOut(Arc::new(Mutex::new(Ledger {
            path: path.to_owned(),
            list: None,
            begun: false,
            files: BTreeMap::new(),
        })))
    }

    /// What a reader of `file` hands its rows to.
    #[must_use]
    pub fn of(&self, file: &Path) -> Taker {
        Taker {
            ledger: self.clone(),
            file: file.to_owned(),
            good: 0,
            broken: 0,
            first: None,
            failure: None,
        }
    }

    /// Where rows are listed.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.ledger().path.clone()
    }

    /// The files that rows were left out of, by name.
    #[must_use]
    pub fn files(&self) -> Vec<FileRows> {
        self.ledger().files.values().cloned().collect()
    }

    /// A line for each such file.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let path = self.path();
        let line = |rows: &FileRows| {
            format!(
                "{rows}, listed in {} (first: line {}: {})",
                path.display(),
                rows.line,
                rows.reason
            )
        };
        self.files().iter().map(line).collect()
    }

    /// Makes the list visible with what was noted since it was last.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn commit(&self) -> Result<(), TableError> {
        self.ledger().list.take().map_or(Ok(()), RejectFile::commit)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Lists a row, unless an earlier reading of its file has.
    fn note(&mut self, file: &Path, fault: &RowFault) -> Result<(), TableError> {
        let rows = self.files.entry(file.to_owned()).or_insert_with(|| FileRows {
            file: file.to_owned(),
            left_out: 0,
            rows: 0,
            line: fault.line,
            reason: fault.reason.clone(),
            last: 0,
        });
        if fault.line <= rows.last {
            return Ok(());
        }
        (rows.left_out, rows.last) = (rows.left_out + 1, fault.line);
        let list = match self.list.take() {
            Some(list) => list,
            None if self.begun => RejectFile::going_on(&self.path)?,
            None => RejectFile::create(&self.path, false)?,
        };
        self.begun = true;
        self.list.insert(list).reject(file, fault)
    }
}

/// One reader's way into the ledger: counts its rows, hands over those it leaves out.
#[derive(Debug)]
pub struct Taker {
    ledger: LeftOut,
    file: PathBuf,
    good: u64,
    broken: u64,
    first: Option<(u64, String)>,
    failure: Option<TableError>,
}

impl Taker {
    /// The file is read from its beginning.
    pub fn begin(&mut self) {
        (self.good, self.broken) = (0, 0);
    }

    /// So many rows were read.
    pub fn good(&mut self, rows: u64) {
        self.good += rows;
    }

    /// A row is left out. What the disk says of the list is told at the end.
    pub fn broken(&mut self, fault: &RowFault) {
        self.broken += 1;
        self.first
            .get_or_insert_with(|| (fault.line, fault.reason.clone()));
        if let Err(error) = self.ledger.ledger().note(&self.file, fault) {
            self.failure.get_or_insert(error);
        }
    }

    /// The file was read to its end.
    ///
    /// # Errors
    /// [`TableError::Write`] of the list, [`TableError::NoRow`] if all rows were left out.
    pub fn end(&mut self) -> Result<(), TableError> {
        self.failure.take().map_or(Ok(()), Err)?;
        self.ledger.commit()?;
        let rows = self.good + self.broken;
        if let Some(own) = self.ledger.ledger().files.get_mut(&self.file) {
            own.rows = rows;
        }
        match &self.first {
            Some((line, reason)) if self.good == 0 => Err(TableError::NoRow {
                path: self.file.clone(),
                line: *line,
                reason: reason.clone(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: u64) -> RowFault {
        RowFault {
            line,
            rule: "cell",
            reason: format!("no number in {line}"),
            raw: "x".to_owned(),
        }
    }

    #[test]
    fn rows_are_listed_once_however_often_a_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejects.tsv");
        std::fs::write(&path, "of another run\n").unwrap();
        let ledger = LeftOut::listed_in(&path);
        let (mut some, mut all) = (ledger.of(Path::new("b.csv")), ledger.of(Path::new("b.csv")));
        some.broken(&fault(2));
        for _ in 0..2 {
            all.begin();
            all.good(5);
            all.broken(&fault(2));
            all.broken(&fault(7));
            all.end().unwrap();
        }
        let mut other = ledger.of(Path::new("a.csv"));
        other.good(1);
        other.broken(&fault(1));
        other.end().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let listed: Vec<&str> = text.lines().skip(1).map(|line| &line[..7]).collect();
        assert_eq!(listed, ["b.csv\t2", "b.csv\t7", "a.csv\t1"], "{text}");
        let told = ledger.told();
        assert_eq!(told[0].split(" rows").next().unwrap(), "a.csv: 1 of 2");
        assert!(
            told[1].starts_with("b.csv: 2 of 7 rows left out, listed in "),
            "{}",
            told[1]
        );
        assert!(
            told[1].ends_with("rejects.tsv (first: line 2: no number in 2)"),
            "{}",
            told[1]
        );
    }

    #[test]
    fn a_file_of_broken_rows_alone_is_an_error_and_a_whole_one_leaves_no_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejects.tsv");
        let ledger = LeftOut::listed_in(&path);
        let mut good = ledger.of(Path::new("a.csv"));
        good.good(1);
        good.end().unwrap();
        assert!(ledger.told().is_empty() && !path.exists());
        let mut bad = ledger.of(Path::new("b.csv"));
        bad.broken(&fault(3));
        let error = bad.end().unwrap_err().to_string();
        assert_eq!(
            error,
            "b.csv: no row can be read; the first is line 3: no number in 3"
        );
        assert!(path.exists());
    }
}
