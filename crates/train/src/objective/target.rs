//! Targets of a regression: the products of the samples' own preference numbers, whatever dropout takes away.

use std::ops::Range;

use rankine_kernel::Real;
use rankine_model::{Network, Tower};

use crate::backward::preference::sees;
use crate::encode::Batch;

/// Where the preference numbers of both sides are in a sample's dense block.
#[derive(Clone, Debug)]
pub(super) struct Target {
    user: (Range<usize>, Option<Range<usize>>),
    item: (Range<usize>, Option<Range<usize>>),
}

impl Target {
    /// The targets of a network whose towers both have preference numbers, equally many.
    pub(super) fn new(network: &Network) -> Option<Target> {
        let towers = network.towers.as_ref()?;
        let side = |tower: &Tower| Some((tower.preference_dense(network)?, tower.absent_dense(network)));
        Some(Target {
            user: side(&towers.user)?,
            item: side(&towers.item)?,
        })
    }

    /// Numbers of a preference.
    pub(super) fn dim(&self) -> usize {
        self.user.0.len()
    }

    /// The users' preferences side by side, and which samples have one.
    pub(super) fn users<T: Real>(&self, batch: &Batch<T>) -> (Vec<T>, Vec<bool>) {
        gathered(batch, &self.user)
    }

    /// The same of the items.
    pub(super) fn items<T: Real>(&self, batch: &Batch<T>) -> (Vec<T>, Vec<bool>) {
        gathered(batch, &self.item)
    }
}

fn gathered<T: Real>(
    batch: &Batch<T>,
    (numbers, absent): &(Range<usize>, Option<Range<usize>>),
) -> (Vec<T>, Vec<bool>) {
    let blocks = batch.dense.chunks_exact(batch.dense_width.max(1));
    let all = blocks
        .flat_map(|block| &block[numbers.clone()])
        .copied()
        .collect();
    let there = (0..batch.len()).map(|i| sees(batch, i, &[], absent.as_ref()));
    (all, there.collect())
}
