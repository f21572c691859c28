//! The items behind a stream's vectors: their joined rows, and those that came into being lately.
//!
//! What a site that recommends them needs beside their vectors: a title to show. The decision: rows are those of the item
//! feature table, as the vectors were made of them; a list of arrivals carries a mark, so that asking again costs nothing
//! while nothing has changed.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rankine_pipeline::PipelineError;
use rankine_pipeline::stream::JoinedRow;
use rankine_pipeline::stream::features::FeatureRows;
use rankine_store::vectors::Generation;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::atomic::Ordering::Relaxed;

use super::{MOST, Refusal, StreamView, blocking, fault, refused, serving};

/// Most rows of an answer.
const ROWS: usize = 10_000;

/// The item feature table, to be read.
#[derive(Clone)]
pub struct Rows(Arc<Mutex<Box<dyn FeatureRows>>>);

impl Rows {
    /// Reads through a connection of its own.
    pub fn new(rows: Box<dyn FeatureRows>) -> Rows {
        Rows(Arc::new(Mutex::new(rows)))
    }

    /// The rows of ids, in their order.
    pub(super) fn joined(&self, ids: &[i64]) -> Result<Vec<Option<JoinedRow>>, Refusal> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |error: PipelineError| refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
        rows.get(ids).map_err(told)
    }

    /// Those that there are, printed.
    pub(super) fn get(&self, ids: &[i64]) -> Result<Vec<Value>, Refusal> {
        let found = self.joined(ids)?;
        let printed = |row: JoinedRow| json!({"id": row.id, "as_of": row.as_of, "cells": row.cells});
        Ok(found.into_iter().flatten().map(printed).collect())
    }
}

/// Ids whose rows are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ids {
    ids: Vec<i64>,
}

pub(super) async fn rows(State(view): State<StreamView>, Json(asked): Json<Ids>) -> Response {
    blocking(move || {
        if asked.ids.len() > MOST {
            let message = format!("ids: expected at most {MOST}, got {}", asked.ids.len());
            return Err(refused(StatusCode::BAD_REQUEST, &message));
        }
        Ok(json!({"rows": view.rows.get(&asked.ids)?}))
    })
    .await
}

/// A question for what is new.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arrived {
    /// Only items created at this time or later, microseconds since 1970 UTC.
    created_from: Option<i64>,
    /// How many, the newest; 0 asks for the version alone.
    n: usize,
    /// The mark of the answer before: rows are left out where nothing has changed since.
    mark: Option<String>,
}

pub(super) async fn arrivals(State(view): State<StreamView>, Json(asked): Json<Arrived>) -> Response {
    blocking(move || {
        let version = serving(&view)?;
        // read before the list: what comes in between is told again next time
        let mark = mark(&view, version);
        if asked.mark.as_ref() == Some(&mark) {
            return Ok(json!({"version": version, "mark": mark, "rows": null}));
        }
        let ids = newest(&view, version, asked.created_from, asked.n.min(ROWS))?;
        Ok(json!({"version": version, "mark": mark, "rows": view.rows.get(&ids)?}))
    })
    .await
}

/// A text that is another one after every change of a vector.
fn mark(view: &StreamView, version: u64) -> String {
    let status = &view.status;
    let counts = [&status.embedded, &status.remade, &status.removed].map(|count| count.load(Relaxed));
    let [embedded, remade, removed] = counts;
    format!("{}.{version}.{embedded}.{remade}.{removed}", view.begun)
}

/// Ids of the items created last.
fn newest(view: &StreamView, version: u64, from: Option<i64>, n: usize) -> Result<Vec<i64>, Refusal> {
    if n == 0 {
        return Ok(Vec::new());
    }
    let generation = Generation::new(&view.set, version);
    view.vectors.newest(&generation, from, n).map_err(fault)
}
