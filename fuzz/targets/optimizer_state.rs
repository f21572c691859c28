//! Any bytes as the optimiser's state that a version kept: see `rankine_fuzz::optimizer_state`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::optimizer_state(bytes));
