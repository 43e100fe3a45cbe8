//! The copilot control plane's routes.

pub(crate) mod fields;
mod id;
mod paging;
pub(crate) mod support_tickets;
