//! Any bytes as the state in a checkpoint of a training, under a right checksum: see `rankine_fuzz::checkpoint`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::checkpoint(bytes));
