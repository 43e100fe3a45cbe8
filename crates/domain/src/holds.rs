//! Legal holds: what must stay as it is, and which events tell of them.

use serde::Serialize;
use slipstream_event::{Category, Event, Tenant, Timestamp};
use uuid::Uuid;

use crate::declared::{Broken, By, Changes, Making};

/// What a hold covers, and why. Criteria are joined by "and"; without any, it covers everything of its tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// At most 256 characters.
    #[serde(skip)]
    pub name: String,
    /// At most [`REASON_LEN_MAX`](crate::limits::REASON_LEN_MAX) characters.
    pub reason: String,
    /// Events of this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Events about entities of this type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_type: Option<String>,
    /// Events about the entity with this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// Events of this actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_user_id: Option<String>,
    /// Earliest time, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_from: Option<Timestamp>,
    /// Latest time, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_to: Option<Timestamp>,
}

/// The event of a hold that was placed.
///
/// # Errors
/// [`Broken`].
pub fn placed(tenant: &Tenant, id: Uuid, hold: &Hold, by: By<'_>) -> Result<Event, Broken> {
    Making::begin("archive.hold.placed", tenant, id.to_string(), by)?.named(&hold.name).with("hold", hold)?.finish(Changes::default())
}

/// The event of a hold that was released.
///
/// # Errors
/// [`Broken`].
pub fn released(tenant: &Tenant, id: Uuid, name: &str, reason: Option<&str>, by: By<'_>) -> Result<Event, Broken> {
    Making::begin("archive.hold.released", tenant, id.to_string(), by)?.named(name).with("reason", &reason)?.finish(Changes::default())
}

#[cfg(test)]
mod tests {
    use slipstream_event::Actor;

    use super::*;

    #[test]
    fn both_ends_of_a_hold_are_told() {
        let (tenant, actor, id) = (Tenant::new("acme").unwrap(), Actor::user("u1"), Uuid::from_u128(7));
        let by = By { actor: &actor, correlation_id: None, batch_id: None };
        let hold = Hold { name: "Case 12".into(), reason: "investigation".into(), entity_id: Some("D-ABCD".into()), ..Hold::default() };
        let event = placed(&tenant, id, &hold, by).unwrap();
        assert_eq!((event.entity_id, event.entity_name.as_deref()), (id.to_string(), Some("Case 12")));
        assert_eq!(event.metadata.get("hold"), Some(r#"{"reason":"investigation","entityId":"D-ABCD"}"#));
        assert_eq!(released(&tenant, id, "Case 12", None, by).unwrap().metadata.get("reason"), Some("null"));
        assert_eq!(released(&tenant, id, "Case 12", Some("closed"), by).unwrap().metadata.text("reason").as_deref(), Some("closed"));
    }
}
