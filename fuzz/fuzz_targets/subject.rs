//! Fuzzes `slipstream_fuzz::subject`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::subject(data));
