//! Any bytes as an ONNX file of a model of ours: see `rankine_fuzz::onnx`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rankine_fuzz::onnx(bytes));
