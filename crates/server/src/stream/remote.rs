//! The model of a stream in another process: `rankine.v1.Predictor/Embed`.
//!
//! Implements the pipeline's ports over gRPC. The decision: every call names the version it wants, so that vectors of two
//! versions never meet; a predictor that does not answer, or has not loaded that version, is waited for.

use std::sync::Arc;
use std::time::Duration;

use rankine_feature::FieldType;
use rankine_pipeline::PipelineError;
use rankine_pipeline::stream::{Embedded, Embedder, Embedders, Identity, JoinedRow};
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};

use crate::error::ServerError;
use crate::grpc::proto;
use crate::grpc::proto::predictor_client::PredictorClient;

/// Largest answer read, bytes.
const MOST_BYTES: usize = 64 << 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows of a question.
const ROWS: usize = 1000;

/// The versions of a model that a predictor serves.
#[derive(Clone)]
pub struct RemoteEmbedders {
    model: String,
    users: bool,
    client: PredictorClient<Channel>,
    runtime: Arc<Runtime>,
}

impl RemoteEmbedders {
    /// A client of the predictor at `address` (`host:port`, with or without `http://`), for the items of a model or its
    /// users; connects when it is first needed.
    ///
    /// # Errors
    /// [`ServerError::Part`] for an address that is none, and where the runtime does not start.
    pub fn new(model: &str, address: &str, users: bool) -> Result<RemoteEmbedders, ServerError> {
        let fault = |error: &dyn std::fmt::Display| ServerError::part("embedder", error);
        let address = address.trim_start_matches("http://").trim_end_matches('/');
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|e| fault(&e))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("embedder")
            .enable_all()
            .build()
            .map_err(|e| fault(&e))?;
        let channel = {
            let _inside = runtime.enter();
            endpoint
                .connect_timeout(PATIENCE)
                .tcp_nodelay(true)
                .connect_lazy()
        };
        Ok(RemoteEmbedders {
            model: model.to_owned(),
            users,
            client: PredictorClient::new(channel).max_decoding_message_size(MOST_BYTES),
            runtime: Arc::new(runtime),
        })
    }

    fn ask(&self, version: u64, rows: &[JoinedRow]) -> Result<proto::EmbedResponse, PipelineError> {
        let row = |row: &JoinedRow| proto::EmbedRow {
            id: row.id,
            fields: serde_json::Value::Object(row.cells.clone()).to_string(),
        };
        let question = proto::EmbedRequest {
            model: self.model.clone(),
            version,
            rows: rows.iter().map(row).collect(),
            users: self.users,
        };
        let mut client = self.client.clone();
        let answered = async { tokio::time::timeout(PATIENCE, client.embed(question)).await };
        match self.runtime.block_on(answered) {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => {
                Err(self.fault(status.message(), status.code() != tonic::Code::InvalidArgument))
            }
            Err(_) => Err(self.fault("no answer within 10 s", true)),
        }
    }

    fn fault(&self, reason: &str, transient: bool) -> PipelineError {
        PipelineError::Embed {
            model: self.model.clone(),
            reason: format!("the remote predictor: {reason}"),
            transient,
        }
    }
}

impl Embedders for RemoteEmbedders {
    fn newest(&self) -> Result<Option<u64>, PipelineError> {
        Ok(Some(self.ask(0, &[])?.version))
    }

    fn open(&self, version: u64) -> Result<Arc<dyn Embedder>, PipelineError> {
        let answer = self.ask(version, &[])?;
        let width = usize::try_from(answer.width).map_err(|e| self.fault(&e.to_string(), false))?;
        Ok(Arc::new(RemoteEmbedder {
            service: self.clone(),
            version,
            width,
            checksum: answer.checksum,
        }))
    }
}

/// One version.
struct RemoteEmbedder {
    service: RemoteEmbedders,
    version: u64,
    width: usize,
    checksum: String,
}

impl Embedder for RemoteEmbedder {
    fn version(&self) -> u64 {
        self.version
    }

    fn identity(&self) -> Identity {
        Identity {
            model: self.service.model.clone(),
            checksum: self.checksum.clone(),
        }
    }

    fn width(&self) -> usize {
        self.width
    }

    fn fields(&self) -> &[(Arc<str>, FieldType)] {
        &[]
    }

    fn embed(&self, rows: &[JoinedRow]) -> Result<Embedded, PipelineError> {
        let mut made = Vec::with_capacity(rows.len());
        for some in rows.chunks(ROWS) {
            let answer = self.service.ask(self.version, some)?;
            if answer.rows.len() != some.len() || answer.version != self.version {
                return Err(self
                    .service
                    .fault("it answered something else than was asked", false));
            }
            made.extend(answer.rows.into_iter().map(|row| match row.fault.is_empty() {
                true => Ok(row.vector),
                false => Err(row.fault),
            }));
        }
        Ok(made)
    }
}
