//! Fuzzes `slipstream_fuzz::vkey`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::vkey(data));
