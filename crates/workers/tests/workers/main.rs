//! Relay and archiver against a real `nats-server` and a real Postgres, which are killed, set back and emptied in the middle.
#![expect(clippy::unwrap_used, reason = "a test fails where its ground is missing")]

#[path = "../../../store/tests/store/cluster.rs"]
mod cluster;
#[path = "../../../broker/tests/broker/server.rs"]
#[expect(dead_code, reason = "the broker's tests ask for more")]
mod server;

mod archiver;
mod crashes;
mod epochs;
mod flow;
mod outages;
mod relay;
mod relay_once;
mod rights;
