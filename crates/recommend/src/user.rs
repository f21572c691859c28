//! What recall knows of a user: what was seen, what was liked, latest last, and the genres of the latter.
//!
//! Kept by the event writer, read by the strategies. Derived from the events alone and in their order, so that a
//! replay gives the same state. A rating of at least [`POSITIVE`] is a like, and so is a click on a film that was never
//! rated (the aggregates count it as an implicit positive); once rated, the latest rating decides.

use crate::catalogue::Catalogue;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// Ratings from here on are positive.
pub const POSITIVE: f64 = 3.5;

/// What a user did to an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Rated it.
    Rating(f64),
    /// Looked at it: a like, unless it was seen before.
    Click,
}

/// One user's history as recall needs it.
#[derive(Debug, Clone, Default)]
pub struct UserState {
    /// Id.
    pub id: i64,
    seen: FxHashSet<i64>,
    liked: Vec<i64>,
    liked_by_genre: Vec<u32>,
}

impl UserState {
    /// A user who has done nothing yet.
    pub fn new(id: i64) -> Self {
        UserState {
            id,
            ..UserState::default()
        }
    }

    /// Applies one event; events must come in their order. Of several ratings of one item the last one counts.
    pub fn observe(&mut self, catalogue: &Catalogue, item: i64, action: Action) {
        let seen_before = !self.seen.insert(item);
        let likes = match action {
            Action::Rating(value) => value >= POSITIVE,
            Action::Click if seen_before => return,
            Action::Click => true,
        };
        if seen_before {
            self.forget_like(catalogue, item);
        }
        if likes {
            self.liked.push(item);
            self.count_genres(catalogue, item, |count| count.saturating_add(1));
        }
    }

    fn forget_like(&mut self, catalogue: &Catalogue, item: i64) {
        if let Some(at) = self.liked.iter().rposition(|&liked| liked == item) {
            self.liked.remove(at);
            self.count_genres(catalogue, item, |count| count.saturating_sub(1));
        }
    }

    fn count_genres(&mut self, catalogue: &Catalogue, item: i64, change: impl Fn(u32) -> u32) {
        self.liked_by_genre.resize(catalogue.genres().len(), 0);
        let genres = catalogue.item(item).map_or(&[][..], |i| &i.genres);
        for index in genres.iter().filter_map(|g| catalogue.genre_index(g)) {
            self.liked_by_genre[index] = change(self.liked_by_genre[index]);
        }
    }

    /// Whether the user has rated or clicked the item.
    pub fn has_seen(&self, item: i64) -> bool {
        self.seen.contains(&item)
    }

    /// Items liked, latest first, each once.
    pub fn positives(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        self.liked.iter().rev().copied()
    }

    /// Genres of the liked items with their number, most first, ties by name; those of none left out.
    pub fn genres(&self, catalogue: &Catalogue) -> Vec<(Arc<str>, u32)> {
        let counted = catalogue.genres().iter().zip(&self.liked_by_genre);
        let mut genres: Vec<_> = counted
            .filter(|&(_, &n)| n > 0)
            .map(|(g, &n)| (g.clone(), n))
            .collect();
        genres.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        genres
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Item;

    fn catalogue() -> Catalogue {
        let film = |id, genres: &[&str]| Item::new(id, "x").with_genres(genres);
        Catalogue::new(vec![film(1, &["A", "B"]), film(2, &["B"]), film(3, &["C"])], [])
    }

    #[test]
    fn likes_are_latest_first_and_genres_ranked() {
        let (catalogue, mut user) = (catalogue(), UserState::new(1));
        for (item, value) in [(1, 4.0), (3, 3.0), (2, 3.5)] {
            user.observe(&catalogue, item, Action::Rating(value));
        }
        assert_eq!(user.positives().collect::<Vec<_>>(), [2, 1]);
        assert_eq!(user.genres(&catalogue), [("B".into(), 2), ("A".into(), 1)]);
        assert!(user.has_seen(3));
    }

    #[test]
    fn the_last_rating_of_an_item_counts() {
        let (catalogue, mut user) = (catalogue(), UserState::new(1));
        for value in [5.0, 4.0, 2.0] {
            user.observe(&catalogue, 1, Action::Rating(value));
        }
        assert_eq!(user.positives().len(), 0);
        assert!(user.genres(&catalogue).is_empty());
        user.observe(&catalogue, 1, Action::Rating(4.5));
        assert_eq!(user.genres(&catalogue), [("A".into(), 1), ("B".into(), 1)]);
    }

    #[test]
    fn a_click_is_a_like_until_a_rating_decides() {
        let (catalogue, mut user) = (catalogue(), UserState::new(1));
        user.observe(&catalogue, 2, Action::Click);
        assert!(user.has_seen(2));
        assert_eq!(user.positives().collect::<Vec<_>>(), [2]);
        user.observe(&catalogue, 2, Action::Rating(1.0));
        user.observe(&catalogue, 2, Action::Click);
        assert_eq!(user.positives().len(), 0);
    }

    #[test]
    fn an_item_outside_the_catalogue_does_no_harm() {
        let (catalogue, mut user) = (catalogue(), UserState::new(1));
        user.observe(&catalogue, 99, Action::Rating(5.0));
        assert_eq!(user.positives().collect::<Vec<_>>(), [99]);
        assert!(user.genres(&catalogue).is_empty());
    }
}
