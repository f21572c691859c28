//! The cache file of the linear kinds: a block file of coded samples whose tail is the keys of their rows. Written in the first
//! epoch, read by later ones.

use std::path::Path;

use super::block::Block;
use crate::TrainError;
pub(super) use crate::block_file::Extent;
use crate::block_file::{self, BlockFile, Head, damaged};

const MAGIC: [u8; 8] = *b"RKROWS02";

fn head(fingerprint: &str) -> Head<'_> {
    Head {
        magic: MAGIC,
        fingerprint,
    }
}

/// A cache file being written.
pub(super) struct Writer(block_file::Writer);

impl Writer {
    pub(super) fn create(path: &Path, fingerprint: &str) -> Result<Writer, TrainError> {
        Ok(Writer(block_file::Writer::create(path, head(fingerprint))?))
    }

    pub(super) fn block(&mut self, block: &Block) -> Result<(), TrainError> {
        self.0.block(block.len(), |buffer| block.write(buffer))
    }

    /// Ends the file with the keys by row, and opens it.
    pub(super) fn finish(self, fingerprint: &str, keys: &[u64]) -> Result<Cache, TrainError> {
        let tail: Vec<u8> = keys.iter().flat_map(|key| key.to_le_bytes()).collect();
        Ok(Cache::of(self.0.finish(head(fingerprint), &tail)?))
    }
}

/// A whole cache file, open.
#[derive(Debug)]
pub(super) struct Cache {
    file: BlockFile,
    pub(super) blocks: Vec<Extent>,
    pub(super) samples: u64,
}

impl Cache {
    fn of(file: BlockFile) -> Cache {
        Cache {
            blocks: file.blocks.clone(),
            samples: file.samples,
            file,
        }
    }

    /// Opens a file with its keys; none if there is none, or one of other samples.
    pub(super) fn open(path: &Path, fingerprint: &str) -> Result<Option<(Cache, Vec<u64>)>, TrainError> {
        let Some((file, tail)) = BlockFile::open(path, head(fingerprint))? else {
            return Ok(None);
        };
        let (keys, rest) = tail.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(damaged(path, "its keys are not whole"));
        }
        let keys = keys.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        Ok(Some((Cache::of(file), keys)))
    }

    /// Takes the file's name away; it goes with this and its readers.
    pub(super) fn temporary(self) -> Result<Cache, TrainError> {
        Ok(Cache::of(self.file.temporary()?))
    }

    /// Another hand on the file.
    pub(super) fn reader(&self) -> Reader {
        Reader(self.file.reader())
    }
}

/// One thread's hand on a cache file.
pub(super) struct Reader(block_file::Reader);

impl Reader {
    /// Reads a block whose rows are below `limit` and whose fields are below `fields`.
    pub(super) fn read(
        &mut self,
        at: Extent,
        limit: usize,
        fields: usize,
        out: &mut Block,
    ) -> Result<(), TrainError> {
        self.0.read(at, |bytes| out.read(bytes, limit, fields))
    }
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
