//! The broker crate against a real `nats-server`, one private server per test.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as its body does")]

mod bucket;
mod cluster;
mod connect;
mod dead_letters;
mod events;
mod fill;
mod live;
mod log;
mod provision;
mod publish;
mod replay;
mod restart;
mod server;
mod users;
mod work;
