//! Tables of the copilot control plane.

pub mod support_tickets;
pub mod users;
