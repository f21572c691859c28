//! `GET /explain.html?id=&movieId=&model=`: one score, taken apart: raw value → operator → sign or number → its part in the
//! score, offline and online side by side.
//!
//! The decision: it is told of models that this process scores with. Where another ranks, it says so and names nothing.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use rankine_feature::Value;
use rankine_predict::{Ask, ExplainedFeature, Explanation, Question, QuestionItem, Row};

use super::fault::Fault;
use super::link;
use super::shell::{Shell, render};
use super::visit::{Page, Visit, answer};
use crate::config::{EMB, POPULARITY, RankerKind};
use crate::error::ApiError;
use crate::state::State as Live;

/// Longest content shown; the rest is in `rankine extract --explain --json`.
const WIDEST: usize = 60;

struct Feature {
    name: String,
    class: &'static str,
    slot: String,
    group: &'static str,
    inputs: Vec<(String, String)>,
    offline: String,
    online: String,
    same: bool,
    part: String,
    /// `up`, `down`, or empty where the model does not read it.
    way: &'static str,
    /// Width of the bar, 0 to 100 in steps of 5.
    bar: usize,
}

struct Explained {
    title: String,
    href: String,
    model: String,
    version: u64,
    conf_hash: String,
    score: String,
    online_score: String,
    same: bool,
    bytes: usize,
    differing: usize,
    features: Vec<Feature>,
}

#[derive(Template)]
#[template(path = "explain.html")]
struct ExplainPage {
    shell: Shell,
    user: String,
    movie: String,
    model: String,
    models: Vec<String>,
    /// Another process ranks: what can be asked instead.
    elsewhere: Option<String>,
    explained: Option<Explained>,
}

pub(super) async fn get(State(state): State<Arc<Live>>, visit: Visit) -> Result<Page, Fault> {
    answer(state, visit, page).await
}

fn page(state: &Live, visit: &Visit) -> Result<Page, ApiError> {
    let visitor = visit.user(state);
    let models = models(state);
    let model = model(state, &models, visit.parameters.text("model"))?;
    let user = match visit.parameters.text("id") {
        Some(_) => Some(visit.parameters.id("id")?),
        None => visitor,
    };
    let movie = match visit.parameters.text("movieId") {
        Some(_) => Some(visit.parameters.id("movieId")?),
        None => None,
    };
    let explained = match user.zip(movie) {
        Some(_) if models.is_empty() => return Err(not_here()),
        Some(of) => Some(explained(state, of, &model)?),
        None => None,
    };
    let text = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let page = ExplainPage {
        shell: Shell::new("Explain a score", visitor, ""),
        user: text(user),
        movie: text(movie),
        model,
        elsewhere: models.is_empty().then(|| state.config().ranker.url.clone()),
        models,
        explained,
    };
    render(&page).map(Page::new)
}

/// Models of this process that score.
fn models(state: &Live) -> Vec<String> {
    if state.config().ranker.kind == RankerKind::Remote {
        return Vec::new();
    }
    let mut models = state.model_names();
    models.retain(|name| name != EMB && name != POPULARITY);
    models
}

/// The one that is asked for, or the first.
fn model(state: &Live, models: &[String], asked: Option<&str>) -> Result<String, ApiError> {
    let Some(asked) = asked.filter(|_| !models.is_empty()) else {
        return Ok(models.first().cloned().unwrap_or_default());
    };
    let name = state.canonical_model(Some(asked)).ok();
    name.filter(|name| models.contains(name)).ok_or_else(|| {
        let known = format!("one of {}", models.join(", "));
        ApiError::parameter("model", known, Some(asked))
    })
}

fn not_here() -> ApiError {
    ApiError::NotServed {
        what: "explanations",
        cause: "another process ranks; `rankine extract --explain LINE --online URL` asks it",
    }
}

fn explained(state: &Live, (user, movie): (i64, i64), model: &str) -> Result<Explained, ApiError> {
    let film = state.film(movie)?;
    state.user_record(user)?;
    let (version, found) = state.explain((user, movie), model)?;
    let largest = found
        .features
        .iter()
        .filter_map(|f| f.contribution)
        .fold(0.0, |most: f64, part| most.max(part.abs()));
    let score = |score: Option<f32>| score.map_or_else(|| "–".to_owned(), |score| format!("{score:.6}"));
    Ok(Explained {
        title: film.title.to_string(),
        href: link::film(movie),
        model: model.to_owned(),
        version,
        score: score(found.score),
        online_score: score(found.online_score),
        same: found.same_bytes == Some(true),
        bytes: found.bytes.len(),
        differing: found.differing().count(),
        features: found
            .features
            .iter()
            .map(|feature| shown(feature, largest))
            .collect(),
        conf_hash: found.conf_hash,
    })
}

fn shown(feature: &ExplainedFeature, largest: f64) -> Feature {
    let part = feature.contribution;
    Feature {
        name: feature.name.clone(),
        class: feature.class,
        slot: feature
            .slot
            .map_or_else(|| "–".to_owned(), |slot| slot.to_string()),
        group: feature.group.name(),
        inputs: feature
            .inputs
            .iter()
            .map(|(name, value)| (name.clone(), short(value)))
            .collect(),
        offline: short(&feature.offline),
        online: short(feature.online.as_deref().unwrap_or("–")),
        same: feature.same(),
        part: part.map_or_else(|| "–".to_owned(), |part| format!("{part:+.4}")),
        way: part.map_or("", |part| if part < 0.0 { "down" } else { "up" }),
        bar: part.map_or(0, |part| bar(part.abs() / largest.max(f64::MIN_POSITIVE))),
    }
}

/// A share of the largest as 0, 5, … 100.
fn bar(share: f64) -> usize {
    (1..=20)
        .filter(|step| share * 20.0 + 0.5 >= f64::from(*step))
        .count()
        * 5
}

fn short(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

impl Live {
    /// A user's score of a film by a model now, explained, with the version that scored.
    ///
    /// # Errors
    /// [`ApiError::ModelUnavailable`] with what the predictor says: nothing loaded, no scores, a field that does not fit.
    fn explain(&self, (user, movie): (i64, i64), model: &str) -> Result<(u64, Explanation), ApiError> {
        let predictor = self.predictor();
        let snapshot = predictor.snapshot();
        let fault = |error: rankine_predict::PredictError| ApiError::ModelUnavailable {
            model: model.to_owned(),
            cause: error.to_string(),
        };
        let key = snapshot.metadata(model, None).map_err(fault)?.user_key;
        let question = Question {
            user: Row::of(key.into_iter().map(|key| (key, Value::Int(user)))),
            items: vec![QuestionItem {
                id: movie,
                ..QuestionItem::default()
            }],
            asks: vec![Ask {
                conf: String::new(),
                models: vec![model.to_owned()],
            }],
            rows: Some(self.rows()),
            ..Question::default()
        };
        predictor.explain_on(&snapshot, &question).map_err(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_shares_of_the_largest() {
        assert_eq!([0.0, 0.02, 0.5, 0.999, 1.0].map(bar), [0, 0, 50, 100, 100]);
    }
}
