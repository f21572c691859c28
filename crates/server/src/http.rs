//! The HTTP client of other processes: how a predictor and a stream are asked.
//!
//! The decision: a status is an answer like any other, for the caller to judge; connections are kept, and a call as a whole has
//! one time limit.

use std::time::Duration;

/// A client whose calls take at most `timeout` each.
pub(crate) fn agent(timeout: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_idle_connections_per_host(64)
        .build();
    config.into()
}

/// Status and text of an answer of at most `most` bytes.
///
/// # Errors
/// A connection that breaks off, a longer answer.
pub(crate) fn read(
    mut answer: ureq::http::Response<ureq::Body>,
    most: u64,
) -> Result<(u16, String), ureq::Error> {
    let status = answer.status().as_u16();
    let text = answer.body_mut().with_config().limit(most).read_to_string()?;
    Ok((status, text))
}
