//! The encoded samples of a run, however many: in memory where they fit the shuffle buffer, else in a block file.
//!
//! The reading pass fills a [`Spill`]; what outgrows the buffer goes to the file in blocks, and epochs read it back window by
//! window: blocks in an order of the epoch's own, as many at a time as the buffer holds, their samples mixed. A window's last
//! samples, fewer than a batch, go to the next one. Decision: samples that fit are mixed as a whole, as ever; the order depends on
//! seed and epoch alone either way.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::block::{self, Shape};
use super::cache::{Cache, Lists};
use crate::TrainError;
use crate::block_file::{BlockFile, Head, Reader, Writer};
use crate::linear::Place;

/// Samples of a block: one of rows of a kilobyte still fits the cache between being read and being taken apart.
pub(super) const BLOCK: usize = 1024;
const MAGIC: [u8; 8] = *b"RKENC002";

/// Encoded samples, in memory or in a file.
#[derive(Debug)]
pub enum Stock {
    /// All of them in memory.
    Memory(Cache),
    /// In a block file.
    File(Filed),
}

/// Samples in a block file.
#[derive(Debug)]
pub struct Filed {
    file: BlockFile,
    /// The columns, without samples.
    shape: Cache,
    /// The new row of each old one, by column, where rare signs were dropped.
    moved: Vec<Option<Vec<u32>>>,
    /// Samples of a window.
    buffer: usize,
}

/// Samples to pass over, borrowed.
#[derive(Clone, Copy, Debug)]
pub enum Samples<'a> {
    /// All of them in memory.
    Memory(&'a Cache),
    /// In a block file.
    File(&'a Filed),
}

impl<'a> From<&'a Cache> for Samples<'a> {
    fn from(cache: &'a Cache) -> Self {
        Samples::Memory(cache)
    }
}

impl<'a> From<&'a Stock> for Samples<'a> {
    fn from(stock: &'a Stock) -> Self {
        match stock {
            Stock::Memory(cache) => Samples::Memory(cache),
            Stock::File(file) => Samples::File(file),
        }
    }
}

/// In which order a pass takes samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Seed and epoch of the order; none for the order of the source.
    pub mixed: Option<(u64, usize)>,
    /// Samples of a batch: windows end with whole ones.
    pub batch: usize,
}

impl<'a> Samples<'a> {
    /// Samples.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Samples::Memory(cache) => cache.len(),
            Samples::File(file) => usize::try_from(file.file.samples).unwrap_or(usize::MAX),
        }
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// A cache of the same columns, for making batches.
    #[must_use]
    pub fn shape(self) -> &'a Cache {
        match self {
            Samples::Memory(cache) => cache,
            Samples::File(file) => &file.shape,
        }
    }

    /// One pass over the samples.
    #[must_use]
    pub fn pass(self, order: Order) -> Windows<'a> {
        let random = order.mixed.map(|(seed, epoch)| random(seed, epoch));
        let blocks = match self {
            Samples::Memory(_) => 0,
            Samples::File(file) => file.file.blocks.len(),
        };
        let mut windows = Windows {
            samples: self,
            order,
            random,
            blocks: numbers(blocks),
            at: 0,
            reader: None,
            window: self.shape().emptied(),
            indices: Vec::new(),
            left: 0,
        };
        if let (Samples::File(_), Some(random)) = (self, &mut windows.random) {
            mix(&mut windows.blocks, random);
        }
        windows
    }
}

/// The generator of one epoch's order.
fn random(seed: u64, epoch: usize) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed ^ (epoch as u64).wrapping_mul(0xD1B5_4A32_D192_ED03))
}

/// Mixes an order (Fisher–Yates).
fn mix(order: &mut [u32], random: &mut Xoshiro256PlusPlus) {
    for i in (1..order.len()).rev() {
        order.swap(i, random.random_range(0..=i));
    }
}

/// Mixes the order of one epoch, as a pass over samples in memory does.
pub(crate) fn shuffle(order: &mut [u32], seed: u64, epoch: usize) {
    mix(order, &mut random(seed, epoch));
}

/// Numbers in order; more than a u32 can number are never held in memory.
fn numbers(count: usize) -> Vec<u32> {
    (0..u32::try_from(count).unwrap_or(u32::MAX)).collect()
}

/// A pass over samples, window by window.
pub struct Windows<'a> {
    samples: Samples<'a>,
    order: Order,
    random: Option<Xoshiro256PlusPlus>,
    blocks: Vec<u32>,
    at: usize,
    /// The hand on the file, once it is read.
    reader: Option<Reader>,
    window: Cache,
    indices: Vec<u32>,
    /// Samples at the end of `indices` that the last window left.
    left: usize,
}

impl Windows<'_> {
    /// The next window: samples, and the numbers of those to take, in their order. None at the end.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn window(&mut self) -> Result<Option<(&Cache, &[u32])>, TrainError> {
        match self.samples {
            Samples::Memory(cache) => {
                if self.at > 0 || cache.is_empty() {
                    return Ok(None);
                }
                self.at = 1;
                self.number(cache.len());
                Ok(Some((cache, &self.indices)))
            }
            Samples::File(file) => self.read(file),
        }
    }

    fn number(&mut self, samples: usize) {
        self.indices = numbers(samples);
        if let Some(random) = &mut self.random {
            mix(&mut self.indices, random);
        }
    }

    fn read(&mut self, file: &Filed) -> Result<Option<(&Cache, &[u32])>, TrainError> {
        loop {
            let left = self.indices.split_off(self.indices.len() - self.left);
            self.window.keep(&left);
            let most = self.at + (file.buffer / BLOCK).max(1);
            let (from, to) = (self.at, most.min(self.blocks.len()));
            let reader = self.reader.get_or_insert_with(|| file.file.reader());
            file.append(&self.blocks[from..to], reader, &mut self.window)?;
            self.at = to;
            self.number(self.window.len());
            let whole = to == self.blocks.len();
            self.left = if whole {
                0
            } else {
                self.window.len() % self.order.batch.max(1)
            };
            let taken = self.window.len() - self.left;
            if taken > 0 {
                return Ok(Some((&self.window, &self.indices[..taken])));
            }
            if whole {
                return Ok(None);
            }
        }
    }
}

impl Filed {
    /// Appends blocks to a window.
    fn append(&self, blocks: &[u32], reader: &mut Reader, to: &mut Cache) -> Result<(), TrainError> {
        for block in blocks {
            let at = self.file.blocks[*block as usize];
            reader.read(at, |bytes| block::read(bytes, &self.moved, to))?;
        }
        Ok(())
    }
}

/// Where the samples of a reading pass may be kept.
#[derive(Clone, Copy, Debug)]
pub struct Storage<'a> {
    /// Folder, name and fingerprint of block files; none: everything stays in memory.
    pub place: Option<&'a Place>,
    /// What is put behind the name.
    pub part: &'static str,
    /// Most samples in memory.
    pub buffer: usize,
    /// Whether the file outlives the run.
    pub keep: bool,
}

impl Storage<'_> {
    /// Everything in memory.
    pub const MEMORY: Storage<'static> = Storage {
        place: None,
        part: "",
        buffer: usize::MAX,
        keep: false,
    };

    fn path(&self, place: &Place) -> std::path::PathBuf {
        place.folder.join(format!("{}{}.rows", place.name, self.part))
    }
}

fn head(place: &Place) -> Head<'_> {
    Head {
        magic: MAGIC,
        fingerprint: &place.fingerprint,
    }
}

/// Samples as a reading pass finds them: in memory, then in blocks of a file.
pub(super) struct Spill<'a> {
    storage: Storage<'a>,
    /// What is not in the file yet: labels, weights and floats here, columns as lists.
    pub(super) cache: Cache,
    pub(super) lists: Vec<Lists>,
    writer: Option<Writer>,
    written: u64,
    /// Whether a column has had one sign of weight 1 in every sample of the file.
    single: Vec<bool>,
}

impl<'a> Spill<'a> {
    pub(super) fn new(storage: Storage<'a>, cache: Cache, columns: usize) -> Self {
        Self {
            storage,
            cache,
            lists: vec![Lists::default(); columns],
            writer: None,
            written: 0,
            single: vec![true; columns],
        }
    }

    /// Samples so far.
    pub(super) fn len(&self) -> u64 {
        self.written + self.cache.len() as u64
    }

    /// To be called after each sample: moves a block to the file where the buffer is full.
    pub(super) fn settle(&mut self) -> Result<(), TrainError> {
        let samples = self.cache.len();
        let Some(place) = self.storage.place else {
            let limit = u64::from(u32::MAX);
            return if samples as u64 >= limit {
                Err(TrainError::TooManySamples { limit })
            } else {
                Ok(())
            };
        };
        let full = self.storage.keep || samples > self.storage.buffer;
        if self.writer.is_none() && full {
            self.writer = Some(Writer::create(&self.storage.path(place), head(place))?);
        }
        if self.writer.is_some() && samples >= BLOCK {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is in memory.
    fn flush(&mut self) -> Result<(), TrainError> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let mut from = 0;
        while from < self.cache.len() {
            let to = (from + BLOCK).min(self.cache.len());
            let (cache, lists, single) = (&self.cache, &self.lists, &mut self.single);
            writer.block(to - from, |out| block::write(cache, lists, from..to, single, out))?;
            from = to;
        }
        self.written += self.cache.len() as u64;
        self.cache.labels.clear();
        self.cache.weights.clear();
        self.cache.others.clear();
        self.cache.dense.clear();
        for list in &mut self.lists {
            list.ends.clear();
            list.rows.clear();
            list.weights.clear();
        }
        Ok(())
    }

    /// Ends the pass. `moved[c]` renumbers column `c`; `tail` is what a kept file holds of the numbering as it was read.
    pub(super) fn finish(mut self, moved: &[Option<&[u32]>], tail: &[u8]) -> Result<Stock, TrainError> {
        let Some(place) = self.storage.place.filter(|_| self.writer.is_some()) else {
            self.cache.store(self.lists, moved);
            return Ok(Stock::Memory(self.cache));
        };
        self.flush()?;
        let tail = block::tail(&self.single, tail);
        let Some(writer) = self.writer.take() else {
            return Ok(Stock::Memory(self.cache));
        };
        let mut file = writer.finish(head(place), &tail)?;
        if !self.storage.keep {
            file = file.temporary()?;
        }
        opened(file, (&self.cache, &self.single), moved, self.storage.buffer)
    }
}

/// A kept file of the same samples: their numbering as it was read, and what remains to be done once it is known.
pub(super) fn kept(storage: Storage<'_>, columns: usize) -> Result<Option<(Kept, Vec<u8>)>, TrainError> {
    let Some(place) = storage.place.filter(|_| storage.keep) else {
        return Ok(None);
    };
    let Some((file, tail)) = BlockFile::open(&storage.path(place), head(place))? else {
        return Ok(None);
    };
    let Some((single, rest)) = block::split_tail(&tail, columns) else {
        return Ok(None);
    };
    let (rest, buffer) = (rest.to_vec(), storage.buffer);
    Ok(Some((Kept { file, single, buffer }, rest)))
}

/// A kept file.
pub(super) struct Kept {
    file: BlockFile,
    single: Vec<bool>,
    buffer: usize,
}

impl Kept {
    /// The samples, with rows renumbered by column.
    pub(super) fn open(self, widths: &Cache, moved: &[Option<&[u32]>]) -> Result<Stock, TrainError> {
        opened(self.file, (widths, &self.single), moved, self.buffer)
    }
}

/// A whole file as samples: in memory where they fit the buffer.
fn opened(
    file: BlockFile,
    (widths, single): (&Cache, &[bool]),
    moved: &[Option<&[u32]>],
    buffer: usize,
) -> Result<Stock, TrainError> {
    let filed = Filed {
        shape: Shape::of(widths, single).cache(),
        moved: moved.iter().map(|m| m.map(<[u32]>::to_vec)).collect(),
        file,
        buffer,
    };
    if filed.file.samples > buffer as u64 {
        return Ok(Stock::File(filed));
    }
    let mut all = filed.shape.emptied();
    let mut reader = filed.file.reader();
    filed.append(&numbers(filed.file.blocks.len()), &mut reader, &mut all)?;
    Ok(Stock::Memory(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Stored;

    fn place(folder: &std::path::Path) -> Place {
        Place {
            folder: folder.to_owned(),
            name: "m".into(),
            fingerprint: "these".into(),
        }
    }

    /// `n` samples: a single column, a list column, two floats, one further label.
    fn spilled(n: usize, storage: Storage<'_>) -> Stock {
        let cache = Cache {
            dense_width: 2,
            others_width: 1,
            ..Cache::default()
        };
        let mut spill = Spill::new(storage, cache, 2);
        for i in 0..n {
            let x = i as f32;
            spill.cache.labels.push((i % 2) as f32);
            spill.cache.weigh(x);
            spill.cache.others.push(-x);
            spill.cache.dense.extend([x, x + 0.5]);
            spill.lists[0].rows.push(u32::try_from(i).unwrap());
            spill.lists[0].weights.push(1.0);
            spill.lists[0].ends.push(i % BLOCK + 1);
            for k in 0..i % 3 {
                spill.lists[1].rows.push(u32::try_from(k).unwrap());
                spill.lists[1].weights.push(0.25);
            }
            let end = spill.lists[1].rows.len();
            spill.lists[1].ends.push(end);
            let end = spill.lists[0].rows.len();
            *spill.lists[0].ends.last_mut().unwrap() = end;
            spill.settle().unwrap();
        }
        spill.finish(&[None, Some(&[7, 8])], b"tail").unwrap()
    }

    fn taken(samples: Samples<'_>, order: Order) -> Vec<(u32, Vec<u32>)> {
        let (mut windows, mut all) = (samples.pass(order), Vec::new());
        while let Some((cache, indices)) = windows.window().unwrap() {
            for &i in indices {
                let i = i as usize;
                let Stored::Lists(lists) = &cache.columns[1] else {
                    panic!("lists")
                };
                let number = cache.record(i)[0];
                assert_eq!(cache.dense(i), [number as f32, number as f32 + 0.5]);
                assert_eq!(
                    (cache.weights[i], cache.others(i)),
                    (number as f32, &[-(number as f32)][..])
                );
                all.push((number, lists.of(i).0.to_vec()));
            }
        }
        all
    }

    #[test]
    fn a_file_gives_the_samples_of_memory_in_order_and_each_once_when_mixed() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let n = 3 * BLOCK + 77;
        let storage = Storage {
            place: Some(&place),
            part: "",
            buffer: BLOCK + 5,
            keep: false,
        };
        let (memory, file) = (spilled(n, Storage::MEMORY), spilled(n, storage));
        assert!(matches!((&memory, &file), (Stock::Memory(_), Stock::File(_))));
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "it has no name"
        );
        let plain = Order {
            mixed: None,
            batch: 1000,
        };
        let all = taken((&memory).into(), plain);
        assert_eq!((all[5].clone(), all.len()), ((5, vec![7, 8]), n));
        assert_eq!(taken((&file).into(), plain), all);
        let mixed = |epoch| Order {
            mixed: Some((3, epoch)),
            batch: 1000,
        };
        let one = taken((&file).into(), mixed(1));
        assert_eq!(one, taken((&file).into(), mixed(1)));
        assert_ne!(one, taken((&file).into(), mixed(2)));
        let mut sorted = one.clone();
        sorted.sort();
        assert_eq!(sorted, all, "each sample once");
        assert_ne!(one, all);
    }

    #[test]
    fn windows_end_with_whole_batches() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let storage = Storage {
            place: Some(&place),
            part: "",
            buffer: 1,
            keep: false,
        };
        let file = spilled(2 * BLOCK + 10, storage);
        let (mut sizes, order) = (
            Vec::new(),
            Order {
                mixed: Some((1, 1)),
                batch: 3000,
            },
        );
        let mut windows = Samples::from(&file).pass(order);
        while let Some((_, indices)) = windows.window().unwrap() {
            sizes.push(indices.len());
        }
        assert_eq!(sizes.iter().sum::<usize>(), 2 * BLOCK + 10);
        assert!(
            sizes.split_last().unwrap().1.iter().all(|size| size % 3000 == 0),
            "{sizes:?}"
        );
    }

    #[test]
    fn a_kept_file_is_taken_again_and_small_ones_go_to_memory() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let storage = Storage {
            place: Some(&place),
            part: "-x",
            buffer: 1 << 20,
            keep: true,
        };
        assert!(kept(storage, 2).unwrap().is_none());
        let first = spilled(BLOCK + 9, storage);
        assert!(matches!(first, Stock::Memory(_)) && folder.path().join("m-x.rows").exists());
        let (again, tail) = kept(storage, 2).unwrap().unwrap();
        assert_eq!(tail, b"tail");
        let widths = Cache {
            dense_width: 2,
            others_width: 1,
            ..Cache::default()
        };
        let again = again.open(&widths, &[None, Some(&[7, 8])]).unwrap();
        let plain = Order {
            mixed: None,
            batch: 10,
        };
        assert_eq!(taken((&again).into(), plain), taken((&first).into(), plain));
        let other = Place {
            fingerprint: "others".into(),
            ..place.clone()
        };
        assert!(
            kept(
                Storage {
                    place: Some(&other),
                    ..storage
                },
                2
            )
            .unwrap()
            .is_none()
        );
    }
}
