//! The contract of [`Ranker`] as a test; every ranker calls [`check`], those of the server too.
//!
//! Runs in the made-up world of [`crate::recall::conformance`], whose items are 1 to 300.

use super::{RankRequest, Ranker};
use crate::recall::conformance::{World, world};

/// Runs a ranker through its contract for the made-up world's regular user.
///
/// # Panics
/// Where the contract is broken, saying which part of it.
pub fn check(ranker: &dyn Ranker, model: &str) {
    let world = world();
    let items: Vec<i64> = (1..=120).collect();
    let whole = score(ranker, &world, model, &items);
    assert!(
        score(ranker, &world, model, &[]).is_empty(),
        "{model}: no items, no scores"
    );
    assert!(whole.iter().any(|s| s.is_finite()), "{model}: nothing was scored");
    let back: Vec<i64> = items.iter().rev().copied().collect();
    let reversed: Vec<f32> = score(ranker, &world, model, &back).into_iter().rev().collect();
    assert_eq!(
        bits(&whole),
        bits(&reversed),
        "{model}: the order of the items changes their scores"
    );
    let single: Vec<f32> = items
        .iter()
        .flat_map(|&i| score(ranker, &world, model, &[i]))
        .collect();
    assert_eq!(
        bits(&whole),
        bits(&single),
        "{model}: the other items change a score"
    );
    assert_eq!(
        score(ranker, &world, model, &[1, 123_456_789, 2]).len(),
        3,
        "{model}: an unknown item"
    );
}

#[expect(
    clippy::panic,
    reason = "test support: a ranker that fails here breaks the contract"
)]
fn score(ranker: &dyn Ranker, world: &World, model: &str, items: &[i64]) -> Vec<f32> {
    let (user, vectors) = (&world.regular, Some(&*world.vectors));
    match ranker.rank(&RankRequest {
        user,
        items,
        model,
        as_of: 1_500_000_000_000_000,
        vectors,
    }) {
        Ok(ranking) if ranking.scores.len() == items.len() => ranking.scores,
        Ok(ranking) => panic!(
            "{model}: {} scores for {} items",
            ranking.scores.len(),
            items.len()
        ),
        Err(error) => panic!("{model}: {error}"),
    }
}

/// Bit patterns, all NaN alike.
fn bits(scores: &[f32]) -> Vec<u32> {
    scores
        .iter()
        .map(|s| {
            if s.is_nan() {
                f32::NAN.to_bits()
            } else {
                s.to_bits()
            }
        })
        .collect()
}
