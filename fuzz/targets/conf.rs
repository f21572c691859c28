//! Any bytes as a conf: compiled, and if it compiles, printed and compiled again: see `rankine_fuzz::conf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::conf(bytes));
