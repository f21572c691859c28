//! What is known of one user: a window over the last events.
//!
//! Decision: the window keeps what a row needs (item, rating, facts), sums slide with it, and favourite genres
//! are counted when a row is read, not when an event comes in: a bulk replay reads a row per sample anyway, and
//! a live event costs a push and a pop.

use std::collections::VecDeque;
use std::sync::Arc;

use rankine_feature::Value;

use super::fields::{RATED, USER_GENRES};
use super::item::{Facts, float, int, text};
use super::moments::{MICRO, Moments};

/// One event of the window.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) item: i64,
    pub(super) facts: Arc<Facts>,
    /// In millionths; none for an implicit event.
    pub(super) rating: Option<i64>,
    pub(super) positive: bool,
}

/// A user's window and its sums.
#[derive(Debug, Clone, Default)]
pub(super) struct UserState {
    window: VecDeque<Seen>,
    ratings: Moments,
    years: Moments,
    last_time: Option<i64>,
}

impl UserState {
    /// Takes in the newest event and lets go of what is more than `window` events ago.
    pub(super) fn observe(&mut self, time: i64, seen: Seen, window: usize) {
        self.last_time = self.last_time.max(Some(time));
        if let Some(rating) = seen.rating {
            self.ratings.add(rating);
        }
        if let Some(year) = seen.facts.year {
            self.years.add(year);
        }
        self.window.push_back(seen);
        while self.window.len() > window
            && let Some(old) = self.window.pop_front()
        {
            self.forget(&old);
        }
    }

    fn forget(&mut self, old: &Seen) {
        if let Some(rating) = old.rating {
            self.ratings.remove(rating);
        }
        if let Some(year) = old.facts.year {
            self.years.remove(year);
        }
    }

    fn latest_positives(&self) -> impl Iterator<Item = &Seen> {
        self.window.iter().rev().filter(|seen| seen.positive)
    }

    /// Positive items of the window, latest first.
    pub(super) fn positives(&self) -> impl Iterator<Item = i64> {
        self.latest_positives().map(|seen| seen.item)
    }

    /// Genres of the window's positives with how many of these have it, most frequent first; of equally
    /// frequent ones first the one met first going back in time (within an item, in the catalogue's order).
    pub(super) fn genres(&self) -> Vec<(Arc<str>, u32)> {
        // `Facts::of` makes equal genres one allocation.
        let mut counts: Vec<(Arc<str>, u32)> = Vec::new();
        for genre in self.latest_positives().flat_map(|seen| seen.facts.genres()) {
            match counts.iter_mut().find(|(known, _)| Arc::ptr_eq(known, genre)) {
                Some((_, count)) => *count += 1,
                None => counts.push((Arc::clone(genre), 1)),
            }
        }
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    /// The user's row in the order of the user fields.
    pub(super) fn row(&self, id: i64, history: usize) -> Vec<Value> {
        let latest: Vec<i64> = self.positives().take(history.max(RATED)).collect();
        let mut row = Vec::with_capacity(super::fields::USER.len());
        row.push(Value::Int(id));
        row.extend((0..RATED).map(|rank| int(latest.get(rank).copied())));
        row.push(Value::Int(self.ratings.count().cast_signed()));
        row.push(float(self.years.mean(1.0)));
        row.push(float(self.years.deviation(1.0)));
        row.push(float(self.ratings.mean(MICRO)));
        row.push(float(self.ratings.deviation(MICRO)));
        let genres = self.genres();
        row.extend((0..USER_GENRES).map(|rank| text(genres.get(rank).map(|(genre, _)| genre))));
        row.push(Value::ints(&latest[..latest.len().min(history)]));
        row.push(self.last_time.map_or(Value::Missing, Value::Time));
        row
    }
}
