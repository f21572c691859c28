//! `Block`: a stretch of samples as rows, in memory and on disk.
//!
//! Where every sample has each field exactly once, a sample is one `u32` per field; values are kept of the columns that
//! have others than 1. Anything else keeps fields and ends.

use rankine_kernel::factor::Entries;

use super::examples::Examples;

/// Samples as rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Block {
    pub(super) labels: Vec<f32>,
    /// One per sample; none where all are 1.
    pub(super) weights: Vec<f32>,
    pub(super) rows: Vec<u32>,
    /// Columns with values; only where `width` says that samples are alike.
    valued: Vec<u16>,
    /// Samples × `valued`, or one per entry (none where all are 1).
    values: Vec<f32>,
    /// Entries of each sample if all have the fields 0, 1, … once; 0 otherwise.
    width: usize,
    ends: Vec<u32>,
    fields: Vec<u16>,
}

/// What a reader of blocks needs beside them: one sample's values and the plain fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Lens {
    values: Vec<f32>,
    fields: Vec<u16>,
}

impl Block {
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Takes all of the samples but their rows.
    pub(super) fn open(&mut self, from: &Examples) {
        self.labels.clone_from(&from.labels);
        self.weights.clone_from(&from.weights);
        self.ends.clone_from(&from.ends);
        self.fields.clone_from(&from.fields);
        self.values.clone_from(&from.values);
        self.rows.clear();
    }

    /// Finds the shortest form, once the rows are there.
    pub(super) fn settle(&mut self, fields: usize) {
        if self.weights.iter().all(|w| *w == 1.0) {
            self.weights.clear();
        }
        self.valued.clear();
        self.width = 0;
        let samples = self.len();
        let alike = self.fields.len() == samples * fields
            && self
                .fields
                .chunks_exact(fields.max(1))
                .all(|f| f.iter().zip(0u16..).all(|(f, at)| *f == at));
        if !alike || fields == 0 {
            if self.values.iter().all(|x| *x == 1.0) {
                self.values.clear();
            }
            return;
        }
        self.width = fields;
        let mut used = vec![false; fields];
        for row in self.values.chunks_exact(fields) {
            used.iter_mut().zip(row).for_each(|(used, x)| *used |= *x != 1.0);
        }
        self.valued = (0u16..)
            .zip(&used)
            .filter(|(_, used)| **used)
            .map(|(at, _)| at)
            .collect();
        let kept = self.values.chunks_exact(fields);
        self.values = kept
            .flat_map(|row| self.valued.iter().map(|at| row[usize::from(*at)]))
            .collect();
        self.ends.clear();
        self.fields.clear();
    }

    pub(super) fn label(&self, at: usize) -> (f32, f32) {
        (self.labels[at], self.weights.get(at).copied().unwrap_or(1.0))
    }

    /// The rows of sample `at`; none beyond the last.
    #[inline]
    pub(super) fn rows_of(&self, at: usize) -> &[u32] {
        if at >= self.len() {
            return &[];
        }
        let range = self.range(at);
        self.rows.get(range).unwrap_or(&[])
    }

    #[inline]
    fn range(&self, at: usize) -> std::ops::Range<usize> {
        if self.width > 0 {
            return at * self.width..(at + 1) * self.width;
        }
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        start..self.ends[at] as usize
    }

    /// Makes `lens` fit this block.
    pub(super) fn focus(&self, lens: &mut Lens) {
        let longest = (0..self.len()).map(|at| self.range(at).len()).max().unwrap_or(0);
        lens.values.clear();
        lens.values.resize(longest.max(self.width), 1.0);
        lens.fields.clear();
        lens.fields.extend((0u16..).take(self.width));
    }

    /// Sample `at` through a lens that was focused on this block.
    #[inline]
    pub(super) fn entries<'a>(&'a self, at: usize, lens: &'a mut Lens) -> Entries<'a, f32> {
        let range = self.range(at);
        let rows = &self.rows[range.clone()];
        if self.width > 0 {
            let from = at * self.valued.len();
            for (column, x) in self.valued.iter().zip(&self.values[from..]) {
                lens.values[usize::from(*column)] = *x;
            }
            return Entries {
                rows,
                fields: &lens.fields,
                values: &lens.values,
            };
        }
        let values = if self.values.is_empty() {
            &lens.values[..range.len()]
        } else {
            &self.values[range.clone()]
        };
        Entries {
            rows,
            fields: &self.fields[range],
            values,
        }
    }

    /// Appends the block's bytes: lengths, then each list, little-endian.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let lengths = [
            self.labels.len(),
            self.weights.len(),
            self.rows.len(),
            self.valued.len(),
            self.values.len(),
            self.width,
            self.ends.len(),
            self.fields.len(),
        ];
        lengths.iter().for_each(|n| out.extend((*n as u64).to_le_bytes()));
        for list in [&self.labels, &self.weights, &self.values] {
            append(out, list, |v| v.to_le_bytes());
        }
        for list in [&self.rows, &self.ends] {
            append(out, list, |v| v.to_le_bytes());
        }
        for list in [&self.valued, &self.fields] {
            append(out, list, |v| v.to_le_bytes());
        }
    }

    /// Reads what [`Block::write`] wrote; says what is wrong with other bytes. Rows are below `limit`, fields below `fields`.
    pub(super) fn read(&mut self, bytes: &[u8], limit: usize, fields: usize) -> Result<(), &'static str> {
        let mut from = Bytes(bytes);
        let mut lengths = [0usize; 8];
        for length in &mut lengths {
            let read = u64::from_le_bytes(*from.take(8)?.first_chunk().ok_or("too short")?);
            *length = usize::try_from(read).map_err(|_| "a length is too large")?;
        }
        let [labels, weights, rows, valued, values, width, ends, own] = lengths;
        self.width = width;
        from.list(labels, &mut self.labels, f32::from_le_bytes)?;
        from.list(weights, &mut self.weights, f32::from_le_bytes)?;
        from.list(values, &mut self.values, f32::from_le_bytes)?;
        from.list(rows, &mut self.rows, u32::from_le_bytes)?;
        from.list(ends, &mut self.ends, u32::from_le_bytes)?;
        from.list(valued, &mut self.valued, u16::from_le_bytes)?;
        from.list(own, &mut self.fields, u16::from_le_bytes)?;
        if from.0.is_empty() {
            self.check(limit, fields)
        } else {
            Err("bytes are left over")
        }
    }

    /// Whether the lists fit one another.
    fn check(&self, limit: usize, fields: usize) -> Result<(), &'static str> {
        let samples = self.len();
        let within = |list: &[u16]| list.iter().all(|f| usize::from(*f) < fields);
        let lists = if self.width > 0 {
            self.width == fields
                && Some(self.rows.len()) == samples.checked_mul(self.width)
                && Some(self.values.len()) == samples.checked_mul(self.valued.len())
                && within(&self.valued)
        } else {
            self.ends.len() == samples
                && self.ends.is_sorted()
                && self.ends.last().map_or(0, |end| *end as usize) == self.rows.len()
                && self.fields.len() == self.rows.len()
                && (self.values.is_empty() || self.values.len() == self.rows.len())
                && within(&self.fields)
        };
        let rows = self.rows.iter().fold(0, |most, row| most.max(*row)) as usize;
        if !lists || !(self.weights.is_empty() || self.weights.len() == samples) {
            return Err("its lists do not fit one another");
        }
        if rows >= limit && !self.rows.is_empty() {
            Err("a row is not in the table")
        } else {
            Ok(())
        }
    }
}

/// Appends numbers of N bytes.
fn append<T: Copy, const N: usize>(out: &mut Vec<u8>, list: &[T], bytes: impl Fn(T) -> [u8; N]) {
    let start = out.len();
    out.resize(start + list.len() * N, 0);
    let (chunks, _) = out[start..].as_chunks_mut::<N>();
    chunks
        .iter_mut()
        .zip(list)
        .for_each(|(to, value)| *to = bytes(*value));
}

/// Bytes still to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("too short")?;
        self.0 = rest;
        Ok(taken)
    }

    fn list<T, const N: usize>(
        &mut self,
        count: usize,
        out: &mut Vec<T>,
        number: fn([u8; N]) -> T,
    ) -> Result<(), &'static str> {
        let bytes = self.take(count.checked_mul(N).ok_or("a length is too large")?)?;
        out.clear();
        out.extend(bytes.as_chunks::<N>().0.iter().map(|chunk| number(*chunk)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Row = (bool, f32, Vec<(u16, u64, f32)>);

    fn block(samples: &[Row], fields: usize) -> (Block, Examples) {
        let mut examples = Examples::default();
        for (label, weight, entries) in samples {
            for (field, key, value) in entries {
                examples.push(*field, *key, *value);
            }
            examples.close(f32::from(u8::from(*label)), *weight);
        }
        let mut block = Block::default();
        block.open(&examples);
        block.rows = examples.keys.iter().map(|k| u32::try_from(*k).unwrap()).collect();
        block.settle(fields);
        (block, examples)
    }

    fn values() -> impl Strategy<Value = f32> {
        prop_oneof![Just(1.0f32), -2.0f32..2.0]
    }

    fn samples() -> impl Strategy<Value = Vec<Row>> {
        let entries = proptest::collection::vec((0u16..3, 0u64..50, values()), 0..6);
        let mixed = proptest::collection::vec((any::<bool>(), values(), entries), 0..9);
        let each = (0u64..50, 0u64..50, 0u64..50, values())
            .prop_map(|(a, b, c, x)| vec![(0u16, a, 1.0f32), (1, b, x), (2, c, 1.0)]);
        prop_oneof![
            mixed,
            proptest::collection::vec((any::<bool>(), Just(1.0f32), each), 0..9)
        ]
    }

    proptest! {
        #[test]
        fn every_form_gives_back_its_samples_from_memory_and_disk(samples in samples()) {
            let (block, examples) = block(&samples, 3);
            let mut bytes = Vec::new();
            block.write(&mut bytes);
            let mut read = Block::default();
            read.read(&bytes, 50, 3).unwrap();
            prop_assert_eq!(&read, &block);
            let (mut lens, mut start) = (Lens::default(), 0);
            read.focus(&mut lens);
            for (at, end) in examples.ends.iter().enumerate() {
                let (range, entries) = (start..*end as usize, read.entries(at, &mut lens));
                let keys: Vec<u64> = entries.rows.iter().map(|r| u64::from(*r)).collect();
                prop_assert_eq!(&keys[..], &examples.keys[range.clone()]);
                prop_assert_eq!(entries.fields, &examples.fields[range.clone()]);
                prop_assert_eq!(entries.values, &examples.values[range]);
                prop_assert_eq!(read.label(at), (examples.labels[at], examples.weights[at]));
                start = *end as usize;
            }
        }

        #[test]
        fn no_bytes_make_reading_panic(samples in samples(), at in any::<prop::sample::Index>(), byte: u8, cut in 0usize..40) {
            let mut bytes = Vec::new();
            block(&samples, 3).0.write(&mut bytes);
            let place = at.index(bytes.len());
            bytes[place] = byte;
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            let mut read = Block::default();
            if read.read(&bytes, 50, 3).is_ok() {
                let mut lens = Lens::default();
                read.focus(&mut lens);
                for at in 0..read.len() {
                    let entries = read.entries(at, &mut lens);
                    prop_assert!(entries.rows.len() == entries.values.len() && entries.rows.len() == entries.fields.len());
                }
            }
        }
    }

    #[test]
    fn single_valued_fields_cost_a_number_each() {
        let one = |a| {
            (
                true,
                1.0,
                vec![(0u16, a, 1.0f32), (1, a + 1, 0.5), (2, a + 2, 1.0)],
            )
        };
        let (block, _) = block(&[one(1), one(4)], 3);
        assert_eq!(
            (block.rows.len(), block.values.as_slice(), block.fields.len()),
            (6, &[0.5, 0.5][..], 0)
        );
        assert_eq!((block.rows_of(1), block.rows_of(2)), (&[4, 5, 6][..], &[][..]));
    }
}
