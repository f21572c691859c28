//! Any bytes as a JSON value of a request, of any type: see `rankine_fuzz::json_form`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::json_form(bytes));
