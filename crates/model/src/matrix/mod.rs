//! The kinds that know who met what and nothing else: factors, neighbours, popularity, walks.
//!
//! What they share is their place: tables by the signs of users and items, one file per kind for the formula
//! (`model/ials.rs` …), and a scorer of their own ([`scorer`]). Decision: `item` and `history` have the same signs (a feature
//! with `share`), so that what a request says of the past finds the rows that training made.

mod scorer;
#[cfg(test)]
mod tests;

pub(crate) use scorer::MatrixScorer;

use crate::config::{Kind, MatrixConfig};
use crate::network::{Role, TableSpec, TensorSpec};
use rankine_feature::SlotSpec;
use rankine_kernel::Real;
use serde::{Deserialize, Serialize};

/// Name of the table of users' vectors.
pub const USERS: &str = "user";
/// Name of the table of items: their vectors, places among the weights, or shares of users.
pub const ITEMS: &str = "item";
/// Name of the table of what an item says of others: all weights, or `[places | weights]` of its neighbours.
pub const NEIGHBOURS: &str = "neighbours";
/// Name of the tensor `unobserved · QᵀQ`, which solving a user takes.
pub const GRAM: &str = "gram";
/// Name of the tensor with the number of items.
pub const COUNT: &str = "items";

/// What an observed pair of `ials` weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// w, and `unobserved` like every pair (Rendle et al. 2022).
    #[default]
    Rendle,
    /// `unobserved + w`, once (Hu, Koren and Volinsky 2008 with `unobserved` 1).
    Hu,
}

/// Whose vector is solved from the history when he asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum FoldIn {
    /// Users whom training never saw.
    #[default]
    New,
    /// Everybody with a history: what was done a moment ago counts.
    Always,
}

/// Returns `(count + base)^exponent`, the frequency that regularisation grows with; the same bits on every machine.
#[must_use]
pub fn ridge(count: usize, base: f64, exponent: f64) -> f64 {
    let frequency = count as f64 + base;
    if exponent == 1.0 {
        return frequency;
    }
    <f64 as Real>::exp(exponent * <f64 as Real>::ln_1p(frequency - 1.0))
}

/// What solving a user's vector from his history takes beside the Gramian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ridge {
    /// What an unobserved pair weighs.
    pub unobserved: f64,
    /// Regularisation.
    pub reg: f64,
    /// How it grows with frequency.
    pub exponent: f64,
    /// What an observed pair weighs.
    pub confidence: Confidence,
}

/// A matrix model compiled with a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixPart {
    /// Which of them.
    pub kind: Kind,
    /// The user's slot, of the common group.
    pub user: Option<SlotSpec>,
    /// The item's slot, of the item group.
    pub item: SlotSpec,
    /// The slot of what the user met, of the common group.
    pub history: Option<SlotSpec>,
    /// Numbers per row of users and items.
    pub dim: usize,
    /// Neighbours per item; 0: all items. Of `ease` and `itemknn` alone.
    pub neighbours: usize,
    /// Whose vector comes from the history.
    pub fold_in: FoldIn,
    /// How it is solved.
    pub ridge: Ridge,
}

impl MatrixPart {
    pub(crate) fn new(
        (kind, config): (Kind, &MatrixConfig),
        user: Option<SlotSpec>,
        item: SlotSpec,
        history: Option<SlotSpec>,
    ) -> MatrixPart {
        let dim = if kind == Kind::Bpr {
            // a bias, and the one it is multiplied with
            config.dim() + 1
        } else if matches!(kind, Kind::Ials | Kind::Walk) {
            config.dim()
        } else {
            1
        };
        MatrixPart {
            kind,
            user,
            item,
            history,
            dim,
            neighbours: config.neighbours(kind),
            fold_in: config.fold_in(),
            ridge: Ridge {
                unobserved: config.unobserved(),
                reg: config.reg(kind),
                exponent: config.exponent(),
                confidence: config.confidence(),
            },
        }
    }

    /// Returns whether users have vectors of their own.
    #[must_use]
    pub fn has_users(&self) -> bool {
        matches!(self.kind, Kind::Ials | Kind::Bpr)
    }

    /// Returns whether items say something of other items.
    #[must_use]
    pub fn has_neighbours(&self) -> bool {
        matches!(self.kind, Kind::Ease | Kind::ItemKnn)
    }

    /// Returns whether a user's vector may be solved from his history.
    #[must_use]
    pub fn folds_in(&self) -> bool {
        self.kind == Kind::Ials && self.history.is_some()
    }

    /// Returns the tables whose width the model file settles. That of all weights is as wide as there are items.
    #[must_use]
    pub fn tables(&self) -> Vec<TableSpec> {
        let table = |name: &str, dim| TableSpec {
            name: name.to_owned(),
            dim,
            role: Role::Product,
            min_count: 1,
            l2: None,
            init: None,
            buckets: None,
            expire: None,
        };
        let mut tables = vec![table(ITEMS, self.dim)];
        if self.has_users() {
            tables.push(table(USERS, self.dim));
        }
        if self.has_neighbours() && self.neighbours > 0 {
            tables.push(table(NEIGHBOURS, 2 * self.neighbours));
        }
        tables
    }

    /// Returns the dense tensors.
    #[must_use]
    pub fn tensors(&self) -> Vec<TensorSpec> {
        let tensor = |name: &str, shape| TensorSpec {
            name: name.to_owned(),
            shape,
        };
        let mut tensors = vec![tensor(COUNT, vec![1])];
        if self.folds_in() {
            tensors.push(tensor(GRAM, vec![self.dim, self.dim]));
        }
        tensors
    }
}
