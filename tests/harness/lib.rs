//! The outside view: real servers, the real program, and clients that share no code with it.
//!
//! - A [`Stack`] is one deployment: a NATS server of its own, a database of its own in a Postgres of this process, and any number of
//!   [`Node`]s, which are processes of the `slipstream` program. Dropping it ends and removes everything; when the test failed, it prints the
//!   ends of the logs first.
//! - [`Http`], [`Sse`] and [`Ws`] are clients; [`client_program`] starts those of others; [`Wire`] is a bare socket. [`Proxy`] is a line that can be cut, [`Nginx`] what often stands there; a
//!   [`Balancer`] spreads connections over several nodes. [`Checker`] counts what was acknowledged against what is seen.
//! - Nothing waits for time: [`eventually`] waits for a condition, with a deadline.
//!
//! The program is `SLIPSTREAM_TEST_BIN`, else the one that Cargo built beside the test. The servers are found as `slipstream dev` finds them.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a harness fails by panicking, as tests do")]

mod balancer;
mod checker;
mod events;
mod http;
mod nginx;
mod node;
mod places;
mod postgres;
mod proxy;
mod sse;
mod stack;
mod tools;
mod wait;
mod wire;
mod ws;

pub use balancer::Balancer;
pub use checker::{Checker, Fault};
pub use events::{id, seed, ticket};
pub use http::{Answer, Http};
pub use nginx::Nginx;
pub use node::Node;
pub use postgres::Cluster;
pub use proxy::Proxy;
pub use slipstream_fuzz::sse::Block;
pub use sse::Sse;
pub use stack::{ALL_ROLES, CURSOR_SECRET, Setup, Stack, TOKEN_SECRET};
pub use tools::client_program;
pub use wait::{PATIENCE, eventually};
pub use wire::{Head, Wire, WireStream};
pub use ws::Ws;
