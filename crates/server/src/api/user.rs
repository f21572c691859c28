//! `GET /getuser?id=`: a user's statistics and ratings, in the order they were given.

use super::Printed;
use super::json::UserJson;
use super::parameters::Parameters;
use crate::error::ApiError;
use crate::state::State as Live;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn get(State(state): State<Arc<Live>>, parameters: Parameters) -> Result<Printed, ApiError> {
    let id = parameters.id("id")?;
    state
        .compute(move |state| Printed::new(&UserJson::new(&state.profile(id)?, state.ratings(id)?)))
        .await
}
