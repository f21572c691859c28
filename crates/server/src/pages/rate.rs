//! `POST /rate`: the rating form of browsers without the script; records the rating and goes back to the page.
//!
//! A form can be sent by any site's page, other than the JSON of `/events`; so the browser's word on where it comes
//! from (`Sec-Fetch-Site`, else `Origin`) is asked first. A client that says neither is no browser.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Redirect;

use super::fault::Fault;
use super::visit::Visit;
use super::{link, title};
use crate::api::parameters::Parameters;
use crate::error::ApiError;
use crate::state::State as Live;
use crate::state::view::NewEvent;

pub(super) async fn post(
    State(state): State<Arc<Live>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Redirect, Fault> {
    if !own(&headers) {
        return Err(Fault::foreign());
    }
    let limit = state.config().event_bytes();
    let body = body.map_err(|_| ApiError::TooLarge { limit })?;
    let (event, back) = parse(&body)?;
    let item = event.item.to_string();
    state.block(move |state| state.record_event(event)).await?;
    Ok(Redirect::to(&link::with(&back, "rated", &item)))
}

/// Whether the form comes from a page of this server.
pub(super) fn own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match text(header::ORIGIN.as_str()) {
        None => true,
        Some(origin) => {
            let authority = origin
                .parse::<Uri>()
                .ok()
                .and_then(|uri| uri.authority().map(ToString::to_string));
            authority.is_some() && authority.as_deref() == text(header::HOST.as_str())
        }
    }
}

/// Reads the form: `user`, `item`, `value`, `back`.
fn parse(body: &[u8]) -> Result<(NewEvent, String), ApiError> {
    let form = Parameters::of_form(body)?;
    let (user, item) = (form.id("user")?, form.id("item")?);
    let expected = "a number from 0.5 to 5";
    let text = form.required("value", expected)?;
    let value = text
        .trim()
        .parse()
        .map_err(|_| ApiError::parameter("value", expected, Some(text)))?;
    let own = form.text("back").and_then(link::local).map(str::to_owned);
    let event = NewEvent {
        user,
        item,
        kind: "rating".to_owned(),
        value: Some(value),
        event_id: None,
    };
    Ok((event, own.unwrap_or_else(|| link::user(user, None))))
}

/// What a page says after its form came back: which film was rated and how.
pub(super) fn notice(state: &Live, visit: &Visit, user: i64) -> Option<String> {
    let item = visit.parameters.id("rated").ok()?;
    let (film, value) = (state.film(item).ok()?, state.rating_of(user, item)?);
    Some(format!(
        "Rated {} {value}. What you see already knows.",
        title::reading_order(&film.title)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_form_is_read() {
        let (event, back) =
            parse(b"user=6&item=52&value=4&back=%2Fuser.html%3Fid%3D6%26model%3Demb").unwrap();
        assert_eq!((event.user, event.item, event.value), (6, 52, Some(4.0)));
        assert_eq!(back, "/user.html?id=6&model=emb");
    }

    #[test]
    fn a_foreign_way_back_is_not_taken() {
        for back in ["https%3A%2F%2Fevil", "%2F%2Fevil", ""] {
            let (_, to) = parse(format!("user=6&item=52&value=4&back={back}").as_bytes()).unwrap();
            assert_eq!(to, "/user.html?id=6");
        }
    }

    #[test]
    fn only_own_pages_may_send_it() {
        let from = |pairs: &[(&'static str, &str)]| {
            own(&pairs
                .iter()
                .map(|(k, v)| (header::HeaderName::from_static(k), v.parse().unwrap()))
                .collect())
        };
        assert!(from(&[("sec-fetch-site", "same-origin")]) && from(&[]));
        assert!(from(&[
            ("origin", "http://127.0.0.1:6010"),
            ("host", "127.0.0.1:6010")
        ]));
        assert!(!from(&[("sec-fetch-site", "cross-site")]) && !from(&[("sec-fetch-site", "same-site")]));
        assert!(!from(&[("origin", "http://evil"), ("host", "127.0.0.1:6010")]));
        assert!(!from(&[("origin", "null"), ("host", "127.0.0.1:6010")]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..120)) {
            prop_assert!(parse(&body).is_err());
        }
    }
}
