//! Any bytes as a vector index file: see `rankine_fuzz::vector_index`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::vector_index(bytes));
