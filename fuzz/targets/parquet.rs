//! Any bytes as a Parquet file: see `rankine_fuzz::parquet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::parquet(bytes));
