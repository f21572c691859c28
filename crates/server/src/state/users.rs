//! Questions about users: statistics, taste, history, the rating given to a film.
//!
//! All computed from the user's events when asked: a user has hundreds, and pages ask for one user at a time.

use super::State;
use super::record::{UserEvent, UserRecord};
use super::taste::taste;
use super::view::{Profile, Rating, Seen};
use crate::error::ApiError;
use std::sync::Arc;

impl State {
    /// A user to show something for: `wanted`, or the first there is.
    pub fn known_user(&self, wanted: i64) -> i64 {
        match self.live.user_record(wanted) {
            Some(_) => wanted,
            None => self.live.user_ids().first().copied().unwrap_or(wanted),
        }
    }

    /// A user's statistics and taste.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    pub fn profile(&self, user: i64) -> Result<Profile, ApiError> {
        let record = self.user_record(user)?;
        let scores: Vec<f64> = record.ratings().map(|(_, score)| score).collect();
        let mean = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
        Ok(Profile {
            id: user,
            rating_count: scores.len() as u64,
            average: mean,
            highest: scores.iter().copied().reduce(f64::max).unwrap_or(0.0),
            lowest: scores.iter().copied().reduce(f64::min).unwrap_or(0.0),
            taste: taste(&self.live.catalogue, &record),
        })
    }

    /// A user's events, latest first, cut to `n` after `offset`; those of films outside the catalogue left out.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    pub fn history(&self, user: i64, offset: usize, n: usize) -> Result<Vec<Seen>, ApiError> {
        let record = self.user_record(user)?;
        let seen = |event: &UserEvent| {
            let film = self.film(event.item).ok()?;
            Some(Seen {
                film,
                kind: event.kind.clone(),
                score: event.score,
                time_us: event.time,
            })
        };
        Ok(record
            .events
            .iter()
            .rev()
            .filter_map(seen)
            .skip(offset)
            .take(n)
            .collect())
    }

    /// A user's ratings as SparrowRecSys prints them, in the order they were given.
    pub(crate) fn ratings(&self, user: i64) -> Result<Vec<Rating>, ApiError> {
        let rating = |(event, score): (&UserEvent, f64)| {
            let timestamp = event.time.div_euclid(1_000_000);
            Rating {
                movie_id: event.item,
                user_id: user,
                score,
                timestamp,
            }
        };
        Ok(self.user_record(user)?.ratings().map(rating).collect())
    }

    /// The rating this user gave this film last, if any.
    pub fn rating_of(&self, user: i64, item: i64) -> Option<f64> {
        self.live.user_record(user)?.rating_of(item)
    }

    pub(crate) fn user_record(&self, user: i64) -> Result<Arc<UserRecord>, ApiError> {
        self.live
            .user_record(user)
            .ok_or_else(|| ApiError::not_found("user", user))
    }
}
