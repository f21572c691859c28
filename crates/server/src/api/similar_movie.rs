//! `GET /getsimilarmovie?movieId=&size=&model=`: films like one film, most alike first, with score and recall.
//!
//! `model` is `emb` or `genre`; without it the better one that can answer. A film that shares nothing with others (no
//! vector, no genre) is answered with the films rated best: never an empty list, and `model` says what it is.

use super::Printed;
use super::json::{Added, FilmJson, RecallJson};
use super::parameters::Parameters;
use crate::config::{EMB, POPULARITY, VECTOR_MODEL};
use crate::error::ApiError;
use crate::state::State as Live;
use crate::state::view::{SimilarFilm, SimilarFilms};
use axum::extract::State;
use std::sync::Arc;

/// Films without a `size`.
const DEFAULT_SIZE: usize = 10;

pub(super) async fn get(State(state): State<Arc<Live>>, parameters: Parameters) -> Result<Printed, ApiError> {
    let id = parameters.id("movieId")?;
    let size = parameters.size("size", DEFAULT_SIZE, state.config().limits.size)?;
    let model = parameters.text("model").map(str::to_owned);
    state
        .compute(move |state| answer(state, id, size, model.as_deref()))
        .await
}

fn answer(state: &Live, id: i64, size: usize, model: Option<&str>) -> Result<Printed, ApiError> {
    let similar = state.similar(id, size, model)?;
    let ids: Vec<i64> = similar.films.iter().map(|found| found.film.id).collect();
    let popular = similar.model == POPULARITY;
    let reason = reason(&similar);
    let recall = RecallJson {
        // as the strategies of a recommendation are called
        source: if similar.model == EMB {
            VECTOR_MODEL
        } else {
            similar.model
        },
        reason: &reason,
        movie_id: (!popular).then_some(id),
        genre: None,
    };
    let added = |found: &SimilarFilm| Added {
        score: Some(Some(found.score)),
        coarse_score: None,
        explored: false,
        recall: Some(vec![recall]),
        model: Some(similar.model),
        model_version: Some(similar.version),
    };
    let tops = state.top_ratings(&ids);
    let films: Vec<FilmJson<'_>> = similar
        .films
        .iter()
        .zip(tops)
        .map(|(found, top)| FilmJson::new(&found.film, top, added(found)))
        .collect();
    Printed::new(&films)
}

fn reason(similar: &SimilarFilms) -> String {
    let film = &similar.of;
    match film.year {
        _ if similar.model == POPULARITY => "rated well by many".to_owned(),
        Some(year) => format!("like {} ({year})", film.title),
        None => format!("like {}", film.title),
    }
}
