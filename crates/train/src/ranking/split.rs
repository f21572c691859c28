//! Splits: lists by group of items (new or met, rare or frequent) and of users (new or known).
//!
//! Decision: a split of items ranks them alone, as if there were no others, so that what is new competes with what is new: the
//! recall of cold items that others print is made like this. A split of users has lists over all items. Splits come in pairs, and
//! a pair is told where both have something relevant: a group that is everything says nothing new; cold items alone are told in any case.

use serde::{Deserialize, Serialize};

use super::by_user::{ByUser, bounds};
use super::ties::{Ties, first};
use super::world::{Asked, World, number};
use crate::bootstrap::Bootstrap;
use crate::metric::{Bounds, top};

/// Items that no learnt sample has, and that were not learnt before ([`World::learnt_before`]).
pub const COLD_ITEMS: &str = "cold items";
/// All other items.
pub const WARM_ITEMS: &str = "warm items";
/// Items that fewer than five users met in these learnt samples, the cold ones among them.
pub const RARE_ITEMS: &str = "rare items";
/// All other items.
pub const FREQUENT_ITEMS: &str = "frequent items";
/// Users who have no learnt sample.
pub const NEW_USERS: &str = "new users";
/// All other users.
pub const KNOWN_USERS: &str = "known users";

/// Items met by fewer users than this are rare.
const RARE: usize = 5;

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

/// A ranker's lists in a split; means over users.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitFigures {
    /// Name of the split.
    pub split: String,
    /// Share of the items liked that the lists have, which are as long as the ranking says.
    pub recall: f64,
    /// Its standard error.
    pub error: f64,
    /// Share of lists with anything liked.
    #[serde(default)]
    pub hit_rate: f64,
    /// How well lists are ordered.
    #[serde(default)]
    pub ndcg: f64,
    /// How sure they are.
    #[serde(default)]
    pub intervals: SplitIntervals,
}

/// Bootstrap intervals of [`SplitFigures`], users drawn with replacement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitIntervals {
    /// Of the hit rate.
    pub hit_rate: Option<Bounds>,
    /// Of recall.
    pub recall: Option<Bounds>,
    /// Of NDCG.
    pub ndcg: Option<Bounds>,
}

/// Hit rate, recall and NDCG of the users of a split.
pub(super) type Told = [ByUser; 3];

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
        let met = (0..number(world.items())).map(|item| world.met_by(item).len());
        let met: Vec<usize> = met.collect();
        let below = |least: usize| met.iter().map(|users| *users < least).collect::<Vec<bool>>();
        let (cold, rare) = (world.cold(), below(RARE));
        let new: Vec<bool> = asked.iter().map(|asked| asked.met.is_empty()).collect();
        let all = (vec![true; cold.len()], vec![true; asked.len()]);
        let of_items = |names, has: Vec<bool>| {
            let rest = not(&has);
            pair(names, (has, all.1.clone()), (rest, all.1.clone()))
        };
        let rarer = if rare == cold {
            vec![false; rare.len()]
        } else {
            rare
        };
        let users = ((all.0.clone(), new.clone()), (all.0.clone(), not(&new)));
        let pairs = [
            of_items([COLD_ITEMS, WARM_ITEMS], cold),
            of_items([RARE_ITEMS, FREQUENT_ITEMS], rarer),
            pair([NEW_USERS, KNOWN_USERS], users.0, users.1),
        ];
        let told = pairs.into_iter().flat_map(|pair| told(pair, asked));
        told.collect()
    }

    fn new(name: &'static str, (has, users): (Vec<bool>, Vec<bool>)) -> Share {
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

    /// Adds the figures of request number `at`, if it is of this split. `list` is made of all items, and `scores` of what the user had
    /// met are NaN.
    pub(super) fn tell(
        &self,
        (at, asked): (usize, &Asked),
        (list, scores): (&[u32], &[f32]),
        (k, ties): (usize, &Ties<'_>),
        told: &mut Told,
    ) {
        let relevant = self.relevant(asked);
        if !self.users[at] || relevant.is_empty() {
            return;
        }
        let own = (self.items.len() < scores.len()).then(|| self.list(scores, (k, ties)));
        let list = own.as_deref().unwrap_or(list);
        let [hit_rate, recall, ndcg] = told;
        hit_rate.user([top::hit_rate(list, &relevant)]);
        recall.user([top::recall(list, &relevant)]);
        ndcg.user([top::ndcg(list, &relevant, k)]);
    }

    /// The best of its items.
    fn list(&self, scores: &[f32], (k, ties): (usize, &Ties<'_>)) -> Vec<u32> {
        let own: Vec<f32> = self.items.iter().map(|item| scores[*item as usize]).collect();
        let list = first(&own, k, |at| ties.lot(self.items[at]));
        list.into_iter().map(|at| self.items[at]).collect()
    }

    /// The means of what was told.
    pub(super) fn figures(&self, told: &Told, bootstrap: &Bootstrap) -> SplitFigures {
        let [hits, recalls, ndcgs] = told;
        let [hit_rate, recall, ndcg] = bounds(told, bootstrap);
        let (mean, error) = recalls.mean();
        SplitFigures {
            split: self.name.to_owned(),
            recall: mean,
            error,
            hit_rate: hits.mean().0,
            ndcg: ndcgs.mean().0,
            intervals: SplitIntervals {
                hit_rate,
                recall,
                ndcg,
            },
        }
    }
}

/// Items and users of a split.
type Has = (Vec<bool>, Vec<bool>);

fn pair(names: [&'static str; 2], first: Has, second: Has) -> [Share; 2] {
    [Share::new(names[0], first), Share::new(names[1], second)]
}

/// Those of a pair that say something.
fn told(pair: [Share; 2], asked: &[Asked]) -> Vec<Share> {
    let relevant = pair.each_ref().map(|share| share.about(asked).relevant > 0);
    let cold = pair[0].name == COLD_ITEMS && relevant[0];
    let kept = [relevant[0] && (relevant[1] || cold), relevant == [true; 2]];
    let each = pair.into_iter().zip(kept);
    each.filter(|(_, kept)| *kept).map(|(share, _)| share).collect()
}

fn not(has: &[bool]) -> Vec<bool> {
    has.iter().map(|has| !has).collect()
}
