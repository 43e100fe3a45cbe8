//! Fuzzes `slipstream_fuzz::cloudevents`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::cloudevents(data));
