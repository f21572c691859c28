//! The service's methods.

use super::proto::predictor_server::Predictor;
use super::proto::{
    EmbedRequest, EmbedResponse, ExtractRequest, ExtractResponse, PredictRequest, PredictResponse,
    StatusRequest, StatusResponse,
};
use crate::predict::{Admission, Desk, Fault};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};

/// See the module.
pub(super) struct Service {
    desk: Desk,
}

impl Service {
    pub(super) fn new(desk: Desk) -> Self {
        Service { desk }
    }

    /// The permit that admission took, and how long the caller waits.
    fn admitted<T>(&self, request: &mut Request<T>) -> Result<(Arc<Admission>, Option<Duration>), Status> {
        let permit = match request.extensions_mut().remove::<Arc<Admission>>() {
            Some(permit) => permit,
            None => self.desk.permit().map_err(|fault| fault.status())?,
        };
        let patience = request
            .metadata()
            .get("grpc-timeout")
            .and_then(|text| timeout(text.to_str().ok()?));
        Ok((permit, patience))
    }
}

#[tonic::async_trait]
impl Predictor for Service {
    async fn predict(
        &self,
        mut request: Request<PredictRequest>,
    ) -> Result<Response<PredictResponse>, Status> {
        let (permit, patience) = self.admitted(&mut request)?;
        let message = request.into_inner();
        let answer = self.desk.predict(permit, patience, move || Ok(message)).await;
        answer.map(Response::new).map_err(|fault| fault.status())
    }

    async fn extract(
        &self,
        mut request: Request<ExtractRequest>,
    ) -> Result<Response<ExtractResponse>, Status> {
        let (permit, patience) = self.admitted(&mut request)?;
        let message = request.into_inner();
        let make = move || {
            let missing = || Fault::invalid("request", "expected a question, got none");
            Ok((message.request.ok_or_else(missing)?, message.readable))
        };
        let answer = self.desk.extract(permit, patience, make).await;
        answer.map(Response::new).map_err(|fault| fault.status())
    }

    async fn embed(&self, mut request: Request<EmbedRequest>) -> Result<Response<EmbedResponse>, Status> {
        let (permit, _) = self.admitted(&mut request)?;
        let message = request.into_inner();
        let answer = self.desk.embed(permit, move || Ok(message)).await;
        answer.map(Response::new).map_err(|fault| fault.status())
    }

    async fn status(&self, _request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        Ok(Response::new(self.desk.status()))
    }
}

/// A `grpc-timeout`: up to eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_in_every_unit() {
        assert_eq!(timeout("100m"), Some(Duration::from_millis(100)));
        assert_eq!(timeout("2S"), Some(Duration::from_secs(2)));
        assert_eq!(timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for bad in ["", "m", "1", "123456789S", "-1S", "1é", "1x"] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
    }
}
