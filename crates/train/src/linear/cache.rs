//! The cache file: blocks of coded samples, then the keys of their rows. Written in the first epoch, read by later ones.
//!
//! `magic ‖ n ‖ fingerprint ‖ (bytes u32 ‖ crc32c u32 ‖ block)* ‖ END u32 ‖ samples u64 ‖ keys u64 ‖ key u64 * ‖ crc32c u32`.
//! It appears whole or not at all, and is read, not mapped. A file of one run alone loses its name as soon as it is open: runs
//! of one name do not meet in it, and none that is killed leaves it behind. A file that another run left is used only if its fingerprint is
//! the expected one; damage is an error that names the file.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rankine_table::AtomicFile;

use super::block::Block;
use crate::TrainError;

const MAGIC: &[u8; 8] = b"RKROWS01";
const END: u32 = u32::MAX;
/// No block is larger.
const LARGEST: u32 = 1 << 30;

/// A cache file being written.
pub(super) struct Writer {
    file: AtomicFile,
    path: PathBuf,
    buffer: Vec<u8>,
    samples: u64,
}

impl Writer {
    pub(super) fn create(path: &Path, fingerprint: &str) -> Result<Writer, TrainError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| fault(path, e))?;
        }
        let file = AtomicFile::create(path).map_err(|e| table_fault(path, &e))?;
        let (path, buffer, samples) = (path.to_owned(), Vec::new(), 0);
        let mut writer = Writer {
            file,
            path,
            buffer,
            samples,
        };
        let head = [
            MAGIC.as_slice(),
            &(fingerprint.len() as u64).to_le_bytes(),
            fingerprint.as_bytes(),
        ]
        .concat();
        writer.put(&head)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), TrainError> {
        self.file.write_all(bytes).map_err(|e| fault(&self.path, e))
    }

    pub(super) fn block(&mut self, block: &Block) -> Result<(), TrainError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        block.write(&mut buffer);
        let bytes = u32::try_from(buffer.len()).ok().filter(|n| *n <= LARGEST);
        let bytes = bytes.ok_or_else(|| damaged(&self.path, "a block is too large"))?;
        self.put(&bytes.to_le_bytes())?;
        self.put(&crc32c::crc32c(&buffer).to_le_bytes())?;
        self.put(&buffer)?;
        self.samples += block.len() as u64;
        self.buffer = buffer;
        Ok(())
    }

    /// Ends the file with the keys by row, and opens it.
    pub(super) fn finish(mut self, fingerprint: &str, keys: &[u64]) -> Result<Cache, TrainError> {
        let mut tail = Vec::with_capacity(16 + keys.len() * 8);
        tail.extend(self.samples.to_le_bytes());
        tail.extend((keys.len() as u64).to_le_bytes());
        keys.iter().for_each(|key| tail.extend(key.to_le_bytes()));
        let sum = crc32c::crc32c(&tail);
        self.put(&END.to_le_bytes())?;
        self.put(&tail)?;
        self.put(&sum.to_le_bytes())?;
        let path = self.path.clone();
        self.file.commit().map_err(|e| table_fault(&path, &e))?;
        let found = Cache::open(&path, fingerprint)?;
        found
            .map(|(cache, _)| cache)
            .ok_or_else(|| damaged(&path, "it is not the file just written"))
    }
}

/// Where a block lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    number: usize,
    offset: u64,
    bytes: u32,
    sum: u32,
}

impl Extent {
    /// The block's number in the file.
    pub(super) fn number(self) -> usize {
        self.number
    }
}

/// A whole cache file, open.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
    file: Arc<File>,
    pub(super) blocks: Vec<Extent>,
    pub(super) samples: u64,
}

impl Cache {
    /// Opens a file with its keys; none if there is none, or one of other samples.
    pub(super) fn open(path: &Path, fingerprint: &str) -> Result<Option<(Cache, Vec<u64>)>, TrainError> {
        let Ok(file) = File::open(path) else {
            return Ok(None);
        };
        let mut input = BufReader::new(file);
        let mut head = vec![0; MAGIC.len() + 8 + fingerprint.len()];
        let expected = [
            MAGIC.as_slice(),
            &(fingerprint.len() as u64).to_le_bytes(),
            fingerprint.as_bytes(),
        ]
        .concat();
        if input.read_exact(&mut head).is_err() || head != expected {
            return Ok(None);
        }
        let (mut blocks, mut offset) = (Vec::new(), head.len() as u64);
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
        let (samples, keys) = tail(&mut input, path)?;
        let (path, file) = (path.to_owned(), Arc::new(input.into_inner()));
        let cache = Cache {
            path,
            file,
            blocks,
            samples,
        };
        Ok(Some((cache, keys)))
    }

    /// Takes the file's name away; it goes with this and its readers.
    pub(super) fn temporary(self) -> Result<Cache, TrainError> {
        std::fs::remove_file(&self.path).map_err(|e| fault(&self.path, e))?;
        Ok(self)
    }

    /// Another hand on the file.
    pub(super) fn reader(&self) -> Reader {
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

/// Samples and keys, their checksum verified.
fn tail(input: &mut impl Read, path: &Path) -> Result<(u64, Vec<u64>), TrainError> {
    let mut rest = Vec::new();
    input.read_to_end(&mut rest).map_err(|e| fault(path, e))?;
    let cut = rest.len().checked_sub(4).filter(|cut| *cut >= 16);
    let (tail, sum) = rest.split_at(cut.ok_or_else(|| damaged(path, "its end is missing"))?);
    if crc32c::crc32c(tail).to_le_bytes() != sum {
        return Err(damaged(
            path,
            "its keys do not have the checksum they were written with",
        ));
    }
    let (numbers, _) = tail.as_chunks::<8>();
    let numbers: Vec<u64> = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    let [samples, count, keys @ ..] = numbers.as_slice() else {
        return Err(damaged(path, "its end is missing"));
    };
    if *count != keys.len() as u64 {
        return Err(damaged(path, "it has another number of keys than it says"));
    }
    Ok((*samples, keys.to_vec()))
}

/// One thread's hand on a cache file.
pub(super) struct Reader {
    file: Arc<File>,
    path: PathBuf,
    buffer: Vec<u8>,
}

impl Reader {
    /// Reads a block whose rows are below `limit` and whose fields are below `fields`.
    pub(super) fn read(
        &mut self,
        at: Extent,
        limit: usize,
        fields: usize,
        out: &mut Block,
    ) -> Result<(), TrainError> {
        self.buffer.resize(at.bytes as usize, 0);
        let read = self.file.read_exact_at(&mut self.buffer, at.offset);
        read.map_err(|e| fault(&self.path, e))?;
        if crc32c::crc32c(&self.buffer) != at.sum {
            return Err(damaged(
                &self.path,
                "a block does not have the checksum it was written with",
            ));
        }
        out.read(&self.buffer, limit, fields)
            .map_err(|what| damaged(&self.path, what))
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

fn damaged(path: &Path, what: &str) -> TrainError {
    fault(
        path,
        std::io::Error::other(format!("{what}; remove the file and train again")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::examples::Examples;

    fn block(from: u64) -> Block {
        let mut examples = Examples::default();
        for at in from..from + 3 {
            examples.push(0, at, 1.0);
            examples.close(1.0, 1.0);
        }
        let mut block = Block::default();
        block.open(&examples);
        block.rows = examples.keys.iter().map(|k| u32::try_from(*k).unwrap()).collect();
        block.settle(1);
        block
    }

    fn written(path: &Path) -> Cache {
        let mut writer = Writer::create(path, "these samples").unwrap();
        writer.block(&block(0)).unwrap();
        writer.block(&block(3)).unwrap();
        writer.finish("these samples", &[7, 8, 9, 10, 11, 12]).unwrap()
    }

    #[test]
    fn blocks_and_keys_come_back_and_other_samples_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.rows");
        let cache = written(&path);
        assert_eq!((cache.samples, cache.blocks.len()), (6, 2));
        let (mut reader, mut read) = (cache.reader(), Block::default());
        reader.read(cache.blocks[1], 6, 1, &mut read).unwrap();
        assert_eq!(read, block(3));
        assert_eq!(
            Cache::open(&path, "these samples").unwrap().unwrap().1,
            [7, 8, 9, 10, 11, 12]
        );
        assert!(Cache::open(&path, "other samples").unwrap().is_none());
        assert!(Cache::open(&folder.path().join("none"), "").unwrap().is_none());
        let cache = cache.temporary().unwrap();
        assert!(!path.exists());
        cache.reader().read(cache.blocks[0], 6, 1, &mut read).unwrap();
        assert_eq!(read, block(0), "without a name it is still there");
    }

    #[test]
    fn any_changed_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.rows");
        written(&path);
        let good = std::fs::read(&path).unwrap();
        let whole = |path: &Path| -> Result<Option<()>, TrainError> {
            let Some((cache, keys)) = Cache::open(path, "these samples")? else {
                return Ok(None);
            };
            let (mut reader, mut block) = (cache.reader(), Block::default());
            cache
                .blocks
                .iter()
                .try_for_each(|at| reader.read(*at, keys.len(), 1, &mut block))?;
            Ok(Some(()))
        };
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x41;
            std::fs::write(&path, &bad).unwrap();
            assert!(!matches!(whole(&path), Ok(Some(()))), "byte {at}");
            std::fs::write(&path, &good[..at]).unwrap();
            assert!(!matches!(whole(&path), Ok(Some(()))), "cut at {at}");
        }
    }
}
