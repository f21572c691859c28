//! Any bytes as a message of PostgreSQL's replication stream: see `rankine_fuzz::replication`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::replication(bytes));
