//! `label,u1,…,un,i1,…,im` without a header, plain, gzip or zstd, as a stream.
//!
//! A line that is no such sample ends the reading with its number, unless there is a ledger of what is left out. How long
//! the vectors are is what most of the first lines say, so that no single broken line decides it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rankine_feature::Value;
use rankine_table::decimal::{decimal, decimals};
use rankine_table::{LineBlock, LineBlocks, RowFault, Taker};

use crate::TrainError;
use crate::loss::Loss;
use crate::source::{Names, SampleRow, SampleSource};

/// Bytes read at once.
const BLOCK: usize = 1 << 20;

/// The samples of such a file.
pub struct VectorText {
    path: PathBuf,
    /// Numbers of a user's and of an item's vector.
    widths: (usize, usize),
    loss: Loss,
    blocks: LineBlocks,
    block: LineBlock,
    /// Where in the block the next line begins, and its number.
    at: usize,
    line: u64,
    numbers: Vec<f32>,
    /// Set where broken lines are left out.
    left_out: Option<Taker>,
}

impl VectorText {
    /// Opens a file of vectors of these widths.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(path: &Path, widths: (usize, usize), loss: Loss) -> Result<Self, TrainError> {
        Ok(Self {
            path: path.to_owned(),
            widths,
            loss,
            blocks: LineBlocks::open(path, BLOCK).map_err(|e| failed(&e))?,
            block: LineBlock {
                first: 1,
                bytes: Vec::new(),
                cut: false,
            },
            at: 0,
            line: 1,
            numbers: Vec::new(),
            left_out: None,
        })
    }

    /// Leaves broken lines out.
    #[must_use]
    pub fn leaving_out(mut self, taker: Taker) -> Self {
        self.left_out = Some(taker);
        self
    }

    /// How long the vectors of a file are: as many numbers as most of its first lines have behind the label, in two halves,
    /// or the first `user` of them where that is given. None for a file that begins with a word, a header.
    ///
    /// # Errors
    /// A file that cannot be read, or numbers that do not fall in two parts.
    pub fn widths(path: &Path, user: Option<usize>) -> Result<Option<(usize, usize)>, TrainError> {
        let header = LineBlocks::open(path, BLOCK).and_then(|mut blocks| blocks.header());
        let header = header.map_err(|e| failed(&e))?;
        if decimal(header.split(',').next().unwrap_or("").as_bytes()).is_none() {
            return Ok(None);
        }
        let block = LineBlocks::open(path, BLOCK).and_then(|mut blocks| blocks.next_block());
        let all = most_commas(&block.map_err(|e| failed(&e))?);
        let halved = user.is_none() && all % 2 == 1;
        let user = user.unwrap_or(all / 2);
        if user == 0 || user >= all || halved {
            let message = format!(
                "{}: {all} numbers behind the label, expected as many for the user as for the item (or say how many are the user's)",
                path.display()
            );
            return Err(TrainError::Source { message });
        }
        Ok(Some((user, all - user)))
    }

    /// Reads the next sample's label and numbers (the user's, then the item's); none at the end.
    ///
    /// # Errors
    /// A line that is not such a sample, with its number, where there is no ledger; else a file without any other.
    pub fn advance(&mut self) -> Result<Option<(f32, &[f32])>, TrainError> {
        while let Some(from) = self.step()? {
            let (text, line) = (
                self.block.bytes[from..self.at - 1].trim_ascii_end(),
                self.line - 1,
            );
            if text.is_empty() {
                continue;
            }
            self.numbers.clear();
            let read = decimals(text, b',', &mut self.numbers);
            match read.and_then(|_| self.check()) {
                Ok(()) => {
                    if let Some(taker) = &mut self.left_out {
                        taker.good(1);
                    }
                    return Ok(Some((self.numbers[0], &self.numbers[1..])));
                }
                Err(reason) => self.leave_out(from, line, reason)?,
            }
        }
        if let Some(taker) = &mut self.left_out {
            taker.end().map_err(|e| failed(&e))?;
        }
        Ok(None)
    }

    /// Goes behind the next line and returns where it begins; none at the end.
    fn step(&mut self) -> Result<Option<usize>, TrainError> {
        while self.at >= self.block.bytes.len() {
            let Some(block) = self.blocks.next_block().map_err(|e| failed(&e))? else {
                return Ok(None);
            };
            (self.at, self.line, self.block) = (0, block.first, block);
        }
        let from = self.at;
        (self.at, self.line) = (self.block.line_end(from) + 1, self.line + 1);
        Ok(Some(from))
    }

    /// What is wrong with the numbers of a line, if anything is.
    fn check(&self) -> Result<(), String> {
        let expected = 1 + self.widths.0 + self.widths.1;
        if self.numbers.len() != expected {
            return Err(format!("{} columns, expected {expected}", self.numbers.len()));
        }
        if let Some(at) = self.numbers.iter().position(|x| !x.is_finite()) {
            let (column, number) = (at + 1, self.numbers[at]);
            return Err(format!("column {column} is {number}, expected a finite number"));
        }
        if self.loss == Loss::Bce && !(0.0..=1.0).contains(&self.numbers[0]) {
            let label = self.numbers[0];
            return Err(format!("the label is {label}, expected a number from 0 to 1"));
        }
        Ok(())
    }

    /// Hands a broken line, which begins at `from`, over; without a ledger it is an error.
    fn leave_out(&mut self, from: usize, line: u64, reason: String) -> Result<(), TrainError> {
        let Some(taker) = &mut self.left_out else {
            let message = format!("{}:{line}: {reason}", self.path.display());
            return Err(TrainError::Source { message });
        };
        let raw = String::from_utf8_lossy(&self.block.bytes[from..self.at - 1]);
        taker.broken(&RowFault {
            line,
            rule: "numbers",
            reason,
            raw: raw.into_owned(),
        });
        Ok(())
    }
}

/// The commas that most lines of a block have; of two as frequent the more.
fn most_commas(block: &Option<LineBlock>) -> usize {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for (_, line) in block.iter().flat_map(LineBlock::lines) {
        let commas = line.iter().filter(|byte| **byte == b',').count();
        *counts.entry(commas).or_default() += usize::from(!line.is_empty());
    }
    let most = counts.into_iter().max_by_key(|(_, lines)| *lines);
    most.map_or(0, |(commas, _)| commas)
}

/// What the file's reader says.
pub(super) fn failed(error: &rankine_table::TableError) -> TrainError {
    TrainError::Source {
        message: error.to_string(),
    }
}

impl SampleSource for VectorText {
    fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, TrainError> {
        let user = self.widths.0;
        for read in 0..max {
            let Some((label, numbers)) = self.advance()? else {
                return Ok(read);
            };
            out.push(SampleRow {
                user: vec![Value::vector(&numbers[..user])],
                item: vec![Value::vector(&numbers[user..])],
                label,
                weight: 1.0,
                ..SampleRow::default()
            });
        }
        Ok(max)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        let mut left_out = self.left_out.take();
        if let Some(taker) = &mut left_out {
            taker.begin();
        }
        *self = Self::open(&self.path, self.widths, self.loss)?;
        self.left_out = left_out;
        Ok(())
    }

    fn names(&self) -> Names {
        Names::NONE
    }
}
