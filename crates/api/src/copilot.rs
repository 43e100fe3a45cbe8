//! The copilot control plane's routes.

pub(crate) mod fields;
mod paging;
pub(crate) mod support_tickets;
