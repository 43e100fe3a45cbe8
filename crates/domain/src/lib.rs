//! The rules of the products, as pure functions and types: what a command may change, and which event tells of it.
//!
//! What callers may rely on:
//! - Nothing here does I/O. A rule takes the row as it is and the change that is asked for, and answers with the change to make and its events.
//! - Every event comes out of its declaration in the registry; a change that changes nothing has none.
//! - A [`Refusal`] says which rule is violated, in a stable word.

pub mod activity;
pub mod analytics;
pub mod audit;
pub mod copilot;
pub mod declared;
pub mod denials;
pub mod export;
pub mod holds;
pub mod limits;
pub mod redaction;
mod refusal;
pub mod retention;
pub mod saved_views;

pub use refusal::Refusal;
