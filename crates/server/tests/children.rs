//! The supervised servers, on real ones: they keep what they acknowledged, and never outlive us.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail by panicking, as the tests do")]

#[path = "children/nats_line.rs"]
mod nats_line;
#[path = "children/places.rs"]
mod places;

#[path = "children/lifetime.rs"]
mod lifetime;
#[path = "children/nats.rs"]
mod nats;
#[path = "children/postgres.rs"]
mod postgres;
