//! Where samples come from: the port between pipelines and training.
//!
//! The trainer reads a source front to back a few times (statistics, table rows, encoding) and keeps only the encoded
//! form. It never asks for a file, so that a Parquet file, a CSV, a query or a list in a test are all the same to it.

use rankine_feature::Value;

use crate::TrainError;

/// One labelled user × item × context, its values in the order of the plan's fields of that side.
#[derive(Clone, Debug, Default)]
pub struct SampleRow {
    /// Values of the user side, in schema order.
    pub user: Vec<Value>,
    /// Values of the item side, in schema order.
    pub item: Vec<Value>,
    /// Values of the context side, in schema order.
    pub context: Vec<Value>,
    /// What the model predicts: 0 or 1 for a click, any number for a regression.
    pub label: f32,
    /// Values of the model's further labels, in the order its file names them; empty where it learns one.
    pub others: Vec<f32>,
    /// How much the sample counts in loss and metrics; 1 where the data says nothing.
    pub weight: f32,
    /// When it happened, microseconds UTC.
    pub time: i64,
    /// The user id: the group of grouped metrics and of the bootstrap; says nothing where the source names no users.
    pub group: i64,
    /// The item id: what the baselines average over; says nothing where the source names no items.
    pub item_id: i64,
}

/// Whom the samples of a source name. Who is not named is not made up: no figure rests on him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// Whether [`SampleRow::group`] is the user.
    pub users: bool,
    /// Whether [`SampleRow::item_id`] is the item.
    pub items: bool,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            users: true,
            items: true,
        }
    }
}

impl Names {
    /// Neither users nor items: lines of numbers.
    pub const NONE: Names = Names {
        users: false,
        items: false,
    };

    /// Who is named in these samples and in others.
    #[must_use]
    pub fn and(self, other: Names) -> Names {
        Names {
            users: self.users && other.users,
            items: self.items && other.items,
        }
    }
}

/// A stream of samples that can be read again from its start.
pub trait SampleSource {
    /// Appends at most `max` rows to `out` and returns how many; 0 means the end.
    ///
    /// # Errors
    /// A row that cannot be read, with the file, line and field.
    fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, TrainError>;

    /// Goes back to the first row; the same rows follow in the same order.
    ///
    /// # Errors
    /// When the underlying file cannot be opened again.
    fn rewind(&mut self) -> Result<(), TrainError>;

    /// How many rows there are, where the source knows; only progress bars rely on it.
    fn len_hint(&self) -> Option<u64> {
        None
    }

    /// Whom its samples name; users and items unless told otherwise.
    fn names(&self) -> Names {
        Names::default()
    }
}

/// A source over rows that are already in memory.
#[derive(Clone, Debug, Default)]
pub struct RowsSource {
    rows: Vec<SampleRow>,
    names: Names,
    at: usize,
}

impl RowsSource {
    /// A source that yields `rows` in their order.
    #[must_use]
    pub fn new(rows: Vec<SampleRow>) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }

    /// The same rows, naming these.
    #[must_use]
    pub fn naming(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// The rows, in order.
    #[must_use]
    pub fn rows(&self) -> &[SampleRow] {
        &self.rows
    }
}

impl SampleSource for RowsSource {
    fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, TrainError> {
        let end = self.rows.len().min(self.at.saturating_add(max));
        out.extend_from_slice(&self.rows[self.at..end]);
        let read = end - self.at;
        self.at = end;
        Ok(read)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.at = 0;
        Ok(())
    }

    fn len_hint(&self) -> Option<u64> {
        Some(self.rows.len() as u64)
    }

    fn names(&self) -> Names {
        self.names
    }
}

impl SampleSource for Box<dyn SampleSource> {
    fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, TrainError> {
        (**self).next(out, max)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        (**self).rewind()
    }

    fn len_hint(&self) -> Option<u64> {
        (**self).len_hint()
    }

    fn names(&self) -> Names {
        (**self).names()
    }
}

/// Calls `each` on every row of `source` from its start, reading in blocks.
///
/// # Errors
/// What the source or `each` returns first.
pub fn for_each(
    source: &mut dyn SampleSource,
    mut each: impl FnMut(&SampleRow) -> Result<(), TrainError>,
) -> Result<u64, TrainError> {
    source.rewind()?;
    let (mut block, mut seen) = (Vec::new(), 0);
    loop {
        block.clear();
        if source.next(&mut block, 4096)? == 0 {
            return Ok(seen);
        }
        block.iter().try_for_each(&mut each)?;
        seen += block.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(n: i64) -> RowsSource {
        RowsSource::new(
            (0..n)
                .map(|i| SampleRow {
                    item_id: i,
                    ..SampleRow::default()
                })
                .collect(),
        )
    }

    #[test]
    fn blocks_follow_one_another_and_end_with_zero() {
        let mut source = numbered(5);
        let mut out = Vec::new();
        assert_eq!(source.next(&mut out, 3).unwrap(), 3);
        assert_eq!(source.next(&mut out, 3).unwrap(), 2);
        assert_eq!(source.next(&mut out, 3).unwrap(), 0);
        assert_eq!(out.iter().map(|r| r.item_id).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn for_each_starts_over_whatever_was_read_before() {
        let mut source = numbered(9000);
        source.next(&mut Vec::new(), 17).unwrap();
        let mut sum = 0;
        let seen = for_each(&mut source, |row| {
            sum += row.item_id;
            Ok(())
        })
        .unwrap();
        assert_eq!((seen, sum), (9000, 9000 * 8999 / 2));
    }
}
