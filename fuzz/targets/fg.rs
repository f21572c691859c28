//! Any bytes as a feature configuration of EasyRec's FG form: see `rankine_fuzz::fg`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::fg(bytes));
