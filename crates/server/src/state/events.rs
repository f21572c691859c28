//! Recording an event: checked, made durable, applied, followed by the row store, answered.
//!
//! The event log calls the writer for every durable record, so when `append` returns the next request sees the
//! event. The row store comes after; if it fails, the event stands all the same and the rows are written again with
//! the user's next event or at the next start.

use super::State;
use super::view::{NewEvent, Recorded};
use crate::error::ApiError;
use rankine_pipeline::{Event, aggregate::live::body_of};
use rankine_store::StoreError;

/// Kind of an event with a value.
pub(super) const RATING: &str = "rating";
/// Kind of an event without one.
pub(super) const CLICK: &str = "click";

impl State {
    /// Records an event durably and applies it; returns when the next request will see it. A user nobody knew
    /// becomes known by it.
    ///
    /// # Errors
    /// [`ApiError::Parameter`] for a kind, value or event id that is not accepted, [`ApiError::NotFound`] for an
    /// unknown film, [`ApiError::Internal`] where the log cannot be written.
    pub fn record_event(&self, new: NewEvent) -> Result<Recorded, ApiError> {
        check(&new)?;
        self.film(new.item)?;
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
        let Some(log) = &self.log else {
            return Err(ApiError::Internal {
                cause: "this process is a predictor and takes no events".to_owned(),
            });
        };
        let appended = log
            .append((self.clock)(), event_id.as_deref(), body_of(&event))
            .map_err(refused)?;
        if !appended.duplicate {
            self.metrics.event(&event.kind);
            self.follow(user, item);
        }
        Ok(Recorded {
            time: appended.time,
            seq: appended.seq,
            duplicate: appended.duplicate,
        })
    }

    fn follow(&self, user: i64, item: i64) {
        let Some(sink) = &self.sink else { return };
        if let Err(error) = sink.follow(user, item) {
            tracing::warn!(%error, user, item, "feature rows were not written to the store");
        }
    }
}

fn check(event: &NewEvent) -> Result<(), ApiError> {
    if event.user < 0 {
        return Err(ApiError::parameter(
            "user",
            "an integer from 0 on",
            Some(&event.user.to_string()),
        ));
    }
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

fn refused(error: StoreError) -> ApiError {
    if matches!(
        error,
        StoreError::EventRefused { .. } | StoreError::EventTooLarge { .. }
    ) {
        return ApiError::parameter("event_id", "1 to 128 bytes", Some(&error.to_string()));
    }
    ApiError::Internal {
        cause: error.to_string(),
    }
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
    fn a_negative_user_is_refused() {
        let event = NewEvent {
            user: -1,
            ..event("click", None)
        };
        assert_eq!(check(&event).unwrap_err().body()["error"]["parameter"], "user");
    }
}
