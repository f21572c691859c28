//! Any bytes as a delimited file: see `rankine_fuzz::delimited`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::delimited(bytes));
