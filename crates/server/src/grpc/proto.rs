//! What `build.rs` makes of `proto/rankine/v1/predictor.proto`: messages, the service's trait, its client.

#![expect(
    clippy::all,
    clippy::allow_attributes,
    clippy::missing_errors_doc,
    clippy::too_many_lines,
    missing_docs,
    reason = "generated"
)]

tonic::include_proto!("rankine.v1");

/// The descriptors of the service, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/predictor.bin"));
