//! Ranking by another process over TensorFlow Serving's REST interface.
//!
//! One `predict` call carries all candidates as `instances`. Which fields an instance has is asked of the predictor
//! (`metadata`), so that any model behind that interface is served what it takes, ours and TensorFlow's. The version
//! is put into the address, because the answer does not say it: what is reported is what scored. Blocking, with a
//! timeout; the caller is on a thread that may wait.

use crate::http;
use crate::state::live::Live;
use rankine_feature::{Value, json};
use rankine_predict::{FeatureRows, Row};
use rankine_recommend::rank::{RankError, RankRequest, Ranker, Ranking};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long a model's description is taken as current.
const FRESH: Duration = Duration::from_secs(1);
/// Largest answer read, bytes.
const MOST_BYTES: u64 = 16 << 20;

/// What a remote model takes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Description {
    version: u64,
    inputs: Vec<String>,
}

/// See the module.
pub struct RemoteRanker {
    url: String,
    agent: ureq::Agent,
    live: Arc<Live>,
    known: RwLock<BTreeMap<String, (Instant, Arc<Description>)>>,
}

/// The user's row; counts of zero for a user without events.
pub(crate) fn user_row(live: &Live, id: i64) -> Row {
    FeatureRows::user(live, id).unwrap_or_default()
}

impl RemoteRanker {
    /// A client of the predictor at `url` (without a path).
    pub(crate) fn new(url: &str, timeout: Duration, live: Arc<Live>) -> Self {
        RemoteRanker {
            url: url.trim_end_matches('/').to_owned(),
            agent: http::agent(timeout),
            live,
            known: RwLock::default(),
        }
    }

    fn description(&self, model: &str, fresh: bool) -> Result<Arc<Description>, Fault> {
        if fresh
            && let Some((at, known)) = self
                .known
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .get(model)
            && at.elapsed() < FRESH
        {
            return Ok(known.clone());
        }
        let (status, answer) = self.get(&format!("{}/v1/models/{model}/metadata", self.url))?;
        let described = describe(&answer).filter(|_| status == 200);
        let described = Arc::new(described.ok_or_else(|| refused(status, &answer))?);
        let entry = (Instant::now(), described.clone());
        self.known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(model.to_owned(), entry);
        Ok(described)
    }

    /// Scores by the version in the description; `None` where that version is gone.
    fn predict(
        &self,
        request: &RankRequest<'_>,
        description: &Description,
    ) -> Result<Option<Vec<f32>>, Fault> {
        let Description { version, inputs } = description;
        let url = format!(
            "{}/v1/models/{}/versions/{version}:predict",
            self.url, request.model
        );
        let body = self.body(request, inputs);
        let (status, answer) = self.post(&url, &body)?;
        match status {
            200 => Ok(Some(predictions(&answer, request.items.len())?)),
            404 => Ok(None),
            _ => Err(refused(status, &answer)),
        }
    }

    /// `{"instances":[{…},…]}`; the fields of user and context are printed once.
    fn body(&self, request: &RankRequest<'_>, inputs: &[String]) -> String {
        let user = user_row(&self.live, request.user.id);
        let context = self.live.context_row(request.as_of);
        let value = |name: &str| user.get(name).or_else(|| context.get(name));
        let (common, others): (Vec<&String>, Vec<&String>) =
            inputs.iter().partition(|name| value(name).is_some());
        let head = fields(
            common
                .iter()
                .filter_map(|name| Some((name.as_str(), value(name)?))),
        );
        let rows = self.live.item_rows(request.items);
        let instance = |(&id, row): (&i64, &Option<(Row, u64)>)| {
            let row = row
                .as_ref()
                .map_or_else(|| Row::of([("movieId", Value::Int(id))]), |(row, _)| row.clone());
            let tail = fields(
                others
                    .iter()
                    .filter_map(|name| Some((name.as_str(), row.get(name)?))),
            );
            let comma = if head.is_empty() || tail.is_empty() {
                ""
            } else {
                ","
            };
            format!("{{{head}{comma}{tail}}}")
        };
        let instances: Vec<String> = request.items.iter().zip(&rows).map(instance).collect();
        format!("{{\"instances\":[{}]}}", instances.join(","))
    }

    fn get(&self, url: &str) -> Result<(u16, serde_json::Value), String> {
        read(self.agent.get(url).call())
    }

    fn post(&self, url: &str, body: &str) -> Result<(u16, serde_json::Value), String> {
        read(
            self.agent
                .post(url)
                .header("content-type", "application/json")
                .send(body),
        )
    }

    fn score(&self, request: &RankRequest<'_>) -> Result<(Vec<f32>, u64), Fault> {
        let description = self.description(request.model, true)?;
        if let Some(scores) = self.predict(request, &description)? {
            return Ok((scores, description.version));
        }
        // the version was replaced since it was described
        let description = self.description(request.model, false)?;
        let gone = || format!("version {} is described but not served", description.version);
        Ok((
            self.predict(request, &description)?.ok_or_else(gone)?,
            description.version,
        ))
    }
}

impl Ranker for RemoteRanker {
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        let model = request.model.to_owned();
        let answer = if request.items.is_empty() {
            self.description(&model, true)
                .map(|described| (Vec::new(), described.version))
        } else {
            self.score(request)
        };
        match answer {
            Ok((scores, version)) => Ok(Ranking {
                scores,
                model,
                version,
            }),
            Err(fault) => Err(fault.of(model)),
        }
    }
}

/// `"name":value` separated by commas; a missing value is null, so that the predictor does not look it up.
fn fields<'a>(pairs: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let field =
        |(name, value): (&str, &Value)| format!("{}:{}", serde_json::Value::from(name), json::print(value));
    pairs.map(field).collect::<Vec<_>>().join(",")
}

fn read(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(u16, serde_json::Value), String> {
    let read = answer.and_then(|answer| http::read(answer, MOST_BYTES));
    let (status, text) = read.map_err(|error| error.to_string())?;
    let value = serde_json::from_str(&text).map_err(|error| format!("status {status}, not JSON: {error}"))?;
    Ok((status, value))
}

/// Why the other process did not score.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Overloaded,
    Late(String),
    Other(String),
}

impl From<String> for Fault {
    fn from(cause: String) -> Self {
        Fault::Other(cause)
    }
}

impl Fault {
    fn of(self, model: String) -> RankError {
        match self {
            Fault::Overloaded => RankError::Overloaded { model },
            Fault::Late(cause) => RankError::Late { model, cause },
            Fault::Other(cause) => RankError::Unavailable { model, cause },
        }
    }
}

/// By the status, with the reason in TensorFlow Serving's error body.
fn refused(status: u16, answer: &serde_json::Value) -> Fault {
    let reason = answer["error"].as_str().unwrap_or("without a reason");
    let cause = format!("the remote predictor answered {status}: {reason}");
    match status {
        429 => Fault::Overloaded,
        504 => Fault::Late(cause),
        _ => Fault::Other(cause),
    }
}

/// Version and input names of a `metadata` answer.
fn describe(answer: &serde_json::Value) -> Option<Description> {
    let version = &answer["model_spec"]["version"];
    let version = version
        .as_str()
        .and_then(|text| text.parse().ok())
        .or_else(|| version.as_u64())?;
    let signatures = &answer["metadata"]["signature_def"]["signature_def"];
    let inputs = signatures["serving_default"]["inputs"].as_object()?;
    Some(Description {
        version,
        inputs: inputs.keys().cloned().collect(),
    })
}

/// `{"predictions": [[s], …]}` or `[s, …]`; null is NaN.
fn predictions(answer: &serde_json::Value, expected: usize) -> Result<Vec<f32>, String> {
    let list = answer["predictions"]
        .as_array()
        .ok_or("an answer without `predictions`")?;
    if list.len() != expected {
        return Err(format!("{} predictions for {expected} instances", list.len()));
    }
    list.iter()
        .enumerate()
        .map(|(index, entry)| score(index, entry))
        .collect()
}

fn score(index: usize, entry: &serde_json::Value) -> Result<f32, String> {
    let scalar = entry.get(0).unwrap_or(entry);
    #[expect(clippy::cast_possible_truncation, reason = "scores are f32 at their source")]
    match (scalar.as_f64(), scalar.is_null()) {
        (Some(score), _) => Ok(score as f32),
        (None, true) => Ok(f32::NAN),
        (None, false) => Err(format!("prediction {index} is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_shapes_of_predictions_are_read() {
        assert_eq!(
            predictions(&json!({"predictions": [[0.5], [1]]}), 2),
            Ok(vec![0.5, 1.0])
        );
        assert_eq!(predictions(&json!({"predictions": [0.25]}), 1), Ok(vec![0.25]));
        assert!(predictions(&json!({"predictions": [null]}), 1).unwrap()[0].is_nan());
    }

    #[test]
    fn other_answers_are_refused() {
        for answer in [
            json!({}),
            json!([]),
            json!({"predictions": [1, 2]}),
            json!({"predictions": ["x"]}),
        ] {
            assert!(predictions(&answer, 1).is_err(), "{answer}");
        }
    }

    #[test]
    fn a_description_has_version_and_inputs() {
        let answer = json!({"model_spec": {"name": "m", "version": "12"}, "metadata": {"signature_def":
            {"signature_def": {"serving_default": {"inputs": {"userId": {}, "movieId": {}}}}}}});
        let described = describe(&answer).unwrap();
        assert_eq!((described.version, described.inputs.len()), (12, 2));
        assert_eq!(describe(&json!({"error": "x"})), None);
    }

    #[test]
    fn overload_and_lateness_elsewhere_are_told_as_such() {
        let answer = json!({"error": "x"});
        let of = |status| refused(status, &answer).of("m".to_owned());
        let model = "m".to_owned();
        assert_eq!(of(429), RankError::Overloaded { model });
        assert!(matches!(of(504), RankError::Late { .. }));
        assert!(matches!(of(500), RankError::Unavailable { cause, .. } if cause.ends_with("500: x")));
    }

    #[test]
    fn names_and_values_are_escaped() {
        let value = Value::Str("a\"b".into());
        assert_eq!(fields([("x\"", &value)].into_iter()), "\"x\\\"\":\"a\\\"b\"");
    }
}
