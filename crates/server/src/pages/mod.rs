//! Server-rendered pages: HTML from templates, covers and charts drawn here, one style sheet, one small script.
//!
//! A page asks [`crate::state::State`] what the API asks it, on the CPU pool, and fills a template; templates escape
//! all text. The decisions: every page works without the script (forms post, answers redirect), the script only
//! replaces the parts a rating changed; and the content policy allows nothing but this server's own files, so neither
//! a film's title nor a chart can bring code or styles along.

mod assets;
mod card;
mod collection;
mod cover;
mod drawing;
mod explain;
mod fault;
mod index;
mod insert;
mod link;
#[cfg(test)]
mod markup;
mod movie;
mod paging;
mod rate;
mod search;
mod shell;
mod status;
mod stream;
mod title;
mod user;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::map_response;
use axum::response::{Redirect, Response};
use axum::routing::{get, post};

use crate::error::ApiError;
use crate::state::State;
use fault::Fault;

/// What a page may load: files of this server, nothing written into the page itself.
const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Routes of the pages, and the page for an address that no route knows.
pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(async || Redirect::permanent("/index.html")))
        .route("/index.html", get(index::get))
        .route("/collection.html", get(collection::get))
        .route("/movie.html", get(movie::get))
        .route("/user.html", get(user::get))
        .route("/search.html", get(search::get))
        .route("/status.html", get(status::get))
        .route("/explain.html", get(explain::get))
        .route("/stream.html", get(stream::get))
        .route("/insert.html", get(insert::get))
        .route("/insert", post(insert::post))
        .route("/rate", post(rate::post))
        .route("/cover/{file}", get(cover::get))
        .route("/static/{file}", get(assets::get))
        .route("/favicon.svg", get(assets::favicon))
        .route("/favicon.ico", get(assets::favicon))
        .method_not_allowed_fallback(wrong_method)
        .fallback(nothing_here)
        .layer(map_response(guarded))
        .with_state(state)
}

async fn wrong_method(method: Method) -> Fault {
    Fault::from(ApiError::Method {
        got: method.to_string(),
    })
}

async fn nothing_here(uri: axum::http::Uri) -> Fault {
    Fault::from(ApiError::not_found("page", uri.path()))
}

/// Adds the headers that keep foreign content out; an answer that brought its own policy keeps it.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(POLICY));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
