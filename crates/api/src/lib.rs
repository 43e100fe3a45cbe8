//! Request and answer over HTTP: history, the activity log, and the domain's routes.
//!
//! What callers may rely on:
//! - Every write goes through `store`'s write transaction: the change and its events commit together. This crate cannot publish.
//! - A handler gets its tenant from an extractor of `access`, never from a path or a body; the isolation test walks [`ROUTES`], and the router is made of
//!   the same table.
//! - Bad input changes nothing and is answered by problem+json that names the field. Without a database the answer is 503 with `Retry-After`.

mod activity;
mod analytics;
mod audit;
mod copilot;
mod export;
mod failure;
mod history;
mod holds;
mod id;
mod keyed;
mod ledger;
pub mod limits;
mod origin;
mod redaction;
mod retention;
mod routes;
mod saved_views;
mod state;
mod strict;
mod timeline;

pub use routes::{ROUTES, router};
pub use state::ApiState;
