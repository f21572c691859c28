//! Rows of factors: linear models, factorisation machines and their field-aware form, learnt one sample at a time.
//!
//! ```text
//! x·w = Σ_j x_j w_j
//! fields 0 (LR)   logit = b + x·w
//! fields 1 (FM)   logit = b + x·w + Σ_{i<j} x_i x_j ⟨v_i, v_j⟩                 Rendle 2010
//! fields F (FFM)  logit = b + x·w + Σ_{i<j} x_i x_j ⟨v_{i,f(j)}, v_{j,f(i)}⟩   Juan et al. 2016
//! ```
//!
//! Decision: a scalar loop per weight is what makes open trainers slow. Here a row holds its weights and its optimiser
//! state side by side, the other side of every product is laid out once per sample in the same order, and whole
//! registers do forward and update. While one sample is learnt the next one's rows are fetched.

mod copies;
mod forward;
mod learner;
mod rule;
mod table;
#[cfg(test)]
mod tests;
mod update;

pub use copies::Copies;
pub use learner::{Entries, Learner};
pub use rule::{Kind as RuleKind, Rates, Rule};
pub use table::{FactorTable, Shape};
