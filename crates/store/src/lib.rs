//! Postgres: the only crate that speaks to it.
//!
//! What a caller may rely on:
//! - **A change and its events commit together.** [`Store::write`] is the only way to the outbox. Within a tenant the order of the outbox is the
//!   order of the commits.
//! - **The archive holds each event once** per tenant, time and id, whatever is delivered to it twice, and says exactly how far it is complete
//!   ([`archive::Archive::append`], [`archive::Watermark`]).
//! - **The ledger of a tenant** is written with the events ([`ledger`]): numbers without holes, leaf hashes, and a Merkle tree over them.
//! - **Analytics count exactly what a viewer could list** ([`analytics`]), from rollups and the events that are not in them yet.
//! - **Every query names its tenant**, and row-level security is the second wall: a connection that names none sees nothing. The one way around
//!   is [`Scope::AllAccounts`], for super-admins, under a role of its own.
//! - **Errors are decisions.** [`Error`] has one variant per decision of the caller; [`Error::Unavailable`] is worth a retry, its outcome is unknown.
//! - **Nothing waits for ever**: connecting, statements and open transactions have limits ([`limits`]).

pub mod activity;
pub mod analytics;
pub mod archive;
pub mod cold;
pub mod copilot;
pub mod export;
pub mod history;
pub mod holds;
pub mod ledger;
pub mod limits;
pub mod metrics;
pub mod migrate;
pub mod outbox;
pub mod redaction;
pub mod request_keys;
pub mod retention;
pub mod saved_views;

mod config;
mod error;
mod like;
mod number;
mod scope;
mod stoppable;
mod store;
mod wake;
mod write;

pub use config::{Config, Role};
pub use error::Error;
pub use scope::Scope;
pub use store::Store;
pub use wake::Wake;
pub use write::Tx;
