//! Refusals: TensorFlow Serving's texts, its status codes, its `{"error": "…"}`.
//!
//! The decision here: one table from the predictor's errors to codes; anything a client caused is a 4xx.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rankine_predict::PredictError;
use serde_json::json;

use super::path::Target;

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    /// 400, `INVALID_ARGUMENT` there.
    pub(super) fn invalid(message: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message,
        }
    }

    /// 404, `NOT_FOUND` there.
    pub(super) fn not_found(message: String) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            message,
        }
    }

    /// 413.
    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("request body exceeds {limit} bytes or broke off");
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            message,
        }
    }

    /// 408.
    pub(super) fn slow(arrival: Duration) -> Self {
        let message = format!(
            "the request body did not arrive within {} ms",
            arrival.as_millis()
        );
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            message,
        }
    }

    /// 429, `RESOURCE_EXHAUSTED` there.
    pub(super) fn overloaded(permits: usize) -> Self {
        let message = format!("overloaded: {permits} requests are under way");
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            message,
        }
    }

    /// 500.
    pub(super) fn internal(message: &str) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: message.to_owned(),
        }
    }

    /// What the predictor refused.
    pub(super) fn of(error: &PredictError, target: &Target) -> Self {
        match error {
            PredictError::UnknownModel { .. } | PredictError::UnknownVersion { .. } => {
                Self::no_servable(target)
            }
            PredictError::NotLoaded { .. } => Self::no_servable(target),
            PredictError::NoScores { .. } | PredictError::Input { .. } => Self::invalid(error.to_string()),
            PredictError::Overloaded { permits, .. } => Self::overloaded(*permits),
            PredictError::Deadline { .. } => Self {
                status: StatusCode::GATEWAY_TIMEOUT,
                message: error.to_string(),
            },
            PredictError::Name { .. }
            | PredictError::Pinned { .. }
            | PredictError::Dict { .. }
            | PredictError::Pool { .. }
            | PredictError::Common { .. }
            | _ => Self::internal(&error.to_string()),
        }
    }

    fn no_servable(target: &Target) -> Self {
        let asked = match target.version {
            None => format!("Latest({})", target.model),
            Some(version) => format!("Specific({}, {version})", target.model),
        };
        Self::not_found(format!("Servable not found for request: {asked}"))
    }

    /// The HTTP status.
    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The text.
    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(json!({ "error": self.message }))).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response
                .headers_mut()
                .insert("retry-after", axum::http::HeaderValue::from_static("1"));
        }
        response
    }
}
