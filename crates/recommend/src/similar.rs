//! Similar items: by vector where the item has one, by shared genres and rating otherwise.
//!
//! The genre measure is `0.7 · |shared| / |either| + 0.3 · smoothed / 5`; it needs nothing but the catalogue, so
//! that the page of a film nobody rated is not empty.

use crate::catalogue::Catalogue;
use crate::item::Item;
use crate::recall::narrow;
use crate::vectors::{ItemVectors, Neighbour};

/// The `n` items of the catalogue whose vectors are closest, closest first; empty for an item without a vector.
pub fn by_vector(catalogue: &Catalogue, vectors: &ItemVectors, id: i64, n: usize) -> Vec<Neighbour> {
    vectors.search(id, n, |other| catalogue.position(other).is_some())
}

/// The `n` items sharing a genre that score best, ties by id; empty for an unknown item or one without genres.
pub fn by_genre(catalogue: &Catalogue, id: i64, n: usize) -> Vec<Neighbour> {
    let Some(item) = catalogue.item(id) else {
        return Vec::new();
    };
    let sharing: Vec<(&Item, f64)> = catalogue
        .items()
        .iter()
        .filter(|o| o.id != id)
        .filter_map(|o| Some((o, overlap(item, o)?)))
        .collect();
    let ids: Vec<i64> = sharing.iter().map(|(other, _)| other.id).collect();
    let score =
        |(&(other, overlap), rating): (&(&Item, f64), f64)| (other.id, narrow(0.7 * overlap + 0.06 * rating));
    let mut scored: Vec<Neighbour> = sharing.iter().zip(catalogue.smoothed(&ids)).map(score).collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.truncate(n);
    scored
}

/// Shared genres over genres of either (Jaccard); none where nothing is shared.
fn overlap(a: &Item, b: &Item) -> Option<f64> {
    let shared = a.genres.iter().filter(|g| b.genres.contains(g)).count();
    let either = a.genres.len() + b.genres.len() - shared;
    (shared > 0).then(|| shared as f64 / either as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recall::conformance::world;

    #[test]
    fn by_genre_prefers_the_same_genres_and_leaves_itself_out() {
        let film = |id, genres: &[&str]| Item::new(id, "x").with_genres(genres);
        let items = vec![
            film(1, &["A", "B"]),
            film(2, &["A"]),
            film(3, &["B", "A"]),
            film(4, &["C"]),
        ];
        let found = by_genre(&Catalogue::new(items, []), 1, 10);
        assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn by_genre_is_empty_for_the_unknown() {
        assert!(by_genre(&world().catalogue, 123_456, 5).is_empty());
    }

    #[test]
    fn by_vector_never_answers_an_item_outside_the_catalogue() {
        let world = world();
        for id in 1..50 {
            let found = by_vector(&world.catalogue, &world.vectors, id, 300);
            assert!(found.iter().all(|f| f.0 != 9_999 && f.0 != id));
            assert_eq!(
                found.len(),
                if id % 13 == 0 { 0 } else { 276 },
                "all others with a vector"
            );
        }
    }
}
