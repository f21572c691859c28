//! One block of encoded samples as bytes, and back.
//!
//! `n u32 ‖ labels ‖ weights ‖ further labels ‖ floats ‖ per column: kind u8, then rows u32 (one per sample) or ends u32, rows
//! u32, weights f32`; little-endian. Rows are numbered as they were read; those of rare signs are renumbered while reading back.

use std::ops::Range;

use super::cache::{Cache, Lists, Stored, is_one};
use super::vocabulary::Vocabulary;

const SINGLE: u8 = 0;
const LISTS: u8 = 1;

/// The columns of a file.
pub(super) struct Shape<'a> {
    widths: &'a Cache,
    single: &'a [bool],
}

impl<'a> Shape<'a> {
    /// Widths of floats and labels as `widths` has them; which columns are single.
    pub(super) fn of(widths: &'a Cache, single: &'a [bool]) -> Self {
        Self { widths, single }
    }

    /// A cache without samples.
    pub(super) fn cache(&self) -> Cache {
        let mut stride = 0;
        let mut column = |single: &bool| {
            if !*single {
                return Stored::Lists(Lists::default());
            }
            stride += 1;
            Stored::Single(stride - 1)
        };
        let columns = self.single.iter().map(&mut column).collect();
        Cache {
            columns,
            stride,
            dense_width: self.widths.dense_width,
            others_width: self.widths.others_width,
            ..Cache::default()
        }
    }
}

/// Appends the samples of `range`; `single[c]` stays true while column `c` has one row of weight 1 in every sample.
pub(super) fn write(
    cache: &Cache,
    lists: &[Lists],
    range: Range<usize>,
    single: &mut [bool],
    out: &mut Vec<u8>,
) {
    word(range.len(), out);
    floats(&cache.labels[range.clone()], out);
    floats(&cache.weights[range.clone()], out);
    let wide = |width: usize| range.start * width..range.end * width;
    floats(&cache.others[wide(cache.others_width)], out);
    floats(&cache.dense[wide(cache.dense_width)], out);
    for (list, single) in lists.iter().zip(single) {
        let first = if range.start == 0 {
            0
        } else {
            list.ends[range.start - 1]
        };
        let entries = first..range.end.checked_sub(1).map_or(0, |last| list.ends[last]);
        let ends = &list.ends[range.clone()];
        let one = |(i, end): (usize, &usize)| *end == first + i + 1;
        let one = ends.iter().enumerate().all(one);
        let plain = one && list.weights[entries.clone()].iter().all(is_one);
        *single &= plain;
        out.push(if plain { SINGLE } else { LISTS });
        if !plain {
            ends.iter().for_each(|end| word(end - first, out));
        }
        list.rows[entries.clone()]
            .iter()
            .for_each(|row| out.extend_from_slice(&row.to_le_bytes()));
        if !plain {
            floats(&list.weights[entries], out);
        }
    }
}

fn word(value: usize, out: &mut Vec<u8>) {
    let value = u32::try_from(value).unwrap_or(u32::MAX);
    out.extend_from_slice(&value.to_le_bytes());
}

fn floats(values: &[f32], out: &mut Vec<u8>) {
    values
        .iter()
        .for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

/// Appends a block's samples to `to`; `moved[c]` has the new row of each old one of column `c`.
pub(super) fn read(bytes: &[u8], moved: &[Option<Vec<u32>>], to: &mut Cache) -> Result<(), &'static str> {
    let mut from = Bytes(bytes);
    let (n, before) = (from.word()? as usize, to.len());
    from.floats(n, &mut to.labels)?;
    from.floats(n, &mut to.weights)?;
    to.weighted |= !to.weights[before..].iter().all(is_one);
    from.floats(n * to.others_width, &mut to.others)?;
    from.floats(n * to.dense_width, &mut to.dense)?;
    to.singles.resize((before + n) * to.stride, 0);
    let Cache {
        columns,
        singles,
        stride,
        ..
    } = to;
    for (column, moved) in columns.iter_mut().zip(moved) {
        let plain = from.kind()?;
        let row = |row: u32| match moved {
            Some(moved) => moved.get(row as usize).copied().unwrap_or(Vocabulary::MISSING),
            None => row,
        };
        match column {
            Stored::Single(at) if plain => {
                let places = singles[before * *stride + *at..].iter_mut().step_by(*stride);
                for (place, found) in places.zip(from.words(n)?) {
                    *place = row(found);
                }
            }
            Stored::Single(_) => return Err("a column has become a list"),
            Stored::Lists(lists) => from.lists((n, plain), row, lists)?,
        }
    }
    if from.0.is_empty() {
        Ok(())
    } else {
        Err("a block has bytes left over")
    }
}

/// Bytes being read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (head, rest) = self.0.split_at_checked(count).ok_or("a block ends early")?;
        self.0 = rest;
        Ok(head)
    }

    fn words(&mut self, count: usize) -> Result<impl Iterator<Item = u32> + use<'a>, &'static str> {
        let (words, _) = self.take(count.saturating_mul(4))?.as_chunks::<4>();
        Ok(words.iter().map(|bytes| u32::from_le_bytes(*bytes)))
    }

    fn word(&mut self) -> Result<u32, &'static str> {
        self.words(1)?.next().ok_or("a block ends early")
    }

    fn kind(&mut self) -> Result<bool, &'static str> {
        match self.take(1)? {
            [SINGLE] => Ok(true),
            [LISTS] => Ok(false),
            _ => Err("a column is of no known kind"),
        }
    }

    fn floats(&mut self, count: usize, to: &mut Vec<f32>) -> Result<(), &'static str> {
        to.extend(self.words(count)?.map(f32::from_bits));
        Ok(())
    }

    fn lists(
        &mut self,
        (n, plain): (usize, bool),
        row: impl Fn(u32) -> u32,
        to: &mut Lists,
    ) -> Result<(), &'static str> {
        let first = to.rows.len();
        if plain {
            to.ends.extend((first + 1..).take(n));
        } else {
            to.ends.extend(self.words(n)?.map(|end| first + end as usize));
        }
        let last = if n == 0 { first } else { to.ends[to.ends.len() - 1] };
        let count = last.checked_sub(first).ok_or("a list ends before it begins")?;
        to.rows.extend(self.words(count)?.map(row));
        if plain {
            to.weights.resize(last, 1.0);
            return Ok(());
        }
        self.floats(count, &mut to.weights)
    }
}

/// The file's tail: which columns are single, then what the encoder keeps.
pub(super) fn tail(single: &[bool], rest: &[u8]) -> Vec<u8> {
    let mut tail: Vec<u8> = single.iter().map(|single| u8::from(*single)).collect();
    tail.extend_from_slice(rest);
    tail
}

/// The parts of [`tail`].
pub(super) fn split_tail(tail: &[u8], columns: usize) -> Option<(Vec<bool>, &[u8])> {
    let (single, rest) = tail.split_at_checked(columns)?;
    Some((single.iter().map(|flag| *flag == 1).collect(), rest))
}
