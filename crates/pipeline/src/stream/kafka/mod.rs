//! A Kafka-protocol broker as a source: Debezium's JSON (or our own lines) from all partitions of a topic.
//!
//! The decision: a client of our own over blocking sockets, as for PostgreSQL's replication: it takes three requests (where are
//! the partitions, where do they begin, what comes next) in versions that brokers have answered since 2018. `rskafka` brings an
//! asynchronous runtime below the server, `rdkafka` a C library to compile; both for consumer groups and producing, which a
//! stream that keeps its own place does not need. No TLS, no SASL, as in the rest of this program.

mod batches;
mod order;
mod request;
mod source;
mod squeezed;
mod wire;

pub use source::{KafkaOptions, KafkaSource};

use crate::error::PipelineError;
use crate::stream::change::Position;
use crate::stream::file::arrival;

/// Reads a broker's answer as [`KafkaSource`] does, without a broker: to where a topic is (`question` 3), where it begins (2), or
/// what comes next; how many records that is. For answers that were recorded, and for what `fuzz/` makes up.
///
/// # Errors
/// [`PipelineError::Kafka`] with what was expected and what came.
pub fn recorded(question: u8, answer: &[u8]) -> Result<usize, PipelineError> {
    match question {
        3 => request::read_place(answer, "topic").map(|_| 0),
        2 => request::read_first(answer).map(|_| 0),
        _ => {
            let mut count = 0;
            for (_, fetched) in request::read_fetched(answer, &[(0, 0), (1, 0), (2, 0)])? {
                let (records, _) = batches::records(&fetched.bytes, 0, &fetched.aborted)?;
                let values = records.iter().filter_map(|record| record.value.as_deref());
                values.for_each(|value| drop(arrival(value, Position::default(), 0)));
                count += records.len();
            }
            Ok(count)
        }
    }
}
