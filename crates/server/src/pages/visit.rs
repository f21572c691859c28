//! Who is visiting, and what the address asks for.
//!
//! The user of the last opened user page is kept in a cookie, so that a film's page knows in whose name it is rated.
//! There is no login: the server is a demonstration on one's own machine, and anybody may be anyone.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};

use super::fault::Fault;
use crate::api::parameters::Parameters;
use crate::error::ApiError;
use crate::state::State as Live;

/// Name of the cookie.
const COOKIE: &str = "rankine_user";
/// Users tried in turn where no cookie says who is visiting; the first is SparrowRecSys's example.
const EXAMPLES: [i64; 2] = [6, 1];

/// One request for a page.
pub(super) struct Visit {
    /// The query's parameters.
    pub(super) parameters: Parameters,
    /// Path and query, to come back to.
    pub(super) address: String,
    cookie: Option<i64>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let address = parts.uri.path_and_query().map(|path| path.as_str().to_owned());
        Ok(Visit {
            cookie: user_of(&parts.headers),
            parameters: Parameters::from_request_parts(parts, state).await?,
            address: address.unwrap_or_else(|| "/".to_owned()),
        })
    }
}

impl Visit {
    /// The visitor: the cookie's user, or the first example that the data has.
    pub(super) fn user(&self, state: &Live) -> Option<i64> {
        self.cookie
            .or_else(|| EXAMPLES.into_iter().find(|&user| state.user_record(user).is_ok()))
    }
}

/// A finished page.
pub(super) struct Page {
    html: String,
    visitor: Option<i64>,
}

impl Page {
    /// A page.
    pub(super) fn new(html: String) -> Self {
        Page { html, visitor: None }
    }

    /// A page that makes its reader this user.
    pub(super) fn of(html: String, user: i64) -> Self {
        Page {
            html,
            visitor: Some(user),
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let fresh = (header::CACHE_CONTROL, "no-store".to_owned());
        let cookie = self.visitor.map(|user| {
            [(
                header::SET_COOKIE,
                format!("{COOKIE}={user}; Path=/; SameSite=Lax; Max-Age=31536000"),
            )]
        });
        let Some(cookie) = cookie else {
            return ([fresh], Html(self.html)).into_response();
        };
        ([fresh], cookie, Html(self.html)).into_response()
    }
}

/// Makes a page on the CPU pool.
///
/// # Errors
/// Whatever `work` answers, as a page.
pub(super) async fn answer(
    state: Arc<Live>,
    visit: Visit,
    work: fn(&Live, &Visit) -> Result<Page, ApiError>,
) -> Result<Page, Fault> {
    Ok(state.compute(move |state| work(state, &visit)).await?)
}

fn user_of(headers: &HeaderMap) -> Option<i64> {
    let cookies = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.find(|(name, _)| *name == COOKIE)?.1;
    value.parse().ok().filter(|&user: &i64| user >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_read_among_others_and_never_trusted() {
        let user = |text: &str| user_of(&HeaderMap::from_iter([(header::COOKIE, text.parse().unwrap())]));
        assert_eq!(user("a=1; rankine_user=42; b=2"), Some(42));
        assert_eq!(user("rankine_user=-1"), None);
        assert_eq!(user("rankine_user=<b>"), None);
        assert_eq!(user("xrankine_user=4"), None);
        assert_eq!(user_of(&HeaderMap::new()), None);
    }
}
