//! `GET /getmovie?id=`: one film with its statistics and highest ratings.

use super::Printed;
use super::json::{Added, FilmJson};
use super::parameters::Parameters;
use crate::error::ApiError;
use crate::state::State as Live;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn get(State(state): State<Arc<Live>>, parameters: Parameters) -> Result<Printed, ApiError> {
    let id = parameters.id("id")?;
    state.compute(move |state| answer(state, id)).await
}

fn answer(state: &Live, id: i64) -> Result<Printed, ApiError> {
    let details = state.film_details(id)?;
    Printed::new(&FilmJson::new(
        &details.film,
        details.top_ratings,
        Added::default(),
    ))
}
