//! The matrix and neighbourhood kinds: they learn from who met what, (user, item, weight), and from nothing else of a sample.
//!
//! Flow: samples → [`Interactions`] (signs become rows and columns) → one of [`ials`], [`bpr`], [`ease`], [`itemknn`],
//! [`popularity`], [`walk`] → tables by sign that [`rankine_model::matrix`] serves. Decision: users and items are the signs
//! that the conf makes of them, not ids, so an artefact serves a request with the very features it was trained with.

pub mod bpr;
pub mod ease;
mod heritage;
pub mod ials;
mod interactions;
pub mod itemknn;
pub mod popularity;
mod run;
#[cfg(test)]
pub(crate) mod testing;
pub mod walk;

pub(crate) use heritage::Heritage;
pub use interactions::{Interactions, Sparse};
pub use run::train;
