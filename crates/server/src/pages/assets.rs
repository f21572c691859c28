//! Files that pages load: the style sheet, the script, the icon; and the tags by which a browser keeps them.
//!
//! Compiled into the binary. The decision: short freshness and an entity tag instead of hashed names, so that templates
//! name files plainly and a new binary shows at once after a reload.

use std::hash::Hasher;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rustc_hash::FxHasher;

use super::drawing;
use super::fault::Fault;
use crate::error::ApiError;

/// The style sheet.
const STYLE: &str = include_str!("../../../../web/static/rankine.css");
/// The script.
const SCRIPT: &str = include_str!("../../../../web/static/rankine.js");
/// The icon.
const ICON: &str = include_str!("../../../../web/static/favicon.svg");
/// A drawing opened by itself may use the styles written into it and nothing else.
const DRAWING_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// CSS.
    Style,
    /// JavaScript.
    Script,
    /// SVG.
    Drawing,
}

impl Kind {
    fn mime(self) -> &'static str {
        match self {
            Kind::Style => "text/css; charset=utf-8",
            Kind::Script => "text/javascript; charset=utf-8",
            Kind::Drawing => "image/svg+xml",
        }
    }

    fn cache(self) -> &'static str {
        match self {
            Kind::Style | Kind::Script => "no-cache",
            Kind::Drawing => "public, max-age=3600",
        }
    }
}

pub(super) async fn get(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Fault> {
    let (kind, text) = match file.as_str() {
        "rankine.css" => (Kind::Style, STYLE),
        "chart.css" => (Kind::Style, drawing::style()),
        "rankine.js" => (Kind::Script, SCRIPT),
        _ => return Err(ApiError::not_found("file", file).into()),
    };
    Ok(tagged(kind, text.to_owned(), &headers))
}

pub(super) async fn favicon(headers: HeaderMap) -> Response {
    tagged(Kind::Drawing, ICON.to_owned(), &headers)
}

/// A file with its tag; no body (304) where the client has it already.
pub(super) fn tagged(kind: Kind, text: String, asked: &HeaderMap) -> Response {
    let tag = tag(&text);
    let known = asked
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let policy = (header::CONTENT_SECURITY_POLICY, DRAWING_POLICY);
    let kept = [
        (header::ETAG, tag.as_str()),
        (header::CACHE_CONTROL, kind.cache()),
        policy,
    ];
    if known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(header::CONTENT_TYPE, kind.mime())], text).into_response()
}

fn tag(text: &str) -> String {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    format!("\"{:016x}\"", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_file_is_not_sent_again() {
        let first = tagged(Kind::Style, "a{}".to_owned(), &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].clone();
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]);
        assert_eq!(
            tagged(Kind::Style, "a{}".to_owned(), &asked).status(),
            StatusCode::NOT_MODIFIED
        );
        assert_eq!(
            tagged(Kind::Style, "b{}".to_owned(), &asked).status(),
            StatusCode::OK
        );
    }

    #[test]
    fn nothing_points_outside_the_machine() {
        for text in [STYLE, SCRIPT, ICON, drawing::style()] {
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !text.contains("//") || !text.contains("http"),
                "an address: {text}"
            );
            assert!(!text.contains("@import") && !text.contains("url("), "{text}");
        }
    }
}
