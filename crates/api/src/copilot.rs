//! The copilot control plane's routes.

mod fields;
mod paging;
pub(crate) mod support_tickets;
