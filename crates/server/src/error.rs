//! The two error types of the server: what stops it from starting, and what a client is told.
//!
//! [`ApiError`] is the one table from fault to HTTP status and JSON body; every route (the API's and the pages')
//! answers through it, so a client fault is always a 4xx that names the parameter, what was expected and what came.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What an id must be, in the words of a fault.
pub(crate) const ID: &str = "an integer from 0 on";

/// Why the server could not start or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The configuration file has faults; all of them are in the text, one per line.
    #[error("{faults}")]
    Config {
        /// One line per fault: `file:line:column: message`.
        faults: String,
    },
    /// A file of the home folder is missing or cannot be read.
    #[error("{what}: {path}: {cause}")]
    Home {
        /// What the file is.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// The reason given by the layer below.
        cause: String,
    },
    /// A part of the server (store, predictor, log, listener) failed.
    #[error("{part}: {cause}")]
    Part {
        /// Which part.
        part: &'static str,
        /// The reason given by the layer below.
        cause: String,
    },
}

impl ServerError {
    /// Wraps a lower layer's error with the part's name.
    pub fn part(part: &'static str, cause: impl std::fmt::Display) -> Self {
        ServerError::Part {
            part,
            cause: cause.to_string(),
        }
    }
}

/// What a client is told when a request cannot be answered; turns into a status and `{"error": {...}}`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// A parameter or body field is missing or wrong (400).
    #[error("parameter `{parameter}`: expected {expected}, got {got}")]
    Parameter {
        /// Name of the query parameter or body field.
        parameter: String,
        /// What would have been accepted.
        expected: String,
        /// What came, shortened; `nothing` where it was absent.
        got: String,
    },
    /// The request is well formed but names something that does not exist (404).
    #[error("no {what} `{id}`")]
    NotFound {
        /// `film`, `user`, `genre`, `page` …
        what: &'static str,
        /// The id as given.
        id: String,
    },
    /// This process is configured without it (501).
    #[error("{what} are not taken here: {cause}")]
    NotServed {
        /// What was asked for.
        what: &'static str,
        /// Why it is not here.
        cause: &'static str,
    },
    /// The method is not served at this path (405).
    #[error("method {got} is not allowed here")]
    Method {
        /// The method that came.
        got: String,
    },
    /// The body is larger than the limit (413).
    #[error("body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// All permits are taken: try again later (429).
    #[error("overloaded: {permits} requests are already being worked on")]
    Overloaded {
        /// Number of permits.
        permits: usize,
    },
    /// The model has as many requests as it takes at once: try again later (429).
    #[error("overloaded: model `{model}` takes no more requests at the moment")]
    ModelOverloaded {
        /// Its name.
        model: String,
    },
    /// As many users as are kept are known already (507): what was answered before stays, an event of one more is
    /// not taken.
    #[error("no room for another new user: limits.new_users = {limit}")]
    NoRoom {
        /// The limit.
        limit: usize,
    },
    /// The deadline passed before the answer was ready (504).
    #[error("not answered within {deadline_ms} ms")]
    Deadline {
        /// The deadline.
        deadline_ms: u64,
    },
    /// The model did not answer in time (504).
    #[error("model `{model}` did not answer in time: {cause}")]
    ModelLate {
        /// Its name.
        model: String,
        /// How far it came.
        cause: String,
    },
    /// The chosen model is configured but not loaded, or a remote predictor does not answer (503).
    #[error("model `{model}` is not available: {cause}")]
    ModelUnavailable {
        /// Its name.
        model: String,
        /// Why.
        cause: String,
    },
    /// The change stream does not answer (503).
    #[error("{cause}")]
    StreamUnavailable {
        /// Why.
        cause: String,
    },
    /// The change stream's source does not take a row (502).
    #[error("the stream's source did not take it: {cause}")]
    SourceUnavailable {
        /// Why.
        cause: String,
    },
    /// A fault of the server itself (500): a full disk under the event log, for one.
    #[error("{cause}")]
    Internal {
        /// The reason given by the layer below.
        cause: String,
    },
}

/// Longest piece of client text that is repeated in an error.
const SHOWN: usize = 60;

impl ApiError {
    /// A [`ApiError::Parameter`] with the client's text shortened to 60 characters.
    pub fn parameter(parameter: &str, expected: impl Into<String>, got: Option<&str>) -> Self {
        let got = got.map_or_else(|| "nothing".to_owned(), shorten);
        ApiError::Parameter {
            parameter: parameter.to_owned(),
            expected: expected.into(),
            got,
        }
    }

    /// A [`ApiError::NotFound`].
    pub fn not_found(what: &'static str, id: impl std::fmt::Display) -> Self {
        ApiError::NotFound {
            what,
            id: shorten(&id.to_string()),
        }
    }

    /// HTTP status of the fault.
    pub fn status(&self) -> StatusCode {
        match self {
            ApiError::Parameter { .. } => StatusCode::BAD_REQUEST,
            ApiError::NotFound { .. } => StatusCode::NOT_FOUND,
            ApiError::NotServed { .. } => StatusCode::NOT_IMPLEMENTED,
            ApiError::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::Overloaded { .. } | ApiError::ModelOverloaded { .. } => StatusCode::TOO_MANY_REQUESTS,
            ApiError::NoRoom { .. } => StatusCode::INSUFFICIENT_STORAGE,
            ApiError::Deadline { .. } | ApiError::ModelLate { .. } => StatusCode::GATEWAY_TIMEOUT,
            ApiError::ModelUnavailable { .. } | ApiError::StreamUnavailable { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ApiError::SourceUnavailable { .. } => StatusCode::BAD_GATEWAY,
            ApiError::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Machine-readable name of the fault, stable across releases.
    pub fn kind(&self) -> &'static str {
        match self {
            ApiError::Parameter { .. } => "invalid_parameter",
            ApiError::NotFound { .. } => "not_found",
            ApiError::NotServed { .. } => "not_served",
            ApiError::Method { .. } => "method_not_allowed",
            ApiError::TooLarge { .. } => "too_large",
            ApiError::Overloaded { .. } | ApiError::ModelOverloaded { .. } => "overloaded",
            ApiError::NoRoom { .. } => "no_room",
            ApiError::Deadline { .. } | ApiError::ModelLate { .. } => "deadline",
            ApiError::ModelUnavailable { .. } => "model_unavailable",
            ApiError::StreamUnavailable { .. } => "stream_unavailable",
            ApiError::SourceUnavailable { .. } => "source_unavailable",
            ApiError::Internal { .. } => "internal",
        }
    }

    /// The body: `{"error": {"type", "message", "parameter"?, "expected"?, "got"?}}`.
    pub fn body(&self) -> Value {
        let mut error = json!({ "type": self.kind(), "message": self.to_string() });
        if let ApiError::Parameter {
            parameter,
            expected,
            got,
        } = self
        {
            error["parameter"] = json!(parameter);
            error["expected"] = json!(expected);
            error["got"] = json!(got);
        }
        json!({ "error": error })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        with_retry(status, axum::Json(self.body()))
    }
}

/// The answer; with 429 it says after how many seconds to try again.
pub(crate) fn with_retry(status: StatusCode, body: impl IntoResponse) -> Response {
    match status {
        StatusCode::TOO_MANY_REQUESTS => (status, [(RETRY_AFTER, "1")], body).into_response(),
        _ => (status, body).into_response(),
    }
}

/// Cuts client text at 60 characters, marking the cut.
fn shorten(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(SHOWN).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_fault_says_which_expected_and_got() {
        let error = ApiError::parameter("size", "an integer from 1 to 500", Some("many"));
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        let body = error.body();
        assert_eq!(body["error"]["parameter"], "size");
        assert_eq!(body["error"]["expected"], "an integer from 1 to 500");
        assert_eq!(body["error"]["got"], "many");
        assert_eq!(body["error"]["type"], "invalid_parameter");
    }

    #[test]
    fn an_absent_parameter_is_called_nothing() {
        assert_eq!(
            ApiError::parameter("id", "an integer", None).body()["error"]["got"],
            "nothing"
        );
    }

    #[test]
    fn long_client_text_is_cut_on_a_character_boundary() {
        let error = ApiError::not_found("genre", "é".repeat(500));
        assert!(error.to_string().chars().count() < 90);
        assert!(error.to_string().ends_with("…`"));
    }

    #[test]
    fn overload_is_429() {
        assert_eq!(
            ApiError::Overloaded { permits: 4 }.status(),
            StatusCode::TOO_MANY_REQUESTS
        );
    }

    #[test]
    fn a_model_that_is_overloaded_is_429_with_retry_after_and_one_that_is_late_504() {
        let model = "widedeep".to_owned();
        let overloaded = ApiError::ModelOverloaded { model: model.clone() };
        assert_eq!(overloaded.kind(), "overloaded");
        let answer = overloaded.into_response();
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers()[RETRY_AFTER], "1");
        let cause = "deadline passed after 1 of 2 items".to_owned();
        let answer = ApiError::ModelLate { model, cause }.into_response();
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
        assert!(answer.headers().get(RETRY_AFTER).is_none());
    }
}
