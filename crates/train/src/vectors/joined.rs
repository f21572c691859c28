//! Samples of ids, joined to the vectors of two files while they are read.
//!
//! Ids without a vector are left out and counted whether there is a ledger or not: a scene always knows users that
//! another does not.

use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rankine_feature::Value;
use rankine_table::delimited::Layout;
use rankine_table::vectors::VectorTable;
use rankine_table::{Form, Record, RowFault, RowReader, Step, TableError, Taker};
use rustc_hash::{FxHashMap, FxHasher};

use super::text::failed;
use crate::TrainError;
use crate::loss::Loss;
use crate::source::{SampleRow, SampleSource};

/// The columns of a row.
const COLUMNS: [&str; 3] = ["label", "user", "item"];

/// Vectors by id, shared with the samples that are read with them.
#[derive(Debug)]
struct Side {
    places: FxHashMap<String, usize>,
    table: VectorTable,
}

/// The vectors of users and of items.
#[derive(Clone, Debug)]
pub struct Joined {
    user: Arc<Side>,
    item: Arc<Side>,
}

impl Side {
    fn read(path: &Path) -> Result<Side, TrainError> {
        let table = VectorTable::read(path).map_err(|e| failed(&e))?;
        let places = table.ids.iter().cloned().zip(0..).collect();
        Ok(Side { places, table })
    }

    fn value(&self, id: &str) -> Option<Value> {
        let at = *self.places.get(id)?;
        Some(Value::vector(self.table.row(at)))
    }
}

impl Joined {
    /// Reads both files (Parquet, word2vec's text, CSV, `.npy` with ids); the same path is read once.
    ///
    /// # Errors
    /// A file that cannot be read, with the line.
    pub fn read(user: &Path, item: &Path) -> Result<Joined, TrainError> {
        let users = Arc::new(Side::read(user)?);
        let items = match user == item {
            true => users.clone(),
            false => Arc::new(Side::read(item)?),
        };
        Ok(Joined {
            user: users,
            item: items,
        })
    }

    /// Numbers of a user's and of an item's vector.
    #[must_use]
    pub fn widths(&self) -> (usize, usize) {
        (self.user.table.width, self.item.table.width)
    }
}

/// Rows of `label`, `user` and `item` (CSV, TSV, JSON lines, Parquet; columns by name) with their vectors.
pub struct JoinedSamples {
    path: PathBuf,
    form: Form,
    joined: Joined,
    loss: Loss,
    reader: RowReader,
    record: Record,
    unknown: u64,
    /// Set where rows are left out and listed.
    left_out: Option<Taker>,
}

impl JoinedSamples {
    /// Opens a file.
    ///
    /// # Errors
    /// A file that cannot be opened or lacks a column.
    pub fn open(path: &Path, joined: &Joined, loss: Loss) -> Result<Self, TrainError> {
        let form = Form::of(path).unwrap_or(Form::Delimited(Layout::csv()));
        Ok(Self {
            reader: RowReader::open(path, &form, &COLUMNS).map_err(|e| failed(&e))?,
            path: path.to_owned(),
            form,
            joined: joined.clone(),
            loss,
            record: Record::default(),
            unknown: 0,
            left_out: None,
        })
    }

    /// Leaves broken rows out, and lists them beside those without a vector.
    #[must_use]
    pub fn leaving_out(mut self, taker: Taker) -> Self {
        self.left_out = Some(taker);
        self
    }

    /// Rows left out since the last beginning, for want of a vector.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// The next row that has both vectors; none at the end.
    fn advance(&mut self) -> Result<Option<SampleRow>, TrainError> {
        loop {
            match self.reader.next(&mut self.record).map_err(|e| failed(&e))? {
                Step::End => {
                    if let Some(taker) = &mut self.left_out {
                        taker.end().map_err(|e| failed(&e))?;
                    }
                    return Ok(None);
                }
                Step::Fault(fault) => {
                    self.leave_out(&fault)?;
                    continue;
                }
                Step::Row => {}
            }
            let cell = |at| self.record.get(at).unwrap_or_default().trim();
            let (label, user, item) = (cell(0), cell(1), cell(2));
            let number = label.parse::<f32>().ok().filter(|y| y.is_finite());
            let fits = |y: &f32| self.loss != Loss::Bce || (0.0..=1.0).contains(y);
            let Some(label) = number.filter(fits) else {
                let reason = format!("the label is `{label}`, expected a number from 0 to 1");
                self.leave_out(&self.record.fault("label", reason))?;
                continue;
            };
            let vectors = (self.joined.user.value(user), self.joined.item.value(item));
            let (Some(user_vector), Some(item_vector)) = vectors else {
                self.unknown += 1;
                let (who, id) = if vectors.0.is_none() {
                    ("user", user)
                } else {
                    ("item", item)
                };
                if let Some(taker) = &mut self.left_out {
                    taker.broken(&self.record.fault("vector", format!("{who} `{id}` has no vector")));
                }
                continue;
            };
            if let Some(taker) = &mut self.left_out {
                taker.good(1);
            }
            return Ok(Some(SampleRow {
                user: vec![user_vector],
                item: vec![item_vector],
                label,
                weight: 1.0,
                group: number_of(user),
                item_id: number_of(item),
                ..SampleRow::default()
            }));
        }
    }

    /// Hands a broken row over; without a ledger it is an error.
    fn leave_out(&mut self, fault: &RowFault) -> Result<(), TrainError> {
        let Some(taker) = &mut self.left_out else {
            return Err(failed(&TableError::Rejected {
                path: self.path.clone(),
                line: fault.line,
                rule: fault.rule,
                reason: fault.reason.clone(),
            }));
        };
        taker.broken(fault);
        Ok(())
    }
}

/// An id as a number: itself, or what its text hashes to.
fn number_of(id: &str) -> i64 {
    id.parse().unwrap_or_else(|_| {
        let mut hasher = FxHasher::default();
        hasher.write(id.as_bytes());
        hasher.finish().cast_signed()
    })
}

impl SampleSource for JoinedSamples {
    fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, TrainError> {
        for read in 0..max {
            match self.advance()? {
                Some(row) => out.push(row),
                None => return Ok(read),
            }
        }
        Ok(max)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.reader = RowReader::open(&self.path, &self.form, &COLUMNS).map_err(|e| failed(&e))?;
        self.unknown = 0;
        if let Some(taker) = &mut self.left_out {
            taker.begin();
        }
        Ok(())
    }
}
