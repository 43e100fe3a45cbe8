//! Saved views: what is told of those that a tenant shares.

use slipstream_event::{Event, Tenant};
use uuid::Uuid;

use crate::declared::{Broken, By, Changes, Making};

/// The event of a view that was shared, or changed while it is shared.
///
/// # Errors
/// [`Broken`].
pub fn saved(tenant: &Tenant, id: Uuid, name: &str, query: &serde_json::Value, by: By<'_>) -> Result<Event, Broken> {
    Making::begin("audit.saved_view.saved", tenant, id.to_string(), by)?.named(name).with("query", query)?.finish(Changes::default())
}

/// The event of a view that is shared no longer.
///
/// # Errors
/// [`Broken`].
pub fn deleted(tenant: &Tenant, id: Uuid, name: &str, by: By<'_>) -> Result<Event, Broken> {
    Making::begin("audit.saved_view.deleted", tenant, id.to_string(), by)?.named(name).finish(Changes::default())
}
