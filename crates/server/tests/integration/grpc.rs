//! gRPC through a real listener: the service, health and reflection, by generated clients.

use crate::home::{Server, home};
use rankine_server::grpc::SERVICE;
use rankine_server::grpc::proto::StatusRequest;
use rankine_server::grpc::proto::predictor_client::PredictorClient;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

/// Runs a client's future to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

/// A connection to the server's gRPC port.
pub(crate) async fn channel(server: &Server) -> Channel {
    let endpoint = Channel::from_shared(server.grpc.clone()).unwrap();
    endpoint.connect().await.unwrap()
}

#[test]
fn health_names_the_service() {
    let home = home();
    let server = Server::on(home.path());
    let ask = |service: &str| {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        wait(async {
            let mut client = HealthClient::new(channel(&server).await);
            client
                .check(request)
                .await
                .map(|answer| answer.into_inner().status)
        })
    };
    assert_eq!(ask(SERVICE).unwrap(), ServingStatus::Serving as i32);
    assert_eq!(ask("").unwrap(), ServingStatus::Serving as i32);
    assert_eq!(ask("no.Such").unwrap_err().code(), tonic::Code::NotFound);
}

#[test]
fn reflection_lists_the_service() {
    let home = home();
    let server = Server::on(home.path());
    let services = wait(async {
        let mut client = ServerReflectionClient::new(channel(&server).await);
        let question = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut answers = client
            .server_reflection_info(tonic::codegen::tokio_stream::iter([question]))
            .await
            .unwrap()
            .into_inner();
        match answers.message().await.unwrap().unwrap().message_response {
            Some(MessageResponse::ListServicesResponse(list)) => list.service,
            other => panic!("{other:?}"),
        }
    });
    assert!(
        services.iter().any(|service| service.name == SERVICE),
        "{services:?}"
    );
}

#[test]
fn status_answers() {
    let home = home();
    let server = Server::on(home.path());
    let status = wait(async {
        let mut client = PredictorClient::new(channel(&server).await);
        client.status(StatusRequest {}).await.unwrap().into_inner()
    });
    assert_eq!(status.release, env!("CARGO_PKG_VERSION"));
}
