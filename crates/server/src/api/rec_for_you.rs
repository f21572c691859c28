//! `GET /getrecforyou?id=&size=&model=`: the best films for a user, with score, recalls and the model's version.
//!
//! The answer is a list, as SparrowRecSys's; what belongs to the whole list is in each film and in the headers
//! `x-rankine-model`, `x-rankine-version`, `x-rankine-candidates`, `x-rankine-ranked`, `x-rankine-note`.

use super::Printed;
use super::json::{Added, add, print};
use super::parameters::Parameters;
use crate::error::ApiError;
use crate::state::State as Live;
use axum::extract::State;
use std::sync::Arc;

/// Films without a `size`.
const DEFAULT_SIZE: usize = 32;

/// Bytes of a film's form, about.
const ROOM: usize = 1536;

pub(super) async fn get(State(state): State<Arc<Live>>, parameters: Parameters) -> Result<Printed, ApiError> {
    let user = parameters.id("id")?;
    let size = parameters.size("size", DEFAULT_SIZE, state.config().limits.size)?;
    let model = state.canonical_model(parameters.text("model"))?;
    state
        .compute(move |state| answer(state, user, size, &model))
        .await
}

fn answer(state: &Live, user: i64, size: usize, model: &str) -> Result<Printed, ApiError> {
    let picks = state.recommend(user, Some(model), size)?;
    let mut body = Vec::with_capacity(2 + ROOM * picks.picks.len());
    body.push(b'[');
    let ids: Vec<i64> = picks.picks.iter().map(|pick| pick.film.id).collect();
    state.append_printed(&ids, &mut body, print, |index, body| {
        add(&Added::pick(&picks, &picks.picks[index]), body)?;
        body.push(b',');
        Ok(())
    })?;
    if body.len() > 1 {
        body.pop();
    }
    body.push(b']');
    let printed = Printed::of(body)
        .header("x-rankine-model", &picks.model)
        .header("x-rankine-version", &picks.version.to_string())
        .header("x-rankine-candidates", &picks.candidates.to_string())
        .header("x-rankine-ranked", &picks.ranked.to_string());
    Ok(match &picks.note {
        Some(note) => printed.header("x-rankine-note", note),
        None => printed,
    })
}
