//! `POST /events`: a rating or a click; `{"time", "seq", "duplicate"}` once it is durable and applied.
//!
//! The body must be declared as JSON: a page of another origin cannot send that without being asked first, so it
//! cannot rate films in a visitor's name.

use super::Printed;
use crate::error::{ApiError, ID};
use crate::state::State as Live;
use crate::state::view::NewEvent;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Fields of the body.
const FIELDS: [&str; 5] = ["user", "item", "kind", "value", "event_id"];

pub(super) async fn post(
    State(state): State<Arc<Live>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Printed, ApiError> {
    declared_as_json(&headers)?;
    let body = body.map_err(|_| ApiError::TooLarge {
        limit: state.config().event_bytes(),
    })?;
    let event = parse(&body)?;
    state
        .block(move |state| Printed::new(&state.record_event(event)?))
        .await
}

fn declared_as_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = kind
        .and_then(|k| k.split(';').next())
        .map(str::trim)
        .unwrap_or_default();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(ApiError::parameter("content-type", "application/json", kind))
}

fn id(value: &Value) -> Option<i64> {
    value.as_i64().filter(|id| *id >= 0)
}

/// Reads the body.
fn parse(body: &[u8]) -> Result<NewEvent, ApiError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let got = (!body.is_empty()).then(|| format!("broken JSON, line {}", place(&error)));
        ApiError::parameter("body", "a JSON object", got.as_deref())
    })?;
    let Value::Object(map) = value else {
        return Err(ApiError::parameter(
            "body",
            "a JSON object",
            Some(&value.to_string()),
        ));
    };
    if let Some(unknown) = map.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        return Err(ApiError::parameter(
            "body",
            format!("the fields {}", FIELDS.join(", ")),
            Some(unknown),
        ));
    }
    Ok(NewEvent {
        user: field(&map, "user", ID, id)?,
        item: field(&map, "item", ID, id)?,
        kind: field(&map, "kind", "rating or click", |v| v.as_str().map(str::to_owned))?,
        value: optional(&map, "value", "a number", Value::as_f64)?,
        event_id: optional(&map, "event_id", "a text", |v| v.as_str().map(str::to_owned))?,
    })
}

fn place(error: &serde_json::Error) -> String {
    format!("{} column {}", error.line(), error.column())
}

fn field<T>(
    map: &Map<String, Value>,
    name: &str,
    expected: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<T, ApiError> {
    optional(map, name, expected, read)?.ok_or_else(|| ApiError::parameter(name, expected, None))
}

/// A field that may be absent or null.
fn optional<T>(
    map: &Map<String, Value>,
    name: &str,
    expected: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let fault = || ApiError::parameter(name, expected, Some(&value.to_string()));
            read(value).map(Some).ok_or_else(fault)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_whole_event_is_read() {
        let event = parse(br#"{"user":6,"item":52,"kind":"rating","value":4.5,"event_id":"a"}"#).unwrap();
        assert_eq!((event.user, event.item, event.kind.as_str()), (6, 52, "rating"));
        assert_eq!((event.value, event.event_id.as_deref()), (Some(4.5), Some("a")));
    }

    #[test]
    fn each_fault_names_its_field() {
        let faults = [
            (r#"{"item":52,"kind":"click"}"#, "user", "nothing"),
            (r#"{"user":"6","item":52,"kind":"click"}"#, "user", "\"6\""),
            (r#"{"user":6,"item":5.5,"kind":"click"}"#, "item", "5.5"),
            (r#"{"user":-6,"item":5,"kind":"click"}"#, "user", "-6"),
            (r#"{"user":6,"item":-5,"kind":"click"}"#, "item", "-5"),
            ("", "body", "nothing"),
            ("{\"user\"\n", "body", "broken JSON, line 2 column 0"),
            (
                r#"{"user":6,"item":5,"kind":"rating","value":"x"}"#,
                "value",
                "\"x\"",
            ),
            (r#"{"user":6,"item":5,"kind":"click","extra":1}"#, "body", "extra"),
            (r#"[1]"#, "body", "[1]"),
        ];
        for (body, parameter, got) in faults {
            let fault = parse(body.as_bytes()).unwrap_err().body();
            assert_eq!(fault["error"]["parameter"], parameter, "{body}");
            assert_eq!(fault["error"]["got"], got, "{body}");
        }
    }

    #[test]
    fn only_declared_json_is_read() {
        let headers = |kind: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        assert!(declared_as_json(&headers("application/json; charset=utf-8")).is_ok());
        assert!(declared_as_json(&headers("text/plain")).is_err());
        assert!(declared_as_json(&HeaderMap::new()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(&bytes).is_err());
        }
    }
}
