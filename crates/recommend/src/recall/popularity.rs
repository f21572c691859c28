//! Popularity recall: the films with the best smoothed rating, for everybody.
//!
//! Smoothed as [`crate::Catalogue`] says, so that many good ratings beat one excellent one. A plain count was
//! refused: it fetches what was seen by most, liked or not.

use super::{Candidate, Reason, Recall, RecallQuery, narrow};
use crate::catalogue::{Order, Shelf};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Popularity;

impl Recall for Popularity {
    fn name(&self) -> &'static str {
        "popularity"
    }

    fn is_short(&self, _query: &RecallQuery<'_>) -> bool {
        true
    }

    fn recall(&self, query: &RecallQuery<'_>, n: usize) -> Vec<Candidate> {
        let found = query
            .catalogue
            .walk(Shelf::All, Order::Rating, n, |id| !query.user.has_seen(id));
        let candidate = |(item, score)| Candidate {
            item,
            score: narrow(score),
            reason: Reason::Popular,
        };
        found.into_iter().map(candidate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recall::conformance::{check, world};

    #[test]
    fn conforms() {
        check(&Popularity);
    }

    #[test]
    fn is_ordered_by_smoothed_rating() {
        let world = world();
        let query = RecallQuery {
            catalogue: &world.catalogue,
            user: &world.newcomer,
            vectors: None,
        };
        let found = Popularity.recall(&query, 5);
        let ids: Vec<i64> = found.iter().map(|c| c.item).collect();
        let smoothed = world.catalogue.smoothed(&ids);
        assert_eq!(found.len(), 5);
        assert!(smoothed.windows(2).all(|w| w[0] >= w[1]));
    }
}
