//! The event, in its canonical form.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Actor, Category, EventType, Object, Severity, Tenant, Timestamp, Visibility};

/// One thing that happened, whole and checked. Its JSON is camelCase, one line, with the fields in this order.
///
/// Existing clients rely on the first eight fields, and on `metadata` to carry `amoId` (the tenant) and `module`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Idempotency key.
    pub id: Uuid,
    /// `<module>.<entity>.<action>`.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The type without its last token.
    pub entity_type: String,
    /// Id of the entity, in its module.
    pub entity_id: String,
    /// The last token of the type.
    pub action: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// Free JSON.
    pub metadata: Object,
    /// Whose event it is: set by the server last, from the verified caller.
    pub tenant_id: Tenant,
    /// The first token of the type.
    pub module: String,
    /// How grave.
    pub severity: Severity,
    /// What kind of thing.
    pub category: Category,
    /// Who may see it.
    pub visibility: Visibility,
    /// Name of the entity at the time, so that it survives deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_name: Option<String>,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What belongs together across events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The producer's own id, when `id` was derived from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// The bulk operation it was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// Names that older clients filter by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy: Option<Legacy>,
    /// `{field: {before, after}}`: archived, never streamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Object>,
}

/// The names by which older clients know an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Legacy {
    /// Old type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Old entity type.
    pub entity_type: String,
    /// Old action.
    pub action: String,
}

impl Event {
    /// A new event of a domain write: entity type, action and module from the type, now, of class `tenant`.
    /// The registry's constructors set what the type fixes; use them for registered types.
    pub fn new(tenant: &Tenant, event_type: &EventType, entity_id: impl Into<String>, actor: Actor) -> Self {
        let mut event = Self {
            id: crate::id::new(),
            event_type: event_type.clone(),
            entity_type: event_type.entity_type().to_owned(),
            entity_id: entity_id.into(),
            action: event_type.action().to_owned(),
            timestamp: Timestamp::now(),
            actor,
            metadata: Object::new(),
            tenant_id: tenant.clone(),
            module: event_type.module().to_owned(),
            severity: Severity::default(),
            category: Category::default(),
            visibility: Visibility::default(),
            entity_name: None,
            message: None,
            correlation_id: None,
            source_id: None,
            batch_id: None,
            legacy: None,
            changes: None,
        };
        event.stamp();
        event
    }

    /// The canonical JSON: what is published, and what the archive keeps.
    pub fn to_json(&self) -> String {
        // Strings and raw JSON only: nothing in it can fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The JSON for streams and pages: without `changes`.
    pub fn to_public_json(mut self) -> String {
        self.changes = None;
        self.to_json()
    }

    /// Reads canonical JSON.
    ///
    /// # Errors
    /// The error of the JSON reader: bytes that are no event.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// The user whom the event concerns, for the classes `subject` and `external`: `metadata.subjectUserId`, else the entity itself when it is a user.
    pub fn concerned(&self) -> Option<String> {
        self.metadata.text("subjectUserId").or_else(|| self.entity_type.ends_with(".user").then(|| self.entity_id.clone()))
    }

    /// Sets what the server decides, last, so that no producer can overwrite it: `amoId` and `module` lead the metadata.
    pub(crate) fn stamp(&mut self) {
        let mut stamped = Object::new();
        // Two plain strings always serialise.
        let set = stamped.set("amoId", &self.tenant_id).and_then(|()| stamped.set("module", &self.module));
        debug_assert!(set.is_ok(), "strings serialise");
        for (key, value) in self.metadata.iter().filter(|(key, _)| *key != "amoId" && *key != "module") {
            stamped.push_raw(key, value);
        }
        self.metadata = stamped;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;
    use crate::draft::Context;
    use crate::{Draft, Severity};

    /// Any JSON value, not too deep.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from), ".{0,20}".prop_map(Value::from)];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,8}", inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    prop_compose! {
        fn draft()(
            entity_id in "[^\\p{C}]{1,40}",
            message in proptest::option::of("[^\\p{C}]{1,60}"),
            metadata in prop::collection::vec((".{0,8}", value()), 0..6),
            severity in prop::sample::select(Severity::ALL.to_vec()),
            id in proptest::option::of("[^\\p{C}]{1,40}"),
            secret in proptest::option::of(value()),
        ) -> Value {
            let mut draft = serde_json::json!({"type": "shop.order.placed", "entityId": entity_id, "severity": severity, "message": message, "id": id});
            draft["metadata"] = Value::Object(metadata.into_iter().collect());
            draft["changes"] = secret.map_or(Value::Null, |secret| serde_json::json!({"price": {"before": null, "after": secret}}));
            draft
        }
    }

    proptest! {
        /// What goes in comes out: the canonical JSON is one line, reads back as the same event, and that event has the same JSON.
        #[test]
        fn json_round_trips(draft in draft()) {
            let (tenant, actor) = (Tenant::new("acme").unwrap(), Actor::user("u1"));
            let context = Context { tenant: &tenant, actor: &actor, may_write_as: false, now: Timestamp::now() };
            let event = Draft::from_json(draft.to_string().as_bytes()).unwrap().finish(&context).unwrap();
            let json = event.to_json();
            prop_assert!(!json.contains(['\n', '\r']));
            let read = Event::from_json(json.as_bytes()).unwrap();
            prop_assert_eq!(&read, &event);
            prop_assert_eq!(read.to_json(), json);
            let metadata: Value = serde_json::from_str(&serde_json::to_string(&event.metadata).unwrap()).unwrap();
            for (key, value) in draft["metadata"].as_object().unwrap().iter().filter(|(key, _)| *key != "amoId" && *key != "module") {
                prop_assert_eq!(&metadata[key], value);
            }
            prop_assert_eq!(&metadata["amoId"], "acme");
            prop_assert!(!event.to_public_json().contains("\"changes\":"));
        }
    }
}
