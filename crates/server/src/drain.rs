//! Reads away what is left of a body that was refused for its length, before the refusal is sent.
//!
//! Around all routes of a port. The decision: a server that answers and closes while the client still sends resets
//! the connection, and the client sees a broken pipe in place of the 413 that tells it why. So up to [`MOST`] bytes
//! and [`PATIENCE`] are spent on the rest; a client that sends more than that meets the closed door.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes read away at most.
const MOST: usize = 64 << 20;
/// Time spent on it at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// A body that outlives the route which gave it up.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl Shared {
    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

/// Middleware: runs the route; after a 413 reads the rest of the request's body.
pub(crate) async fn refused(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body)));
    let rest = body.clone();
    let response = next.run(Request::from_parts(head, Body::new(body))).await;
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        tokio::time::timeout(PATIENCE, away(rest)).await.ok();
    }
    response
}

async fn away(mut body: Shared) {
    let mut left = MOST;
    while left > 0 {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(Ok(frame)) = frame else { return };
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
    }
}
