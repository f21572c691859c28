//! The contract of [`Recall`] as a test, and a small world to run it in; every strategy calls [`check`].
//!
//! Public so that strategies outside this crate can run it too. The world is made from counters, not from chance.

use super::{Recall, RecallQuery};
use crate::catalogue::Catalogue;
use crate::item::Item;
use crate::user::{Action, UserState};
use crate::vectors::ItemVectors;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// Genres of the made-up films.
const GENRES: [&str; 6] = ["Action", "Comedy", "Drama", "Horror", "Romance", "War"];
/// Number of made-up films.
const FILMS: i64 = 300;

/// A made-up catalogue with vectors and two users.
pub struct World {
    /// 300 films, ids 1 to 300; every 17th is undated, every 11th has no genre.
    pub catalogue: Arc<Catalogue>,
    /// Vectors for all but every 13th film, and for one film that is not in the catalogue.
    pub vectors: Arc<ItemVectors>,
    /// A user without events.
    pub newcomer: UserState,
    /// A user with 60 ratings and a click.
    pub regular: UserState,
}

/// Makes the world; always the same one.
pub fn world() -> World {
    let films = (1..=FILMS).map(film).collect();
    let ratings = (0..4_000i64).map(|k| (1 + k * k % FILMS, (1 + k % 10) as f64 / 2.0));
    let catalogue = Arc::new(Catalogue::new(films, ratings));
    let mut regular = UserState::new(6);
    for k in 0..60i64 {
        regular.observe(
            &catalogue,
            1 + k * 7 % FILMS,
            Action::Rating((1 + k % 10) as f64 / 2.0),
        );
    }
    regular.observe(&catalogue, FILMS, Action::Click);
    World {
        catalogue,
        vectors: Arc::new(vectors()),
        newcomer: UserState::new(7),
        regular,
    }
}

fn film(id: i64) -> Item {
    let genre = |k: i64| GENRES[usize::try_from(k.rem_euclid(6)).unwrap_or(0)];
    let item = Item::new(id, &format!("Film {id}"));
    let item = if id % 17 == 0 {
        item
    } else {
        item.with_year(1960 + id % 50)
    };
    if id % 11 == 0 {
        item
    } else {
        item.with_genres(&[genre(id), genre(id / 6 + 1)])
    }
}

#[expect(
    clippy::expect_used,
    reason = "test support: the made-up vectors have the right lengths"
)]
fn vectors() -> ItemVectors {
    let mut ids: Vec<i64> = (1..=FILMS).filter(|id| id % 13 != 0).collect();
    ids.push(9_999);
    let angle = |id: i64, k: i64| ((id * (k + 2)) as f32 * 0.37).sin();
    let rows: Vec<f32> = ids
        .iter()
        .flat_map(|&id| (0..8).map(move |k| angle(id, k)))
        .collect();
    ItemVectors::new(&ids, 8, &rows, 3).expect("vectors fit")
}

/// Runs a strategy through its contract.
///
/// # Panics
/// Where the contract is broken, saying which part of it.
pub fn check(recall: &dyn Recall) {
    let world = world();
    let name = recall.name();
    assert!(
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
        "name {name}"
    );
    for user in [&world.newcomer, &world.regular] {
        for vectors in [None, Some(&*world.vectors)] {
            let query = RecallQuery {
                catalogue: &world.catalogue,
                user,
                vectors,
            };
            [0, 1, 7, 120, 100_000]
                .iter()
                .for_each(|&n| check_answer(recall, &query, n));
        }
    }
}

fn check_answer(recall: &dyn Recall, query: &RecallQuery<'_>, n: usize) {
    let answer = recall.recall(query, n);
    let name = recall.name();
    assert!(
        answer.len() <= n,
        "{name}: {} candidates where {n} were asked for",
        answer.len()
    );
    assert_eq!(
        answer,
        recall.recall(query, n),
        "{name}: two answers to one query"
    );
    let mut ids = FxHashSet::default();
    for candidate in &answer {
        assert!(
            ids.insert(candidate.item),
            "{name}: item {} twice",
            candidate.item
        );
        assert!(
            !query.user.has_seen(candidate.item),
            "{name}: item {} was seen",
            candidate.item
        );
        assert!(
            query.catalogue.item(candidate.item).is_some(),
            "{name}: item {} unknown",
            candidate.item
        );
        assert!(candidate.score.is_finite(), "{name}: score {}", candidate.score);
    }
    assert!(
        answer.windows(2).all(|w| w[0].score >= w[1].score),
        "{name}: scores rise"
    );
}
