//! Extraction results: what a plan writes and models read.
//!
//! Sparse results lie one behind the other (signs, weights, and where each ends), dense results in one row of floats;
//! slotless features lie between them, so that later features and the cross group read them from here too. Decision: one
//! flat buffer per kind rather than a vector per slot: nothing is allocated after the first rows.

use crate::SlotSpec;
use crate::half::Half;

/// The extraction result of one group for one row. Reuse it: after the first rows it no longer allocates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    pub(crate) signs: Vec<u64>,
    pub(crate) weights: Vec<f32>,
    /// Where each sparse result ends in `signs` and `weights`.
    pub(crate) ends: Vec<usize>,
    pub(crate) dense: Vec<f32>,
    /// For each dense result in order of execution: is it missing?
    pub(crate) missing: Vec<bool>,
    /// This part's share of the plan's pairs, in their order; none in a cross part.
    pub(crate) halves: Vec<Half>,
    /// Whether a sparse result is anything but one sign of weight 1.
    pub(crate) mixed: bool,
}

/// A part without results, for groups that are not there yet.
pub(crate) static EMPTY: Part = Part {
    signs: Vec::new(),
    weights: Vec::new(),
    ends: Vec::new(),
    dense: Vec::new(),
    missing: Vec::new(),
    halves: Vec::new(),
    mixed: false,
};

impl Part {
    /// The signs of a sparse result and their weights (equal lengths; empty when missing or out of range).
    #[must_use]
    #[inline]
    pub fn sparse(&self, index: usize) -> (&[u64], &[f32]) {
        let start = index
            .checked_sub(1)
            .and_then(|i| self.ends.get(i))
            .copied()
            .unwrap_or(0);
        match self.ends.get(index) {
            Some(&end) => (&self.signs[start..end], &self.weights[start..end]),
            None => (&[], &[]),
        }
    }

    /// The signs of all sparse results by index, if each is one sign of weight 1: the usual part, read without a look at
    /// weights and ends.
    #[must_use]
    #[inline]
    pub fn singles(&self) -> Option<&[u64]> {
        (!self.mixed).then_some(&self.signs)
    }

    /// Ends a sparse result after its signs and weights.
    #[inline]
    pub(crate) fn end(&mut self) {
        let single = self.signs.len() == self.ends.last().copied().unwrap_or(0) + 1;
        self.mixed |= !single || self.weights.last().map(|w| w.to_bits()) != Some(1f32.to_bits());
        self.ends.push(self.signs.len());
    }

    /// The floats of a dense result (0 where missing; empty when out of range).
    #[must_use]
    pub fn dense(&self, offset: usize, width: usize) -> &[f32] {
        self.dense
            .get(offset..offset.saturating_add(width))
            .unwrap_or(&[])
    }

    /// Reads the part where [`crate::Plan::cross`] will: before a run over many items' parts, it has their memory on its
    /// way while the ones before are looked for.
    #[inline]
    pub fn touch(&self) {
        std::hint::black_box(self.halves.first().copied());
    }

    /// Appends the canonical little-endian form of one slot: slot u32, kind u8 (0 sparse, 1 dense), count u32, then
    /// per sign its u64 and its weight's f32 bits, or the f32 bits of the floats. Equal bytes are equal features:
    /// this is what "online = offline" compares.
    pub fn encode(&self, spec: &SlotSpec, out: &mut Vec<u8>) {
        crate::canonical::write(spec.slot, self.content(spec), out);
    }

    pub(crate) fn clear(&mut self) {
        self.signs.clear();
        self.weights.clear();
        self.ends.clear();
        self.dense.clear();
        self.missing.clear();
        self.halves.clear();
        self.mixed = false;
    }
}

/// Working memory of an extraction. One per thread; reuse it.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) signs: Vec<u64>,
    pub(crate) weights: Vec<f32>,
    pub(crate) dense: Vec<f32>,
    pub(crate) bytes: Vec<u8>,
    /// Signs and weights of a cross's components, one behind the other.
    pub(crate) components: Vec<(u64, f32)>,
    /// Vectors that are compared.
    pub(crate) numbers: Vec<f64>,
    /// Places, while signs are sorted.
    pub(crate) order: Vec<usize>,
    /// Text that is being made, and where its pieces lie.
    pub(crate) text: String,
    pub(crate) spans: Vec<(usize, usize)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Group, SlotKind};

    fn part() -> Part {
        Part {
            signs: vec![7, 8, 9],
            weights: vec![1.0, 0.5, 2.0],
            ends: vec![2, 2, 3],
            dense: vec![1.5, -2.0],
            missing: vec![false],
            halves: vec![],
            mixed: true,
        }
    }

    #[test]
    fn results_are_found_by_index() {
        let part = part();
        assert_eq!(part.sparse(0), (&[7, 8][..], &[1.0, 0.5][..]));
        assert_eq!(part.sparse(1), (&[][..], &[][..]));
        assert_eq!(part.sparse(2).0, &[9]);
        assert_eq!(part.dense(0, 2), &[1.5, -2.0]);
    }

    #[test]
    fn singles_are_what_sparse_gives() {
        let mut part = Part::default();
        assert_eq!(part.singles(), Some(&[][..]));
        for results in [&[(7, 1.0)][..], &[(8, 1.0)], &[(9, 0.5)], &[(1, 1.0)]] {
            part.signs.extend(results.iter().map(|(sign, _)| *sign));
            part.weights.extend(results.iter().map(|(_, weight)| *weight));
            part.end();
            let usual = !part.weights.contains(&0.5);
            assert_eq!(part.singles(), usual.then_some(&part.signs[..]));
        }
        part.clear();
        part.end();
        assert_eq!(part.singles(), None, "nothing is not one sign");
        part.clear();
        part.signs.extend([1, 2]);
        part.weights.extend([1.0, 1.0]);
        part.end();
        assert_eq!(part.singles(), None, "nor are two");
    }

    #[test]
    fn out_of_range_is_empty() {
        assert_eq!(part().sparse(3), (&[][..], &[][..]));
        assert_eq!(part().dense(1, usize::MAX), &[] as &[f32]);
        assert_eq!(EMPTY.sparse(0), (&[][..], &[][..]));
    }

    #[test]
    fn encoding_is_little_endian() {
        let spec = |kind, index| SlotSpec {
            slot: 258,
            name: "x".into(),
            group: Group::Item,
            kind,
            index,
            signs: 0,
        };
        let mut bytes = Vec::new();
        part().encode(&spec(SlotKind::Sparse, 2), &mut bytes);
        assert_eq!(
            bytes,
            [2, 1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64]
        );
        bytes.clear();
        part().encode(&spec(SlotKind::Dense(1), 1), &mut bytes);
        assert_eq!(bytes, [2, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 192]);
    }
}
