//! Sequence: the latest `length` entries of list slots that run side by side (items with what is known of each), a row of
//! vectors from the oldest to the latest, zeros behind them, and how many there are as its last number.
//!
//! `[v_n … v₁ 0 … 0 | n]`; `v_t` is the columns' rows of the t-th sign side by side, each times its weight. Lists come as the
//! `history` operator gives them, the most recent first; of different lengths, they are cut to the shortest.

/// What a sequence reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Columns of the network, side by side in each entry.
    pub columns: Vec<usize>,
    /// Most entries.
    pub length: usize,
    /// Numbers of an entry.
    pub dim: usize,
}

impl Sequence {
    /// Numbers of its value.
    #[must_use]
    pub fn width(&self) -> usize {
        self.length * self.dim + 1
    }
}

/// Returns the entries of a sequence's value that are there.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count that was made a float, at most the length"
)]
pub fn entries<T: rankine_kernel::Real>(value: &[T]) -> usize {
    value.last().map_or(0, |n| n.to_f64() as usize)
}
