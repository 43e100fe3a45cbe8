//! Who is calling, and what they may touch.
//!
//! What callers of this crate may rely on:
//! - A [`Principal`] comes out of a verified credential only. Which algorithm verifies a token is decided by the configured key, never by the token.
//! - The extractors ([`Reader`], [`Writer`], [`Admin`], [`SuperAdmin`], [`Streamer`], and [`copilot`] for the product routes) hand a handler its
//!   tenant, or refuse. Missing context is a refusal, never "no filter".
//! - A caller that was [revoked](revocation) is refused wherever its credential is verified; until the revocations are known, everybody is.
//! - Every refusal is a [`Problem`] (RFC 9457). No credential, and no claim of one, is ever written to a log or an answer.
//! - Nothing here spawns: keys of remote issuers are fetched by the request that needs them, one at a time, or by [`Access::keep_keys_fresh`].

pub mod claims;
pub mod config;
pub mod copilot;
pub mod credential;
mod denied;
pub mod extract;
mod json;
mod keys;
pub mod limits;
pub mod metrics;
pub mod mint;
mod parameters;
mod principal;
pub mod problem;
pub mod query;
pub mod request_id;
pub mod revocation;
pub mod roles;
pub mod route;
pub mod service;
pub mod ticket;
mod verify;

pub use config::{Algorithm, Config, Issuer, Keys, Preset, Secret};
pub use denied::Denied;
pub use extract::{Admin, Credential, Reader, Streamer, SuperAdmin, User, Writer};
pub use json::Json;
pub use parameters::Parameters;
pub use principal::{Class, Classes, Principal};
pub use problem::Problem;
pub use query::Query;
pub use revocation::Revocations;
pub use route::Route;
pub use verify::{Access, Error, Listener, Refused};
