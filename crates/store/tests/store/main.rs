//! The store against a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test fails where its ground is missing")]

mod activity;
mod analytics;
mod archive;
mod cluster;
mod cold;
mod emit;
mod export;
mod fixture;
mod history;
mod history_search;
mod holds;
mod isolation;
mod ledger_batches;
mod migrations;
mod outbox;
mod redaction;
mod restart;
mod retention;
mod roles;
mod saved_views;
mod tickets;
mod write;
