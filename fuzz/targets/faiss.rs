//! Any bytes as an index file of faiss: see `rankine_fuzz::faiss`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::faiss(bytes));
