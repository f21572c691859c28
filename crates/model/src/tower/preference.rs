//! Preference: the part of a tower's input that may be missing, and the number that says so.
//!
//! ```text
//! input = [content columns | preference columns | content numbers | preference numbers | m]
//! m = 1   a sign of a preference column has a row of its own, or the slot `absent` says 0 for one of its inputs
//! m = 0   otherwise; the preference's columns and numbers are zeros then
//! ```
//!
//! Decision: numbers alone never say whether they are there, since zeros may be a vector; a conf computes `absent` by its
//! operator `is_missing`.

use super::Tower;
use crate::network::{Network, width};
use crate::scorer::Gather;
use rankine_feature::{Part, SlotSpec};
use rankine_kernel::Real;
use std::ops::Range;

/// Numbers below this say that an input is there.
pub const ABSENT: f32 = 0.5;

/// The preference part of a tower's input.
#[derive(Debug, Clone, PartialEq)]
pub struct Preference {
    /// How many of the tower's columns it is: the last.
    pub columns: usize,
    /// How many of the tower's dense slots it is: the last.
    pub dense: usize,
    /// The slot that says of each input whether it is missing: an index into [`Network::dense`].
    pub absent: Option<usize>,
    /// Share of the samples whose preference is taken away while learning.
    pub dropout: f64,
}

impl Tower {
    /// Returns the stretches of the input that are preference: its columns, its numbers. None without a preference.
    #[must_use]
    pub fn preference_spans(&self, network: &Network) -> Option<[Range<usize>; 2]> {
        let preference = self.preference.as_ref()?;
        let dims = |columns: &[usize]| columns.iter().map(|c| network.dim(*c)).sum::<usize>();
        let content = self.columns.len() - preference.columns;
        let (sparse, own) = (dims(&self.columns), dims(&self.columns[..content]));
        let numbers = self.dense_width(network);
        let target = self.preference_dense(network).map_or(0, |range| range.len());
        Some([own..sparse, sparse + numbers - target..sparse + numbers])
    }

    /// Returns where the preference's numbers are in a sample's dense block. None without a preference.
    #[must_use]
    pub fn preference_dense(&self, network: &Network) -> Option<Range<usize>> {
        let preference = self.preference.as_ref()?;
        let first = self.dense.end - preference.dense;
        Some(numbers(network, first)..numbers(network, self.dense.end))
    }

    /// Returns where the numbers that say whether the preference is missing are in a sample's dense block.
    #[must_use]
    pub fn absent_dense(&self, network: &Network) -> Option<Range<usize>> {
        let at = self.preference.as_ref()?.absent?;
        Some(numbers(network, at)..numbers(network, at + 1))
    }
}

/// Numbers of a sample's dense block before a slot.
fn numbers(network: &Network, slot: usize) -> usize {
    network.dense[..slot].iter().map(width).sum()
}

/// A preference as serving reads it.
pub(super) struct Sight {
    columns: usize,
    spans: [Range<usize>; 2],
    absent: Option<SlotSpec>,
}

impl Sight {
    /// The preference of a tower; none where it has none.
    pub(super) fn new(tower: &Tower, network: &Network) -> Option<Sight> {
        let preference = tower.preference.as_ref()?;
        Some(Sight {
            columns: preference.columns,
            spans: tower.preference_spans(network)?,
            absent: preference.absent.map(|at| network.dense[at].clone()),
        })
    }

    /// Whether a part has a preference.
    pub(super) fn sees<T: Real>(&self, columns: &[Gather<T>], part: &Part) -> bool {
        let there = |slot: &SlotSpec| part.dense(slot.index, width(slot)).iter().any(|x| *x < ABSENT);
        let own = &columns[columns.len() - self.columns..];
        self.absent.as_ref().is_some_and(there) || own.iter().any(|column| column.knows(part))
    }

    /// Ends an input with its m, and blanks the preference where that is 0.
    pub(super) fn mark<T: Real>(&self, seen: bool, x: &mut Vec<T>) {
        if !seen {
            self.spans.iter().for_each(|span| x[span.clone()].fill(T::ZERO));
        }
        x.push(if seen { T::ONE } else { T::ZERO });
    }
}
