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
mod isolation;
mod migrations;
mod outbox;
mod restart;
mod roles;
mod saved_views;
mod tickets;
mod write;
