//! Ranking by another process over gRPC: `rankine.v1.Predictor`.
//!
//! One `Predict` carries the user, the context and all candidates, item fields by place. The answer names the version
//! that scored, so nothing is asked beforehand. Blocking, on a small runtime of its own, because rankers are called
//! from threads that may wait and not from the server's runtime, which they would stop from answering.

use super::remote::user_row;
use crate::error::ServerError;
use crate::grpc::proto;
use crate::grpc::proto::predictor_client::PredictorClient;
use crate::predict::{row_to_proto, value_to_proto};
use crate::state::live::Live;
use rankine_predict::{Row, RowLayout};
use rankine_recommend::rank::{RankError, RankRequest, Ranker, Ranking};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};

/// Largest answer read, bytes.
const MOST_BYTES: usize = 16 << 20;

/// See the module.
pub(crate) struct GrpcRanker {
    client: PredictorClient<Channel>,
    timeout: Duration,
    live: Arc<Live>,
    /// Taken at the end, which may come on a thread that must not wait for it.
    runtime: Option<Runtime>,
}

impl GrpcRanker {
    /// A client of the predictor at `address` (host and port); connects when it is first needed.
    ///
    /// # Errors
    /// [`ServerError::Part`] for an address that is none, and where the runtime does not start.
    pub(crate) fn new(address: &str, timeout: Duration, live: Arc<Live>) -> Result<Self, ServerError> {
        let fault = |error: &dyn std::fmt::Display| ServerError::part("ranker", error);
        let endpoint = Endpoint::from_shared(format!("http://{}", address.trim_end_matches('/')));
        let endpoint = endpoint
            .map_err(|e| fault(&e))?
            .connect_timeout(timeout)
            .tcp_nodelay(true);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("ranker")
            .enable_all()
            .build()
            .map_err(|e| fault(&e))?;
        let channel = {
            let _inside = runtime.enter();
            endpoint.connect_lazy()
        };
        Ok(GrpcRanker {
            client: PredictorClient::new(channel).max_decoding_message_size(MOST_BYTES),
            timeout,
            live,
            runtime: Some(runtime),
        })
    }

    fn question(&self, request: &RankRequest<'_>) -> proto::PredictRequest {
        let rows = self.live.item_rows(request.items);
        let layout = rows.iter().flatten().next().map(|(row, _)| row.layout().clone());
        let layout = layout.unwrap_or_default();
        let item = |(id, row): (&i64, &Option<(Row, u64)>)| item(*id, row.as_ref(), &layout);
        let ask = proto::Ask {
            conf: String::new(),
            models: vec![request.model.to_owned()],
        };
        proto::PredictRequest {
            user: row_to_proto(&user_row(&self.live, request.user.id)),
            context: row_to_proto(&self.live.context_row(request.as_of)),
            items: request.items.iter().zip(&rows).map(item).collect(),
            item_fields: layout.names().iter().map(ToString::to_string).collect(),
            asks: vec![ask],
            item_dictionary: String::new(),
            items_as_stored: true,
        }
    }

    fn ask(&self, question: proto::PredictRequest) -> Result<proto::PredictResponse, Fault> {
        let Some(runtime) = &self.runtime else {
            return Err(Fault::Other("the ranker has ended".to_owned()));
        };
        let mut client = self.client.clone();
        let mut request = tonic::Request::new(question);
        request.set_timeout(self.timeout);
        let answered = async { tokio::time::timeout(self.timeout, client.predict(request)).await };
        match runtime.block_on(answered) {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(refused(&status)),
            Err(_) => Err(Fault::Late(format!(
                "no answer within {} ms",
                self.timeout.as_millis()
            ))),
        }
    }
}

impl Drop for GrpcRanker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Ranker for GrpcRanker {
    fn rank(&self, request: &RankRequest<'_>) -> Result<Ranking, RankError> {
        let answered = self.ask(self.question(request));
        let read = answered.and_then(|answer| scores(answer, request.items.len()));
        let model = request.model.to_owned();
        match read {
            Ok((scores, version)) => Ok(Ranking {
                scores,
                model,
                version,
            }),
            Err(Fault::Busy) => Err(RankError::Overloaded { model }),
            Err(Fault::Late(cause)) => Err(RankError::Late { model, cause }),
            Err(Fault::Other(cause)) => Err(RankError::Unavailable { model, cause }),
        }
    }
}

/// Why the other process did not score.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Busy,
    Late(String),
    Other(String),
}

fn refused(status: &tonic::Status) -> Fault {
    let (code, message) = (status.code(), status.message());
    let cause = format!("the remote predictor answered {code:?}: {message}");
    if code == tonic::Code::ResourceExhausted {
        Fault::Busy
    } else if code == tonic::Code::DeadlineExceeded {
        Fault::Late(cause)
    } else {
        Fault::Other(cause)
    }
}

/// An item with its fields by place; of one that nobody knows, the id alone.
fn item(id: i64, row: Option<&(Row, u64)>, layout: &RowLayout) -> proto::Item {
    let values = match row {
        Some((row, _)) if row.layout().names() == layout.names() => {
            row.values().iter().map(value_to_proto).collect()
        }
        Some(_) | None => Vec::new(),
    };
    let fields = match row {
        Some((row, _)) if values.is_empty() => row_to_proto(row),
        Some(_) | None => Default::default(),
    };
    proto::Item {
        id,
        fields,
        values,
        models: Vec::new(),
    }
}

/// Scores and version of the one model asked for; an absent score is NaN.
fn scores(answer: proto::PredictResponse, expected: usize) -> Result<(Vec<f32>, u64), Fault> {
    let mut models = answer.confs.into_iter().flat_map(|conf| conf.models);
    let Some(model) = models.next() else {
        return Err(Fault::Other("an answer without a model".to_owned()));
    };
    match model.error {
        Some(error) if error.fault() == proto::ModelFault::Busy => return Err(Fault::Busy),
        Some(error) => {
            let cause = format!("the remote predictor answered: {}", error.message);
            return Err(Fault::Other(cause));
        }
        None => {}
    }
    if model.scores.len() != expected {
        let cause = format!("{} scores for {expected} items", model.scores.len());
        return Err(Fault::Other(cause));
    }
    let scores = model.scores.iter().map(|score| score.value.unwrap_or(f32::NAN));
    Ok((scores.collect(), model.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(model: proto::ModelScores) -> proto::PredictResponse {
        let conf = proto::ConfScores {
            conf: String::new(),
            models: vec![model],
        };
        proto::PredictResponse { confs: vec![conf] }
    }

    #[test]
    fn absent_scores_are_nan_and_errors_unavailable() {
        let score = |value| proto::Score { value, absent: None };
        let good = proto::ModelScores {
            version: 3,
            scores: vec![score(Some(0.5)), score(None)],
            ..proto::ModelScores::default()
        };
        let (read, version) = scores(answer(good.clone()), 2).unwrap();
        assert!(read[0] == 0.5 && read[1].is_nan() && version == 3);
        let told = scores(answer(good), 3).unwrap_err();
        assert_eq!(told, Fault::Other("2 scores for 3 items".to_owned()));
        let failed = |fault: proto::ModelFault| proto::ModelScores {
            error: Some(proto::ModelError {
                fault: fault.into(),
                message: "why".to_owned(),
            }),
            ..proto::ModelScores::default()
        };
        let busy = scores(answer(failed(proto::ModelFault::Busy)), 0);
        assert_eq!(busy.unwrap_err(), Fault::Busy);
        let unknown = scores(answer(failed(proto::ModelFault::Unknown)), 0).unwrap_err();
        assert_eq!(
            unknown,
            Fault::Other("the remote predictor answered: why".to_owned())
        );
        assert!(scores(proto::PredictResponse::default(), 0).is_err());
    }

    #[test]
    fn overload_and_lateness_are_told_apart_from_absence() {
        let of = |code| refused(&tonic::Status::new(code, "x"));
        assert_eq!(of(tonic::Code::ResourceExhausted), Fault::Busy);
        assert!(matches!(of(tonic::Code::DeadlineExceeded), Fault::Late(_)));
        assert!(matches!(of(tonic::Code::Unavailable), Fault::Other(_)));
    }
}
