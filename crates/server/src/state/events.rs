//! Recording an event: checked, made durable, applied, followed by the row store, answered.
//!
//! The event log calls the writer for every durable record, so when `append` returns the next request sees the
//! event. The row store comes after; if it fails, the event stands all the same and the rows are written again with
//! the user's next event or at the next start.

use super::State;
use super::view::{NewEvent, Recorded};
use crate::error::{ApiError, ID};
use rankine_pipeline::{Event, aggregate::live::body_of};

/// Kind of an event with a value.
pub(super) const RATING: &str = "rating";
/// Kind of an event without one.
pub(super) const CLICK: &str = "click";
/// Longest event id the log takes, bytes.
const EVENT_ID: usize = 128;

impl State {
    /// Records an event durably and applies it; returns when the next request will see it. A user nobody knew
    /// becomes known by it.
    ///
    /// # Errors
    /// [`ApiError::Parameter`] for a kind, value or event id that is not accepted, [`ApiError::NotFound`] for an
    /// unknown film, [`ApiError::NoRoom`] for one new user too many, [`ApiError::NotServed`] in a process that is a
    /// predictor only, [`ApiError::Internal`] where the log cannot be written.
    pub fn record_event(&self, new: NewEvent) -> Result<Recorded, ApiError> {
        let Some(log) = &self.log else {
            return Err(ApiError::NotServed {
                what: "events",
                cause: "this process is a predictor only",
            });
        };
        check(&new)?;
        self.film(new.item)?;
        self.room_for(new.user)?;
        let NewEvent {
            user,
            item,
            kind,
            value,
            event_id,
        } = new;
        let event = Event {
            time: 0,
            seq: 0,
            user,
            item,
            kind,
            value,
            context: None,
        };
        let appended = log
            .append((self.clock)(), event_id.as_deref(), body_of(&event))
            .map_err(|error| ApiError::Internal {
                cause: error.to_string(),
            })?;
        if !appended.duplicate {
            self.metrics.event(&event.kind);
            self.exposure.acted(user, item);
            self.follow(user, item);
        }
        Ok(Recorded {
            time: appended.time,
            seq: appended.seq,
            duplicate: appended.duplicate,
        })
    }

    /// A user for good takes memory for good, so their number is bounded. Requests that come together may each find
    /// the last place free, so there can be as many users more as there are permits.
    fn room_for(&self, user: i64) -> Result<(), ApiError> {
        let limit = self.config.limits.new_users;
        if self.live.has_room(user, limit) {
            return Ok(());
        }
        Err(ApiError::NoRoom { limit })
    }

    fn follow(&self, user: i64, item: i64) {
        let Some(sink) = &self.sink else { return };
        if let Err(error) = sink.follow(user, item) {
            tracing::warn!(%error, user, item, "feature rows were not written to the store");
        }
    }
}

fn check(event: &NewEvent) -> Result<(), ApiError> {
    check_id("user", event.user)?;
    check_id("item", event.item)?;
    check_event_id(event.event_id.as_deref())?;
    let got = event.value.map(|value| value.to_string());
    match (event.kind.as_str(), event.value) {
        (RATING, Some(value)) if (0.5..=5.0).contains(&value) => Ok(()),
        (RATING, _) => Err(ApiError::parameter(
            "value",
            "a number from 0.5 to 5",
            got.as_deref(),
        )),
        (CLICK, None) => Ok(()),
        (CLICK, Some(_)) => Err(ApiError::parameter(
            "value",
            "nothing for a click",
            got.as_deref(),
        )),
        (other, _) => Err(ApiError::parameter("kind", "rating or click", Some(other))),
    }
}

fn check_id(parameter: &str, id: i64) -> Result<(), ApiError> {
    if id >= 0 {
        return Ok(());
    }
    Err(ApiError::parameter(parameter, ID, Some(&id.to_string())))
}

fn check_event_id(id: Option<&str>) -> Result<(), ApiError> {
    let bytes = id.map_or(1, str::len);
    if (1..=EVENT_ID).contains(&bytes) {
        return Ok(());
    }
    let got = format!("{bytes} bytes");
    Err(ApiError::parameter(
        "event_id",
        format!("1 to {EVENT_ID} bytes"),
        Some(&got),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, value: Option<f64>) -> NewEvent {
        NewEvent {
            user: 6,
            item: 1,
            kind: kind.to_owned(),
            value,
            event_id: None,
        }
    }

    #[test]
    fn ratings_have_a_value_in_range_and_clicks_none() {
        assert_eq!(check(&event("rating", Some(0.5))), Ok(()));
        assert_eq!(check(&event("click", None)), Ok(()));
        let faults = [
            ("rating", None),
            ("rating", Some(5.5)),
            ("rating", Some(f64::NAN)),
            ("click", Some(1.0)),
        ];
        for (kind, value) in faults {
            let fault = check(&event(kind, value)).unwrap_err();
            assert_eq!(fault.body()["error"]["parameter"], "value", "{kind} {value:?}");
        }
        assert_eq!(
            check(&event("view", None)).unwrap_err().body()["error"]["parameter"],
            "kind"
        );
    }

    #[test]
    fn negative_ids_are_refused() {
        let user = NewEvent {
            user: -1,
            ..event("click", None)
        };
        let item = NewEvent {
            item: -7,
            ..event("click", None)
        };
        for (event, parameter, got) in [(user, "user", "-1"), (item, "item", "-7")] {
            let fault = check(&event).unwrap_err().body();
            assert_eq!(
                (&fault["error"]["parameter"], &fault["error"]["got"]),
                (&parameter.into(), &got.into())
            );
        }
    }

    #[test]
    fn an_event_id_fault_says_got_once() {
        let long = NewEvent {
            event_id: Some("x".repeat(129)),
            ..event("click", None)
        };
        let message = check(&long).unwrap_err().to_string();
        assert_eq!(
            message,
            "parameter `event_id`: expected 1 to 128 bytes, got 129 bytes"
        );
    }
}
