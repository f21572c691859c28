//! Any bytes as a libsvm or libffm file: see `rankine_fuzz::text_samples`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::text_samples(bytes));
