//! Any bytes as a file of vectors in word2vec's text, or in CSV: see `rankine_fuzz::word2vec`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::word2vec(bytes));
