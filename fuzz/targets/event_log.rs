//! Any bytes as a segment of the event log: see `rankine_fuzz::event_log`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::event_log(bytes));
