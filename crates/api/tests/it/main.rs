//! The routes against a real Postgres.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod app;
mod audit;
#[expect(dead_code, reason = "the store's tests use all of it")]
#[path = "../../../store/tests/store/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "the store's tests use all of it")]
#[path = "../../../store/tests/store/fixture.rs"]
mod fixture;
mod history;
mod holds;
mod outage;
mod routes;
mod saved_views;
mod tickets;
mod tickets_bulk;
mod tickets_list;
