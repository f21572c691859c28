//! `GET /search?q=&size=`: films by words of their titles. `{"total": n, "films": […]}`.

use super::Printed;
use super::json::{Added, FilmJson};
use super::parameters::Parameters;
use crate::error::ApiError;
use crate::state::State as Live;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;

/// Films without a `size`.
const DEFAULT_SIZE: usize = 20;

#[derive(Serialize)]
struct Found<'a> {
    total: usize,
    films: Vec<FilmJson<'a>>,
}

pub(super) async fn get(State(state): State<Arc<Live>>, parameters: Parameters) -> Result<Printed, ApiError> {
    let text = parameters.required("q", "words of a title")?.to_owned();
    let size = parameters.size("size", DEFAULT_SIZE, state.config().limits.size)?;
    state.compute(move |state| answer(state, &text, size)).await
}

fn answer(state: &Live, text: &str, size: usize) -> Result<Printed, ApiError> {
    let page = state.search(text, 0, size);
    let film = |film| FilmJson::new(film, Vec::new(), Added::default());
    Printed::new(&Found {
        total: page.total,
        films: page.films.iter().map(film).collect(),
    })
}
