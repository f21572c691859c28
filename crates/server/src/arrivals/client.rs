//! The stream's HTTP endpoint, asked from another process.
//!
//! The decision: a stream that does not answer is left alone for a second, and nobody waits for it meanwhile: a site
//! recommends without what is new rather than late.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http;

/// Largest answer read, bytes.
const MOST_BYTES: u64 = 32 << 20;
/// How long a stream is left alone after a failure.
const REST: Duration = Duration::from_secs(1);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// Nothing answers, or not in time.
    #[error("the stream does not answer: {0}")]
    Away(String),
    /// It answers that it will not, with this status.
    #[error("the stream says {1}")]
    Refused(u16, String),
    /// There is no question to ask it.
    #[error("{0}")]
    Unasked(String),
}

/// What has failed is left alone for a moment.
#[derive(Default)]
pub(super) struct Pause(Mutex<Option<(Instant, String)>>);

impl Pause {
    /// Why it is left alone, if it is.
    pub(super) fn reason(&self) -> Option<String> {
        let failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, reason) = failed.as_ref()?;
        (at.elapsed() < REST).then(|| reason.clone())
    }

    /// It failed just now.
    pub(super) fn begin(&self, reason: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), reason.to_owned()));
    }
}

/// A client of one stream.
pub(crate) struct StreamClient {
    url: String,
    agent: ureq::Agent,
    failed: Pause,
}

impl StreamClient {
    /// Of the stream at `url`; connects when it is first asked.
    pub(crate) fn new(url: &str, timeout: Duration) -> StreamClient {
        StreamClient {
            url: url.trim_end_matches('/').to_owned(),
            agent: http::agent(timeout),
            failed: Pause::default(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Fault> {
        self.ask(|| self.agent.get(format!("{}{path}", self.url)).call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        self.ask(|| self.agent.post(format!("{}{path}", self.url)).send_json(body))
    }

    fn ask(
        &self,
        call: impl Fn() -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, Fault> {
        if let Some(reason) = self.failed.reason() {
            return Err(Fault::Away(reason));
        }
        match call().and_then(read) {
            Ok((200, answer)) => Ok(answer),
            Ok((status, answer)) => {
                let message = answer["error"].as_str().unwrap_or("nothing").to_owned();
                Err(Fault::Refused(status, message))
            }
            Err(error) => {
                let reason = error.to_string();
                self.failed.begin(&reason);
                Err(Fault::Away(reason))
            }
        }
    }
}

/// Status and JSON of an answer; an answer that is no JSON is read as nothing.
fn read(answer: ureq::http::Response<ureq::Body>) -> Result<(u16, Value), ureq::Error> {
    let (status, text) = http::read(answer, MOST_BYTES)?;
    Ok((status, serde_json::from_str(&text).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_stream_that_is_gone_costs_nothing_but_what_is_new() {
        // a listener that accepts and never answers
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let client = StreamClient::new(&url, Duration::from_millis(100));
        assert!(matches!(client.get("/stream"), Err(Fault::Away(_))));
        let begun = Instant::now();
        for _ in 0..100 {
            assert!(matches!(client.get("/stream"), Err(Fault::Away(_))));
        }
        // each would have waited a tenth of a second
        assert!(begun.elapsed() < Duration::from_secs(5), "it is left alone");
    }
}
