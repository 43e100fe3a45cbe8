//! Fuzzes `slipstream_fuzz::control`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::control(data));
