//! Who met what: a sparse matrix of users × items, read from samples through the plan.
//!
//! Decision: a pair that occurs several times is one entry whose weight is the sum; samples below the positive label, and
//! those without a user or an item, say nothing. Items and users are numbered by ascending sign, so that the order of the
//! samples changes nothing but the sentences.

use rankine_feature::{Part, Plan, Scratch, SlotSpec};
use rustc_hash::FxHashMap;

use crate::TrainError;
use crate::encode::check_total;
use crate::source::{SampleSource, for_each};

/// A sparse matrix by rows; the columns of a row ascend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sparse {
    /// Row r is `offsets[r]..offsets[r + 1]` of the others.
    pub offsets: Vec<usize>,
    /// Columns.
    pub ids: Vec<u32>,
    /// Values.
    pub weights: Vec<f32>,
}

impl Sparse {
    /// Makes a matrix of (row, column, value); values of one place are added.
    #[must_use]
    pub fn new(rows: usize, mut entries: Vec<(u32, u32, f32)>) -> Sparse {
        entries.sort_by_key(|(row, column, _)| (*row, *column));
        let mut made = Sparse {
            offsets: Vec::with_capacity(rows + 1),
            ..Sparse::default()
        };
        made.offsets.push(0);
        for place in entries.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            made.offsets.resize(place[0].0 as usize + 1, made.ids.len());
            made.ids.push(place[0].1);
            made.weights.push(place.iter().map(|(_, _, weight)| weight).sum());
        }
        made.offsets.resize(rows + 1, made.ids.len());
        made
    }

    /// Returns how many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Returns the columns and values of a row.
    #[must_use]
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[row]..self.offsets[row + 1];
        (&self.ids[range.clone()], &self.weights[range])
    }

    /// Returns the same with rows and columns exchanged.
    #[must_use]
    pub fn transposed(&self, columns: usize) -> Sparse {
        let mut offsets = vec![0; columns + 1];
        self.ids.iter().for_each(|id| offsets[*id as usize + 1] += 1);
        (0..columns).for_each(|c| offsets[c + 1] += offsets[c]);
        let mut next = offsets.clone();
        let (mut ids, mut weights) = (vec![0; self.ids.len()], vec![0.0; self.ids.len()]);
        for row in 0..self.rows() {
            let (columns, values) = self.row(row);
            for (column, value) in columns.iter().zip(values) {
                let place = &mut next[*column as usize];
                (ids[*place], weights[*place]) = (number(row), *value);
                *place += 1;
            }
        }
        Sparse {
            offsets,
            ids,
            weights,
        }
    }

    /// Returns whether a place has an entry.
    #[must_use]
    pub fn has(&self, row: usize, column: u32) -> bool {
        self.row(row).0.binary_search(&column).is_ok()
    }
}

/// A row or column in 32 bits; [`Interactions`] never holds more.
pub(super) fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Users × items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interactions {
    /// What rows stand for: signs of users, or the samples' groups where the model reads no user slot; ascending.
    pub users: Vec<u64>,
    /// Signs of items, ascending.
    pub items: Vec<u64>,
    /// Items of each user.
    pub by_user: Sparse,
    /// Items of each user in time order, repeats kept; users as in `users`.
    pub sentences: Vec<Vec<u32>>,
    /// Samples that were read, whatever they say.
    pub samples: u64,
}

/// What is read of samples.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// The conf.
    pub plan: &'a Plan,
    /// The user's slot; the samples' group where there is none.
    pub user: Option<&'a SlotSpec>,
    /// The item's slot.
    pub item: &'a SlotSpec,
    /// Labels of at least this count.
    pub positive: f32,
}

/// A positive sample.
struct Met {
    user: u64,
    item: u64,
    weight: f32,
    time: i64,
}

impl Interactions {
    /// Reads samples.
    ///
    /// # Errors
    /// What the source reports; samples of nobody; [`TrainError::Empty`] without a positive sample, [`TrainError::Weightless`] where all of these have
    /// weight 0, [`TrainError::TooManyRows`] beyond 32 bits.
    pub fn read(reading: &Reading<'_>, source: &mut dyn SampleSource) -> Result<Interactions, TrainError> {
        if reading.user.is_none() && !source.names().users {
            return Err(TrainError::Config {
                key: "matrix.user".to_owned(),
                detail: "the model learns who met what, and the samples name no users: expected the user's slot, or `sample.group` in \
                         the conf"
                    .to_owned(),
            });
        }
        let (mut scratch, mut common, mut item) = (Scratch::default(), Part::default(), Part::default());
        let mut met = Vec::new();
        let samples = for_each(source, |row| {
            if row.label < reading.positive {
                return Ok(());
            }
            let user = reading.user.map_or(Some(row.group.cast_unsigned()), |slot| {
                reading
                    .plan
                    .common(&row.user, &row.context, &mut scratch, &mut common);
                common.sparse(slot.index).0.first().copied()
            });
            reading.plan.item(&row.item, &mut scratch, &mut item);
            let found = item.sparse(reading.item.index).0.first().copied();
            met.extend(user.zip(found).map(|(user, item)| Met {
                user,
                item,
                weight: row.weight,
                time: row.time,
            }));
            Ok(())
        })?;
        let weight = met.iter().map(|m| f64::from(m.weight)).sum();
        check_total(weight, met.len() as u64)?;
        Self::of(met, samples)
    }

    /// Makes interactions of (user, item, weight, time), for those who have no samples.
    ///
    /// # Errors
    /// As [`Interactions::read`], without the source's.
    pub fn of_events(
        events: impl IntoIterator<Item = (u64, u64, f32, i64)>,
    ) -> Result<Interactions, TrainError> {
        let met = events.into_iter().map(|(user, item, weight, time)| Met {
            user,
            item,
            weight,
            time,
        });
        let met: Vec<Met> = met.collect();
        let samples = met.len() as u64;
        Self::of(met, samples)
    }

    fn of(mut met: Vec<Met>, samples: u64) -> Result<Interactions, TrainError> {
        let (users, rows) = numbered("users", met.iter().map(|m| m.user))?;
        let (items, columns) = numbered("items", met.iter().map(|m| m.item))?;
        met.sort_by_key(|m| m.time);
        let mut sentences = vec![Vec::new(); users.len()];
        let mut entries = Vec::with_capacity(met.len());
        for m in &met {
            let (row, column) = (rows[&m.user], columns[&m.item]);
            sentences[row as usize].push(column);
            entries.push((row, column, m.weight));
        }
        Ok(Interactions {
            by_user: Sparse::new(users.len(), entries),
            users,
            items,
            sentences,
            samples,
        })
    }

    /// Returns users of each item.
    #[must_use]
    pub fn by_item(&self) -> Sparse {
        self.by_user.transposed(self.items.len())
    }
}

/// Distinct signs, ascending, and the number of each.
fn numbered(
    what: &str,
    signs: impl Iterator<Item = u64>,
) -> Result<(Vec<u64>, FxHashMap<u64, u32>), TrainError> {
    let mut distinct: Vec<u64> = signs.collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.is_empty() {
        return Err(TrainError::Empty { what: "positive" });
    }
    if distinct.len() >= u32::MAX as usize {
        let (table, limit) = (what.to_owned(), u64::from(u32::MAX));
        return Err(TrainError::TooManyRows { table, limit });
    }
    let places = distinct.iter().copied().zip(0..).collect();
    Ok((distinct, places))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repeats_add_up_and_sentences_follow_time() {
        let events = [(7, 30, 1.0, 5), (7, 10, 0.5, 2), (3, 30, 1.0, 9), (7, 30, 2.0, 1)];
        let x = Interactions::of_events(events).unwrap();
        assert_eq!((&x.users[..], &x.items[..]), (&[3, 7][..], &[10, 30][..]));
        assert_eq!(x.by_user.row(0), (&[1][..], &[1.0][..]));
        assert_eq!(x.by_user.row(1), (&[0, 1][..], &[0.5, 3.0][..]));
        assert_eq!(x.sentences, [vec![1], vec![1, 0, 1]]);
        assert!(x.by_user.has(1, 0) && !x.by_user.has(0, 0));
        let nothing = Interactions::of_events([]).unwrap_err();
        assert_eq!(nothing.to_string(), "no positive samples to learn from");
    }

    proptest! {
        #[test]
        fn exchanging_twice_changes_nothing(entries in proptest::collection::vec((0_u32..6, 0_u32..5, 0.5_f32..2.0), 0..30)) {
            let x = Sparse::new(6, entries);
            prop_assert_eq!(x.rows(), 6);
            let turned = x.transposed(5);
            for row in 0..6 {
                for column in 0..5_u32 {
                    prop_assert_eq!(x.has(row, column), turned.has(column as usize, number(row)));
                }
            }
            prop_assert_eq!(turned.transposed(6), x);
        }
    }
}
