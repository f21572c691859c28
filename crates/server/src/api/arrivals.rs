//! `GET /getarrivals?id=&size=`: the new films nearest to a user, with the inner product and the version of the vectors.
//!
//! What came through the change stream and is not seen by the user, by the recall strategy alone: no ranker comes between. It
//! counts as shown like any list, unless `probe=1` says that nobody will look at it.

use super::Printed;
use super::json::{Added, FilmJson, RecallJson};
use super::parameters::Parameters;
use crate::error::ApiError;
use crate::state::State as Live;
use axum::extract::State;
use rankine_recommend::recall::ARRIVALS;
use std::sync::Arc;

/// Films without a `size`.
const DEFAULT_SIZE: usize = 32;

pub(super) async fn get(State(state): State<Arc<Live>>, parameters: Parameters) -> Result<Printed, ApiError> {
    let user = parameters.id("id")?;
    let size = parameters.size("size", DEFAULT_SIZE, state.config().limits.size)?;
    let probe = parameters.text("probe") == Some("1");
    state.compute(move |state| answer(state, user, size, probe)).await
}

fn answer(state: &Live, user: i64, size: usize, probe: bool) -> Result<Printed, ApiError> {
    let row = state.arrivals_for(user, size)?.ok_or(ApiError::NotServed {
        what: "arrivals",
        cause: "no [arrivals] in the server's configuration",
    })?;
    if let Some(cause) = row.fault.clone() {
        return Err(ApiError::StreamUnavailable { cause });
    }
    if !probe {
        state.count_arrivals(user, &row);
    }
    let recall = RecallJson {
        source: ARRIVALS,
        reason: "new, and close to what you like",
        movie_id: None,
        genre: None,
    };
    let added = |score: f32| Added {
        score: Some(Some(score)),
        recall: Some(vec![recall]),
        model: Some(ARRIVALS),
        model_version: Some(row.version),
        ..Added::default()
    };
    let ids: Vec<i64> = row.films.iter().map(|(film, _)| film.id).collect();
    let tops = state.top_ratings(&ids);
    let listed = row.films.iter().zip(tops);
    let films: Vec<FilmJson<'_>> = listed
        .map(|((film, score), top)| FilmJson::new(film, top, added(*score)))
        .collect();
    Printed::new(&films)
}
