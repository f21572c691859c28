//! Splits: lists of items that no learnt sample has, of all others, and the lists of users who have no learnt sample.
//!
//! Decision: a split of items ranks them alone, as if there were no others, so that what is new competes with what is new: the
//! recall of cold items that others print is made like this. A world without anything cold has no splits.

use serde::{Deserialize, Serialize};

use super::report;
use super::world::{Asked, World, number};
use crate::metric::top;

/// Items that no learnt sample has.
pub const COLD_ITEMS: &str = "cold items";
/// All other items.
pub const WARM_ITEMS: &str = "warm items";
/// Users who have no learnt sample.
pub const COLD_USERS: &str = "cold users";

/// What a split is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Its name.
    pub name: String,
    /// Users with a list.
    pub users: usize,
    /// Items that were ranked.
    pub items: usize,
    /// Held-out ones among them that were liked.
    pub relevant: usize,
}

/// How many of the items liked in a split a ranker's lists have; a mean over users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitRecall {
    /// Name of the split.
    pub split: String,
    /// Recall of lists as long as the ranking says.
    pub recall: f64,
    /// Its standard error.
    pub error: f64,
}

/// The items and users of a split.
pub(super) struct Share {
    name: &'static str,
    /// Items, ascending.
    items: Vec<u32>,
    /// Whether an item is one of them.
    has: Vec<bool>,
    /// Whether a request is one of it.
    users: Vec<bool>,
}

impl Share {
    /// The splits that say something.
    pub(super) fn all(world: &World, asked: &[Asked]) -> Vec<Share> {
        let items = 0..number(world.items());
        let cold: Vec<bool> = items.map(|item| world.met_by(item).is_empty()).collect();
        let new: Vec<bool> = asked.iter().map(|asked| asked.met.is_empty()).collect();
        if !cold.contains(&true) && !new.contains(&true) {
            return Vec::new();
        }
        let warm = cold.iter().map(|cold| !cold).collect();
        let (any_item, any_user) = (vec![true; cold.len()], vec![true; asked.len()]);
        let shares = [
            Share::new(COLD_ITEMS, cold, any_user.clone()),
            Share::new(WARM_ITEMS, warm, any_user),
            Share::new(COLD_USERS, any_item, new),
        ];
        let told = shares.into_iter().filter(|share| share.about(asked).relevant > 0);
        told.collect()
    }

    fn new(name: &'static str, has: Vec<bool>, users: Vec<bool>) -> Share {
        let items = (0..number(has.len()))
            .filter(|item| has[*item as usize])
            .collect();
        Share {
            name,
            items,
            has,
            users,
        }
    }

    /// What it is made of.
    pub(super) fn about(&self, asked: &[Asked]) -> Split {
        let own = asked.iter().zip(&self.users).filter(|(_, own)| **own);
        let relevant: Vec<usize> = own.map(|(asked, _)| self.relevant(asked).len()).collect();
        Split {
            name: self.name.to_owned(),
            users: relevant.iter().filter(|count| **count > 0).count(),
            items: self.items.len(),
            relevant: relevant.iter().sum(),
        }
    }

    fn relevant(&self, asked: &Asked) -> Vec<u32> {
        let relevant = asked.relevant.iter().copied();
        relevant.filter(|item| self.has[*item as usize]).collect()
    }

    /// The recall of request number `at`; none where it is not of this split. `scores` of what the user had met are NaN.
    pub(super) fn recall(&self, (at, asked): (usize, &Asked), scores: &[f32], k: usize) -> Option<f64> {
        let relevant = self.relevant(asked);
        if !self.users[at] || relevant.is_empty() {
            return None;
        }
        let own: Vec<f32> = self.items.iter().map(|item| scores[*item as usize]).collect();
        let list: Vec<u32> = super::first(&own, k).map(|at| self.items[at]).collect();
        Some(top::recall(&list, &relevant))
    }

    /// The mean of such recalls.
    pub(super) fn mean(&self, recalls: Vec<f64>) -> SplitRecall {
        let (recall, error) = report::mean(recalls.into_iter());
        SplitRecall {
            split: self.name.to_owned(),
            recall,
            error,
        }
    }
}
