//! Events to and from records of the live log.
//!
//! The log (`store`) owns sequence number, time and event id; the rest of an event is the record's body. Kept
//! beside the aggregates because these are what a replayed record is for.

use rankine_store::LogRecord;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Event, PipelineError};

/// The part of an event that the log does not own.
#[derive(Deserialize)]
struct Body {
    user: i64,
    item: i64,
    kind: String,
    #[serde(default)]
    value: Option<f64>,
    #[serde(default)]
    context: Option<String>,
}

/// The log body of an event; its time and sequence number are the log's to give.
pub fn body_of(event: &Event) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("user".to_owned(), event.user.into());
    body.insert("item".to_owned(), event.item.into());
    body.insert("kind".to_owned(), event.kind.as_str().into());
    if let Some(value) = event.value {
        body.insert("value".to_owned(), value.into());
    }
    if let Some(context) = &event.context {
        body.insert("context".to_owned(), context.as_str().into());
    }
    body
}

/// The event of a log record.
///
/// # Errors
/// [`PipelineError::LogEvent`] if the body lacks a field or has one of another type.
pub fn event_of(record: &LogRecord) -> Result<Event, PipelineError> {
    let body =
        Body::deserialize(Value::Object(record.body.clone())).map_err(|error| PipelineError::LogEvent {
            seq: record.seq,
            reason: error.to_string(),
        })?;
    let Body {
        user,
        item,
        kind,
        value,
        context,
    } = body;
    Ok(Event {
        time: record.time,
        seq: record.seq,
        user,
        item,
        kind,
        value,
        context,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(value: Option<f64>, context: Option<&str>) -> Event {
        let context = context.map(str::to_owned);
        Event {
            time: 9,
            seq: 3,
            user: -6,
            item: i64::MAX,
            kind: "rating".into(),
            value,
            context,
        }
    }

    #[test]
    fn events_survive_the_log() {
        for event in [event(Some(4.5), None), event(None, Some("phone"))] {
            let record = LogRecord {
                seq: 3,
                time: 9,
                event_id: None,
                body: body_of(&event),
            };
            assert_eq!(event_of(&record).unwrap(), event);
        }
    }

    #[test]
    fn a_record_that_is_no_event_is_named() {
        let mut body = body_of(&event(None, None));
        body.insert("item".into(), "x".into());
        let record = LogRecord {
            seq: 41,
            time: 9,
            event_id: None,
            body,
        };
        let error = event_of(&record).unwrap_err().to_string();
        assert!(error.contains("41") && error.contains("invalid type"), "{error}");
    }
}
