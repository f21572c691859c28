//! Block files: what a reading pass has parsed, block by block, for the passes after it.
//!
//! `magic ‖ n u64 ‖ fingerprint ‖ (bytes u32 ‖ crc32c u32 ‖ block)* ‖ END u32 ‖ samples u64 ‖ n u64 ‖ tail ‖ crc32c u32`.
//! What blocks and tail hold is the owner's affair ([`crate::linear`], [`crate::encode::stock`]); its magic names that and the
//! version. A file appears whole or not at all, and is read, not mapped. A file of one run alone loses its name as soon as it is
//! open: runs of one name do not meet in it, and none that is killed leaves it behind. A file that another run left is used only if
//! its fingerprint is the expected one; damage is an error that names the file.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rankine_table::AtomicFile;

use crate::TrainError;

const END: u32 = u32::MAX;
/// No block is larger.
const LARGEST: u32 = 1 << 30;

/// What a block file begins with: the owner's name for the format, and what it was made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    /// Names the owner's format and its version.
    pub(crate) magic: [u8; 8],
    /// The samples, in words.
    pub(crate) fingerprint: &'a str,
}

impl Head<'_> {
    fn bytes(&self) -> Vec<u8> {
        let words = self.fingerprint.as_bytes();
        [&self.magic[..], &(words.len() as u64).to_le_bytes(), words].concat()
    }
}

/// A block file being written.
pub(crate) struct Writer {
    file: AtomicFile,
    path: PathBuf,
    buffer: Vec<u8>,
    samples: u64,
}

impl Writer {
    pub(crate) fn create(path: &Path, head: Head<'_>) -> Result<Writer, TrainError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| fault(path, e))?;
        }
        let mut writer = Writer {
            file: AtomicFile::create(path).map_err(|e| table_fault(path, &e))?,
            path: path.to_owned(),
            buffer: Vec::new(),
            samples: 0,
        };
        writer.put(&head.bytes())?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), TrainError> {
        self.file.write_all(bytes).map_err(|e| fault(&self.path, e))
    }

    /// Appends a block of `samples` samples, which `fill` writes.
    pub(crate) fn block(
        &mut self,
        samples: usize,
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), TrainError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        fill(&mut buffer);
        let bytes = u32::try_from(buffer.len()).ok().filter(|n| *n <= LARGEST);
        let bytes = bytes.ok_or_else(|| damaged(&self.path, "a block is too large"))?;
        self.put(&bytes.to_le_bytes())?;
        self.put(&crc32c::crc32c(&buffer).to_le_bytes())?;
        self.put(&buffer)?;
        self.samples += samples as u64;
        self.buffer = buffer;
        Ok(())
    }

    /// Ends the file, and opens it.
    pub(crate) fn finish(mut self, head: Head<'_>, tail: &[u8]) -> Result<BlockFile, TrainError> {
        let mut end = Vec::with_capacity(16 + tail.len());
        end.extend(self.samples.to_le_bytes());
        end.extend((tail.len() as u64).to_le_bytes());
        end.extend(tail);
        let sum = crc32c::crc32c(&end);
        self.put(&END.to_le_bytes())?;
        self.put(&end)?;
        self.put(&sum.to_le_bytes())?;
        let path = self.path.clone();
        self.file.commit().map_err(|e| table_fault(&path, &e))?;
        let found = BlockFile::open(&path, head)?;
        found
            .map(|(file, _)| file)
            .ok_or_else(|| damaged(&path, "it is not the file just written"))
    }
}

/// Where a block lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    number: usize,
    offset: u64,
    bytes: u32,
    sum: u32,
}

impl Extent {
    /// The block's number in the file.
    pub(crate) fn number(self) -> usize {
        self.number
    }
}

/// A whole block file, open.
#[derive(Debug)]
pub(crate) struct BlockFile {
    path: PathBuf,
    file: Arc<File>,
    pub(crate) blocks: Vec<Extent>,
    pub(crate) samples: u64,
}

impl BlockFile {
    /// Opens a file with its tail; none if there is none, or one of other samples.
    pub(crate) fn open(path: &Path, head: Head<'_>) -> Result<Option<(BlockFile, Vec<u8>)>, TrainError> {
        let Ok(file) = File::open(path) else {
            return Ok(None);
        };
        let mut input = BufReader::new(file);
        let expected = head.bytes();
        let mut found = vec![0; expected.len()];
        if input.read_exact(&mut found).is_err() || found != expected {
            return Ok(None);
        }
        let (mut blocks, mut offset) = (Vec::new(), found.len() as u64);
        loop {
            let bytes = word(&mut input).map_err(|e| fault(path, e))?;
            if bytes == END {
                break;
            }
            let sum = word(&mut input).map_err(|e| fault(path, e))?;
            blocks.push(Extent {
                number: blocks.len(),
                offset: offset + 8,
                bytes,
                sum,
            });
            offset += 8 + u64::from(bytes);
            input
                .seek_relative(i64::from(bytes))
                .map_err(|e| fault(path, e))?;
        }
        let (samples, tail) = tail(&mut input, path)?;
        let (path, file) = (path.to_owned(), Arc::new(input.into_inner()));
        let opened = BlockFile {
            path,
            file,
            blocks,
            samples,
        };
        Ok(Some((opened, tail)))
    }

    /// Takes the file's name away; it goes with this and its readers.
    pub(crate) fn temporary(self) -> Result<BlockFile, TrainError> {
        std::fs::remove_file(&self.path).map_err(|e| fault(&self.path, e))?;
        Ok(self)
    }

    /// Another hand on the file.
    pub(crate) fn reader(&self) -> Reader {
        Reader {
            file: Arc::clone(&self.file),
            path: self.path.clone(),
            buffer: Vec::new(),
        }
    }
}

fn word(input: &mut impl Read) -> std::io::Result<u32> {
    let mut bytes = [0; 4];
    input.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

/// Samples and the owner's tail, their checksum verified.
fn tail(input: &mut impl Read, path: &Path) -> Result<(u64, Vec<u8>), TrainError> {
    let mut rest = Vec::new();
    input.read_to_end(&mut rest).map_err(|e| fault(path, e))?;
    let cut = rest.len().checked_sub(4).filter(|cut| *cut >= 16);
    let (end, sum) = rest.split_at(cut.ok_or_else(|| damaged(path, "its end is missing"))?);
    if crc32c::crc32c(end).to_le_bytes() != sum {
        return Err(damaged(
            path,
            "its end does not have the checksum it was written with",
        ));
    }
    let ([samples, count], tail) = numbers(end).ok_or_else(|| damaged(path, "its end is missing"))?;
    if count != tail.len() as u64 {
        return Err(damaged(path, "its end has another length than it says"));
    }
    Ok((samples, tail.to_vec()))
}

/// The first two numbers and what follows them.
fn numbers(bytes: &[u8]) -> Option<([u64; 2], &[u8])> {
    let (first, rest) = bytes.split_first_chunk::<8>()?;
    let (second, rest) = rest.split_first_chunk::<8>()?;
    Some(([u64::from_le_bytes(*first), u64::from_le_bytes(*second)], rest))
}

/// One thread's hand on a block file.
#[derive(Debug)]
pub(crate) struct Reader {
    file: Arc<File>,
    path: PathBuf,
    buffer: Vec<u8>,
}

impl Reader {
    /// Reads a block and hands its bytes to `take`, whose complaint is damage.
    pub(crate) fn read<R>(
        &mut self,
        at: Extent,
        take: impl FnOnce(&[u8]) -> Result<R, &'static str>,
    ) -> Result<R, TrainError> {
        self.buffer.resize(at.bytes as usize, 0);
        let read = self.file.read_exact_at(&mut self.buffer, at.offset);
        read.map_err(|e| fault(&self.path, e))?;
        if crc32c::crc32c(&self.buffer) != at.sum {
            return Err(damaged(
                &self.path,
                "a block does not have the checksum it was written with",
            ));
        }
        take(&self.buffer).map_err(|what| damaged(&self.path, what))
    }
}

fn fault(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Io {
        path: path.display().to_string(),
        source,
    }
}

fn table_fault(path: &Path, error: &rankine_table::TableError) -> TrainError {
    fault(path, std::io::Error::other(error.to_string()))
}

/// The fault of a file that is not as it was written.
pub(crate) fn damaged(path: &Path, what: &str) -> TrainError {
    fault(
        path,
        std::io::Error::other(format!("{what}; remove the file and train again")),
    )
}
