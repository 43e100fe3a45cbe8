//! Fuzzes `slipstream_fuzz::credential`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::credential(data));
