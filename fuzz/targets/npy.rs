//! Any bytes as a `.npy` file of vectors: see `rankine_fuzz::npy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::npy(bytes));
