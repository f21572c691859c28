//! `Examples`: a stretch of samples as keys, before they have rows.

/// Samples one after another; entry e of sample i lies in `ends[i-1]..ends[i]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examples {
    /// One per sample.
    pub labels: Vec<f32>,
    /// One per sample.
    pub weights: Vec<f32>,
    /// Where each sample's entries end.
    pub ends: Vec<u32>,
    /// The field of each entry: its slot's place in the model file.
    pub fields: Vec<u16>,
    /// The key of each entry.
    pub keys: Vec<u64>,
    /// The value of each entry.
    pub values: Vec<f32>,
}

impl Examples {
    /// Forgets all samples.
    pub fn clear(&mut self) {
        self.labels.clear();
        self.weights.clear();
        self.ends.clear();
        self.fields.clear();
        self.keys.clear();
        self.values.clear();
    }

    /// Returns the number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Adds an entry to the sample that [`Examples::close`] will end.
    #[inline]
    pub fn push(&mut self, field: u16, key: u64, value: f32) {
        self.fields.push(field);
        self.keys.push(key);
        self.values.push(value);
    }

    /// Drops the entries since the last sample.
    pub(super) fn reopen(&mut self) {
        let end = self.start();
        self.fields.truncate(end);
        self.keys.truncate(end);
        self.values.truncate(end);
    }

    /// Ends a sample; its entries stand by ascending field from here on.
    pub fn close(&mut self, label: f32, weight: f32) {
        let start = self.start();
        if !self.fields[start..].is_sorted() {
            self.sort(start);
        }
        self.labels.push(label);
        self.weights.push(weight);
        self.ends.push(u32::try_from(self.keys.len()).unwrap_or(u32::MAX));
    }

    /// Where the open sample's entries begin.
    pub(super) fn start(&self) -> usize {
        self.ends.last().map_or(0, |end| *end as usize)
    }

    fn sort(&mut self, start: usize) {
        let mut order: Vec<usize> = (start..self.fields.len()).collect();
        order.sort_by_key(|at| self.fields[*at]);
        let entries: Vec<_> = order
            .iter()
            .map(|at| (self.fields[*at], self.keys[*at], self.values[*at]))
            .collect();
        for (at, (field, key, value)) in (start..).zip(entries) {
            (self.fields[at], self.keys[at], self.values[at]) = (field, key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_by_field_and_keep_their_order_within_one() {
        let mut e = Examples::default();
        e.push(0, 9, 1.0);
        e.close(1.0, 1.0);
        for (field, key) in [(2, 1), (0, 2), (2, 3), (1, 4)] {
            e.push(field, key, key as f32);
        }
        e.close(0.0, 2.0);
        assert_eq!(e.fields, [0, 0, 1, 2, 2]);
        assert_eq!(e.keys, [9, 2, 4, 1, 3]);
        assert_eq!((e.values[1], e.ends.clone(), e.len()), (2.0, vec![1, 5], 2));
        e.push(7, 7, 7.0);
        e.reopen();
        assert_eq!(e.keys.len(), 5);
    }
}
