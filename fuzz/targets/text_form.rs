//! Any bytes as a cell in text form, of any type: see `rankine_fuzz::text_form`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::text_form(bytes));
