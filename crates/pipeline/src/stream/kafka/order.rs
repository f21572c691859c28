//! The order in which the partitions of a topic were read, kept on disk beside the stream's state.
//!
//! A stream compares places: those of one key, to leave out what was applied before, and those of different tables, to see that a row of one
//! moved after an item was joined with it. A broker keeps an order within each partition alone. The decision: the order is that of reading.
//! What an answer brought is noted as blocks (a partition, its offsets from and to) before anything is made of it, and a place counts offsets
//! over all blocks; what comes again after a crash is read as it was noted and has the places it had, so that a replay changes nothing.
//! Refused: partition and offset packed into one number (such places say nothing about which of two partitions was read first), and the records'
//! times (partitions are read at paces of their own).

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rankine_table::{AtomicFile, TableError};
use serde::{Deserialize, Serialize};

use crate::error::PipelineError;

/// Of the file.
const FORMAT: u32 = 1;
/// Lines of blocks that need not be there any more, at most.
const SPARE: usize = 4096;

/// Offsets of a partition that were read in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// The place before it.
    pub(super) base: u64,
    /// Whose offsets they are.
    pub(super) partition: usize,
    /// The first offset.
    pub(super) from: i64,
    /// The offset after the last.
    pub(super) to: i64,
}

impl Block {
    /// The place after the record at `offset`.
    pub(super) fn place(&self, offset: i64) -> u64 {
        self.base
            .saturating_add(span(self.from, offset))
            .saturating_add(1)
    }

    /// The place after all of it.
    pub(super) fn end(&self) -> u64 {
        self.base.saturating_add(span(self.from, self.to))
    }

    /// What is left of it after `place`.
    pub(super) fn after(&self, place: u64) -> Option<Block> {
        let read = place.saturating_sub(self.base);
        let from = self.from.saturating_add(i64::try_from(read).unwrap_or(i64::MAX));
        (from < self.to).then_some(Block {
            base: self.base.saturating_add(read),
            from,
            ..*self
        })
    }
}

/// How many offsets there are.
fn span(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}

/// First line of the file: where every partition was at a place.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
    origin: String,
    at: u64,
    offsets: Vec<i64>,
}

/// A line of the file: partition, first offset, offset after the last.
type Line = (usize, i64, i64);

/// See the module's text.
#[derive(Debug)]
pub(super) struct Order {
    path: PathBuf,
    file: File,
    /// Lines of the file behind its head.
    lines: usize,
    head: Head,
    blocks: VecDeque<Block>,
}

impl Order {
    /// An order that begins at a place, with every partition at its offset.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn begin(
        path: &Path,
        origin: &str,
        at: u64,
        offsets: Vec<i64>,
    ) -> Result<Order, PipelineError> {
        let head = Head {
            format: FORMAT,
            origin: origin.to_owned(),
            at,
            offsets,
        };
        Order::write(path, head, VecDeque::new())
    }

    /// The order that an earlier run has left for `origin`, if there is one. A last line that was cut off is left out: nothing was made of it.
    ///
    /// # Errors
    /// `Malformed`: a line that is none; the disk's.
    pub(super) fn read(path: &Path, origin: &str) -> Result<Option<Order>, PipelineError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(damaged(path, &error.to_string())),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = whole.split('\n').zip(1..);
        let (first, _) = lines.next().unwrap_or_default();
        let head: Head = serde_json::from_str(first).map_err(|e| damaged(path, &format!("line 1: {e}")))?;
        if head.format != FORMAT {
            let told = format!("line 1: expected format {FORMAT}, got {}", head.format);
            return Err(damaged(path, &told));
        }
        if head.origin != origin {
            return Ok(None);
        }
        let (mut offsets, mut at, mut blocks) = (head.offsets.clone(), head.at, VecDeque::new());
        for (line, number) in lines {
            let block =
                block(line, &mut offsets, at).map_err(|e| damaged(path, &format!("line {number}: {e}")))?;
            at = block.end();
            blocks.push_back(block);
        }
        Order::write(path, head, blocks).map(Some)
    }

    /// Writes all of it anew.
    fn write(path: &Path, head: Head, blocks: VecDeque<Block>) -> Result<Order, PipelineError> {
        let fail = |source| failed(path, source);
        let mut text = serde_json::to_string(&head).map_err(|e| fail(e.into()))?;
        text.push('\n');
        let lines = blocks.iter().map(|b| line((b.partition, b.from, b.to)));
        text.extend(lines);
        let mut whole = AtomicFile::create(path)?;
        whole.write_all(text.as_bytes()).map_err(fail)?;
        whole.commit()?;
        let file = File::options().append(true).open(path).map_err(fail)?;
        Ok(Order {
            path: path.to_owned(),
            file,
            lines: blocks.len(),
            head,
            blocks,
        })
    }

    /// How many partitions it is of.
    pub(super) fn partitions(&self) -> usize {
        self.head.offsets.len()
    }

    /// The place after everything that was noted.
    pub(super) fn end(&self) -> u64 {
        self.blocks.back().map_or(self.head.at, Block::end)
    }

    /// The offset of each partition after everything that was noted.
    pub(super) fn next(&self) -> Vec<i64> {
        let mut offsets = self.head.offsets.clone();
        self.blocks
            .iter()
            .for_each(|block| offsets[block.partition] = block.to);
        offsets
    }

    /// What was noted after `place`, in order; none where that place is not one of this order.
    pub(super) fn rest(&self, place: u64) -> Option<VecDeque<Block>> {
        let within = (self.head.at..=self.end()).contains(&place);
        within.then(|| {
            self.blocks
                .iter()
                .filter_map(|block| block.after(place))
                .collect()
        })
    }

    /// Takes in partitions that the topic has got since, at their offsets.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn grow(self, offsets: &[i64]) -> Result<Order, PipelineError> {
        let Order {
            path,
            mut head,
            blocks,
            ..
        } = self;
        head.offsets.extend(offsets);
        Order::write(&path, head, blocks)
    }

    /// Notes what was read; durable when it returns.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn add(&mut self, read: &[Line]) -> Result<Vec<Block>, PipelineError> {
        let text: String = read.iter().copied().map(line).collect();
        let written = self
            .file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.sync_data());
        written.map_err(|source| failed(&self.path, source))?;
        self.lines += read.len();
        let mut base = self.end();
        let blocks: Vec<Block> = read
            .iter()
            .map(|&(partition, from, to)| {
                let block = Block {
                    base,
                    partition,
                    from,
                    to,
                };
                base = block.end();
                block
            })
            .collect();
        self.blocks.extend(&blocks);
        Ok(blocks)
    }

    /// Forgets what need not be read again: everything up to `place` is safe.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn confirm(&mut self, place: u64) -> Result<(), PipelineError> {
        while let Some(block) = self.blocks.front().filter(|block| block.end() <= place) {
            (self.head.at, self.head.offsets[block.partition]) = (block.end(), block.to);
            self.blocks.pop_front();
        }
        if self.lines <= self.blocks.len() + SPARE {
            return Ok(());
        }
        let head = Head {
            origin: self.head.origin.clone(),
            offsets: self.head.offsets.clone(),
            ..self.head
        };
        *self = Order::write(&self.path, head, self.blocks.clone())?;
        Ok(())
    }
}

fn line(of: Line) -> String {
    format!("[{},{},{}]\n", of.0, of.1, of.2)
}

/// A line as a block behind those before it, whose ends are in `offsets`.
fn block(line: &str, offsets: &mut [i64], base: u64) -> Result<Block, String> {
    let (partition, from, to): Line = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let known = offsets.len();
    let next = offsets
        .get_mut(partition)
        .ok_or_else(|| format!("expected one of {known} partitions, got {partition}"))?;
    if from != *next || to <= from {
        return Err(format!("expected offsets from {next} on, got {from} to {to}"));
    }
    *next = to;
    Ok(Block {
        base,
        partition,
        from,
        to,
    })
}

fn damaged(path: &Path, told: &str) -> PipelineError {
    PipelineError::Malformed {
        path: path.to_owned(),
        reason: format!("{told}; without this file all of the topic is read again"),
    }
}

fn failed(path: &Path, source: std::io::Error) -> PipelineError {
    let path = path.to_owned();
    TableError::Write { path, source }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(base: u64, partition: usize, from: i64, to: i64) -> Block {
        Block {
            base,
            partition,
            from,
            to,
        }
    }

    fn begun(folder: &tempfile::TempDir) -> (PathBuf, Order) {
        let path = folder.path().join("deep/order.jsonl");
        let order = Order::begin(&path, "here", 1000, vec![0, 50]).unwrap();
        (path, order)
    }

    #[test]
    fn what_was_noted_is_there_again_with_the_places_it_had() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut order) = begun(&folder);
        let noted = order.add(&[(1, 50, 60), (0, 0, 3)]).unwrap();
        assert_eq!(noted, [block(1000, 1, 50, 60), block(1010, 0, 0, 3)]);
        assert_eq!(
            (noted[0].place(50), noted[0].place(59), noted[0].end()),
            (1001, 1010, 1010)
        );
        order.add(&[(1, 60, 61)]).unwrap();
        drop(order);
        assert!(Order::read(&path, "there").unwrap().is_none(), "another topic's");
        let order = Order::read(&path, "here").unwrap().unwrap();
        assert_eq!(
            (order.end(), order.next(), order.partitions()),
            (1014, vec![3, 61], 2)
        );
        let rest = |place| order.rest(place).map(Vec::from);
        let last = block(1013, 1, 60, 61);
        assert_eq!(rest(1000), Some(vec![noted[0], noted[1], last]));
        assert_eq!(rest(1004), Some(vec![block(1004, 1, 54, 60), noted[1], last]));
        assert_eq!(rest(1010), Some(vec![noted[1], last]));
        assert_eq!((rest(1014), rest(999), rest(1015)), (Some(vec![]), None, None));
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out_and_a_damaged_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut order) = begun(&folder);
        order.add(&[(0, 0, 3)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for end in text.len() - 8..text.len() {
            std::fs::write(&path, &text[..end]).unwrap();
            assert_eq!(Order::read(&path, "here").unwrap().unwrap().end(), 1000);
        }
        for (line, told) in [
            ("[0,3,5]x", "line 3: "),
            ("[2,0,5]", "expected one of 2 partitions, got 2"),
            ("[0,4,5]", "expected offsets from 3 on, got 4 to 5"),
            ("[0,3,3]", "got 3 to 3"),
        ] {
            std::fs::write(&path, format!("{text}{line}\n")).unwrap();
            let error = Order::read(&path, "here").unwrap_err().to_string();
            assert!(
                error.contains("order.jsonl: line 3") && error.contains(told),
                "{error}"
            );
        }
        std::fs::write(&path, "").unwrap();
        assert!(
            Order::read(&path, "here")
                .unwrap_err()
                .to_string()
                .contains("line 1")
        );
        std::fs::remove_file(&path).unwrap();
        assert!(Order::read(&path, "here").unwrap().is_none());
    }

    #[test]
    fn what_is_safe_is_forgotten_and_the_file_stays_small() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut order) = begun(&folder);
        for at in 0..10_000 {
            order.blocks.push_back(block(order.end(), 0, at, at + 1));
            order.lines += 1;
            order.confirm(1000 + u64::try_from(at).unwrap()).unwrap();
        }
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size < 1000, "{size} bytes");
        let again = Order::read(&path, "here").unwrap().unwrap();
        assert!(again.head.at > 1000 + 4000 && again.rest(1000).is_none());
        let grown = again.grow(&[7]).unwrap();
        assert_eq!((grown.partitions(), grown.next()[2]), (3, 7));
        assert_eq!(Order::read(&path, "here").unwrap().unwrap().next(), grown.next());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// However reading and confirming go on, what is read again from any place confirmed is what was read after it.
        #[test]
        fn a_replay_is_what_came_after(
            steps in proptest::collection::vec((0_usize..3, 1_i64..5, 0_u64..4), 1..12), from in 0_u64..60,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("order.jsonl");
            let mut order = Order::begin(&path, "o", 0, vec![0; 3]).unwrap();
            let (mut read, mut safe): (Vec<(u64, usize, i64)>, u64) = (Vec::new(), 0);
            for (partition, count, confirmed) in steps {
                let next = order.next()[partition];
                for block in order.add(&[(partition, next, next + count)]).unwrap() {
                    read.extend((block.from..block.to).map(|offset| (block.place(offset), partition, offset)));
                }
                safe = (safe + confirmed).min(order.end());
                order.confirm(safe).unwrap();
            }
            let place = safe + from % (order.end() - safe + 1);
            let again = Order::read(&path, "o").unwrap().unwrap();
            let rest = again.rest(place).unwrap();
            let replayed = rest.iter().flat_map(|b| (b.from..b.to).map(|offset| (b.place(offset), b.partition, offset)));
            let after: Vec<_> = read.into_iter().filter(|one| one.0 > place).collect();
            prop_assert_eq!(replayed.collect::<Vec<_>>(), after);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}", line in "\\[[0-9, -]{0,30}\\]") {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("order.jsonl");
            std::fs::write(&path, &text).unwrap();
            let _ = Order::read(&path, "o");
            std::fs::write(&path, format!("{{\"format\":1,\"origin\":\"o\",\"at\":5,\"offsets\":[0]}}\n{line}\n")).unwrap();
            let _ = Order::read(&path, "o");
        }
    }
}
