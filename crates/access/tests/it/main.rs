//! Access from the outside: real tokens, a real key server, a real router.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod http;
mod jwks;
mod keys;
mod tickets;
mod tokens;
