//! A change stream seen from outside: metrics, its state with the last items, and search in what it has embedded.
//!
//! Beside the stream in one process. The decision: the embedded index lives in the process that writes it, so a search
//! comes here; it names the version its query was made by, or gets the one that serves, and never meets another's vectors.

mod items;
mod remote;
mod titles;

pub use items::Rows;
pub use remote::RemoteEmbedders;
pub use titles::Titles;

use std::net::TcpListener;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use rankine_pipeline::stream::Status;
use rankine_store::StoreError;
use rankine_store::vectors::{Filter, Generation, Search, VectorSearch};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::ServerError;

/// Largest body of a search.
const BODY: usize = 1 << 20;
/// Most items of an answer.
pub(crate) const MOST: usize = 1000;

/// What is shown.
#[derive(Clone)]
pub struct StreamView {
    /// The stream's figures.
    pub status: Arc<Status>,
    /// Where its vectors are searched.
    pub vectors: Arc<dyn VectorSearch>,
    /// Their set.
    pub set: String,
    /// The set of users' vectors, where there is one.
    pub users: Option<String>,
    /// The joined rows that the vectors were made of.
    pub rows: Rows,
    /// Their titles.
    pub titles: Arc<Titles>,
    /// When the stream began, microseconds since 1970 UTC.
    pub begun: i64,
}

/// Serves until `stopped` is ready; blocks the calling thread.
///
/// # Errors
/// [`ServerError::Part`]: the listener or the runtime failed.
pub fn serve_stream(
    listener: TcpListener,
    view: StreamView,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let part = |error: std::io::Error| ServerError::part("stream endpoint", error);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(part)?;
    listener.set_nonblocking(true).map_err(part)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(part)?;
        let served = axum::serve(listener, routes(view));
        tokio::select! {
            ended = served => ended.map_err(part),
            () = stopped => Ok(()),
        }
    })
}

/// The routes.
fn routes(view: StreamView) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/stream", get(state))
        .route("/search", post(search))
        .route("/vector/{id}", get(vector))
        .route("/rows", post(items::rows))
        .route("/arrivals", post(items::arrivals))
        .route("/titles", post(titles::titles))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(view)
}

async fn metrics(State(view): State<StreamView>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, view.status.prometheus()).into_response()
}

async fn state(State(view): State<StreamView>) -> Json<Value> {
    Json(view.status.json(true))
}

/// A search.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// The query vector; or
    vector: Option<Vec<f32>>,
    /// a user, by the vector that the searched version has made
    user: Option<i64>,
    /// in this set; without it, the stream's own, or the items' with `_users` behind it.
    users: Option<String>,
    /// How many items.
    n: usize,
    /// The artefact version that made the query; without it, the serving one is taken to have.
    version: Option<u64>,
    /// Only items created at this time or later, microseconds since 1970 UTC.
    created_from: Option<i64>,
    /// Only items of one of these categories.
    #[serde(default)]
    categories: Vec<String>,
    /// None of these items.
    #[serde(default)]
    without: Vec<i64>,
    /// Whether an HNSW index may be used, where there is one; exact otherwise.
    #[serde(default)]
    approximate: bool,
}

async fn search(State(view): State<StreamView>, Json(query): Json<Query>) -> Response {
    blocking(move || {
        let version = serving(&view)?;
        if let Some(wanted) = query.version.filter(|wanted| *wanted != version) {
            return Err(refused(
                StatusCode::CONFLICT,
                &format!("version: expected {version}, which serves, got {wanted}"),
            ));
        }
        if query.n > MOST {
            let reason = format!("n: expected {MOST} at most, got {}", query.n);
            return Err(refused(StatusCode::BAD_REQUEST, &reason));
        }
        let asked = Search {
            n: query.n,
            filter: Filter {
                created_from: query.created_from,
                categories: query.categories,
                without: query.without,
            },
            approximate: query.approximate,
        };
        let vector = match (query.vector, query.user) {
            (Some(vector), None) => vector,
            (None, Some(user)) => user_vector(&view, query.users, version, user)?,
            _ => return Err(refused(StatusCode::BAD_REQUEST, "expected either vector or user")),
        };
        let generation = Generation::new(&view.set, version);
        let found = view.vectors.search(&generation, &vector, &asked).map_err(fault)?;
        let items: Vec<Value> = found
            .iter()
            .map(|one| json!({"id": one.id, "score": one.score}))
            .collect();
        Ok(json!({"version": version, "items": items}))
    })
    .await
}

/// A user's vector of the very version whose items are searched.
fn user_vector(view: &StreamView, set: Option<String>, version: u64, user: i64) -> Result<Vec<f32>, Refusal> {
    let no = |reason: &str| refused(StatusCode::NOT_FOUND, &format!("user {user}: {reason}"));
    let set = set.or_else(|| view.users.clone());
    let set = set.unwrap_or_else(|| format!("{}_users", view.set));
    match view.vectors.get(&Generation::new(&set, version), &[user]) {
        Ok(rows) => {
            let row = rows.into_iter().flatten().next();
            row.map(|row| row.vector).ok_or_else(|| no("has no vector"))
        }
        Err(StoreError::Generation { .. }) => Err(no("users have no vectors of this version yet")),
        Err(error) => Err(fault(error)),
    }
}

async fn vector(State(view): State<StreamView>, Path(id): Path<i64>) -> Response {
    blocking(move || {
        let version = serving(&view)?;
        let rows = view.vectors.get(&Generation::new(&view.set, version), &[id]).map_err(fault)?;
        match rows.into_iter().flatten().next() {
            Some(row) => Ok(json!({
                "id": id, "version": version, "vector": row.vector, "as_of": row.as_of, "position": row.position,
            })),
            None => Err(refused(StatusCode::NOT_FOUND, &format!("item {id} has no vector"))),
        }
    })
    .await
}

fn serving(view: &StreamView) -> Result<u64, Refusal> {
    let none = || refused(StatusCode::SERVICE_UNAVAILABLE, "no version serves yet");
    view.vectors.current(&view.set).map_err(fault)?.ok_or_else(none)
}

/// Runs what blocks beside the runtime.
async fn blocking(run: impl FnOnce() -> Result<Value, Refusal> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(run).await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err((status, message))) => (status, Json(json!({"error": message}))).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the search failed").into_response(),
    }
}

fn fault(error: StoreError) -> Refusal {
    let client = matches!(error, StoreError::Vector { .. });
    let status = if client {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    refused(status, &error.to_string())
}

/// What a client is told instead of an answer.
type Refusal = (StatusCode, String);

fn refused(status: StatusCode, message: &str) -> Refusal {
    (status, message.to_owned())
}
