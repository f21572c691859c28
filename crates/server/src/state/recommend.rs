//! The question the server is for: the best films for a user, with scores and reasons.
//!
//! Takes its snapshots first (user record, vectors), then walks the road of `rankine-recommend`.

use super::State;
use super::record::UserRecord;
use super::view::{Pick, Picks, Why};
use crate::config::{EMB, POPULARITY};
use crate::error::ApiError;
use rankine_recommend::merge::{Answer, Found};
use rankine_recommend::rank::RankError;
use rankine_recommend::recall::Reason;
use rankine_recommend::{Coarse, ItemVectors, Query, Recommendation, Shown};

impl State {
    /// The `n` best films for a user by the named model (none: the default one).
    ///
    /// # Errors
    /// [`ApiError::NotFound`] for an unknown user, [`ApiError::Parameter`] for an unknown model,
    /// [`ApiError::ModelUnavailable`] where it is not loaded or does not answer, [`ApiError::ModelOverloaded`],
    /// [`ApiError::ModelLate`].
    pub fn recommend(&self, user: i64, model: Option<&str>, n: usize) -> Result<Picks, ApiError> {
        let model = self.canonical_model(model)?;
        let record = self.user_record(user)?;
        let vectors = self.vectors.current(&self.predictor);
        let beside = self.beside(&record);
        let given = (vectors.as_deref(), beside.as_slice());
        let (answer, note) = match self.ask(&record, given, &model, n) {
            // a ranker that knows nothing of this user leaves the ranking to the one that needs nothing
            Err(error @ RankError::NoUserVector { .. }) => {
                (self.ask(&record, given, POPULARITY, n), Some(error.to_string()))
            }
            answer => (answer, None),
        };
        let answer = answer.map_err(api_error)?;
        let Recommendation {
            shown,
            model,
            version,
            candidates,
            ranked,
            coarse_fault,
        } = answer;
        let note = note.or_else(|| Some(format!("ranked without a coarse choice: {}", coarse_fault?)));
        let picks: Vec<Pick> = shown
            .into_iter()
            .filter_map(|shown| self.pick(&record, shown))
            .collect();
        self.count_shown(user, picks.iter().map(|pick| (pick.film.id, pick.explored)));
        Ok(Picks {
            user,
            picks,
            model,
            version,
            candidates,
            ranked,
            note,
        })
    }

    fn ask(
        &self,
        record: &UserRecord,
        (vectors, beside): (Option<&ItemVectors>, &[Answer]),
        model: &str,
        n: usize,
    ) -> Result<Recommendation, RankError> {
        let query = Query {
            user: &record.state,
            vectors,
            beside,
            model,
            coarse: self.coarse(model),
            n,
            as_of: (self.clock)(),
        };
        self.recommender.recommend(&query, &self.rankers)
    }

    /// The coarse ranking before a model: none before one that is as cheap.
    fn coarse(&self, model: &str) -> Option<Coarse<'_>> {
        let config = &self.config.coarse;
        let cheap = [EMB, POPULARITY].contains(&model) || model == config.model;
        (!config.model.is_empty() && !cheap).then_some(Coarse {
            model: &config.model,
            keep: config.keep,
        })
    }

    fn pick(&self, record: &UserRecord, shown: Shown) -> Option<Pick> {
        let why = shown
            .recalls
            .into_iter()
            .map(|found| self.why(record, found))
            .collect();
        Some(Pick {
            film: self.film(shown.item).ok()?,
            score: shown.score,
            coarse: shown.coarse,
            explored: shown.explored,
            why,
        })
    }

    fn why(&self, record: &UserRecord, found: Found) -> Why {
        let why = |text: String| Why {
            source: found.source,
            film: None,
            genre: None,
            text,
        };
        match found.reason {
            Reason::Popular => why("rated well by many".to_owned()),
            Reason::New => why("among the newest".to_owned()),
            Reason::Arrival => why("new, and close to what you like".to_owned()),
            Reason::Taste => why("close to what you like".to_owned()),
            Reason::Genre(index) => self.why_genre(index, why),
            Reason::Like { item } => self.why_like(record, item, why),
        }
    }

    fn why_genre(&self, index: usize, why: impl Fn(String) -> Why) -> Why {
        let genre = self.live.catalogue.genres().get(index).cloned();
        let named = genre.as_deref().unwrap_or("a genre");
        let text = format!("among the best of {named}, which you like");
        Why { genre, ..why(text) }
    }

    fn why_like(&self, record: &UserRecord, item: i64, why: impl Fn(String) -> Why) -> Why {
        let Ok(film) = self.film(item) else {
            return why(format!("like film {item}"));
        };
        let year = film.year.map(|year| format!(" ({year})")).unwrap_or_default();
        let deed = match record.rating_of(item) {
            Some(score) => format!("rated {score}"),
            None => "looked at".to_owned(),
        };
        let text = format!("like {}{year}, which you {deed}", film.title);
        Why {
            film: Some((item, film.title.clone())),
            ..why(text)
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other fault, later ones too, is the server's own"
)]
fn api_error(error: RankError) -> ApiError {
    match error {
        RankError::UnknownModel { model, known } => {
            ApiError::parameter("model", format!("one of {}", known.join(", ")), Some(&model))
        }
        RankError::Unavailable { model, cause } => ApiError::ModelUnavailable { model, cause },
        RankError::Overloaded { model } => ApiError::ModelOverloaded { model },
        RankError::Late { model, cause } => ApiError::ModelLate { model, cause },
        // what remains (no user vector, a wrong number of scores) is not the client's doing
        error => ApiError::Internal {
            cause: error.to_string(),
        },
    }
}
