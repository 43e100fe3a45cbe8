//! Fuzzes `slipstream_fuzz::keyset`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::keyset(data));
