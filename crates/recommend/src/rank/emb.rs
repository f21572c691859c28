//! The `emb` ranker: the mean of the vectors of what the user liked, against each item's vector.
//!
//! score = u · v with u = Σ v(liked) scaled to length one, v unit vectors: a cosine in −1..1. No training beyond
//! item2vec, so it follows a rating at once.

use super::{RankError, RankRequest, Ranker, Ranking};

/// See the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmbRanker;

/// Liked films that make the user vector, latest first.
const HISTORY: usize = 50;

impl Ranker for EmbRanker {
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        let model = "emb".to_owned();
        let Some(vectors) = request.vectors else {
            return Err(RankError::Unavailable {
                model,
                cause: "no item vectors are loaded".to_owned(),
            });
        };
        let Some(user) = vectors.mean(request.user.positives().take(HISTORY)) else {
            let cause = "no film this user liked has a vector";
            return Err(RankError::NoUserVector {
                model,
                user: request.user.id,
                cause,
            });
        };
        Ok(Ranking {
            scores: vectors.scores(&user, request.items),
            model,
            version: vectors.version(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::conformance::check;
    use crate::recall::conformance::world;

    #[test]
    fn conforms() {
        check(&EmbRanker, "emb");
    }

    #[test]
    fn without_vectors_or_likes_it_says_so() {
        let world = world();
        let request = RankRequest {
            user: &world.regular,
            items: &[1],
            model: "emb",
            as_of: 0,
            vectors: None,
        };
        assert!(matches!(
            EmbRanker.rank(&request),
            Err(RankError::Unavailable { .. })
        ));
        let request = RankRequest {
            user: &world.newcomer,
            vectors: Some(&world.vectors),
            ..request
        };
        assert!(matches!(
            EmbRanker.rank(&request),
            Err(RankError::NoUserVector { user: 7, .. })
        ));
    }

    #[test]
    fn the_score_is_the_cosine_with_the_mean_and_the_version_is_told() {
        let world = world();
        let items = [2, 3, 13];
        let request = RankRequest {
            user: &world.regular,
            items: &items,
            model: "emb",
            as_of: 0,
            vectors: Some(&world.vectors),
        };
        let ranking = EmbRanker.rank(&request).unwrap();
        assert_eq!(ranking.version, 3);
        assert!(ranking.scores[..2].iter().all(|s| (-1.0..=1.0).contains(s)));
        assert!(ranking.scores[2].is_nan(), "film 13 has no vector");
    }
}
