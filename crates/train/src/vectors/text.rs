//! `label,u1,…,un,i1,…,im` without a header, plain, gzip or zstd, as a stream.

use std::path::{Path, PathBuf};

use rankine_feature::Value;
use rankine_table::decimal::decimals;
use rankine_table::{LineBlock, LineBlocks};

use crate::TrainError;
use crate::loss::Loss;
use crate::source::{SampleRow, SampleSource};

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
        })
    }

    /// How long the vectors of a file are: its first line's numbers behind the label, in two halves, or the first `user` of
    /// them where that is given. None for a file that begins with words, a header.
    ///
    /// # Errors
    /// A file that cannot be read, or numbers that do not fall in two parts.
    pub fn widths(path: &Path, user: Option<usize>) -> Result<Option<(usize, usize)>, TrainError> {
        let line = LineBlocks::open(path, BLOCK)
            .and_then(|mut blocks| blocks.header())
            .map_err(|e| failed(&e))?;
        let mut numbers = Vec::new();
        if decimals(line.as_bytes(), b',', &mut numbers).is_err() {
            return Ok(None);
        }
        let all = numbers.len() - 1;
        let halved = user.is_none() && all % 2 == 1;
        let user = user.unwrap_or(all / 2);
        if user == 0 || user >= all || halved {
            let message = format!(
                "{}:1: {all} numbers behind the label, expected as many for the user as for the item (or say how many are the user's)",
                path.display()
            );
            return Err(TrainError::Source { message });
        }
        Ok(Some((user, all - user)))
    }

    /// Reads the next sample's label and numbers (the user's, then the item's); none at the end.
    ///
    /// # Errors
    /// A line that is not such a sample, with its number.
    pub fn advance(&mut self) -> Result<Option<(f32, &[f32])>, TrainError> {
        loop {
            while self.at >= self.block.bytes.len() {
                let Some(block) = self.blocks.next_block().map_err(|e| failed(&e))? else {
                    return Ok(None);
                };
                (self.at, self.line, self.block) = (0, block.first, block);
            }
            let rest = &self.block.bytes[self.at..];
            let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            let text = rest[..end].trim_ascii_end();
            let line = self.line;
            (self.at, self.line) = (self.at + end + 1, line + 1);
            if text.is_empty() {
                continue;
            }
            self.numbers.clear();
            decimals(text, b',', &mut self.numbers).map_err(|reason| self.fault(line, &reason))?;
            self.check(line)?;
            return Ok(Some((self.numbers[0], &self.numbers[1..])));
        }
    }

    fn check(&self, line: u64) -> Result<(), TrainError> {
        let expected = 1 + self.widths.0 + self.widths.1;
        if self.numbers.len() != expected {
            let reason = format!("{} columns, expected {expected}", self.numbers.len());
            return Err(self.fault(line, &reason));
        }
        if let Some(at) = self.numbers.iter().position(|x| !x.is_finite()) {
            let reason = format!(
                "column {} is {}, expected a finite number",
                at + 1,
                self.numbers[at]
            );
            return Err(self.fault(line, &reason));
        }
        if self.loss == Loss::Bce && !(0.0..=1.0).contains(&self.numbers[0]) {
            let reason = format!("the label is {}, expected a number from 0 to 1", self.numbers[0]);
            return Err(self.fault(line, &reason));
        }
        Ok(())
    }

    fn fault(&self, line: u64, reason: &str) -> TrainError {
        TrainError::Source {
            message: format!("{}:{line}: {reason}", self.path.display()),
        }
    }
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
            let line = i64::try_from(self.line).unwrap_or(i64::MAX);
            let Some((label, numbers)) = self.advance()? else {
                return Ok(read);
            };
            out.push(SampleRow {
                user: vec![Value::vector(&numbers[..user])],
                item: vec![Value::vector(&numbers[user..])],
                label,
                weight: 1.0,
                // nobody is named: each sample stands for itself
                group: line,
                ..SampleRow::default()
            });
        }
        Ok(max)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        *self = Self::open(&self.path, self.widths, self.loss)?;
        Ok(())
    }
}
