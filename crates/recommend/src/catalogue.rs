//! The catalogue: items by id and genre, with rating statistics that move as ratings arrive.
//!
//! Read by every recall strategy and every page; written by the one event writer through [`Catalogue::rate`].
//! Items are immutable, statistics and ordered lists sit behind one lock held for the time of a short walk.
//! The smoothed rating is `(weight · mean + sum) / (weight + count)` with the mean of all ratings at load time:
//! a Bayesian mean, so that one five-star rating does not make the best film. The prior stays fixed while
//! serving, since a moving one would reorder every list with every rating. Sums are integers (millionths), so
//! replaying a log gives the same lists as having lived through it.

use crate::board::{Board, Key};
use crate::item::Item;
use rustc_hash::FxHashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Prior weight of the smoothed rating, in ratings.
const PRIOR_WEIGHT: f64 = 20.0;
/// Integer units of a rating.
const MICRO: f64 = 1e6;

/// Rating statistics of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Number of ratings.
    pub count: u64,
    /// Sum of ratings in millionths.
    pub sum_micro: i64,
}

impl Stats {
    /// Plain mean; 0 when there is no rating.
    pub fn average(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.sum_micro as f64 / MICRO / self.count as f64
        }
    }

    /// Counts a rating.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum_micro = self.sum_micro.saturating_add(to_micro(value));
    }

    fn smoothed(&self, prior: f64) -> f64 {
        (PRIOR_WEIGHT * prior + self.sum_micro as f64 / MICRO) / (PRIOR_WEIGHT + self.count as f64)
    }
}

/// A rating in millionths, rounded to nearest; not a number counts as 0.
fn to_micro(value: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a saturating cast of a rounded rating is what is wanted"
    )]
    let micro = (value * MICRO).round() as i64;
    micro
}

/// Which items a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf<'a> {
    /// All.
    All,
    /// Those of one genre.
    Genre(&'a str),
}

/// How a list is ordered; ties go to the lower id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smoothed rating, best first.
    Rating,
    /// Year of release, latest first, unknown last; then smoothed rating.
    Year,
}

/// Statistics and the lists that follow from them.
struct Live {
    stats: Vec<Stats>,
    smoothed: Vec<f64>,
    /// Per shelf (0 is all, then the genres by name) one list per order.
    boards: Vec<[Board; 2]>,
}

/// Items with live statistics.
pub struct Catalogue {
    items: Vec<Item>,
    /// Their ids once more, side by side for walks.
    ids: Vec<i64>,
    positions: FxHashMap<i64, u32>,
    genres: Vec<Arc<str>>,
    /// Per item the boards it is on.
    shelves: Vec<Vec<usize>>,
    prior: f64,
    live: RwLock<Live>,
}

impl Catalogue {
    /// Builds from items (any order; of two with one id the first stays) and the ratings `(item, value)` so far.
    /// Ratings of unknown items are left out.
    pub fn new(items: Vec<Item>, ratings: impl IntoIterator<Item = (i64, f64)>) -> Self {
        let items = by_id(items);
        let positions: FxHashMap<i64, u32> = items.iter().map(|i| i.id).zip(0u32..).collect();
        let genres = genres_of(&items);
        let stats = collect_stats(items.len(), &positions, ratings);
        let prior = overall_mean(&stats);
        let shelves = items.iter().map(|item| shelves_of(item, &genres)).collect();
        let mut catalogue = Catalogue {
            ids: items.iter().map(|item| item.id).collect(),
            items,
            positions,
            genres,
            shelves,
            prior,
            live: RwLock::new(Live::empty()),
        };
        catalogue.live = RwLock::new(catalogue.build_live(stats));
        catalogue
    }

    fn build_live(&self, stats: Vec<Stats>) -> Live {
        let smoothed: Vec<f64> = stats.iter().map(|s| s.smoothed(self.prior)).collect();
        let mut members = vec![Vec::new(); self.genres.len() + 1];
        for (position, shelves) in (0u32..).zip(&self.shelves) {
            shelves.iter().for_each(|&shelf| members[shelf].push(position));
        }
        let board = |list: &Vec<u32>, order| Board::new(list.clone(), |p| self.key(order, p, &smoothed));
        let boards = members
            .iter()
            .map(|list| [board(list, Order::Rating), board(list, Order::Year)])
            .collect();
        Live {
            stats,
            smoothed,
            boards,
        }
    }

    fn key(&self, order: Order, position: u32, smoothed: &[f64]) -> Key {
        let rating = smoothed[position as usize];
        match order {
            Order::Rating => Key {
                first: rating,
                second: 0.0,
                position,
            },
            Order::Year => Key {
                first: self.year_key(position),
                second: rating,
                position,
            },
        }
    }

    fn year_key(&self, position: u32) -> f64 {
        self.items[position as usize]
            .year
            .map_or(f64::NEG_INFINITY, |y| y as f64)
    }

    /// Adds one rating and moves the item in its lists. Answers whether the item is known.
    pub fn rate(&self, item: i64, value: f64) -> bool {
        let Some(&position) = self.positions.get(&item) else {
            return false;
        };
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let live = &mut *live;
        let index = position as usize;
        live.stats[index].add(value);
        let new = live.stats[index].smoothed(self.prior);
        for &shelf in &self.shelves[index] {
            for (board, order) in live.boards[shelf].iter_mut().zip([Order::Rating, Order::Year]) {
                let old_key = self.key(order, position, &live.smoothed);
                let new_key = with_rating(old_key, order, new);
                board.shift(old_key, new_key, |p| self.key(order, p, &live.smoothed));
            }
        }
        live.smoothed[index] = new;
        true
    }

    /// All items by id.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// One item.
    pub fn item(&self, id: i64) -> Option<&Item> {
        self.positions.get(&id).map(|&p| &self.items[p as usize])
    }

    /// Where the item stands in [`Catalogue::items`].
    pub fn position(&self, id: i64) -> Option<usize> {
        self.positions.get(&id).map(|&p| p as usize)
    }

    /// Genre names in order.
    pub fn genres(&self) -> &[Arc<str>] {
        &self.genres
    }

    /// Index of a genre in [`Catalogue::genres`].
    pub fn genre_index(&self, genre: &str) -> Option<usize> {
        self.genres.binary_search_by(|g| (**g).cmp(genre)).ok()
    }

    /// Statistics of one item.
    pub fn stats(&self, id: i64) -> Option<Stats> {
        let &position = self.positions.get(&id)?;
        Some(self.read().stats[position as usize])
    }

    /// Smoothed rating of each of the items, in their order; NaN for an unknown one.
    pub fn smoothed(&self, items: &[i64]) -> Vec<f64> {
        let live = self.read();
        let of = |id| {
            self.positions
                .get(id)
                .map_or(f64::NAN, |&p| live.smoothed[p as usize])
        };
        items.iter().map(of).collect()
    }

    /// The smoothed rating of an item that the catalogue lacks, by its own ratings.
    pub fn smooth(&self, stats: Stats) -> f64 {
        stats.smoothed(self.prior)
    }

    /// Number of items on a shelf; none for an unknown genre.
    pub fn shelf_len(&self, shelf: Shelf<'_>) -> Option<usize> {
        Some(self.read().boards[self.shelf_index(shelf)?][0].list().len())
    }

    /// The first `n` items of a shelf that `keep` lets through, with their smoothed ratings; nothing for an
    /// unknown genre. *Cost*: one hold of the read lock for a walk until `n` are kept.
    pub fn walk(
        &self,
        shelf: Shelf<'_>,
        order: Order,
        n: usize,
        mut keep: impl FnMut(i64) -> bool,
    ) -> Vec<(i64, f64)> {
        let Some(index) = self.shelf_index(shelf) else {
            return Vec::new();
        };
        let live = self.read();
        let board = &live.boards[index][order as usize];
        let rated = |&p: &u32| (self.ids[p as usize], live.smoothed[p as usize]);
        let mut kept = Vec::with_capacity(n.min(board.list().len()));
        kept.extend(board.list().iter().map(rated).filter(|&(id, _)| keep(id)).take(n));
        kept
    }

    fn shelf_index(&self, shelf: Shelf<'_>) -> Option<usize> {
        match shelf {
            Shelf::All => Some(0),
            Shelf::Genre(genre) => self.genre_index(genre).map(|g| g + 1),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn empty() -> Self {
        Live {
            stats: Vec::new(),
            smoothed: Vec::new(),
            boards: Vec::new(),
        }
    }
}

/// The key with another rating in the place where the order has it.
fn with_rating(key: Key, order: Order, rating: f64) -> Key {
    match order {
        Order::Rating => Key { first: rating, ..key },
        Order::Year => Key {
            second: rating,
            ..key
        },
    }
}

fn by_id(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by_key(|item| item.id);
    items.dedup_by_key(|item| item.id);
    items
}

fn genres_of(items: &[Item]) -> Vec<Arc<str>> {
    let mut genres: Vec<Arc<str>> = items
        .iter()
        .flat_map(|item| item.genres.iter().cloned())
        .collect();
    genres.sort();
    genres.dedup();
    genres
}

/// Boards of an item: 0 (all) and one per genre, each once.
fn shelves_of(item: &Item, genres: &[Arc<str>]) -> Vec<usize> {
    let mut shelves = vec![0];
    shelves.extend(
        item.genres
            .iter()
            .filter_map(|g| genres.binary_search(g).ok())
            .map(|g| g + 1),
    );
    shelves.sort_unstable();
    shelves.dedup();
    shelves
}

fn collect_stats(
    len: usize,
    positions: &FxHashMap<i64, u32>,
    ratings: impl IntoIterator<Item = (i64, f64)>,
) -> Vec<Stats> {
    let mut stats = vec![Stats::default(); len];
    for (item, value) in ratings {
        if let Some(&position) = positions.get(&item) {
            stats[position as usize].add(value);
        }
    }
    stats
}

fn overall_mean(stats: &[Stats]) -> f64 {
    let count: u64 = stats.iter().map(|s| s.count).sum();
    let sum: i64 = stats.iter().map(|s| s.sum_micro).sum();
    Stats {
        count,
        sum_micro: sum,
    }
    .average()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items() -> Vec<Item> {
        vec![
            Item::new(10, "Heat")
                .with_year(1995)
                .with_genres(&["Crime", "Action"]),
            Item::new(7, "Up")
                .with_year(2009)
                .with_genres(&["Animation", "Drama"]),
            Item::new(3, "Alien")
                .with_year(1979)
                .with_genres(&["Horror", "Action"]),
            Item::new(5, "Undated").with_genres(&["Drama"]),
        ]
    }

    fn ids(list: Vec<(i64, f64)>) -> Vec<i64> {
        list.into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn items_and_genres_are_sorted() {
        let catalogue = Catalogue::new(items(), []);
        assert_eq!(
            catalogue.items().iter().map(|i| i.id).collect::<Vec<_>>(),
            [3, 5, 7, 10]
        );
        let genres: Vec<&str> = catalogue.genres().iter().map(|g| &**g).collect();
        assert_eq!(genres, ["Action", "Animation", "Crime", "Drama", "Horror"]);
        assert_eq!(catalogue.shelf_len(Shelf::Genre("Action")), Some(2));
        assert_eq!(catalogue.shelf_len(Shelf::Genre("action")), None);
    }

    #[test]
    fn smoothing_keeps_one_five_below_many_fours_and_a_half() {
        let mut ratings = vec![(3, 5.0)];
        ratings.extend((0..200).map(|_| (10, 4.5)));
        ratings.extend((0..200).map(|_| (7, 2.0)));
        let catalogue = Catalogue::new(items(), ratings);
        assert_eq!(
            ids(catalogue.walk(Shelf::All, Order::Rating, 2, |_| true)),
            [10, 3]
        );
    }

    #[test]
    fn the_smoothed_rating_is_the_documented_formula() {
        let catalogue = Catalogue::new(items(), [(3, 5.0), (10, 2.0)]);
        let expected = (PRIOR_WEIGHT * 3.5 + 5.0) / (PRIOR_WEIGHT + 1.0);
        assert!((catalogue.smoothed(&[3])[0] - expected).abs() < 1e-12);
        assert!(catalogue.smoothed(&[99])[0].is_nan());
    }

    #[test]
    fn years_go_down_and_unknown_is_last() {
        let catalogue = Catalogue::new(items(), []);
        assert_eq!(
            ids(catalogue.walk(Shelf::All, Order::Year, 9, |_| true)),
            [7, 10, 3, 5]
        );
        assert_eq!(
            ids(catalogue.walk(Shelf::Genre("Drama"), Order::Year, 9, |id| id != 7)),
            [5]
        );
    }

    #[test]
    fn an_unknown_item_is_not_rated() {
        let catalogue = Catalogue::new(items(), []);
        assert!(!catalogue.rate(99, 4.0));
        assert!(catalogue.rate(7, 4.0));
        assert_eq!(catalogue.stats(7).unwrap().average(), 4.0);
    }

    proptest! {
        #[test]
        fn living_through_ratings_equals_loading_them(
            live in prop::collection::vec((prop::sample::select(vec![3i64, 5, 7, 10]), 1u8..=10), 0..60),
        ) {
            let value = |half: u8| f64::from(half) / 2.0;
            // the prior is fixed at load time, so both sides load the same base
            let base = [(3, 3.0), (10, 4.0)];
            let lived = Catalogue::new(items(), base);
            live.iter().for_each(|&(item, half)| { lived.rate(item, value(half)); });
            let mut loaded = Catalogue::new(items(), base);
            let stats = collect_stats(
                4, &loaded.positions, base.into_iter().chain(live.iter().map(|&(i, h)| (i, value(h)))));
            loaded.live = RwLock::new(loaded.build_live(stats));
            for order in [Order::Rating, Order::Year] {
                for shelf in [Shelf::All, Shelf::Genre("Drama"), Shelf::Genre("Action")] {
                    prop_assert_eq!(lived.walk(shelf, order, 9, |_| true), loaded.walk(shelf, order, 9, |_| true));
                }
            }
        }
    }
}
