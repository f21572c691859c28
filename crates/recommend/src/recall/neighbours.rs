//! Neighbour recall: films whose item2vec vector is close to a film the user liked lately.
//!
//! Looks at the last ten liked films; a film close to several of them is fetched for the closest, which is also
//! the reason shown. Averaging the ten into one query was refused: it loses the reason and meets taste halfway.

use super::{Candidate, Reason, Recall, RecallQuery};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

/// Liked films looked at.
const HISTORY: usize = 10;
/// Neighbours of each.
const EACH: usize = 100;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Neighbours;

impl Recall for Neighbours {
    fn name(&self) -> &'static str {
        "item2vec"
    }

    fn recall(&self, query: &RecallQuery<'_>, n: usize) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = closest(query).into_values().collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        found.truncate(n);
        found
    }
}

/// Per item its closest liked film; of equally close ones the latest.
fn closest(query: &RecallQuery<'_>) -> FxHashMap<i64, Candidate> {
    let mut found = FxHashMap::default();
    let Some(vectors) = query.vectors else {
        return found;
    };
    for liked in query.user.positives().take(HISTORY) {
        for &(item, score) in vectors.neighbours(liked, EACH).iter() {
            if query.user.has_seen(item) || query.catalogue.position(item).is_none() {
                continue;
            }
            keep_closer(
                found.entry(item),
                Candidate {
                    item,
                    score,
                    reason: Reason::Like { item: liked },
                },
            );
        }
    }
    found
}

fn keep_closer(entry: Entry<'_, i64, Candidate>, new: Candidate) {
    match entry {
        Entry::Vacant(vacant) => {
            vacant.insert(new);
        }
        Entry::Occupied(mut occupied) if occupied.get().score < new.score => {
            occupied.insert(new);
        }
        Entry::Occupied(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recall::conformance::{check, world};

    #[test]
    fn conforms() {
        check(&Neighbours);
    }

    #[test]
    fn the_reason_is_the_closest_liked_film() {
        let world = world();
        let query = RecallQuery {
            catalogue: &world.catalogue,
            user: &world.regular,
            vectors: Some(&world.vectors),
        };
        let found = Neighbours.recall(&query, 20);
        assert!(!found.is_empty());
        for candidate in found {
            let Reason::Like { item } = candidate.reason else {
                panic!("another reason")
            };
            let to = |liked| {
                world
                    .vectors
                    .scores(world.vectors.vector(liked).unwrap(), &[candidate.item])[0]
            };
            let best = world
                .regular
                .positives()
                .take(HISTORY)
                .map(to)
                .fold(f32::MIN, f32::max);
            assert!((to(item) - best).abs() < 1e-6);
        }
    }

    #[test]
    fn without_vectors_nothing_is_found() {
        let world = world();
        let query = RecallQuery {
            catalogue: &world.catalogue,
            user: &world.regular,
            vectors: None,
        };
        assert!(Neighbours.recall(&query, 20).is_empty());
    }
}
