//! Fuzzes `slipstream_fuzz::object`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::object(data));
