//! The copilot control plane's routes.

mod fields;
mod id;
mod paging;
pub(crate) mod support_tickets;
