//! How a user's vector u and an item's vector v become one number.
//!
//! ```text
//! dot      Σ uᵢ·vᵢ
//! cosine   Σ uᵢ·vᵢ / (|u|·|v|)       0 where one of them is no longer than 1e-12
//! product  Σ wᵢ·uᵢ·vᵢ               element-wise product, dense layer of one output
//! concat   Σ wᵢ·uᵢ + Σ w_{d+i}·vᵢ    both side by side, dense layer of one output
//! ```
//!
//! Decision: each is made a dot product of one vector that rests on the user and one that rests on the item, so that a
//! candidate costs one dot and an index searches what the model ranks. Whatever weighs goes into the user's vector:
//! `w∘u / temperature`; cosine has both scaled to length 1. Of `concat` the user's part of the dot is `w_{d..}`, the same
//! for every user, so an index has nothing to search.

use rankine_kernel::{Real, dense};

/// How a user's and an item's vector become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combination {
    /// The inner product.
    Dot,
    /// The inner product of the vectors scaled to length 1.
    Cosine,
    /// The weighted inner product.
    Product,
    /// A weighted sum of both vectors' numbers.
    Concat,
}

impl Combination {
    /// The length up to which a vector has no direction.
    pub const SHORTEST: f64 = 1e-12;

    /// Returns the name used in model files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Combination::Dot => "dot",
            Combination::Cosine => "cosine",
            Combination::Product => "product",
            Combination::Concat => "concat",
        }
    }

    /// Returns whether an index can be searched for the items that a user's vector ranks first.
    #[must_use]
    pub fn is_searchable(self) -> bool {
        self != Combination::Concat
    }

    /// Turns an item tower's output into the item's side of the dot product.
    pub(crate) fn item<T: Real>(self, vector: &mut [T]) {
        if self == Combination::Cosine {
            unit(T::ONE, vector);
        }
    }

    /// Turns a user tower's output into the user's side of the dot product, with the weights of `product` and `concat` and
    /// one over the temperature; returns what the combination adds to every candidate's logit.
    pub(crate) fn user<T: Real>(self, weights: &[T], scale: T, vector: &mut [T]) -> T {
        match self {
            Combination::Dot => dense::scale(scale * factor(weights), vector),
            Combination::Cosine => unit(scale * factor(weights), vector),
            Combination::Product => {
                let weighed = vector.iter_mut().zip(weights);
                weighed.for_each(|(u, w)| *u = *u * *w * scale);
            }
            Combination::Concat => {
                let (own, other) = weights.split_at(weights.len() / 2);
                let added = dense::dot(vector, own) * scale;
                vector.iter_mut().zip(other).for_each(|(u, w)| *u = *w * scale);
                return added;
            }
        }
        T::ZERO
    }
}

/// The learnt factor; 1 where there is none.
fn factor<T: Real>(weights: &[T]) -> T {
    weights.first().copied().unwrap_or(T::ONE)
}

/// Gives a vector the length `length`; zeros where it has no direction.
fn unit<T: Real>(length: T, vector: &mut [T]) {
    let norm = dense::dot(vector, vector).sqrt();
    let factor = if norm > T::of(Combination::SHORTEST) {
        length / norm
    } else {
        T::ZERO
    };
    dense::scale(factor, vector);
}
