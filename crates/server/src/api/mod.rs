//! The JSON API of the site port: SparrowRecSys's five paths, `/search`, `/getarrivals`, `POST /events`.
//!
//! A handler reads its parameters, asks the state on the CPU pool and prints the answer there too; it holds no logic.
//! An answer is never empty: where SparrowRecSys prints nothing, this says which parameter, what was expected, what
//! came. Parameters that a path does not know are ignored, as there.

mod arrivals;
mod events;
pub mod json;
mod movie;
pub(crate) mod parameters;
mod rec_for_you;
mod recommendation;
mod search;
mod similar_movie;
mod user;

use crate::error::ApiError;
use crate::state::State;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use std::sync::Arc;

/// Routes of the API.
pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/getmovie", get(movie::get))
        .route("/getuser", get(user::get))
        .route("/getsimilarmovie", get(similar_movie::get))
        .route("/getrecommendation", get(recommendation::get))
        .route("/getrecforyou", get(rec_for_you::get))
        .route("/getarrivals", get(arrivals::get))
        .route("/search", get(search::get))
        .route("/events", post(events::post))
        .method_not_allowed_fallback(async |request: axum::extract::Request| ApiError::Method {
            got: request.method().to_string(),
        })
        .with_state(state)
}

/// A JSON answer, printed already.
pub(crate) struct Printed {
    body: Vec<u8>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Printed {
    /// Prints a value.
    pub(crate) fn new(value: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(value).map_err(|error| ApiError::Internal {
            cause: error.to_string(),
        })?;
        Ok(Printed::of(body))
    }

    /// An answer of these bytes.
    pub(crate) fn of(body: Vec<u8>) -> Self {
        Printed {
            body,
            headers: Vec::new(),
        }
    }

    /// The same with one more header; a value that no header can hold is left out.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }
}

impl IntoResponse for Printed {
    fn into_response(self) -> Response {
        let mut response = self.body.into_response();
        let headers = response.headers_mut();
        headers.extend(self.headers);
        // A body of bytes comes with a type of its own: replace it, an answer has one.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
