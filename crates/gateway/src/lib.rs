//! The realtime edge: takes events in ([`ingest`]), follows the log ([`feed`]), and shows it to browsers ([`stream`]).
//!
//! Promises:
//! - An event is acknowledged only after the broker has it.
//! - A stream shows its tenant's events in the order of the log, each once, without a gap, or says `reset` with the reason.
//! - A client is a position in its tenant's window and never a queue: a slow one costs no memory and delays nobody.
//! - No live stream waits on Postgres: only what the broker no longer has is read from the archive, through [`cold::ColdReplay`], and, once when it opens, what an activity log shows.
//! - No task outlives [`feed::Feed::run`] and [`serve::run`]; both end on their cancellation token.

pub mod activity;
pub mod cold;
pub mod feed;
pub mod frame;
mod handover;
pub mod hub;
pub mod ingest;
pub mod limits;
pub mod metrics;
pub mod opens;
pub mod revocations;
pub mod routes;
pub mod serve;
pub mod sockets;
pub mod stream;
pub mod tickets;
pub mod warm;
pub mod websocket;
pub mod window;

pub use routes::{Gateway, ROUTES, Settings, router};
