//! Neighbour recall: films whose item2vec vector is close to a film the user liked lately.
//!
//! Looks at the last ten liked films; a film close to several of them is fetched for the closest, which is also
//! the reason shown. Averaging the ten into one query was refused: it loses the reason and meets taste halfway.

use super::{Candidate, Reason, Recall, RecallQuery};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::collections::hash_map::Entry;

/// Liked films looked at.
const HISTORY: usize = 10;
/// Neighbours of each.
const EACH: usize = 100;
/// Vectors up to which a search of all for one film, which the first to ask for it pays, is some hundred microseconds.
const SHORT: usize = 50_000;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Neighbours;

impl Recall for Neighbours {
    fn name(&self) -> &'static str {
        "item2vec"
    }

    fn is_short(&self, query: &RecallQuery<'_>) -> bool {
        query.vectors.is_none_or(|vectors| vectors.len() <= SHORT)
    }

    fn recall(&self, query: &RecallQuery<'_>, n: usize) -> Vec<Candidate> {
        let mut found = closest(query);
        let order = |a: &Candidate, b: &Candidate| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item));
        if n > 0 && n < found.len() {
            found.select_nth_unstable_by(n - 1, order);
        }
        found.truncate(n);
        found.sort_unstable_by(order);
        found
    }
}

/// Per item its closest liked film; of equally close ones the latest.
fn closest(query: &RecallQuery<'_>) -> Vec<Candidate> {
    let Some(vectors) = query.vectors else {
        return Vec::new();
    };
    let room = HISTORY.min(query.user.positives().len()) * EACH;
    let mut places = FxHashMap::with_capacity_and_hasher(room, FxBuildHasher);
    let mut found: Vec<Candidate> = Vec::with_capacity(room);
    for liked in query.user.positives().take(HISTORY) {
        for &(item, score) in vectors.neighbours(liked, EACH).iter() {
            let candidate = Candidate {
                item,
                score,
                reason: Reason::Like { item: liked },
            };
            match places.entry(item) {
                Entry::Occupied(place) => keep_closer(&mut found, *place.get(), candidate),
                Entry::Vacant(vacant) if eligible(query, item) => {
                    vacant.insert(found.len());
                    found.push(candidate);
                }
                Entry::Vacant(_) => {}
            }
        }
    }
    found
}

fn eligible(query: &RecallQuery<'_>, item: i64) -> bool {
    !query.user.has_seen(item) && query.catalogue.position(item).is_some()
}

fn keep_closer(found: &mut [Candidate], place: usize, new: Candidate) {
    if let Some(old) = found.get_mut(place).filter(|old| old.score < new.score) {
        *old = new;
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
