//! Fuzzes `slipstream_fuzz::note`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::note(data));
