//! Any bytes as a broker's answer: see `rankine_fuzz::kafka`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::kafka(bytes));
