//! Newest recall: the latest films, better rated ones first within a year.
//!
//! Gives films without ratings a chance that no rating-based strategy would. Films without a year are never new.

use super::{Candidate, Reason, Recall, RecallQuery, narrow};
use crate::catalogue::{Order, Shelf};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Newest;

impl Recall for Newest {
    fn name(&self) -> &'static str {
        "newest"
    }

    fn is_short(&self, _query: &RecallQuery<'_>) -> bool {
        true
    }

    fn recall(&self, query: &RecallQuery<'_>, n: usize) -> Vec<Candidate> {
        let year = |id| query.catalogue.item(id).and_then(|item| item.year);
        let keep = |id| !query.user.has_seen(id) && year(id).is_some();
        let found = query.catalogue.walk(Shelf::All, Order::Year, n, keep);
        // the year decides, the rating (at most some tens) orders within it
        let score = |id, rating: f64| year(id).map_or(0.0, |y| y as f64) + rating / 100.0;
        let candidate = |(item, rating)| Candidate {
            item,
            score: narrow(score(item, rating)),
            reason: Reason::New,
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
        check(&Newest);
    }

    #[test]
    fn the_latest_year_comes_first() {
        let world = world();
        let query = RecallQuery {
            catalogue: &world.catalogue,
            user: &world.newcomer,
            vectors: None,
        };
        let found = Newest.recall(&query, 50);
        let years: Vec<i64> = found
            .iter()
            .map(|c| world.catalogue.item(c.item).unwrap().year.unwrap())
            .collect();
        assert!(years.windows(2).all(|w| w[0] >= w[1]));
        assert!(
            years.len() < world.catalogue.items().len(),
            "undated films are left out"
        );
    }
}
