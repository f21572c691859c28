//! Checkpoints: the state of a run every so many steps or minutes, so that a killed run goes on where it was.
//!
//! `<folder>/<step>.ckpt` = magic ‖ what the run is, as text ‖ state ‖ crc32c u32, written as a hidden sibling, fsynced, renamed; the
//! newest few are kept. Reading checks the checksum before it changes anything; a damaged file is passed over for the one before.
//! Decision: the order of an epoch depends on seed and epoch alone, so "which batch of which epoch" is all there is to know of it.

#[cfg(test)]
pub(crate) mod forging;
pub(crate) mod tape;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rankine_table::AtomicFile;

use crate::TrainError;
use tape::Tape;

const MAGIC: &[u8; 8] = b"RKCKPT01";
const END: &str = "ckpt";

/// When checkpoints are written, and how many stay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rhythm {
    /// Steps from one to the next.
    pub steps: Option<u64>,
    /// Time from one to the next.
    pub every: Option<Duration>,
    /// How many are kept.
    pub keep: usize,
}

/// The checkpoints of one run.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    /// What the run is: a checkpoint of another is refused.
    run: String,
    rhythm: Rhythm,
    last: Instant,
    since: u64,
}

impl Checkpoints {
    /// Checkpoints of the run that `run` describes, in `folder`.
    #[must_use]
    pub fn new(folder: &Path, run: &str, rhythm: Rhythm) -> Self {
        Self {
            folder: folder.to_owned(),
            run: run.to_owned(),
            rhythm,
            last: Instant::now(),
            since: 0,
        }
    }

    /// Counts `steps` steps; whether it is time for a checkpoint.
    pub fn is_due(&mut self, steps: u64) -> bool {
        self.since += steps;
        self.rhythm.steps.is_some_and(|steps| self.since >= steps)
            || self
                .rhythm
                .every
                .is_some_and(|every| self.last.elapsed() >= every)
    }

    /// Steps until one is due for their number; `u64::MAX` where they are written by the clock alone.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.rhythm
            .steps
            .map_or(u64::MAX, |steps| steps.saturating_sub(self.since).max(1))
    }

    /// Writes the state that `walk` tells, as of `step`, and removes the oldest.
    pub(crate) fn save(&mut self, step: u64, walk: impl FnOnce(&mut Tape<'_>)) -> Result<(), TrainError> {
        (self.since, self.last) = (0, Instant::now());
        let path = self.folder.join(format!("{step:012}.{END}"));
        let wrong = |error: &dyn std::fmt::Display| fault(&path, std::io::Error::other(error.to_string()));
        let mut file = AtomicFile::create(&path).map_err(|e| wrong(&e))?;
        file.write_all(MAGIC).map_err(|e| fault(&path, e))?;
        let mut run = self.run.clone();
        let mut tape = Tape::out(&mut file);
        tape.text(&mut run);
        walk(&mut tape);
        let sum = tape.end().map_err(|e| fault(&path, e))?;
        file.write_all(&sum.to_le_bytes()).map_err(|e| fault(&path, e))?;
        file.commit().map_err(|e| wrong(&e))?;
        let all = self.found();
        let old = all.len().saturating_sub(self.rhythm.keep.max(1));
        all[..old]
            .iter()
            .for_each(|path| drop(std::fs::remove_file(path)));
        Ok(())
    }

    /// Goes back to where the newest checkpoint stands, or removes those of earlier runs; says whether it went back.
    ///
    /// # Errors
    /// As [`Checkpoints::load`].
    pub(crate) fn begin(&self, resume: bool, walk: impl FnMut(&mut Tape<'_>)) -> Result<bool, TrainError> {
        if resume {
            return self.load(walk);
        }
        self.clear();
        Ok(false)
    }

    /// Reads the newest whole checkpoint back through `walk`; `false` where there is none.
    ///
    /// # Errors
    /// A checkpoint of another run.
    pub(crate) fn load(&self, mut walk: impl FnMut(&mut Tape<'_>)) -> Result<bool, TrainError> {
        AtomicFile::sweep(&self.folder);
        for path in self.found().iter().rev() {
            let Some(mut body) = whole(path) else {
                continue;
            };
            let mut tape = Tape::back(&mut body);
            let mut run = String::new();
            tape.text(&mut run);
            if run != self.run {
                return Err(TrainError::Checkpoint {
                    path: path.display().to_string(),
                    detail: differences(&run, &self.run),
                });
            }
            walk(&mut tape);
            tape.end().map_err(|e| fault(path, e))?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Checkpoint files, oldest first.
    fn found(&self) -> Vec<PathBuf> {
        files(&self.folder)
    }

    /// Whether there is a checkpoint in `folder`, of whatever run.
    #[must_use]
    pub fn are_in(folder: &Path) -> bool {
        !files(folder).is_empty()
    }

    /// Removes all of them: the run has ended, or begins anew.
    pub fn clear(&self) {
        self.found()
            .iter()
            .for_each(|path| drop(std::fs::remove_file(path)));
    }
}

/// Checkpoint files of a folder, oldest first.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == END))
        .collect();
    all.sort();
    all
}

/// A description's lines as they are told, and what stands for those it has not.
fn lines(text: &str) -> impl Iterator<Item = String> {
    let told = text.lines().map(|line| format!("`{line}`"));
    told.chain(std::iter::repeat("nothing".to_owned()))
}

/// The first line in which two descriptions differ.
fn differences(theirs: &str, ours: &str) -> String {
    let count = theirs.lines().count().max(ours.lines().count());
    let mut pairs = lines(theirs).zip(lines(ours)).take(count);
    pairs.find(|(theirs, ours)| theirs != ours).map_or_else(
        || "it is of another run".to_owned(),
        |(theirs, ours)| format!("it is of another run: {theirs} there, {ours} here"),
    )
}

/// A file behind its magic, if its checksum is right; nothing of it is held.
fn whole(path: &Path) -> Option<impl Read> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len().checked_sub(12)?;
    let mut magic = [0; 8];
    file.read_exact(&mut magic).ok()?;
    let (mut sum, mut left, mut buffer) = (0, length, vec![0; 1 << 16]);
    while left > 0 {
        let run = usize::try_from(left.min(1 << 16)).ok()?;
        file.read_exact(&mut buffer[..run]).ok()?;
        sum = crc32c::crc32c_append(sum, &buffer[..run]);
        left -= run as u64;
    }
    let mut written = [0; 4];
    file.read_exact(&mut written).ok()?;
    if &magic != MAGIC || written != sum.to_le_bytes() {
        return None;
    }
    file.seek(SeekFrom::Start(8)).ok()?;
    Some(BufReader::with_capacity(1 << 16, file).take(length))
}

fn fault(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Io {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RHYTHM: Rhythm = Rhythm {
        steps: Some(2),
        every: None,
        keep: 2,
    };

    fn loaded(checkpoints: &Checkpoints) -> Option<u64> {
        let mut value = 0;
        checkpoints
            .load(|tape| tape.word(&mut value))
            .unwrap()
            .then_some(value)
    }

    #[test]
    fn the_newest_whole_one_is_read_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::new(folder.path(), "a run\nof 3", RHYTHM);
        assert_eq!(loaded(&checkpoints), None);
        assert_eq!(
            (checkpoints.is_due(1), checkpoints.left(), checkpoints.is_due(1)),
            (false, 1, true)
        );
        for step in 1..=4_u64 {
            let mut value = step * 10;
            checkpoints.save(step, |tape| tape.word(&mut value)).unwrap();
        }
        assert_eq!((checkpoints.found().len(), loaded(&checkpoints)), (2, Some(40)));
        let newest = checkpoints.found().pop().unwrap();
        let good = std::fs::read(&newest).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            std::fs::write(&newest, &bad).unwrap();
            assert_eq!(loaded(&checkpoints), Some(30), "byte {at}");
            std::fs::write(&newest, &good[..at]).unwrap();
            assert_eq!(loaded(&checkpoints), Some(30), "cut at {at}");
        }
        checkpoints.clear();
        assert_eq!(loaded(&checkpoints), None);
    }

    #[test]
    fn one_is_due_by_steps_or_by_the_clock_whichever_comes_first() {
        let of = |steps, every| {
            Checkpoints::new(
                Path::new("nowhere"),
                "",
                Rhythm {
                    steps,
                    every,
                    keep: 1,
                },
            )
        };
        let hour = Some(Duration::from_secs(3600));
        assert!(of(None, Some(Duration::ZERO)).is_due(1));
        assert!(of(Some(99), Some(Duration::ZERO)).is_due(1));
        assert!(!of(None, hour).is_due(u64::MAX));
        assert_eq!(of(None, hour).left(), u64::MAX);
        assert!(of(Some(2), hour).is_due(2) && !of(Some(2), hour).is_due(1));
        assert!(!of(None, None).is_due(u64::MAX));
    }

    #[test]
    fn one_of_another_run_is_refused_with_the_line_that_differs() {
        let folder = tempfile::tempdir().unwrap();
        Checkpoints::new(folder.path(), "model a\nrows 3", RHYTHM)
            .save(1, |_| {})
            .unwrap();
        let other = Checkpoints::new(folder.path(), "model a\nrows 4", RHYTHM);
        let error = other.load(|_| {}).unwrap_err().to_string();
        assert!(error.contains("`rows 3` there, `rows 4` here"), "{error}");
        let more = Checkpoints::new(folder.path(), "model a\nrows 3\nvalidation v", RHYTHM);
        let error = more.load(|_| {}).unwrap_err().to_string();
        assert!(error.contains("nothing there, `validation v` here"), "{error}");
    }
}
