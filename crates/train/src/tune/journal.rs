//! The journal of a search: a file of one JSON line per ended trial, in the home; its first line says which search it is.
//!
//! Decision: lines are only ever appended, each with one write and flushed to the disk, so that a killed search loses the
//! trial it was at; a last line that is cut short is dropped when the journal is read again.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TrainError;

/// An ended trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its number, from 0.
    pub trial: usize,
    /// Its rung, from 0.
    pub rung: usize,
    /// Epochs it might have had.
    pub epochs: u32,
    /// Its values, `key=value` each.
    pub values: Vec<String>,
    /// The best figure on the validation samples; none where the training failed.
    pub figure: Option<f64>,
    /// The epoch of that figure.
    pub best_epoch: usize,
    /// Wall seconds.
    pub seconds: f64,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Trial {
    /// A number that is higher the better the trial is; the lowest where it failed.
    pub fn rank(&self, higher: bool) -> f64 {
        let figure = self.figure.filter(|figure| figure.is_finite());
        figure.map_or(f64::NEG_INFINITY, |figure| if higher { figure } else { -figure })
    }
}

/// The first line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    /// Hash of tune file, model file, conf and samples.
    search: String,
}

/// A journal that is written.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens the journal of the search `search`, with the trials that have ended; `anew` forgets those.
    ///
    /// # Errors
    /// A journal of another search, a line that is none, or what the disk says.
    pub fn open(path: &Path, search: &str, anew: bool) -> Result<(Self, Vec<Trial>), TrainError> {
        let io = |source| TrainError::Io {
            path: path.display().to_string(),
            source,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        if anew {
            std::fs::remove_file(path).or_else(gone).map_err(io)?;
        }
        // as bytes: a write cut short may have cut a character, too
        let bytes = std::fs::read(path).or_else(|fault| gone(fault).map(|()| Vec::new()));
        let bytes = bytes.map_err(io)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let trials = trials(path, &bytes[..whole], search)?;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(io)?;
        file.set_len(whole as u64).map_err(io)?;
        let mut journal = Self {
            file,
            path: path.to_owned(),
        };
        if whole == 0 {
            journal.line(&Head {
                search: search.to_owned(),
            })?;
        }
        Ok((journal, trials))
    }

    /// Adds an ended trial.
    ///
    /// # Errors
    /// What the disk says.
    pub fn add(&mut self, trial: &Trial) -> Result<(), TrainError> {
        self.line(trial)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), TrainError> {
        let text = serde_json::to_string(value).map_err(std::io::Error::other);
        let written = text.and_then(|text| {
            self.file.write_all((text + "\n").as_bytes())?;
            self.file.sync_data()
        });
        written.map_err(|source| TrainError::Io {
            path: self.path.display().to_string(),
            source,
        })
    }
}

/// The trials of a journal's whole lines.
fn trials(path: &Path, bytes: &[u8], search: &str) -> Result<Vec<Trial>, TrainError> {
    let fault = |detail: String| TrainError::Config {
        key: path.display().to_string(),
        detail,
    };
    let Some(bytes) = bytes.strip_suffix(b"\n") else {
        return Ok(Vec::new());
    };
    let mut lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    let head = lines
        .next()
        .and_then(|(_, first)| serde_json::from_slice::<Head>(first).ok());
    if head.is_none_or(|head| head.search != search) {
        return Err(fault(
            "the journal is of another search: tune file, model file, conf or samples have changed; --anew forgets it"
                .to_owned(),
        ));
    }
    let read = |(number, line): (usize, &[u8])| {
        serde_json::from_slice(line)
            .map_err(|error| fault(format!("line {number}: expected an ended trial as JSON: {error}")))
    };
    lines.map(read).collect()
}

/// A file that is not there is as good as an empty one.
fn gone(fault: std::io::Error) -> std::io::Result<()> {
    if fault.kind() == std::io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trial(number: usize) -> Trial {
        Trial {
            trial: number,
            rung: 0,
            epochs: 3,
            values: vec!["seed=1".to_owned()],
            figure: Some(0.1 + 0.2),
            best_epoch: 2,
            seconds: 1.5,
            fault: None,
        }
    }

    #[test]
    fn what_has_ended_is_read_back_and_a_torn_line_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tune/m.jsonl");
        let (mut journal, none) = Journal::open(&path, "a", false).unwrap();
        assert_eq!(none, []);
        journal.add(&trial(0)).unwrap();
        journal.add(&trial(1)).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        for cut in 1..whole.lines().last().unwrap().len() {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let (mut journal, found) = Journal::open(&path, "a", false).unwrap();
            assert_eq!(found, [trial(0)], "{cut}");
            journal.add(&trial(1)).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
        }
    }

    #[test]
    fn a_write_cut_within_a_character_is_dropped_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.jsonl");
        let failed = Trial {
            fault: Some("the loss is ∞".to_owned()),
            ..trial(1)
        };
        let mut journal = Journal::open(&path, "a", false).unwrap().0;
        journal.add(&trial(0)).unwrap();
        let before = std::fs::read(&path).unwrap().len();
        journal.add(&failed).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in before..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(Journal::open(&path, "a", false).unwrap().1, [trial(0)], "{cut}");
        }
    }

    proptest! {
        /// A line that is none is told by its number; nothing of a journal is lost by opening it.
        #[test]
        fn any_change_of_a_journal_is_read_or_told(at: prop::sample::Index, byte: u8, cut: bool) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("m.jsonl");
            let mut journal = Journal::open(&path, "a", false).unwrap().0;
            (0..3).for_each(|number| journal.add(&trial(number)).unwrap());
            let mut bytes = std::fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(if cut { at } else { bytes.len() });
            std::fs::write(&path, &bytes).unwrap();
            match Journal::open(&path, "a", false) {
                Ok((_, trials)) => prop_assert!(trials.len() <= 3),
                Err(fault) => {
                    let fault = fault.to_string();
                    prop_assert!(fault.contains("m.jsonl") && (fault.contains("line ") || fault.contains("--anew")), "{}", fault);
                    prop_assert_eq!(std::fs::read(&path).unwrap(), bytes);
                }
            }
        }
    }

    #[test]
    fn a_journal_of_another_search_is_refused_or_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.jsonl");
        Journal::open(&path, "a", false)
            .unwrap()
            .0
            .add(&trial(0))
            .unwrap();
        let fault = Journal::open(&path, "b", false).err().unwrap().to_string();
        assert!(fault.contains("--anew"), "{fault}");
        assert_eq!(Journal::open(&path, "b", true).unwrap().1, []);
    }
}
