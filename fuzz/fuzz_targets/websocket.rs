//! Fuzzes `slipstream_fuzz::websocket`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slipstream_fuzz::websocket(data));
