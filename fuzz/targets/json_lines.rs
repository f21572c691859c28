//! Any bytes as a JSON-lines file: see `rankine_fuzz::json_lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::json_lines(bytes));
