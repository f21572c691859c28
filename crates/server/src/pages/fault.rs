//! Faults as pages: the status of the API's fault, and a sentence for people.
//!
//! The one place where [`ApiError`] becomes HTML, as its own `IntoResponse` makes it JSON.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::shell::Shell;
use crate::error::{ApiError, with_retry};

/// A fault, to be shown as a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    status: StatusCode,
    heading: &'static str,
    sentence: String,
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage<'a> {
    shell: Shell,
    status: u16,
    heading: &'a str,
    sentence: &'a str,
}

impl Fault {
    /// A form that another site's page sent (403).
    pub(super) fn foreign() -> Self {
        Fault {
            status: StatusCode::FORBIDDEN,
            heading: "Not from here",
            sentence: "This form was sent by a page of another site, so it was not acted upon.".to_owned(),
        }
    }
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        Fault {
            status: error.status(),
            heading: heading(error.status()),
            sentence: sentence(&error),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let page = FaultPage {
            shell: Shell::plain(self.heading),
            status: self.status.as_u16(),
            heading: self.heading,
            sentence: &self.sentence,
        };
        let body = page.render().unwrap_or_else(|_| self.heading.to_owned());
        with_retry(self.status, Html(body))
    }
}

fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Nothing on this reel",
        StatusCode::TOO_MANY_REQUESTS => "The house is full",
        StatusCode::SERVICE_UNAVAILABLE => "Not loaded yet",
        status if status.is_server_error() => "The projector stopped",
        _ => "That address does not add up",
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other faults say all there is to say themselves"
)]
fn sentence(error: &ApiError) -> String {
    match error {
        ApiError::Parameter {
            parameter,
            expected,
            got,
        } => {
            format!("The parameter “{parameter}” should be {expected}; it is {got}.")
        }
        ApiError::NotFound { what, id } => format!("There is no {what} {id} here."),
        ApiError::Overloaded { permits } => {
            format!("{permits} requests are being worked on already; try again in a moment.")
        }
        other => {
            let text = other.to_string();
            let mut letters = text.chars();
            let first = letters
                .next()
                .map(|c| c.to_uppercase().to_string())
                .unwrap_or_default();
            format!("{first}{}.", letters.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_a_sentence() {
        let unavailable = ApiError::ModelUnavailable {
            model: "emb".to_owned(),
            cause: "not loaded".to_owned(),
        };
        let faults = [
            (ApiError::not_found("film", 7), 404, "There is no film 7 here."),
            (
                ApiError::parameter("movieId", "an integer from 0 on", Some("<x>")),
                400,
                "The parameter “movieId” should be an integer from 0 on; it is <x>.",
            ),
            (unavailable, 503, "Model `emb` is not available: not loaded."),
        ];
        for (error, status, text) in faults {
            let fault = Fault::from(error);
            assert_eq!((fault.status.as_u16(), fault.sentence.as_str()), (status, text));
        }
    }

    #[test]
    fn what_the_client_sent_is_escaped() {
        let fault = Fault::from(ApiError::not_found("page", "/<script>"));
        let page = FaultPage {
            shell: Shell::plain("x"),
            status: 404,
            heading: "x",
            sentence: &fault.sentence,
        };
        let html = page.render().unwrap();
        assert!(
            !html.contains("<script>") && html.contains("&#60;script&#62;"),
            "{html}"
        );
    }
}
