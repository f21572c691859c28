//! gRPC on its own port: `rankine.v1.Predictor`, health and reflection.
//!
//! In the flow: a message becomes the predictor's question, its answer a message; nothing is decided here that REST
//! decides otherwise. The decision: computing never happens on the async runtime, so a handler admits, hands over to
//! a thread that may wait, and looks at nothing but the answer; where the client has left, the work is told.

mod admit;
pub mod codec;
mod connection;
pub(crate) mod embed;
pub mod proto;
mod service;

use crate::error::ServerError;
use crate::listener::Bounds;
use crate::predict::{ARRIVAL, Desk};
use crate::state::State;
use admit::Admitting;
use proto::predictor_server::PredictorServer;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tonic::transport::Server;

/// The health protocol's name of the service.
pub const SERVICE: &str = "rankine.v1.Predictor";

/// Requests of one connection at once; more wait in the connection.
const PER_CONNECTION: usize = 256;
/// Silence after which a connection is asked whether it still lives.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Serves until `stopped`, then answers what is under way.
pub(crate) async fn listen(
    listener: Option<TcpListener>,
    state: Arc<State>,
    bounds: Bounds,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), ServerError> {
    let Some(listener) = listener else { return Ok(()) };
    let fault = |error: &dyn std::fmt::Display| ServerError::part("grpc", error);
    listener.set_nonblocking(true).map_err(|e| fault(&e))?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| fault(&e))?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status(SERVICE, tonic_health::ServingStatus::Serving)
        .await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|e| fault(&e))?;
    let most = state.config().body_bytes();
    let longest = ARRIVAL + Duration::from_millis(state.config().limits.deadline_ms);
    let desk = Desk::new(state);
    let predictor = PredictorServer::new(service::Service::new(desk.clone()))
        .max_decoding_message_size(most)
        .max_encoding_message_size(usize::MAX);
    let incoming = connection::accept(listener, bounds, stopped.clone());
    let stop = async move {
        stopped.wait_for(|&stop| stop).await.ok();
        health
            .set_service_status(SERVICE, tonic_health::ServingStatus::NotServing)
            .await;
    };
    Server::builder()
        .timeout(longest)
        .concurrency_limit_per_connection(PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_service(health_service)
        .add_service(reflection)
        .add_service(Admitting::new(predictor, desk))
        .serve_with_incoming_shutdown(incoming, stop)
        .await
        .map_err(|e| fault(&e))
}
