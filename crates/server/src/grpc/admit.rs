//! Admission in front of the service: when a message has arrived and before it is decoded.
//!
//! The decision here: a client that sends slowly holds a place among the bodies that arrive, of which there are as many
//! as connections, and not a permit to compute; so it costs nobody else.

use crate::predict::{ARRIVAL, Desk, Fault};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::Semaphore;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response, StatusCode};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::NamedService;

/// Bytes in front of a message.
const PREFIX: usize = 5;

/// A service whose working methods are read whole and take a permit first; the handler finds it among the request's
/// extensions.
#[derive(Clone)]
pub(super) struct Admitting<S> {
    inner: S,
    desk: Desk,
    /// Bodies that arrive at once.
    arriving: Arc<Semaphore>,
}

impl<S> Admitting<S> {
    pub(super) fn new(inner: S, desk: Desk) -> Self {
        let most = desk.connections().min(Semaphore::MAX_PERMITS);
        Admitting {
            inner,
            desk,
            arriving: Arc::new(Semaphore::new(most)),
        }
    }
}

impl<S: NamedService> NamedService for Admitting<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Admitting<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next();
        if !matches!(method, Some("Predict" | "Extract" | "Embed")) {
            return Box::pin(self.inner.call(request));
        }
        // the clone stays for the next call; what was polled ready is used now
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (desk, arriving) = (self.desk.clone(), Arc::clone(&self.arriving));
        let (route, begun) = (request.uri().path().to_owned(), Instant::now());
        Box::pin(async move {
            let response = match admitted(&desk, &arriving, request).await {
                Ok(request) => inner.call(request).await?,
                Err(fault) => fault.status().into_http(),
            };
            desk.observe(&route, outcome(&response), begun.elapsed().as_secs_f64());
            Ok(response)
        })
    }
}

/// An answer's status as HTTP would have it, for the metrics; a failure is told in the head.
fn outcome(response: &Response<Body>) -> StatusCode {
    let Some(status) = response.headers().get("grpc-status") else {
        return StatusCode::OK;
    };
    match Code::from_bytes(status.as_bytes()) {
        Code::Ok => StatusCode::OK,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented | Code::Aborted => {
            StatusCode::BAD_REQUEST
        }
        Code::DeadlineExceeded | Code::Cancelled => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The request with its whole body and a permit.
async fn admitted(desk: &Desk, arriving: &Semaphore, request: Request<Body>) -> Result<Request<Body>, Fault> {
    let place = arriving.try_acquire().map_err(|_| desk.crowded())?;
    let (mut head, body) = request.into_parts();
    let limit = desk.body_bytes();
    let read = axum::body::to_bytes(axum::body::Body::new(body), limit.saturating_add(PREFIX));
    let read = tokio::time::timeout(ARRIVAL, read)
        .await
        .map_err(|_| Fault::slow())?;
    let bytes = read.map_err(|_| Fault::too_large(limit))?;
    drop(place);
    head.extensions.insert(desk.permit()?);
    Ok(Request::from_parts(
        head,
        Body::new(axum::body::Body::from(bytes)),
    ))
}
