//! Admission, the way to the scoring pool and back, and what completes a question: rows, time, cancellation.

use super::fault::Fault;
use super::{convert, status};
use crate::grpc::proto;
use crate::samples::{SampleLog, Sampled};
use crate::state::State;
use axum::http::StatusCode;
use rankine_predict::{Cancel, Permit, PredictError, Predictor, Question, Snapshot};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A request under way: its place among the questions and the predictor's permit.
pub(crate) struct Admission {
    _place: OwnedSemaphorePermit,
    _permit: Permit,
}

/// What both protocols ask.
#[derive(Clone)]
pub(crate) struct Desk {
    state: Arc<State>,
}

/// Tells the work that nobody waits any more, when the waiting side is dropped.
struct Waiting(Cancel);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Desk {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Desk { state }
    }

    /// A place among the requests under way; taken when the body has arrived, before it is decoded.
    pub(crate) fn permit(&self) -> Result<Arc<Admission>, Fault> {
        let (predictor, permits) = (self.state.predictor(), self.state.config().limits.permits);
        let place = Arc::clone(self.state.questions()).try_acquire_owned();
        Ok(Arc::new(Admission {
            _place: place.map_err(|_| Fault::from(predictor.refusal(permits)))?,
            _permit: predictor.permit()?,
        }))
    }

    /// Counts an answered request.
    pub(crate) fn observe(&self, route: &str, status: StatusCode, seconds: f64) {
        self.state.metrics().observe(route, status, seconds);
    }

    /// Connections open at once.
    pub(crate) fn connections(&self) -> usize {
        self.state.config().limits.connections
    }

    /// The refusal of a body while as many arrive as may.
    pub(crate) fn crowded(&self) -> Fault {
        Fault::from(PredictError::Overloaded {
            permits: self.connections(),
            retry_ms: 1000,
        })
    }

    /// The bound of a body.
    pub(crate) fn body_bytes(&self) -> usize {
        self.state.config().body_bytes()
    }

    /// Scores. `make` reads the message, on the scoring pool.
    pub(crate) async fn predict(
        &self,
        permit: Arc<Admission>,
        patience: Option<Duration>,
        make: impl FnOnce() -> Result<proto::PredictRequest, Fault> + Send + 'static,
    ) -> Result<proto::PredictResponse, Fault> {
        let state = Arc::clone(&self.state);
        let answer = move |predictor: &Predictor, snapshot: &Snapshot, question: &mut Question| {
            let log = state.samples();
            let sampled = log.and_then(SampleLog::sample);
            question.tap = sampled.as_ref().map(Sampled::tap);
            let answer = predictor.ask_on(snapshot, question)?;
            if let Some((log, sampled)) = log.zip(sampled) {
                log.keep(&sampled, state.now(), question, &answer);
            }
            Ok(convert::answer(answer))
        };
        self.work(permit, patience, make, answer).await
    }

    /// Extracts.
    pub(crate) async fn extract(
        &self,
        permit: Arc<Admission>,
        patience: Option<Duration>,
        make: impl FnOnce() -> Result<(proto::PredictRequest, bool), Fault> + Send + 'static,
    ) -> Result<proto::ExtractResponse, Fault> {
        let (sender, mut readable) = oneshot::channel();
        let make = move || {
            let (request, readable) = make()?;
            sender.send(readable).ok();
            Ok(request)
        };
        let answer = |predictor: &Predictor, snapshot: &Snapshot, question: &mut Question| {
            predictor.extract_on(snapshot, question)
        };
        let confs = self.work(permit, patience, make, answer).await?;
        Ok(convert::slots(confs, readable.try_recv().unwrap_or(false)))
    }

    /// Embeds items or users, on a thread that may take its time. `make` reads the message, there, too.
    pub(crate) async fn embed(
        &self,
        permit: Arc<Admission>,
        make: impl FnOnce() -> Result<proto::EmbedRequest, Fault> + Send + 'static,
    ) -> Result<proto::EmbedResponse, Fault> {
        let state = Arc::clone(&self.state);
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let (request, most) = (make()?, state.config().limits.items);
            if request.rows.len() > most {
                return Err(Fault::too_many("rows", most, request.rows.len()));
            }
            crate::grpc::embed::answer(&state.predictor().snapshot(), request)
        });
        work.await
            .unwrap_or_else(|_| Err(Fault::internal("the server failed")))
    }

    /// The state of everything loaded.
    pub(crate) fn status(&self) -> proto::StatusResponse {
        status::status(&self.state)
    }

    async fn work<T: Send + 'static>(
        &self,
        permit: Arc<Admission>,
        patience: Option<Duration>,
        make: impl FnOnce() -> Result<proto::PredictRequest, Fault> + Send + 'static,
        answer: impl FnOnce(&Predictor, &Snapshot, &mut Question) -> Result<T, PredictError> + Send + 'static,
    ) -> Result<T, Fault> {
        let limits = &self.state.config().limits;
        let longest = Duration::from_millis(limits.deadline_ms);
        let patience = patience.map_or(longest, |asked| asked.min(longest));
        let (deadline, most_items) = (Instant::now() + patience, limits.items);
        let cancel = Cancel::default();
        let waiting = Waiting(cancel.clone());
        let state = Arc::clone(&self.state);
        let (sender, receiver) = oneshot::channel();
        self.state.predictor().spawn(move || {
            let work = || {
                let mut question = Question {
                    rows: Some(state.rows()),
                    deadline: Some(deadline),
                    cancel,
                    ..convert::question(make()?, most_items)?
                };
                let predictor = state.predictor();
                Ok(answer(predictor, &predictor.snapshot(), &mut question)?)
            };
            let worked = catch_unwind(AssertUnwindSafe(work));
            // given back before the answer is sent: who has an answer finds a permit
            drop(permit);
            sender
                .send(worked.unwrap_or_else(|_| Err(Fault::internal("the request failed"))))
                .ok();
        });
        let answered = tokio::time::timeout_at(deadline.into(), receiver).await;
        drop(waiting);
        match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Fault::internal("the request was dropped")),
            Err(_) => Err(Fault::deadline(patience)),
        }
    }
}
