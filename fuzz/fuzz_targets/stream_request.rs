//! Fuzzes `slipstream_fuzz::stream_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::stream_request(data));
