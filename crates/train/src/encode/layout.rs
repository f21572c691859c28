//! What of a plan's slots a model reads: sparse columns, each with its table, and the dense block.
//!
//! A slot that feeds two tables (an embedding and a wide weight, say) is two columns: each table numbers its own rows,
//! so that a row is never allocated in a table that does not use it.

use rankine_feature::SlotSpec;

/// How the signs of one slot become one row of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// `Σ weight · row`.
    Sum,
    /// `Σ weight · row / Σ weight`.
    Mean,
}

/// One sparse slot read through one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseColumn {
    /// Where the signs are.
    pub spec: SlotSpec,
    /// Index into [`Layout::tables`].
    pub table: usize,
    /// How several signs become one.
    pub pooling: Pooling,
}

/// One table's numbering of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableKeys {
    /// The table's name.
    pub name: String,
    /// Signs that occur in fewer training samples share the missing row.
    pub min_count: u32,
}

/// Everything a model reads of a sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Sparse slots, in the order in which models number them.
    pub columns: Vec<SparseColumn>,
    /// The tables the columns point to.
    pub tables: Vec<TableKeys>,
    /// Dense slots (offset and width in their part), concatenated in this order.
    pub dense: Vec<SlotSpec>,
}

impl Layout {
    /// Floats of one sample's dense block.
    #[must_use]
    pub fn dense_width(&self) -> usize {
        self.dense.iter().map(width).sum()
    }
}

/// Floats of one slot; 0 for sparse ones.
#[must_use]
pub fn width(spec: &SlotSpec) -> usize {
    match spec.kind {
        rankine_feature::SlotKind::Dense(width) => width,
        rankine_feature::SlotKind::Sparse => 0,
    }
}
