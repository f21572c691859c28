//! Training of `lr`, `fm` and `ffm`: sample by sample, streaming, never a whole file in memory.
//!
//! ```text
//! epoch 1   text or samples ─ Feed ─▶ Examples (keys) ─ Coder ─▶ Block (rows) ─▶ predict, then update
//!                                                                  └▶ cache file
//! epoch 2…  cache file ─▶ Blocks, in an order of the epoch's own ─▶ predict, then update
//! ```
//! Decision: a sample is always predicted before it is learnt, so the training loss of the first epoch is that of a model
//! which has not seen the samples (progressive validation, Blum et al. 1999). Keys get their rows as they appear, between
//! blocks; threads only ever speak of rows that exist, and update them without locks (Hogwild, Niu et al. 2011). One
//! thread is deterministic, several are not. With `lbfgs`, `lr` learns from all samples at once: the first pass only codes.

mod block;
mod cache;
mod clocks;
mod coder;
mod descent;
mod epoch;
mod examples;
mod feed;
mod hot;
mod number;
mod run;
#[cfg(test)]
mod tests;
mod text;
mod weights;
mod whole;

pub use examples::Examples;
pub use feed::{Feed, Feeds, PlanFeed};
pub use run::{Place, train};
pub use text::{Choice, TextFeed, TextFormat, TextSamples};
