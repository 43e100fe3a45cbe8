//! Wiring: the command line, the settings, the roles of a process and how it stops.
//!
//! The library exists so that the tests can use what the binary uses; everything that decides something stands in the other crates.

pub mod children;
pub mod cli;
pub mod client;
pub mod cold;
pub mod commands;
pub mod config;
pub mod http;
pub mod metrics;
pub mod roles;
pub mod tasks;
pub mod telemetry;
