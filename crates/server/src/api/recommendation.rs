//! `GET /getrecommendation?genre=&size=&sortby=`: the films of a genre, by `rating` (default) or `releaseYear`.
//!
//! `rating` is the smoothed mean rating, so that a film with one five-star rating does not lead its genre. A film's
//! `score` is what the list is ordered by: that rating or the year.

use super::Printed;
use super::json::{Added, FilmJson, RecallJson};
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
    let page = state.genre_films(genre, sort, 0, size)?;
    let ids: Vec<i64> = page.films.iter().map(|film| film.id).collect();
    let tops = state.top_ratings(&ids);
    let (source, reason) = reason(genre, sort);
    let recall = RecallJson {
        source,
        reason: &reason,
        movie_id: None,
        genre: Some(genre),
    };
    let added = |score: &Option<f32>| Added {
        score: Some(*score),
        recall: Some(vec![recall]),
        ..Added::default()
    };
    let rows = page.films.iter().zip(&page.scores).zip(tops);
    let printed: Vec<FilmJson<'_>> = rows
        .map(|((film, score), top)| FilmJson::new(film, top, added(score)))
        .collect();
    Printed::new(&printed)
}

/// The recall strategy that a list of a genre is, and its reason.
fn reason(genre: &str, sort: SortBy) -> (&'static str, String) {
    match sort {
        SortBy::Rating => ("genre", format!("among the best of {genre}")),
        SortBy::ReleaseYear => ("newest", format!("among the newest of {genre}")),
    }
}
