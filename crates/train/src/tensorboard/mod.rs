//! TensorBoard event files: scalars, histograms, texts, hyper-parameters and the network of a training run.
//!
//! Flow: training loop → [`EventWriter`] → `events.out.tfevents.*` → TensorBoard, which follows the file while it grows.
//! Decision: the five messages needed are encoded by hand (60 lines) instead of taking TensorFlow's schema and a protobuf
//! compiler; TensorBoard's own reader judges the result in `tests/tensorboard.rs`.

mod graph;
mod histogram;
mod hparams;
mod parameters;
mod proto;
mod record;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::TrainError;
pub use histogram::Buckets;
pub use hparams::{Hyper, of_config};
pub(crate) use parameters::{matrix, parameters, spread};
use proto::Message;
pub use record::{framed, masked_crc32c};

/// Field numbers of `tensorflow.Event`, `Summary.Value` and what hangs below (event.proto, summary.proto).
mod field {
    pub(super) const EVENT_WALL_TIME: u32 = 1;
    pub(super) const EVENT_STEP: u32 = 2;
    pub(super) const EVENT_FILE_VERSION: u32 = 3;
    pub(super) const EVENT_SUMMARY: u32 = 5;
    pub(super) const SUMMARY_VALUE: u32 = 1;
    pub(super) const VALUE_TAG: u32 = 1;
    pub(super) const VALUE_SIMPLE: u32 = 2;
    pub(super) const VALUE_HISTOGRAM: u32 = 5;
    pub(super) const VALUE_TENSOR: u32 = 8;
    pub(super) const VALUE_METADATA: u32 = 9;
}

/// Writes one event file.
///
/// Contract: the wall clock is an argument (seconds since 1970, asked once per event), so that files can be made
/// reproducibly. Events are buffered; call [`EventWriter::flush`] when a reader should see them (dropping flushes too, once there is a
/// file).
pub struct EventWriter {
    /// None until the first flush.
    file: Option<BufWriter<File>>,
    /// What is written before there is a file.
    waiting: Vec<u8>,
    path: PathBuf,
    clock: Box<dyn FnMut() -> f64 + Send>,
}

impl EventWriter {
    /// Creates `folder` and in it `events.out.tfevents.<seconds>.<name>`, numbered on if that exists.
    ///
    /// # Errors
    /// [`TrainError::Io`] when folder or file cannot be made.
    pub fn create(
        folder: &Path,
        name: &str,
        clock: impl FnMut() -> f64 + Send + 'static,
    ) -> Result<EventWriter, TrainError> {
        let mut writer = EventWriter::later(folder, name, clock)?;
        writer.flush()?;
        Ok(writer)
    }

    /// As [`EventWriter::create`], but folder and file are made by the first flush: a run that is refused before leaves neither.
    ///
    /// # Errors
    /// None so far.
    pub fn later(
        folder: &Path,
        name: &str,
        clock: impl FnMut() -> f64 + Send + 'static,
    ) -> Result<EventWriter, TrainError> {
        let mut clock: Box<dyn FnMut() -> f64 + Send> = Box::new(clock);
        let file = format!("events.out.tfevents.{:010.0}.{name}", clock().max(0.0));
        let mut writer = EventWriter {
            file: None,
            waiting: Vec::new(),
            path: folder.join(file),
            clock,
        };
        let version = Message::default().string(field::EVENT_FILE_VERSION, "brain.Event:2");
        writer.event(0, version)?;
        Ok(writer)
    }

    /// The file being written; before the first flush the name that will be tried first.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one figure of series `tag` at `step` (stored as f32, as TensorBoard does).
    ///
    /// # Errors
    /// [`TrainError::Io`] when the file cannot be written.
    pub fn scalar(&mut self, tag: &str, step: i64, value: f64) -> Result<(), TrainError> {
        self.value(
            step,
            Message::default()
                .string(field::VALUE_TAG, tag)
                .float(field::VALUE_SIMPLE, value),
        )
    }

    /// Writes the distribution of `values` of series `tag` at `step`, in 30 buckets; not finite values are left out.
    ///
    /// # Errors
    /// [`TrainError::Io`] when the file cannot be written.
    pub fn histogram(&mut self, tag: &str, step: i64, values: &[f32]) -> Result<(), TrainError> {
        let buckets = Buckets::of(values).message();
        self.value(
            step,
            Message::default()
                .string(field::VALUE_TAG, tag)
                .message(field::VALUE_HISTOGRAM, &buckets),
        )
    }

    /// Writes a Markdown text of series `tag` at `step`: the configuration of a run, say.
    ///
    /// # Errors
    /// [`TrainError::Io`] when the file cannot be written.
    pub fn text(&mut self, tag: &str, step: i64, text: &str) -> Result<(), TrainError> {
        let plugin = Message::default().string(1, "text");
        let one = Message::default().message(2, &Message::default().integer(1, 1));
        const STRING: i64 = 7;
        let tensor = Message::default()
            .integer(1, STRING)
            .message(2, &one)
            .string(8, text);
        let value = Message::default()
            .string(field::VALUE_TAG, tag)
            .message(field::VALUE_METADATA, &Message::default().message(1, &plugin))
            .message(field::VALUE_TENSOR, &tensor);
        self.value(step, value)
    }

    /// Hands everything written so far to the operating system.
    ///
    /// # Errors
    /// [`TrainError::Io`] when the file cannot be written.
    pub fn flush(&mut self) -> Result<(), TrainError> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let (file, path) = new_file(&self.path)?;
                self.path = path;
                let file = self.file.insert(BufWriter::new(file));
                let waiting = std::mem::take(&mut self.waiting);
                file.write_all(&waiting)
                    .map_err(|source| io(&self.path, source))?;
                file
            }
        };
        file.flush().map_err(|source| io(&self.path, source))
    }

    fn value(&mut self, step: i64, value: Message) -> Result<(), TrainError> {
        let summary = Message::default().message(field::SUMMARY_VALUE, &value);
        self.event(step, Message::default().message(field::EVENT_SUMMARY, &summary))
    }

    fn event(&mut self, step: i64, rest: Message) -> Result<(), TrainError> {
        let head = Message::default().double(field::EVENT_WALL_TIME, (self.clock)());
        let event = head.integer(field::EVENT_STEP, step).append(&rest);
        let framed = framed(event.bytes());
        let Some(file) = &mut self.file else {
            self.waiting.extend(framed);
            return Ok(());
        };
        file.write_all(&framed).map_err(|source| io(&self.path, source))
    }
}

impl std::fmt::Debug for EventWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventWriter")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Creates a file that does not exist yet, and its folder, adding `.1`, `.2` … to its name when it does.
fn new_file(wanted: &Path) -> Result<(File, PathBuf), TrainError> {
    if let Some(folder) = wanted.parent() {
        std::fs::create_dir_all(folder).map_err(|source| io(folder, source))?;
    }
    let mut number = 0_u32;
    loop {
        let mut name = OsString::from(wanted);
        if number > 0 {
            name.push(format!(".{number}"));
        }
        let path = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(fault) if fault.kind() == std::io::ErrorKind::AlreadyExists && number < 1_000 => number += 1,
            Err(source) => return Err(io(&path, source)),
        }
    }
}

fn io(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Io {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_never_began_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("runs/one");
        let mut writer = EventWriter::later(&folder, "run", || 1.5).unwrap();
        writer.scalar("auc", 3, 0.75).unwrap();
        drop(writer);
        assert!(!root.path().join("runs").exists());
        let mut writer = EventWriter::later(&folder, "run", || 1.5).unwrap();
        writer.scalar("auc", 3, 0.75).unwrap();
        writer.flush().unwrap();
        writer.scalar("auc", 4, 0.8).unwrap();
        let late = writer.path().to_owned();
        drop(writer);
        let mut writer = EventWriter::create(&folder, "run", || 1.5).unwrap();
        writer.scalar("auc", 3, 0.75).unwrap();
        writer.scalar("auc", 4, 0.8).unwrap();
        writer.flush().unwrap();
        assert_ne!(writer.path(), late);
        assert_eq!(
            std::fs::read(writer.path()).unwrap(),
            std::fs::read(late).unwrap()
        );
    }

    #[test]
    fn a_scalar_event_has_the_bytes_of_the_schema() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path(), "run", || 1.5).unwrap();
        writer.scalar("auc", 3, 0.75).unwrap();
        writer.flush().unwrap();
        let bytes = std::fs::read(writer.path()).unwrap();
        let mut version = vec![0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x1a, 13];
        version.extend(b"brain.Event:2");
        let mut scalar = vec![
            0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x10, 3, 0x2a, 12, 0x0a, 10, 0x0a, 3,
        ];
        scalar.extend(b"auc\x15\0\0\x40\x3f");
        assert_eq!(bytes, [framed(&version), framed(&scalar)].concat());
    }

    #[test]
    fn files_of_one_second_do_not_overwrite_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let writer = |_| {
            EventWriter::create(folder.path(), "run", || 1_700_000_000.0)
                .unwrap()
                .path()
                .to_owned()
        };
        let paths: Vec<PathBuf> = (0..3).map(writer).collect();
        assert!(paths[0].ends_with("events.out.tfevents.1700000000.run"));
        assert!(paths[2].ends_with("events.out.tfevents.1700000000.run.2"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_names_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let fault = EventWriter::create(&file, "run", || 0.0).unwrap_err();
        assert!(
            fault.to_string().starts_with(&file.display().to_string()),
            "{fault}"
        );
    }

    #[test]
    fn the_same_events_make_the_same_bytes() {
        let run = || {
            let folder = tempfile::tempdir().unwrap();
            let mut time = 0.0;
            let clock = move || {
                time += 1.0;
                time
            };
            let mut writer = EventWriter::create(folder.path(), "run", clock).unwrap();
            writer.histogram("weights", 1, &[0.5, -0.5]).unwrap();
            writer.text("config", 0, "a = 1").unwrap();
            writer.flush().unwrap();
            std::fs::read(writer.path()).unwrap()
        };
        assert_eq!(run(), run());
    }
}
