//! `GET /getsimilarmovie?movieId=&size=&model=`: films like one film, most alike first.
//!
//! `model` is `emb` or `genre`; without it the better one that can answer.

use super::Printed;
use super::json::{Added, FilmJson};
use super::parameters::Parameters;
use crate::error::ApiError;
use crate::state::State as Live;
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
    let film = |(found, top)| {
        let found: &crate::state::view::SimilarFilm = found;
        let (score, model, model_version) = (Some(found.score), Some(similar.model), Some(similar.version));
        FilmJson::new(
            &found.film,
            top,
            Added {
                score,
                model,
                model_version,
                recall: None,
            },
        )
    };
    let films: Vec<FilmJson<'_>> = similar
        .films
        .iter()
        .zip(state.top_ratings(&ids))
        .map(film)
        .collect();
    Printed::new(&films)
}
