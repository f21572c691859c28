//! The live state: catalogue, users, feature rows, event writer and rankers; everything a request reads.
//!
//! One writer thread changes it, any number of requests read it; a reader holds a lock only to clone an `Arc`.
//! The methods here are the only questions the API and the pages may ask.

pub mod view;

use crate::error::ApiError;
use crate::status::Status;
use std::sync::Arc;
use view::*;

/// The live state of a server; shared as `Arc<State>`.
pub struct State {}

impl State {
    /// Names that `model=` accepts, in the order shown to people; aliases left out.
    pub fn model_names(&self) -> Vec<String> {
        todo!()
    }

    /// The model that ranks when a request names none.
    pub fn default_model(&self) -> &str {
        todo!()
    }

    /// One film with its live statistics.
    pub fn film(&self, _id: i64) -> Result<Film, ApiError> {
        todo!()
    }

    /// A film's page: statistics, histogram, top ratings.
    pub fn film_details(&self, _id: i64) -> Result<FilmDetails, ApiError> {
        todo!()
    }

    /// Up to `n` films like `id`; `model` is `emb`, `genre`, or none for the best there is.
    pub fn similar(&self, _id: i64, _n: usize, _model: Option<&str>) -> Result<SimilarFilms, ApiError> {
        todo!()
    }

    /// Genres by name with their number of films.
    pub fn genres(&self) -> Vec<GenreCount> {
        todo!()
    }

    /// Films of a genre, ordered; `offset` and `n` cut the page. An offset beyond the end is an empty page.
    pub fn genre_films(&self, _genre: &str, _sort: SortBy, _offset: usize, _n: usize) -> Result<FilmPage, ApiError> {
        todo!()
    }

    /// A user's statistics and taste.
    pub fn profile(&self, _user: i64) -> Result<Profile, ApiError> {
        todo!()
    }

    /// A user's events, latest first, cut to `n` after `offset`.
    pub fn history(&self, _user: i64, _offset: usize, _n: usize) -> Result<Vec<Seen>, ApiError> {
        todo!()
    }

    /// The rating this user gave this film last, if any.
    pub fn rating_of(&self, _user: i64, _item: i64) -> Option<f64> {
        todo!()
    }

    /// The `n` best films for a user by the named model (none: the default one).
    pub fn recommend(&self, _user: i64, _model: Option<&str>, _n: usize) -> Result<Picks, ApiError> {
        todo!()
    }

    /// Films whose titles have all the words of `text` (the last one may be a beginning), best rated first.
    pub fn search(&self, _text: &str, _offset: usize, _n: usize) -> FilmPage {
        todo!()
    }

    /// Records an event durably and applies it; returns when the next request will see it.
    pub fn record_event(&self, _event: NewEvent) -> Result<Recorded, ApiError> {
        todo!()
    }

    /// Everything the status page shows.
    pub fn status(&self) -> Status {
        todo!()
    }

    /// Runs `work` on the CPU pool: the one way from an async handler to the state.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] at once when all permits are taken; else what `work` answers.
    pub async fn compute<T, F>(self: &Arc<Self>, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&State) -> Result<T, ApiError> + Send + 'static,
    {
        work(self)
    }
}
