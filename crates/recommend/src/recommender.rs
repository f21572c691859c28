//! The road of one request: recall, merge, coarse rank if there is one, rank, the n best with their reasons.
//!
//! All that may change while the request runs (history, vectors) is handed in as a snapshot, so the recommender
//! itself holds nothing but the strategies and the catalogue. Strategies run on the pool it is given, else the global one.

use crate::catalogue::Catalogue;
use crate::explore::{Explore, placed};
use crate::merge::{Answer, Found, Merged, merge};
use crate::rank::{RankError, RankRequest, Ranker, Ranking};
use crate::recall::{self, Recall, RecallQuery};
use crate::user::UserState;
use crate::vectors::ItemVectors;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::borrow::Cow;
use std::sync::Arc;

/// How many candidates each strategy may bring, and how many are ranked.
///
/// The strategies' quotas add up to more than the limit, because they find many films in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Of [`recall::Popularity`].
    pub popularity: usize,
    /// Of [`recall::GenreTaste`].
    pub genre: usize,
    /// Of [`recall::Newest`].
    pub newest: usize,
    /// Of [`recall::Neighbours`].
    pub item2vec: usize,
    /// Of [`recall::ARRIVALS`].
    pub arrivals: usize,
    /// Candidates ranked at most.
    pub limit: usize,
}

impl Default for Quotas {
    /// 800 candidates, as SparrowRecSys ranks.
    fn default() -> Self {
        Quotas {
            popularity: 800,
            genre: 400,
            newest: 100,
            item2vec: 400,
            arrivals: 100,
            limit: 800,
        }
    }
}

impl Quotas {
    fn of(&self, source: &str) -> usize {
        match source {
            "popularity" => self.popularity,
            "genre" => self.genre,
            "newest" => self.newest,
            "item2vec" => self.item2vec,
            recall::ARRIVALS => self.arrivals,
            _ => self.limit,
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// For whom.
    pub user: &'a UserState,
    /// Item vectors of this request, if any are loaded.
    pub vectors: Option<&'a ItemVectors>,
    /// Answers of strategies that were asked before, because they wait for a network.
    pub beside: &'a [Answer],
    /// Name of the ranking model.
    pub model: &'a str,
    /// Who chooses what it ranks; `None`: it ranks all candidates.
    pub coarse: Option<Coarse<'a>>,
    /// How many items to show.
    pub n: usize,
    /// Time of the request, microseconds since 1970 UTC.
    pub as_of: i64,
}

/// A cheap ranking that leaves the costly one fewer candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coarse<'a> {
    /// Name of its model.
    pub model: &'a str,
    /// How many candidates it keeps; never fewer than are shown.
    pub keep: usize,
}

/// One item to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Item.
    pub item: i64,
    /// The ranker's score; NaN where it had none.
    pub score: f32,
    /// The coarse ranker's, where one chose.
    pub coarse: Option<f32>,
    /// Whether it stands in one of the places kept for its strategy rather than where its score puts it.
    pub explored: bool,
    /// Strategies that found it, with their reasons; never empty.
    pub recalls: Vec<Found>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// Best first; ties by item id; items without a score last.
    pub shown: Vec<Shown>,
    /// Model that ranked.
    pub model: String,
    /// Its version.
    pub version: u64,
    /// Number of candidates recalled.
    pub candidates: usize,
    /// Number of candidates ranked: fewer where a coarse ranker chose.
    pub ranked: usize,
    /// Why the coarse ranker did not choose, where it should have; all candidates were ranked then.
    pub coarse_fault: Option<RankError>,
}

/// Strategies over a catalogue.
pub struct Recommender {
    catalogue: Arc<Catalogue>,
    recalls: Vec<(Box<dyn Recall>, usize)>,
    limit: usize,
    explore: Option<Explore>,
    pool: Option<Arc<ThreadPool>>,
}

impl Recommender {
    /// All strategies with their quotas.
    pub fn new(catalogue: Arc<Catalogue>, quotas: Quotas) -> Self {
        Self::with_recalls(catalogue, recall::all(), quotas)
    }

    /// Chosen strategies; one that [`Quotas`] does not name gets the limit as its quota.
    pub fn with_recalls(catalogue: Arc<Catalogue>, recalls: Vec<Box<dyn Recall>>, quotas: Quotas) -> Self {
        let recalls = recalls
            .into_iter()
            .map(|r| {
                let n = quotas.of(r.name());
                (r, n)
            })
            .collect();
        Recommender {
            catalogue,
            recalls,
            limit: quotas.limit,
            explore: None,
            pool: None,
        }
    }

    /// The same with places kept for what one strategy finds.
    #[must_use]
    pub fn exploring(mut self, explore: Option<Explore>) -> Self {
        self.explore = explore;
        self
    }

    /// The same with its strategies on `pool`.
    #[must_use]
    pub fn on(mut self, pool: Arc<ThreadPool>) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Candidates for a user, merged: strategies in parallel, or in turn on this thread if all of them are short.
    pub fn candidates(&self, user: &UserState, vectors: Option<&ItemVectors>) -> Merged {
        self.merged(user, vectors, &[])
    }

    fn merged(&self, user: &UserState, vectors: Option<&ItemVectors>, beside: &[Answer]) -> Merged {
        let query = RecallQuery {
            catalogue: &self.catalogue,
            user,
            vectors,
        };
        let ask = |(recall, n): &(Box<dyn Recall>, usize)| Answer {
            source: recall.name(),
            candidates: recall.recall(&query, *n),
        };
        let all = || self.recalls.par_iter().map(ask).collect();
        let mut answers: Vec<Answer> = match &self.pool {
            _ if self.recalls.iter().all(|(recall, _)| recall.is_short(&query)) => {
                self.recalls.iter().map(ask).collect()
            }
            Some(pool) => pool.install(all),
            None => all(),
        };
        answers.extend(beside.iter().cloned());
        merge(answers, self.limit)
    }

    /// Recommends. A coarse model that is not there is done without, and the answer says so.
    ///
    /// # Errors
    /// What the ranker answers, for the coarse model [`RankError::Overloaded`] and [`RankError::Late`] only, and [`RankError::Count`] where its scores are too many or too few.
    pub fn recommend(&self, query: &Query<'_>, ranker: &dyn Ranker) -> Result<Recommendation, RankError> {
        let merged = self.merged(query.user, query.vectors, query.beside);
        let explored = self
            .explore
            .map(|explore| explore.of(&merged))
            .unwrap_or_default();
        let quota = self.explore.map_or(0, |explore| explore.quota(query.n));
        let once = query.coarse.and_then(|_| ranker.once());
        let ranker = once.as_deref().unwrap_or(ranker);
        let (kept, fault) = match choose(query, merged.items(), ranker, (&explored, quota)) {
            Ok(kept) => (kept, None),
            // all candidates would be more work still
            Err(fault @ (RankError::Overloaded { .. } | RankError::Late { .. })) => return Err(fault),
            Err(fault) => (None, Some(fault)),
        };
        let items = match &kept {
            Some(kept) => kept.iter().map(|(index, _)| merged.items()[*index]).collect(),
            None => Cow::Borrowed(merged.items()),
        };
        let ranking = rank(query, query.model, &items, ranker)?;
        let show = |(place, explored): (usize, bool)| {
            let coarse = kept.as_ref().map(|kept| kept[place]);
            Shown {
                item: items[place],
                score: ranking.scores[place],
                coarse: coarse.map(|(_, score)| score),
                explored,
                recalls: merged.found(coarse.map_or(place, |(index, _)| index)),
            }
        };
        let explored = among(kept.as_deref(), explored);
        let best = placed(best(&items, &ranking.scores, query.n), &explored, quota);
        Ok(Recommendation {
            shown: best.into_iter().map(show).collect(),
            model: ranking.model,
            version: ranking.version,
            candidates: merged.items().len(),
            ranked: items.len(),
            coarse_fault: fault,
        })
    }
}

/// Indices of candidates with their coarse scores.
type Chosen = Vec<(usize, f32)>;

/// The candidates that the coarse ranker keeps, in the order they came; none where there is no coarse ranker or nothing to
/// leave out. Of the explored ones at least their quota stays.
fn choose(
    query: &Query<'_>,
    items: &[i64],
    ranker: &dyn Ranker,
    (explored, quota): (&[usize], usize),
) -> Result<Option<Chosen>, RankError> {
    let keep = |coarse: Coarse<'_>| coarse.keep.max(query.n);
    let Some(coarse) = query.coarse.filter(|coarse| keep(*coarse) < items.len()) else {
        return Ok(None);
    };
    let scores = rank(query, coarse.model, items, ranker)?.scores;
    let kept = placed(best(items, &scores, keep(coarse)), explored, quota);
    let mut kept: Vec<usize> = kept.into_iter().map(|(index, _)| index).collect();
    kept.sort_unstable();
    Ok(Some(
        kept.into_iter().map(|index| (index, scores[index])).collect(),
    ))
}

/// Where the explored candidates stand among those that are ranked, in their own order.
fn among(kept: Option<&[(usize, f32)]>, explored: Vec<usize>) -> Vec<usize> {
    match kept {
        None => explored,
        Some(kept) => {
            let place = |index: &usize| kept.binary_search_by_key(index, |(kept, _)| *kept).ok();
            explored.iter().filter_map(place).collect()
        }
    }
}

/// One score per item, or an error.
fn rank(query: &Query<'_>, model: &str, items: &[i64], ranker: &dyn Ranker) -> Result<Ranking, RankError> {
    let ranking = ranker.rank(&RankRequest {
        user: query.user,
        items,
        model,
        as_of: query.as_of,
        vectors: query.vectors,
    })?;
    if ranking.scores.len() == items.len() {
        return Ok(ranking);
    }
    let (expected, got) = (items.len(), ranking.scores.len());
    Err(RankError::Count {
        model: ranking.model,
        expected,
        got,
    })
}

/// Indices of the `n` best scores: descending, ties by lower item id, NaN last.
fn best(items: &[i64], scores: &[f32], n: usize) -> Vec<usize> {
    let key = |&index: &usize| (scores[index].is_nan(), scores[index], items[index]);
    let order = |a: &usize, b: &usize| {
        let ((a_nan, a_score, a_id), (b_nan, b_score, b_id)) = (key(a), key(b));
        let by_score = if a_nan || b_nan {
            a_nan.cmp(&b_nan)
        } else {
            b_score.total_cmp(&a_score)
        };
        by_score.then(a_id.cmp(&b_id))
    };
    let mut indices: Vec<usize> = (0..items.len()).collect();
    if n < indices.len() && n > 0 {
        indices.select_nth_unstable_by(n - 1, order);
    }
    indices.truncate(n);
    indices.sort_unstable_by(order);
    indices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::{EmbRanker, PopularityRanker};
    use crate::recall::conformance::world;
    use proptest::prelude::*;

    struct Fixed(Vec<f32>);

    impl Ranker for Fixed {
        fn rank(&self, _: &RankRequest<'_>) -> Result<Ranking, RankError> {
            Ok(Ranking {
                scores: self.0.clone(),
                model: "fixed".to_owned(),
                version: 1,
            })
        }
    }

    #[test]
    fn the_whole_road_excludes_what_was_seen_and_says_why() {
        let world = world();
        let recommender = Recommender::new(world.catalogue.clone(), Quotas::default());
        let query = Query {
            user: &world.regular,
            vectors: Some(&world.vectors),
            beside: &[],
            model: "emb",
            coarse: None,
            n: 32,
            as_of: 0,
        };
        let answer = recommender.recommend(&query, &EmbRanker).unwrap();
        assert_eq!(
            (answer.shown.len(), answer.model.as_str(), answer.version),
            (32, "emb", 3)
        );
        assert!(
            answer
                .shown
                .iter()
                .all(|s| !world.regular.has_seen(s.item) && !s.recalls.is_empty())
        );
        assert!(
            answer
                .shown
                .windows(2)
                .all(|w| w[0].score >= w[1].score || w[1].score.is_nan())
        );
        assert_eq!(answer, recommender.recommend(&query, &EmbRanker).unwrap());
    }

    #[test]
    fn all_four_strategies_contribute() {
        let world = world();
        let recommender = Recommender::new(world.catalogue.clone(), Quotas::default());
        let merged = recommender.candidates(&world.regular, Some(&world.vectors));
        for recall in recall::all() {
            let found =
                (0..merged.items().len()).any(|i| merged.found(i).iter().any(|f| f.source == recall.name()));
            assert!(found, "{} found nothing", recall.name());
        }
    }

    /// Answers as another strategy does, but wants a thread of its own.
    struct Long(Box<dyn Recall>);

    impl Recall for Long {
        fn name(&self) -> &'static str {
            self.0.name()
        }

        fn recall(&self, query: &RecallQuery<'_>, n: usize) -> Vec<recall::Candidate> {
            self.0.recall(query, n)
        }
    }

    #[test]
    fn strategies_find_the_same_in_turn_and_in_parallel() {
        let world = world();
        let query = RecallQuery {
            catalogue: &world.catalogue,
            user: &world.regular,
            vectors: Some(&world.vectors),
        };
        assert!(recall::all().iter().all(|recall| recall.is_short(&query)));
        let candidates = |recommender: &Recommender| {
            let merged = recommender.candidates(&world.regular, Some(&world.vectors));
            let found: Vec<_> = (0..merged.items().len()).map(|i| merged.found(i)).collect();
            (merged.items().to_vec(), found)
        };
        let in_turn = candidates(&Recommender::new(world.catalogue.clone(), Quotas::default()));
        let long = || {
            recall::all()
                .into_iter()
                .map(|r| Box::new(Long(r)) as Box<dyn Recall>)
        };
        let parallel =
            || Recommender::with_recalls(world.catalogue.clone(), long().collect(), Quotas::default());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        assert_eq!(candidates(&parallel()), in_turn);
        assert_eq!(candidates(&parallel().on(Arc::new(pool))), in_turn);
    }

    #[test]
    fn a_newcomer_is_answered_too() {
        let world = world();
        let recommender = Recommender::new(world.catalogue.clone(), Quotas::default());
        let query = Query {
            user: &world.newcomer,
            vectors: None,
            beside: &[],
            model: "popularity",
            coarse: None,
            n: 10,
            as_of: 0,
        };
        let answer = recommender
            .recommend(&query, &PopularityRanker::new(world.catalogue.clone()))
            .unwrap();
        assert_eq!(answer.shown.len(), 10);
    }

    #[test]
    fn a_wrong_number_of_scores_is_an_error() {
        let world = world();
        let recommender = Recommender::new(
            world.catalogue.clone(),
            Quotas {
                limit: 5,
                ..Quotas::default()
            },
        );
        let query = Query {
            user: &world.newcomer,
            vectors: None,
            beside: &[],
            model: "fixed",
            coarse: None,
            n: 10,
            as_of: 0,
        };
        let error = recommender.recommend(&query, &Fixed(vec![1.0; 4])).unwrap_err();
        assert_eq!(
            error,
            RankError::Count {
                model: "fixed".to_owned(),
                expected: 5,
                got: 4
            }
        );
    }

    /// `fine` scores by id, `rough` the other way round; notes what it is asked.
    #[derive(Default)]
    struct Two(std::sync::Mutex<Vec<(String, usize)>>);

    impl Ranker for Two {
        fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
            let asked = (request.model.to_owned(), request.items.len());
            self.0.lock().unwrap().push(asked);
            let sign = match request.model {
                "fine" => 1.0,
                "rough" => -1.0,
                "busy" => {
                    return Err(RankError::Overloaded {
                        model: request.model.to_owned(),
                    });
                }
                _ => {
                    return Err(RankError::Unavailable {
                        model: request.model.to_owned(),
                        cause: "gone".to_owned(),
                    });
                }
            };
            Ok(Ranking {
                scores: request.items.iter().map(|item| sign * *item as f32).collect(),
                model: request.model.to_owned(),
                version: 2,
            })
        }
    }

    #[test]
    fn the_coarse_ranker_chooses_what_is_ranked() {
        let world = world();
        let recommender = Recommender::new(world.catalogue.clone(), Quotas::default());
        let all = recommender.candidates(&world.regular, Some(&world.vectors));
        let ask = |coarse, keep| {
            let query = Query {
                user: &world.regular,
                vectors: Some(&world.vectors),
                beside: &[],
                model: "fine",
                coarse: Some(Coarse { model: coarse, keep }),
                n: 4,
                as_of: 0,
            };
            let ranker = Two::default();
            let answer = recommender.recommend(&query, &ranker).unwrap();
            (answer, ranker.0.into_inner().unwrap())
        };
        let (answer, asked) = ask("rough", 6);
        let mut least: Vec<i64> = all.items().to_vec();
        least.sort_unstable();
        let expected: Vec<i64> = least[..6].iter().rev().take(4).copied().collect();
        let shown: Vec<i64> = answer.shown.iter().map(|shown| shown.item).collect();
        let whole = all.items().len();
        assert_eq!((shown, answer.candidates, answer.ranked), (expected, whole, 6));
        assert_eq!(asked, [("rough".to_owned(), whole), ("fine".to_owned(), 6)]);
        for shown in &answer.shown {
            assert_eq!(shown.coarse, Some(-shown.score));
            let index = all.items().iter().position(|item| *item == shown.item).unwrap();
            assert_eq!(shown.recalls, all.found(index), "reasons stay with their items");
        }
        let (answer, asked) = ask("rough", whole);
        assert_eq!(
            (answer.ranked, answer.shown[0].coarse, asked.len()),
            (whole, None, 1)
        );
    }

    #[test]
    fn without_its_coarse_ranker_all_candidates_are_ranked_and_the_answer_says_so() {
        let world = world();
        let recommender = Recommender::new(world.catalogue.clone(), Quotas::default());
        let query = Query {
            user: &world.regular,
            vectors: None,
            beside: &[],
            model: "fine",
            coarse: Some(Coarse {
                model: "gone",
                keep: 3,
            }),
            n: 4,
            as_of: 0,
        };
        let answer = recommender.recommend(&query, &Two::default()).unwrap();
        assert_eq!((answer.ranked, answer.shown.len()), (answer.candidates, 4));
        assert!(matches!(answer.coarse_fault, Some(RankError::Unavailable { .. })));
        let plain = Query {
            coarse: None,
            ..query
        };
        let expected = recommender.recommend(&plain, &Two::default()).unwrap();
        assert_eq!((answer.shown, expected.coarse_fault), (expected.shown, None));
    }

    #[test]
    fn as_many_are_kept_as_are_shown_and_an_overloaded_coarse_ranker_ends_the_request() {
        let world = world();
        let recommender = Recommender::new(world.catalogue.clone(), Quotas::default());
        let query = |model, n| Query {
            user: &world.regular,
            vectors: None,
            beside: &[],
            model: "fine",
            coarse: Some(Coarse { model, keep: 3 }),
            n,
            as_of: 0,
        };
        let answer = recommender
            .recommend(&query("rough", 5), &Two::default())
            .unwrap();
        assert_eq!((answer.ranked, answer.shown.len()), (5, 5));
        let (model, ranker) = ("busy".to_owned(), Two::default());
        let refused = recommender.recommend(&query("busy", 2), &ranker).unwrap_err();
        assert_eq!(refused, RankError::Overloaded { model });
        assert_eq!(
            ranker.0.into_inner().unwrap().len(),
            1,
            "the full model is not asked"
        );
    }

    proptest! {
        #[test]
        fn the_best_are_the_head_of_a_full_sort(
            whole in prop::collection::vec(prop::option::of(-3i8..3), 0..50),
            n in 0usize..60,
        ) {
            let scores: Vec<f32> = whole.iter().map(|score| score.map_or(f32::NAN, f32::from)).collect();
            let items: Vec<i64> = (0..scores.len() as i64).map(|k| k * 7 % 53).collect();
            let mut sorted: Vec<usize> = (0..items.len()).collect();
            sorted.sort_by_key(|&i| {
                let score = whole[i].map_or(i32::MAX, |score| -i32::from(score));
                (score, items[i])
            });
            sorted.truncate(n);
            prop_assert_eq!(best(&items, &scores, n), sorted);
        }
    }
}
