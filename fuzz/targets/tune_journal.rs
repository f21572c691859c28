//! Any bytes as the journal of a search: see `rankine_fuzz::tune_journal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::tune_journal(bytes));
