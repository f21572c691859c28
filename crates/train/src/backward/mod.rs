//! The layers of training: each computes forward on a batch and, given the gradient of its output, backward.
//!
//! One file per layer. A layer keeps what backward needs in buffers that it reuses from batch to batch, so that a
//! training step allocates nothing once the largest batch has been seen. Products are the kernel's; tables receive
//! gradients only for the rows of the batch.

pub mod behind;
pub mod combine;
pub mod dense;
pub mod dropout;
pub mod embedding;
pub mod excitation;
pub mod fold;
pub mod gmf;
pub(crate) mod initial;
pub mod mlp;
pub mod pairs;
pub mod parted;
pub mod preference;
pub mod tower;
pub mod wide;

pub use behind::Behind;
pub use combine::Combine;
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use excitation::Excitation;
pub use fold::Fold;
pub use gmf::Gmf;
pub use mlp::Mlp;
pub use pairs::Pairs;
pub use parted::Parted;
pub use preference::Preference;
pub use tower::{Tower, Towers};
pub use wide::Wide;

/// Whether a forward pass is for learning (dropout active) or for judging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Dropout draws its masks.
    Learn,
    /// Everything is deterministic, as in serving.
    Judge,
}

/// Gives `buffer` the length `len`, contents unspecified; allocates only when it grows beyond what it ever was.
pub(crate) fn sized<T: rankine_kernel::Real>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    buffer.resize(len, T::ZERO);
    buffer
}
