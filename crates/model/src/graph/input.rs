//! Inputs: pooled rows of sparse columns side by side, then dense slots; all of one group.

use std::ops::Range;

/// What an input reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Columns of the network, in order.
    pub columns: Vec<usize>,
    /// Dense slots of the network, a stretch.
    pub dense: Range<usize>,
}
