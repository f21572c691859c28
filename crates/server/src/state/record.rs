//! What is kept of one user and of one film: their events and the sums over them.
//!
//! Shared as `Arc` and changed by copy-on-write: a request that holds one sees it unchanged to its end, and the
//! writer copies only where a request does. Sums are integers, so that a replay gives the same numbers.

use super::view::Rating;
use crate::error::ApiError;
use rankine_pipeline::{AggregateConfig, Event};
use rankine_recommend::{Action, Catalogue, UserState};
use std::sync::{Arc, OnceLock};

/// Highest ratings kept per film.
const TOP: usize = 10;

/// One event of a user.
#[derive(Debug, Clone)]
pub(crate) struct UserEvent {
    /// Film.
    pub(crate) item: i64,
    /// Kind.
    pub(crate) kind: Arc<str>,
    /// Rating, where it is one.
    pub(crate) score: Option<f64>,
    /// Microseconds.
    pub(crate) time: i64,
}

/// A user.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserRecord {
    /// What recall reads.
    pub(crate) state: UserState,
    /// In their order.
    pub(crate) events: Vec<UserEvent>,
}

impl UserRecord {
    pub(crate) fn new(id: i64) -> Self {
        UserRecord {
            state: UserState::new(id),
            events: Vec::new(),
        }
    }

    /// Takes in an event; recall hears of it only where the aggregates count it, so that both know the same likes.
    pub(crate) fn observe(&mut self, catalogue: &Catalogue, event: &Event, kind: &Arc<str>, counts: bool) {
        let score = AggregateConfig::rating(event);
        if counts {
            let action = score.map_or(Action::Click, Action::Rating);
            self.state.observe(catalogue, event.item, action);
        }
        let kind = kind.clone();
        self.events.push(UserEvent {
            item: event.item,
            kind,
            score,
            time: event.time,
        });
    }

    /// Ratings in their order.
    pub(crate) fn ratings(&self) -> impl Iterator<Item = (&UserEvent, f64)> {
        self.events.iter().filter_map(|event| Some((event, event.score?)))
    }

    /// The last rating given to a film.
    pub(crate) fn rating_of(&self, item: i64) -> Option<f64> {
        self.events
            .iter()
            .rev()
            .filter(|event| event.item == item)
            .find_map(|event| event.score)
    }
}

/// A film.
#[derive(Debug, Clone, Default)]
pub(crate) struct FilmRecord {
    /// Ratings per half star: index 0 is 0.5, index 9 is 5.
    pub(crate) histogram: [u32; 10],
    /// Highest first, latest first among equals.
    pub(crate) top: Vec<Rating>,
    /// The film's JSON form where it was printed since the last rating; films without ratings share a record and are not
    /// kept.
    printed: OnceLock<Box<[u8]>>,
}

impl FilmRecord {
    pub(crate) fn observe(&mut self, event: &Event) {
        let Some(score) = AggregateConfig::rating(event) else {
            return;
        };
        self.printed = OnceLock::new();
        self.histogram[half_star(score)] += 1;
        let at = self.top.partition_point(|rating| rating.score > score);
        if at < TOP {
            let timestamp = event.time.div_euclid(1_000_000);
            self.top.insert(
                at,
                Rating {
                    movie_id: event.item,
                    user_id: event.user,
                    score,
                    timestamp,
                },
            );
            self.top.truncate(TOP);
        }
    }
}

impl FilmRecord {
    /// The same without its printed form: the film itself has changed.
    pub(crate) fn unprinted(&self) -> FilmRecord {
        FilmRecord {
            printed: OnceLock::new(),
            ..self.clone()
        }
    }

    /// Appends what `print` made of this film since its last rating, or makes now.
    pub(crate) fn append_printed(
        &self,
        out: &mut Vec<u8>,
        print: impl FnOnce(&[Rating]) -> Result<Vec<u8>, ApiError>,
    ) -> Result<(), ApiError> {
        if let Some(kept) = self.printed.get() {
            out.extend_from_slice(kept);
            return Ok(());
        }
        let printed = print(&self.top)?;
        out.extend_from_slice(&printed);
        if !self.top.is_empty() {
            // of two that print at once the first is kept: both printed the same record
            self.printed.set(printed.into()).ok();
        }
        Ok(())
    }
}

/// Index of the nearest half star.
fn half_star(score: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within 0..=9 after the clamp"
    )]
    let index = (score * 2.0 - 1.0).round().clamp(0.0, 9.0) as usize;
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(user: i64, score: f64, time: i64) -> Event {
        let kind = "rating".to_owned();
        Event {
            time: time * 1_000_000,
            seq: 0,
            user,
            item: 1,
            kind,
            value: Some(score),
            context: None,
        }
    }

    #[test]
    fn scores_fall_into_half_stars() {
        let index = [0.5, 1.0, 3.4, 5.0, 9.0, -1.0].map(half_star);
        assert_eq!(index, [0, 1, 6, 9, 9, 0]);
        assert_eq!(half_star(f64::NAN), 0);
    }

    #[test]
    fn the_ten_highest_are_kept_latest_first_among_equals() {
        let mut film = FilmRecord::default();
        for (user, score) in (0..30).zip([3.0, 5.0, 4.0].into_iter().cycle()) {
            film.observe(&rating(user, score, user));
        }
        let users: Vec<i64> = film.top.iter().map(|r| r.user_id).collect();
        assert_eq!(users, [28, 25, 22, 19, 16, 13, 10, 7, 4, 1]);
        assert_eq!(film.top[0].timestamp, 28);
        assert_eq!(film.histogram.iter().sum::<u32>(), 30);
    }

    #[test]
    fn a_printed_form_is_kept_until_the_next_rating() {
        let mut film = FilmRecord::default();
        let print = |film: &FilmRecord, word: &str| {
            let mut out = Vec::new();
            film.append_printed(&mut out, |top| Ok(format!("{word}{}", top.len()).into()))
                .unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!((print(&film, "a"), print(&film, "b")), ("a0".into(), "b0".into()));
        film.observe(&rating(1, 5.0, 1));
        assert_eq!((print(&film, "a"), print(&film, "b")), ("a1".into(), "a1".into()));
        let held = film.clone();
        film.observe(&rating(2, 4.0, 2));
        assert_eq!((print(&film, "c"), print(&held, "d")), ("c2".into(), "a1".into()));
    }

    #[test]
    fn the_last_rating_of_a_film_is_found_behind_a_click() {
        let catalogue = Catalogue::new(vec![rankine_recommend::Item::new(1, "x")], []);
        let mut user = UserRecord::new(6);
        user.observe(&catalogue, &rating(6, 2.0, 1), &"rating".into(), true);
        user.observe(&catalogue, &rating(6, 4.0, 2), &"rating".into(), true);
        let click = Event {
            kind: "click".to_owned(),
            value: None,
            ..rating(6, 0.0, 3)
        };
        user.observe(&catalogue, &click, &"click".into(), true);
        assert_eq!(user.rating_of(1), Some(4.0));
        assert_eq!(user.rating_of(2), None);
        assert_eq!((user.events.len(), user.ratings().count()), (3, 2));
    }
}
