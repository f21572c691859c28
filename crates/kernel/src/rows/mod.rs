//! Parameter rows: key → row tables that grow, and the gradients of the rows one batch touches.
//!
//! A row holds its weights and its optimiser state side by side: one cache miss, not three. The reading pass assigns
//! rows (`intern`), training then speaks only of row numbers. Row 0 is the missing row: what absent and unknown keys read.

mod gradients;
mod index;
mod shared;
mod stretch;
mod table;

pub use gradients::RowGradients;
pub use index::{KeyIndex, ask, home, places};
pub use shared::SharedRows;
pub use stretch::{gather, gather_from, scatter, sum_rows};
pub(crate) use table::fetch;
pub use table::{MISSING, RowTable, prefetch};
