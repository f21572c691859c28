//! Questions about what is new: the row on a user's page, what was served of it, the stream behind it.

use super::State;
use super::record::UserRecord;
use super::view::Arrived;
use crate::arrivals::{Deed, Exposures, Watched};
use crate::error::ApiError;
use rankine_recommend::Item;
use rankine_recommend::merge::Answer;
use serde_json::Value;
use std::sync::Arc;

/// What is told where no stream is configured.
const NONE: ApiError = ApiError::NotServed {
    what: "arrivals",
    cause: "no [arrivals] in the server's configuration",
};

const NO_FORM: ApiError = ApiError::NotServed {
    what: "films",
    cause: "no [insert] in the server's configuration",
};

impl State {
    /// The new films nearest to a user, not more than `n`; `None` where no stream is configured.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] for an unknown user.
    pub fn arrivals_for(&self, user: i64, n: usize) -> Result<Option<Arrived>, ApiError> {
        let Some(arrivals) = &self.arrivals else {
            return Ok(None);
        };
        let record = self.user_record(user)?;
        Ok(Some(match arrivals.nearest(&record.state, n) {
            Ok(nearest) => {
                let film = |(id, score)| Some((self.film(id).ok()?, score));
                Arrived {
                    films: nearest.items.into_iter().filter_map(film).collect(),
                    version: nearest.version,
                    fault: None,
                }
            }
            Err(fault) => Arrived {
                fault: Some(fault),
                ..Arrived::default()
            },
        }))
    }

    /// Counts new films as shown in their own row.
    pub fn count_arrivals(&self, user: i64, arrived: &Arrived) {
        self.count_shown(user, arrived.films.iter().map(|(film, _)| (film.id, false)));
    }

    /// How many lists asked what is new, and how many were answered by what was kept; none where no stream is configured.
    pub(super) fn arrival_searches(&self) -> Option<[u64; 2]> {
        Some(self.arrivals.as_ref()?.searches())
    }

    /// Asks the stream for a film that nobody here has heard of; [`State::film`] knows it from then on.
    pub(super) fn look_up(&self, id: i64) {
        if let Some(arrivals) = &self.arrivals {
            arrivals.look_up(id);
        }
    }

    /// A film that was asked for by its id.
    pub(super) fn looked_up(&self, id: i64) -> Option<Arc<Item>> {
        self.arrivals.as_ref()?.looked_up(id)
    }

    /// Films of the stream by words of their titles.
    pub(super) fn titled_in_stream(&self, text: &str) -> Vec<Arc<Item>> {
        let arrivals = self.arrivals.as_ref();
        arrivals.map(|arrivals| arrivals.titled(text)).unwrap_or_default()
    }

    /// Whether new items of a stream are recommended.
    pub fn has_arrivals(&self) -> bool {
        self.arrivals.is_some()
    }

    /// What was served of what is new, and what came of it.
    pub fn exposures(&self) -> Exposures {
        self.exposure.counts()
    }

    /// The stream's own figures.
    ///
    /// # Errors
    /// [`ApiError::NotServed`] where none is configured, [`ApiError::StreamUnavailable`] where it does not answer.
    pub fn stream_figures(&self) -> Result<Value, ApiError> {
        let figures = self.arrivals.as_ref().ok_or(NONE)?.figures();
        figures.map_err(|fault| ApiError::StreamUnavailable {
            cause: fault.to_string(),
        })
    }

    /// Whether films can be inserted into the stream's source.
    pub fn takes_films(&self) -> bool {
        self.insertion.is_some()
    }

    /// Writes a film into the stream's source and watches it; its id. Films of the import stay as they are.
    ///
    /// # Errors
    /// [`ApiError::NotServed`] where that is not configured, [`ApiError::NotFound`] for an unknown user, and for a film to edit or
    /// delete that did not come through the stream; [`ApiError::SourceUnavailable`] where the source does not take it.
    pub fn write_film(&self, change: Watched) -> Result<i64, ApiError> {
        let insertion = self.insertion.as_ref().ok_or(NO_FORM)?;
        self.user_record(change.user)?;
        let id = change.id;
        let own = || self.live.arrival(id).is_some() || insertion.watched().iter().any(|one| one.id == id);
        if change.deed != Deed::Insert && !own() {
            return Err(ApiError::not_found("new film", id));
        }
        let written = insertion
            .write(change)
            .map_err(|cause| ApiError::SourceUnavailable { cause })?;
        written.ok_or_else(|| ApiError::not_found("new film", id))
    }

    /// Changes written lately, newest first.
    ///
    /// # Errors
    /// [`ApiError::NotServed`] where that is not configured.
    pub fn written_films(&self) -> Result<Vec<Watched>, ApiError> {
        Ok(self.insertion.as_ref().ok_or(NO_FORM)?.watched())
    }

    /// The answers of strategies that wait for a network.
    pub(super) fn beside(&self, record: &UserRecord) -> Vec<Answer> {
        let ask = |arrivals: &Arc<crate::arrivals::Arrivals>| {
            arrivals.recall(&record.state, record.events.len(), self.config.quotas.arrivals)
        };
        self.arrivals.iter().map(ask).collect()
    }

    /// Counts a list as shown: films, and whether each was put there to be explored. Nothing is counted where nothing is new.
    pub(super) fn count_shown(&self, user: i64, films: impl Iterator<Item = (i64, bool)>) {
        if self.arrivals.is_some() {
            let arrived = self.live.arrivals();
            let told = films.map(|(id, explored)| (id, arrived.contains_key(&id), explored));
            self.exposure.shown(user, told);
        }
    }
}
