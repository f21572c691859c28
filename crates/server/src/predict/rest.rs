//! `POST /v1/predict`, `POST /v1/extract`, `POST /v1/embed`, `GET /v1/status`: the messages in JSON.

use super::bounds::ARRIVAL;
use super::fault::Fault;
use super::json;
use super::work::{Admission, Desk};
use crate::state::State;
use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State as With};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use std::time::Duration;

/// The header by which a caller says how long it waits, milliseconds.
const PATIENCE: &str = "x-timeout-ms";

/// The routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/v1/predict", post(predict))
        .route("/v1/extract", post(extract))
        .route("/v1/embed", post(embed))
        .route("/v1/status", get(status))
        .with_state(Desk::new(state))
}

async fn predict(With(desk): With<Desk>, request: Request) -> Response {
    let answer = async {
        let (permit, patience, body) = arrived(&desk, request).await?;
        let answer = desk
            .predict(permit, patience, move || json::predict(&body))
            .await?;
        Ok::<_, Fault>(Json(json::answer(&answer)))
    };
    answer.await.into_response()
}

async fn extract(With(desk): With<Desk>, request: Request) -> Response {
    let answer = async {
        let (permit, patience, body) = arrived(&desk, request).await?;
        let slots = desk
            .extract(permit, patience, move || json::extract(&body))
            .await?;
        Ok::<_, Fault>(Json(json::slots(&slots)))
    };
    answer.await.into_response()
}

async fn embed(With(desk): With<Desk>, request: Request) -> Response {
    let answer = async {
        let (permit, _, body) = arrived(&desk, request).await?;
        let vectors = desk.embed(permit, move || json::embed(&body)).await?;
        Ok::<_, Fault>(Json(json::vectors(&vectors)))
    };
    answer.await.into_response()
}

async fn status(With(desk): With<Desk>) -> Response {
    Json(json::status(&desk.status())).into_response()
}

/// Reads the body, then admits: a client that sends slowly must not hold a permit.
async fn arrived(desk: &Desk, request: Request) -> Result<(Arc<Admission>, Option<Duration>, Bytes), Fault> {
    let (head, body) = request.into_parts();
    let patience = patience(&head.headers)?;
    let body = whole(desk, body).await?;
    Ok((desk.permit()?, patience, body))
}

async fn whole(desk: &Desk, body: Body) -> Result<Bytes, Fault> {
    let limit = desk.body_bytes();
    let read = tokio::time::timeout(ARRIVAL, to_bytes(body, limit)).await;
    read.map_err(|_| Fault::slow())?
        .map_err(|_| Fault::too_large(limit))
}

fn patience(headers: &HeaderMap) -> Result<Option<Duration>, Fault> {
    let Some(text) = headers.get(PATIENCE) else {
        return Ok(None);
    };
    let millis = text.to_str().ok().and_then(|text| text.parse().ok());
    let millis: u64 = millis.ok_or_else(|| {
        let message = format!("expected milliseconds, got {text:?}");
        Fault::invalid(format!("header {PATIENCE}"), message)
    })?;
    Ok(Some(Duration::from_millis(millis)))
}
