//! Genre taste recall: the best films of the genres the user likes, more of what is liked more.
//!
//! The five most liked genres share the quota by the number of liked films; a genre that runs dry leaves its
//! share unused. The score is the share times the smoothed rating, so that the strongest genre's best comes first.

use super::{Candidate, Reason, Recall, RecallQuery, narrow};
use crate::catalogue::{Order, Shelf};
use rustc_hash::{FxBuildHasher, FxHashSet};

/// Genres looked at.
const GENRES: usize = 5;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct GenreTaste;

impl Recall for GenreTaste {
    fn name(&self) -> &'static str {
        "genre"
    }

    fn is_short(&self, _query: &RecallQuery<'_>) -> bool {
        true
    }

    fn recall(&self, query: &RecallQuery<'_>, n: usize) -> Vec<Candidate> {
        let room = n.min(query.catalogue.items().len());
        let mut taken = FxHashSet::with_capacity_and_hasher(room, FxBuildHasher);
        let mut found: Vec<(f64, Candidate)> = Vec::with_capacity(room + GENRES);
        for (genre, share) in shares(query) {
            found.extend(best_of(query, genre, share, n, &mut taken));
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.item.cmp(&b.1.item)));
        found.truncate(n);
        found.into_iter().map(|(_, candidate)| candidate).collect()
    }
}

/// The genres looked at with their share of the quota; shares sum to 1.
fn shares(query: &RecallQuery<'_>) -> Vec<(usize, f64)> {
    let mut genres = query.user.genres(query.catalogue);
    genres.truncate(GENRES);
    let total: f64 = genres.iter().map(|g| f64::from(g.1)).sum();
    genres
        .into_iter()
        .filter_map(|(genre, count)| Some((query.catalogue.genre_index(&genre)?, f64::from(count) / total)))
        .collect()
}

fn best_of(
    query: &RecallQuery<'_>,
    genre: usize,
    share: f64,
    n: usize,
    taken: &mut FxHashSet<i64>,
) -> impl Iterator<Item = (f64, Candidate)> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a quota, rounded up"
    )]
    let quota = (share * n as f64).ceil() as usize;
    let keep = |id| !query.user.has_seen(id) && taken.insert(id);
    let best = query.catalogue.walk(
        Shelf::Genre(&query.catalogue.genres()[genre]),
        Order::Rating,
        quota,
        keep,
    );
    let candidate = move |(item, rating): (i64, f64)| {
        let score = share * rating;
        (
            score,
            Candidate {
                item,
                score: narrow(score),
                reason: Reason::Genre(genre),
            },
        )
    };
    best.into_iter().map(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recall::conformance::{check, world};

    #[test]
    fn conforms() {
        check(&GenreTaste);
    }

    #[test]
    fn the_reason_is_a_liked_genre_of_the_film() {
        let world = world();
        let query = RecallQuery {
            catalogue: &world.catalogue,
            user: &world.regular,
            vectors: None,
        };
        let liked = world.regular.genres(&world.catalogue);
        let found = GenreTaste.recall(&query, 40);
        assert!(!found.is_empty());
        for candidate in found {
            let Reason::Genre(genre) = candidate.reason else {
                panic!("another reason")
            };
            let genre = &world.catalogue.genres()[genre];
            assert!(liked.iter().take(GENRES).any(|(g, _)| g == genre));
            assert!(
                world
                    .catalogue
                    .item(candidate.item)
                    .unwrap()
                    .genres
                    .contains(genre)
            );
        }
    }

    #[test]
    fn a_newcomer_has_no_taste() {
        let world = world();
        let query = RecallQuery {
            catalogue: &world.catalogue,
            user: &world.newcomer,
            vectors: None,
        };
        assert!(GenreTaste.recall(&query, 40).is_empty());
    }
}
