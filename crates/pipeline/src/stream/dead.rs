//! Dead letters: rows that cannot be processed, each with the reason, in a file of JSON lines.
//!
//! Written and synced before the position is confirmed, so none is lost. The decision: a letter names the row's key, and a
//! replay makes that row again from the tables as they are then; what did not get that far keeps its record.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::PipelineError;

/// The stage of a dimension's row on which the statement that finds its items failed.
pub(crate) const DIMENSION: &str = "dimension";

/// One row that could not be processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// When it was put here, microseconds since 1970 UTC.
    pub time: i64,
    /// Where it failed: `read`, `land`, `rules`, `dimension` (its items cannot be found), `join`, `embed`, `features` (its vector
    /// is there), `fill` (by a coming version alone).
    pub stage: String,
    /// Why.
    pub reason: String,
    /// The item, where it is known.
    pub key: Option<i64>,
    /// Its place in the source.
    pub lsn: u64,
    /// Its number within the transaction.
    pub seq: u32,
    /// When it was committed.
    pub commit_time: i64,
    /// The record as it came, where it could not be read; a line of the change, where its row is in no table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

/// The file.
#[derive(Debug)]
pub struct DeadLetters {
    path: PathBuf,
    /// Letters that wait until an earlier file of this name is out of the way.
    held: Option<Vec<Letter>>,
}

impl DeadLetters {
    /// A file that is made with its first letter.
    #[must_use]
    pub fn new(path: &Path) -> DeadLetters {
        DeadLetters {
            path: path.to_owned(),
            held: None,
        }
    }

    /// Keeps letters back until [`DeadLetters::release`].
    pub(crate) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Adds what was kept back.
    ///
    /// # Errors
    /// As [`DeadLetters::put`].
    pub(crate) fn release(&mut self) -> Result<(), PipelineError> {
        let held = self.held.take().unwrap_or_default();
        self.put(&held)
    }

    /// Adds letters; they are on disk when it returns.
    ///
    /// # Errors
    /// `Malformed` with the file's name.
    pub fn put(&mut self, letters: &[Letter]) -> Result<(), PipelineError> {
        if let Some(held) = &mut self.held {
            held.extend_from_slice(letters);
            return Ok(());
        }
        if letters.is_empty() {
            return Ok(());
        }
        let write = || -> std::io::Result<()> {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut text = Vec::new();
            for letter in letters {
                serde_json::to_writer(&mut text, letter)?;
                text.push(b'\n');
            }
            let mut file = OpenOptions::new()
                .read(true)
                .create(true)
                .append(true)
                .open(&self.path)?;
            let whole = whole(&mut file)?;
            file.set_len(whole)?;
            file.write_all(&text)?;
            file.sync_data()
        };
        write().map_err(|e| fault(&self.path, &format!("cannot be written: {e}")))
    }

    /// Reads a file of letters; a last line without its end is left out, as a crash may leave one.
    ///
    /// # Errors
    /// `Malformed` with file and line.
    pub fn read(path: &Path) -> Result<Vec<Letter>, PipelineError> {
        let file = File::open(path).map_err(|e| fault(path, &e.to_string()))?;
        let (mut reader, mut letters, mut line) = (BufReader::new(file), Vec::new(), String::new());
        for number in 1.. {
            line.clear();
            let count = reader
                .read_line(&mut line)
                .map_err(|e| fault(path, &e.to_string()))?;
            if count == 0 || !line.ends_with('\n') {
                break;
            }
            let letter = serde_json::from_str(&line);
            letters.push(letter.map_err(|e| fault(path, &format!("line {number}: {e}")))?);
        }
        Ok(letters)
    }
}

/// Letters to be made again, and the file they lie in; by default none.
#[derive(Debug, Default)]
pub struct Replay {
    letters: Vec<Letter>,
    path: Option<PathBuf>,
}

impl Replay {
    /// Reads a file of letters.
    ///
    /// # Errors
    /// As [`DeadLetters::read`].
    pub fn open(path: &Path) -> Result<Replay, PipelineError> {
        Ok(Replay {
            letters: DeadLetters::read(path)?,
            path: Some(path.to_owned()),
        })
    }

    /// The letters.
    #[must_use]
    pub fn letters(&self) -> &[Letter] {
        &self.letters
    }

    /// Renames the file, which the stream itself may write to, once its letters are safe: to `X.replayed.jsonl`, or with a number
    /// where there is such a file.
    ///
    /// # Errors
    /// `Malformed` with the file's name.
    pub(crate) fn end(&self) -> Result<(), PipelineError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut aside = path.with_extension("replayed.jsonl");
        for number in 2.. {
            if !aside.exists() {
                break;
            }
            aside = path.with_extension(format!("replayed-{number}.jsonl"));
        }
        tracing::info!(letters = self.letters.len(), aside = %aside.display(), "letters are taken back");
        std::fs::rename(path, &aside).map_err(|e| fault(path, &format!("cannot be renamed: {e}")))
    }
}

/// The bytes up to the end of the last whole line: what a crash has left of a letter comes again, and must not spoil the next.
fn whole(file: &mut File) -> std::io::Result<u64> {
    const STEP: u64 = 4096;
    let mut end = file.metadata()?.len();
    while end > 0 {
        let begin = end.saturating_sub(STEP);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        std::io::Read::by_ref(file)
            .take(end - begin)
            .read_to_end(&mut bytes)?;
        if let Some(at) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

fn fault(path: &Path, reason: &str) -> PipelineError {
    PipelineError::Malformed {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(key: i64) -> Letter {
        Letter {
            time: 1,
            stage: "join".to_owned(),
            reason: "why\nnot".to_owned(),
            key: Some(key),
            lsn: 8,
            seq: 0,
            commit_time: 2,
            raw: None,
        }
    }

    #[test]
    fn letters_are_added_and_read_and_a_torn_one_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/dead.jsonl");
        let mut dead = DeadLetters::new(&path);
        dead.put(&[letter(1)]).unwrap();
        dead.put(&[letter(2)]).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"time\":").unwrap();
        assert_eq!(DeadLetters::read(&path).unwrap(), [letter(1), letter(2)]);
        dead.put(&[letter(3)]).unwrap();
        let three = [letter(1), letter(2), letter(3)];
        assert_eq!(DeadLetters::read(&path).unwrap(), three, "what was torn is gone");
        file.write_all(b"x\n").unwrap();
        let error = DeadLetters::read(&path).unwrap_err().to_string();
        assert!(error.contains("dead.jsonl: line 4"), "{error}");
    }
}
