//! Any bytes as a model file: see `rankine_fuzz::model_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::model_file(bytes));
