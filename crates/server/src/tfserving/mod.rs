//! TensorFlow Serving's REST API over the predictor: model status, metadata and `:predict`, in its paths, bodies, texts
//! and status codes, so that clients written for it (SparrowRecSys's Java server for one) work unchanged.
//!
//! In the flow: a body becomes [`instance::Instance`]s typed by the model's schema; what they leave out comes from the
//! feature rows (what the request gives wins); one [`rankine_predict::Request`] per run of instances with equal user
//! and context; scores go back in request order. The decision here: the paths have a colon inside a segment, which
//! routers cut differently, so one handler takes them all and [`path`] reads them.

mod answer;
mod assemble;
mod body;
mod error;
mod instance;
mod metadata;
mod path;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use rankine_predict::{FeatureRows, Predictor};
use serde_json::Value;
use tokio::sync::Semaphore;

use error::Refusal;
use path::{Call, Target};

/// Bounds of what a client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest body, bytes.
    pub body_bytes: usize,
    /// Most instances of one body.
    pub instances: usize,
    /// Requests computed at once; one more is answered 429.
    pub permits: usize,
    /// Longest time a body may take to arrive.
    pub arrival: Duration,
    /// Longest time a request may take to score.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            instances: 20_000,
            permits: 32,
            arrival: Duration::from_secs(10),
            deadline: Duration::from_secs(10),
        }
    }
}

/// What the routes need.
#[derive(Clone)]
struct Shared {
    predictor: Arc<Predictor>,
    rows: Arc<dyn FeatureRows>,
    limits: Limits,
    permits: Arc<Semaphore>,
}

/// The routes below `/v1/models`. `rows` answers for the fields that instances leave out.
pub fn router(predictor: Arc<Predictor>, rows: Arc<dyn FeatureRows>, limits: Limits) -> Router {
    let permits = Arc::new(Semaphore::new(limits.permits));
    let shared = Shared {
        predictor,
        rows,
        limits,
        permits,
    };
    Router::new()
        .route("/v1/models", any(handle))
        .route("/v1/models/", any(handle))
        .route("/v1/models/{*rest}", any(handle))
        .with_state(shared)
}

async fn handle(State(shared): State<Shared>, request: Request) -> Response {
    match answer(shared, request).await {
        Ok(json) => axum::Json(json).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer(shared: Shared, request: Request) -> Result<Value, Refusal> {
    let (head, body) = request.into_parts();
    match path::parse(&head.method, head.uri.path())? {
        Call::Status(target) => status::answer(&shared.predictor, &target),
        Call::Metadata(target) => metadata::answer(&shared.predictor, &target),
        Call::Predict(target) => predict(shared, target, body).await,
    }
}

/// Reads the body, admits, and computes off the async runtime.
async fn predict(shared: Shared, target: Target, body: Body) -> Result<Value, Refusal> {
    let overloaded = || Refusal::overloaded(shared.limits.permits);
    // under overload a body is not even read
    if shared.permits.available_permits() == 0 {
        return Err(overloaded());
    }
    let limit = shared.limits.body_bytes;
    let bytes = tokio::time::timeout(shared.limits.arrival, to_bytes(body, limit))
        .await
        .map_err(|_| Refusal::slow(shared.limits.arrival))?
        .map_err(|_| Refusal::too_large(limit))?;
    // only now: a client that sends slowly holds no permit
    let permits = Arc::clone(&shared.permits);
    let permit = permits.try_acquire_owned().map_err(|_| overloaded())?;
    let work = move || {
        let answer = predict_now(&shared, &target, &bytes);
        drop(permit);
        answer
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Refusal::internal("the request's task failed"))?
}

/// The whole of a predict call, on one snapshot.
fn predict_now(shared: &Shared, target: &Target, bytes: &[u8]) -> Result<Value, Refusal> {
    let snapshot = shared.predictor.snapshot();
    let body = body::parse(bytes)?;
    let known = snapshot
        .metadata(&target.model, target.version)
        .map_err(|e| Refusal::of(&e, target))?;
    let (form, instances) = body::instances(&body, &known, shared.limits.instances)?;
    let pinned = Target {
        model: target.model.clone(),
        version: Some(known.version),
    };
    let deadline = Instant::now() + shared.limits.deadline;
    let mut scored = answer::Scored::default();
    for mut request in assemble::requests(&known, &instances, shared.rows.as_ref())? {
        request.model.clone_from(&pinned.model);
        request.version = pinned.version;
        request.deadline = Some(deadline);
        let response = shared
            .predictor
            .predict_on(&snapshot, &request)
            .map_err(|e| Refusal::of(&e, target))?;
        scored.append(response);
    }
    Ok(scored.into_json(form))
}
