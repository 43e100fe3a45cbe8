//! Fuzzes `slipstream_fuzz::names`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::names(data));
