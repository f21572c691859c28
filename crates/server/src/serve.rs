//! Serving: three listeners, one state, a stop signal; returns when every request that was begun is answered.
//!
//! Listeners and stop signal are arguments, so that a test starts the server on port 0 and stops it. The async
//! runtime lives in here: the binary stays a plain program.

use crate::config::ServerConfig;
use crate::drain;
use crate::error::{ApiError, ServerError};
use crate::listener::{self, Bounds};
use crate::metrics::{Metrics, measure};
use crate::state::State;
use crate::{api, grpc, pages, tfserving};
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, middleware};
use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long the body of a predict call may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);
/// How long requests under way may take after the stop signal.
const DRAIN: Duration = Duration::from_secs(10);

/// Bound listeners; one that is absent is not served.
pub struct Listeners {
    /// Recommendation API and pages.
    pub site: Option<TcpListener>,
    /// TensorFlow Serving REST, metrics, status.
    pub rest: Option<TcpListener>,
    /// gRPC: `rankine.v1.Predictor`, health, reflection.
    pub grpc: Option<TcpListener>,
}

impl Listeners {
    /// Binds the addresses of the configuration.
    ///
    /// # Errors
    /// [`ServerError::Part`] with the address that cannot be bound.
    pub fn bind(config: &ServerConfig) -> Result<Self, ServerError> {
        Ok(Listeners {
            site: bind("site", &config.listen.site)?,
            rest: bind("rest", &config.listen.rest)?,
            grpc: bind("grpc", &config.listen.grpc)?,
        })
    }
}

fn bind(part: &'static str, address: &str) -> Result<Option<TcpListener>, ServerError> {
    if address.is_empty() {
        return Ok(None);
    }
    let listener = TcpListener::bind(address);
    listener
        .map(Some)
        .map_err(|error| ServerError::part(part, format!("{address}: {error}")))
}

/// Stops a server; dropping it stops it too.
pub struct StopHandle(
    #[expect(dead_code, reason = "its drop is the signal")] tokio::sync::oneshot::Sender<()>,
);

impl StopHandle {
    /// Stops the server.
    pub fn stop(self) {}
}

/// A handle and the stop signal it gives, for [`serve`].
pub fn stop_pair() -> (StopHandle, impl Future<Output = ()> + Send + 'static) {
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    (StopHandle(sender), async move {
        receiver.await.ok();
    })
}

/// Opens the state and serves it until `shutdown` is ready; blocks the calling thread. `clock` is microseconds UTC.
///
/// # Errors
/// [`ServerError`]: what kept it from starting, or a listener that broke.
pub fn serve(
    config: ServerConfig,
    listeners: Listeners,
    clock: rankine_dict::Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    serve_state(State::open(config, clock)?, listeners, shutdown)
}

/// Serves an open state until `shutdown` is ready; blocks the calling thread.
///
/// # Errors
/// [`ServerError::Part`] where the runtime does not start or a listener breaks.
pub fn serve_state(
    state: Arc<State>,
    listeners: Listeners,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("serve")
        .build()
        .map_err(|error| ServerError::part("runtime", error))?;
    // what it holds (a connection to PostgreSQL) closes outside the runtime
    let held = state.clone();
    let served = runtime.block_on(run(state, listeners, shutdown));
    runtime.shutdown_timeout(DRAIN);
    drop(held);
    served
}

async fn run(
    state: Arc<State>,
    listeners: Listeners,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        shutdown.await;
        stop.send(true).ok();
    });
    let port = |part, listener| Port {
        part,
        listener,
        bounds: bounds(&state),
        stopped: stopped.clone(),
    };
    let site = listen(port("site", listeners.site), site_router(state.clone()));
    let rest = listen(port("rest", listeners.rest), rest_router(state.clone()));
    let grpc = grpc::listen(listeners.grpc, state.clone(), bounds(&state), stopped.clone());
    let all = async { tokio::try_join!(site, rest, grpc).map(|_| ()) };
    tokio::select! {
        served = all => served,
        () = overdue(stopped) => {
            tracing::warn!("stopped with requests under way");
            Ok(())
        }
    }
}

/// Ready when the time to drain is over.
async fn overdue(mut stopped: watch::Receiver<bool>) {
    stopped.wait_for(|&stop| stop).await.ok();
    tokio::time::sleep(DRAIN).await;
}

fn bounds(state: &State) -> Bounds {
    let limits = &state.config().limits;
    Bounds {
        connections: limits.connections,
        head: Duration::from_millis(limits.head_ms),
    }
}

/// A listener with all it is served under.
struct Port {
    part: &'static str,
    listener: Option<TcpListener>,
    bounds: Bounds,
    stopped: watch::Receiver<bool>,
}

async fn listen(port: Port, router: Router) -> Result<(), ServerError> {
    let Some(listener) = port.listener else {
        return Ok(());
    };
    let fault = |error: std::io::Error| ServerError::part(port.part, error);
    listener.set_nonblocking(true).map_err(fault)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(fault)?;
    listener::serve(listener, router, port.bounds, port.stopped).await;
    Ok(())
}

/// API and pages.
pub fn site_router(state: Arc<State>) -> Router {
    let routes = Router::new()
        .merge(api::router(state.clone()))
        .merge(pages::router(state.clone()));
    let in_time = routes.layer(middleware::from_fn(in_time));
    around(in_time, &state, state.config().event_bytes())
}

/// TensorFlow Serving REST, `/metrics`, `/status`.
pub fn rest_router(state: Arc<State>) -> Router {
    let own = Router::new()
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .with_state(state.clone());
    let models = tfserving::router(state.predictor().clone(), state.rows(), model_limits(&state));
    let nowhere = async |request: Request| ApiError::not_found("path", request.uri().path());
    let own = own.merge(crate::predict::router(state.clone()));
    around(
        own.merge(models).fallback(nowhere),
        &state,
        state.config().body_bytes(),
    )
}

fn model_limits(state: &State) -> tfserving::Limits {
    let limits = &state.config().limits;
    tfserving::Limits {
        body_bytes: state.config().body_bytes(),
        instances: limits.items,
        permits: limits.permits,
        arrival: ARRIVAL,
        deadline: Duration::from_millis(limits.deadline_ms),
    }
}

/// Limits and metrics around all routes of a port.
fn around(routes: Router, state: &Arc<State>, body_bytes: usize) -> Router {
    let metrics: Arc<Metrics> = state.metrics().clone();
    routes
        .layer(DefaultBodyLimit::max(body_bytes))
        .layer(middleware::from_fn(drain::refused))
        .layer(middleware::from_fn_with_state(metrics, measure))
}

/// Gives a request of the site, its body included, [`ARRIVAL`] to arrive and be answered.
async fn in_time(request: Request, next: middleware::Next) -> axum::response::Response {
    match tokio::time::timeout(ARRIVAL, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (axum::http::StatusCode::REQUEST_TIMEOUT, Json(late())).into_response(),
    }
}

/// The body of a 408.
fn late() -> serde_json::Value {
    let message = format!("the request did not arrive within {} s", ARRIVAL.as_secs());
    serde_json::json!({ "error": { "type": "timeout", "message": message } })
}

async fn metrics(axum::extract::State(state): axum::extract::State<Arc<State>>) -> Result<String, ApiError> {
    state.metrics_text()
}

async fn status(axum::extract::State(state): axum::extract::State<Arc<State>>) -> impl IntoResponse {
    Json(state.status())
}
