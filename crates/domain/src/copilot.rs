//! The copilot control plane.

pub mod support_tickets;
