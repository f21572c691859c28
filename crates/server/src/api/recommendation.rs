//! `GET /getrecommendation?genre=&size=&sortby=`: the films of a genre, by `rating` (default) or `releaseYear`.
//!
//! `rating` is the smoothed mean rating, so that a film with one five-star rating does not lead its genre.

use super::Printed;
use super::json::{Added, FilmJson};
use super::parameters::Parameters;
use crate::error::ApiError;
use crate::state::State as Live;
use crate::state::view::SortBy;
use axum::extract::State;
use std::sync::Arc;

/// Films without a `size`.
const DEFAULT_SIZE: usize = 10;

pub(super) async fn get(State(state): State<Arc<Live>>, parameters: Parameters) -> Result<Printed, ApiError> {
    let genre = parameters.required("genre", "the name of a genre")?.to_owned();
    let size = parameters.size("size", DEFAULT_SIZE, state.config().limits.size)?;
    let sort = sort_by(parameters.text("sortby"))?;
    state
        .compute(move |state| answer(state, &genre, size, sort))
        .await
}

fn sort_by(text: Option<&str>) -> Result<SortBy, ApiError> {
    match text {
        None | Some("rating") => Ok(SortBy::Rating),
        Some("releaseYear") => Ok(SortBy::ReleaseYear),
        other => Err(ApiError::parameter("sortby", "rating or releaseYear", other)),
    }
}

fn answer(state: &Live, genre: &str, size: usize, sort: SortBy) -> Result<Printed, ApiError> {
    let films = state.genre_films(genre, sort, 0, size)?.films;
    let ids: Vec<i64> = films.iter().map(|film| film.id).collect();
    let tops = state.top_ratings(&ids);
    let printed: Vec<FilmJson<'_>> = films
        .iter()
        .zip(tops)
        .map(|(film, top)| FilmJson::new(film, top, Added::default()))
        .collect();
    Printed::new(&printed)
}
