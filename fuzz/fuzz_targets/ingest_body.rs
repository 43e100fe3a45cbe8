//! Fuzzes `slipstream_fuzz::ingest_body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::ingest_body(data));
