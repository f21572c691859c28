//! What a caller is told when a whole request cannot be answered: one table, two spellings.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message as _;
use rankine_predict::PredictError;
use serde_json::json;
use std::time::Duration;
use tonic::Code;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    code: Code,
    message: String,
    /// Where in the request, if anywhere.
    place: Option<String>,
    /// When to come back.
    retry: Option<Duration>,
}

impl Fault {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Fault {
            code,
            message: message.into(),
            place: None,
            retry: None,
        }
    }

    /// A fault of the caller's, at a place in the request.
    pub(crate) fn invalid(place: impl Into<String>, message: impl Into<String>) -> Self {
        Fault {
            place: Some(place.into()),
            ..Fault::new(Code::InvalidArgument, message)
        }
    }

    /// A model or version that is not loaded.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Fault::new(Code::NotFound, message)
    }

    /// More of something than a request may have.
    pub(crate) fn too_many(place: &str, most: usize, got: usize) -> Self {
        Fault::invalid(place, format!("expected at most {most}, got {got}"))
    }

    /// A body over its bound; 413 over REST.
    pub(crate) fn too_large(limit: usize) -> Self {
        Fault::new(
            Code::OutOfRange,
            format!("request body exceeds {limit} bytes or broke off"),
        )
    }

    /// A body that did not arrive.
    pub(crate) fn slow() -> Self {
        Fault::new(Code::Aborted, "the request body did not arrive in time")
    }

    /// The time is over.
    pub(crate) fn deadline(limit: Duration) -> Self {
        Fault::new(
            Code::DeadlineExceeded,
            format!("not answered within {} ms", limit.as_millis()),
        )
    }

    /// A fault of ours.
    pub(crate) fn internal(message: &str) -> Self {
        Fault::new(Code::Internal, message)
    }

    /// As gRPC says it: `RESOURCE_EXHAUSTED` carries `google.rpc.RetryInfo`, and the time in `retry-after-ms` for those
    /// who read no details.
    pub(crate) fn status(&self) -> tonic::Status {
        let message = self.text();
        let Some(retry) = self.retry else {
            return tonic::Status::new(self.code, message);
        };
        let mut metadata = tonic::metadata::MetadataMap::new();
        metadata.insert("retry-after-ms", millis(retry).into());
        let details = retry_details(self.code, &message, retry).into();
        tonic::Status::with_details_and_metadata(self.code, message, details, metadata)
    }

    fn text(&self) -> String {
        match &self.place {
            Some(place) => format!("{place}: {}", self.message),
            None => self.message.clone(),
        }
    }

    fn http(&self) -> (StatusCode, &'static str) {
        match self.code {
            Code::InvalidArgument => (StatusCode::BAD_REQUEST, "invalid_argument"),
            Code::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Code::OutOfRange => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Code::Aborted => (StatusCode::REQUEST_TIMEOUT, "timeout"),
            Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "overloaded"),
            Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "deadline"),
            Code::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "cancelled"),
            Code::Ok
            | Code::Unknown
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
            | Code::Unauthenticated => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

impl From<PredictError> for Fault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what has no status of its own is no fault of the client's"
    )]
    fn from(error: PredictError) -> Self {
        match error {
            PredictError::Question { place, message } => Fault::invalid(place, message),
            PredictError::Overloaded { retry_ms, .. } => Fault {
                retry: Some(Duration::from_millis(retry_ms)),
                ..Fault::new(Code::ResourceExhausted, error.to_string())
            },
            PredictError::Deadline { .. } => Fault::new(Code::DeadlineExceeded, error.to_string()),
            PredictError::Cancelled => Fault::new(Code::Cancelled, error.to_string()),
            other => Fault::internal(&other.to_string()),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, kind) = self.http();
        let mut error = json!({ "type": kind, "message": self.text() });
        if let Some(place) = &self.place {
            error["place"] = json!(place);
        }
        if let Some(retry) = self.retry {
            error["retry_after_ms"] = json!(millis(retry));
        }
        let mut response = (status, axum::Json(json!({ "error": error }))).into_response();
        if let Some(retry) = self.retry {
            let seconds = HeaderValue::from(retry.as_millis().div_ceil(1000).clamp(1, 3600) as u64);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `google.rpc.Status`, as `grpc-status-details-bin` carries it.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

fn retry_details(code: Code, message: &str, retry: Duration) -> Vec<u8> {
    let info = RetryInfo {
        retry_delay: prost_types::Duration::try_from(retry).ok(),
    };
    let detail = prost_types::Any {
        type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
        value: info.encode_to_vec(),
    };
    let status = RpcStatus {
        code: code.into(),
        message: message.to_owned(),
        details: vec![detail],
    };
    status.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_says_when_to_come_back_in_both_spellings() {
        let fault = Fault::from(PredictError::Overloaded {
            permits: 3,
            retry_ms: 1500,
        });
        let response = fault.clone().into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let status = fault.status();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.metadata().get("retry-after-ms").unwrap(), "1500");
        let details = RpcStatus::decode(status.details()).unwrap();
        let info = RetryInfo::decode(&*details.details[0].value).unwrap();
        let delay = info.retry_delay.unwrap();
        assert_eq!((delay.seconds, delay.nanos), (1, 500_000_000));
    }

    #[test]
    fn faults_of_callers_say_where() {
        let fault = Fault::invalid("items[3].fields.year", "expected float");
        assert_eq!(fault.status().message(), "items[3].fields.year: expected float");
        assert_eq!(fault.into_response().status(), StatusCode::BAD_REQUEST);
        assert_eq!(
            Fault::too_large(5).into_response().status(),
            StatusCode::PAYLOAD_TOO_LARGE
        );
        assert_eq!(
            Fault::deadline(Duration::from_secs(1)).into_response().status(),
            StatusCode::GATEWAY_TIMEOUT
        );
    }
}
