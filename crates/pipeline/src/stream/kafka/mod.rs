//! A Kafka-protocol broker as a source: Debezium's JSON (or our own lines) from one partition of a topic.
//!
//! The decision: a client of our own over blocking sockets, as for PostgreSQL's replication: it takes three requests (where is
//! the partition, where does it begin, what comes next) in versions that brokers have answered since 2018. `rskafka` brings an
//! asynchronous runtime below the server, `rdkafka` a C library to compile; both for consumer groups and producing, which a
//! stream that keeps its own place does not need. No TLS, no SASL, as in the rest of this program.

mod batches;
mod request;
mod source;
mod squeezed;
mod wire;

pub use source::{KafkaOptions, KafkaSource};
