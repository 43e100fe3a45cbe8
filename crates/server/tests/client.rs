//! The client and its commands, against a real HTTP server that speaks the gateway's protocol and misbehaves on demand.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail by panicking, as the tests do")]

#[path = "client/fake.rs"]
mod fake;
#[path = "client/sink.rs"]
mod sink;

#[path = "client/history.rs"]
mod history;
#[path = "client/import.rs"]
mod import;
#[path = "client/ingest.rs"]
mod ingest;
#[path = "client/publish.rs"]
mod publish;
#[path = "client/tail.rs"]
mod tail;
