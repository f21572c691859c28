//! Any bytes as a line of a file of changes, or a topic's value in Debezium's form: see `rankine_fuzz::changes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::changes(bytes));
