//! The audit trail: entries that callers write by hand, and what is told of those who read it or were refused.

use serde::Deserialize;
use slipstream_event::draft::Context;
use slipstream_event::{Actor, Draft, Event, Fault, Legacy, Object, Severity, Tenant, Timestamp, event_type, fault};

use crate::declared::{Broken, By, Changes, Making};
use crate::limits::ENTRY_CLOCK_SECONDS_MAX;

/// The module of all entries.
const MODULE: &str = "custom";

/// An entry, as it was asked for. Unknown fields are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Required: `custom.<name>`, or only the name.
    pub entity_type: String,
    /// Required.
    pub entity_id: String,
    /// Required.
    pub action: String,
    /// When given, must be the caller.
    pub actor_user_id: Option<String>,
    /// RFC 3339; now when absent.
    pub occurred_at: Option<String>,
    /// The fields before.
    #[serde(alias = "before_json")]
    pub before: Option<Object>,
    /// The fields after.
    #[serde(alias = "after_json")]
    pub after: Option<Object>,
    /// What belongs together.
    pub correlation_id: Option<String>,
    /// Free JSON; `amoId` may not be named.
    #[serde(alias = "metadata_json")]
    pub metadata: Option<Object>,
}

impl Entry {
    /// The actor that the entry names, when it is another than the caller.
    pub fn other_actor(&self, caller: &Actor) -> Option<&str> {
        self.actor_user_id.as_deref().filter(|named| !named.is_empty() && *named != caller.user_id)
    }

    /// The tenant that the metadata names, when it is another than the caller's.
    pub fn other_tenant(&self, tenant: &Tenant) -> Option<String> {
        let named = self.metadata.as_ref()?.get("amoId")?;
        let text = serde_json::from_str::<String>(named).unwrap_or_else(|_| named.to_owned());
        (text != tenant.as_str()).then_some(text)
    }

    /// The entry's event: type `custom.<name>.<action>`, of class `admin`, by the caller.
    ///
    /// # Errors
    /// All that is wrong with it, by the fields of the entry.
    pub fn event(self, tenant: &Tenant, by: By<'_>, now: Timestamp) -> Result<Event, Vec<Fault>> {
        let mut faults: Vec<Fault> = self.faults(now);
        let name = event_type::token(self.entity_type.strip_prefix("custom.").unwrap_or(&self.entity_type));
        let action = event_type::token(&self.action);
        let mut metadata = self.metadata.unwrap_or_default();
        // Two plain texts always serialise.
        metadata.set("receivedAt", &now).map_err(|error| vec![Fault::new("metadata", "field_invalid", error.to_string())])?;
        let event_type = format!("{MODULE}.{name}.{action}");
        let legacy = Legacy { event_type: format!("{}.{}", self.entity_type, self.action), entity_type: self.entity_type, action: self.action };
        let draft = Draft {
            event_type,
            entity_id: self.entity_id,
            timestamp: self.occurred_at,
            metadata,
            severity: Some(Severity::Info),
            visibility: Some("admin".to_owned()),
            correlation_id: self.correlation_id.or_else(|| by.correlation_id.map(str::to_owned)),
            legacy: Some(legacy).filter(|_| faults.is_empty()),
            changes: changes(self.before.as_ref(), self.after.as_ref()),
            ..Draft::default()
        };
        let finished = draft.finish(&Context { tenant, actor: by.actor, may_write_as: false, now });
        faults.extend(finished.as_ref().err().into_iter().flatten().cloned().map(of_entry));
        finished.ok().filter(|_| faults.is_empty()).ok_or(faults)
    }

    fn faults(&self, now: Timestamp) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        for (field, text) in [("entity_type", &self.entity_type), ("action", &self.action)] {
            faults.extend(fault::text(field, text, slipstream_event::limits::NAME_LEN_MAX / 4).err());
        }
        if self.entity_type.strip_prefix("custom.").unwrap_or(&self.entity_type).contains('.') {
            faults.push(Fault::new("entity_type", "type_not_custom", "must be custom.<name>: other types come from what they tell of"));
        }
        if self.metadata.as_ref().is_some_and(|metadata| metadata.get("amoId").is_some()) {
            faults.push(Fault::new("metadata.amoId", "reserved", "is set by the server"));
        }
        let given = self.occurred_at.as_deref().and_then(Timestamp::parse);
        if given.is_some_and(|given| given.micros() < now.micros() - ENTRY_CLOCK_SECONDS_MAX * 1_000_000) {
            faults.push(Fault::new("occurred_at", "timestamp_too_old", format!("must be at most {ENTRY_CLOCK_SECONDS_MAX} s from now")));
        }
        faults
    }
}

/// Fields and their values before and after; `None` without either.
fn changes(before: Option<&Object>, after: Option<&Object>) -> Option<Object> {
    let value = |side: Option<&Object>, key: &str| side.and_then(|side| side.get(key)).unwrap_or("null").to_owned();
    let mut keys: Vec<&str> = Vec::new();
    for (key, _) in before.into_iter().chain(after).flat_map(Object::iter) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let fields: Vec<String> =
        keys.into_iter().map(|key| format!("{}:{{\"before\":{},\"after\":{}}}", serde_json::Value::from(key), value(before, key), value(after, key))).collect();
    (!fields.is_empty()).then(|| Object::parse(&format!("{{{}}}", fields.join(",")))).and_then(Result::ok)
}

/// A fault of the event, by the field of the entry.
fn of_entry(mut fault: Fault) -> Fault {
    let field = match fault.field.as_str() {
        "entityId" => "entity_id",
        "correlationId" => "correlation_id",
        "timestamp" => "occurred_at",
        "type" => "entity_type",
        "changes" => "after",
        other => other,
    };
    fault.field = field.to_owned();
    fault
}

/// The event of a reading of the audit log: by which route and filters, and how many rows were shown.
///
/// # Errors
/// [`Broken`].
pub fn log_read(tenant: &Tenant, route: &str, filters: &serde_json::Value, rows: usize, by: By<'_>) -> Result<Event, Broken> {
    Making::begin("audit.log.read", tenant, "log".to_owned(), by)?
        .with("route", &route)?
        .with("filters", filters)?
        .with("rows", &rows)?
        .finish(Changes::default())
}

/// The event of an entry that was refused because it lied: about its actor (`actor_mismatch`) or its tenant (`tenant_mismatch`).
///
/// # Errors
/// [`Broken`].
pub fn refused(tenant: &Tenant, reason: &str, route: &str, named: &str, by: By<'_>) -> Result<Event, Broken> {
    let named: String = named.chars().filter(|c| !c.is_control()).take(slipstream_event::limits::NAME_LEN_MAX).collect();
    Making::begin("audit.event.refused", tenant, "entry".to_owned(), by)?
        .with("reason", &reason)?
        .with("route", &route)?
        .with("named", &named)?
        .finish(Changes::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Result<Event, Vec<(String, &'static str)>> {
        let (tenant, actor, now) = (Tenant::new("acme").unwrap(), Actor::user("u1"), Timestamp::parse("2026-01-01T12:00:00Z").unwrap());
        let entry: Entry = serde_json::from_str(json).unwrap();
        let by = By { actor: &actor, correlation_id: Some("r-1"), batch_id: None };
        entry.event(&tenant, by, now).map_err(|faults| faults.into_iter().map(|fault| (fault.field, fault.code)).collect())
    }

    #[test]
    fn becomes_a_custom_event_with_both_times() {
        let event = event(
            r#"{"entity_type":"Work Order","entity_id":"7","action":"APPROVED","occurred_at":"2026-01-01T11:56:00Z","before_json":{"a":1},"after":{"a":2,"b":"x"}}"#,
        )
        .unwrap();
        assert_eq!((event.event_type.as_str(), event.visibility.to_string().as_str()), ("custom.work_order.approved", "admin"));
        assert_eq!((event.timestamp.to_string().as_str(), event.correlation_id.as_deref()), ("2026-01-01T11:56:00.000000Z", Some("r-1")));
        assert_eq!(event.metadata.text("receivedAt").unwrap(), "2026-01-01T12:00:00.000000Z");
        assert_eq!(event.changes.unwrap().iter().collect::<Vec<_>>(), [("a", r#"{"before":1,"after":2}"#), ("b", r#"{"before":null,"after":"x"}"#)]);
        assert_eq!(event.legacy.unwrap().entity_type, "Work Order");
    }

    #[test]
    fn names_all_faults_by_its_own_fields() {
        let bad = event(r#"{"entity_type":"qms.document","entity_id":"","action":"x","occurred_at":"2026-01-01T11:54:59Z","metadata":{"amoId":"other"}}"#);
        let want = [("entity_type", "type_not_custom"), ("metadata.amoId", "reserved"), ("occurred_at", "timestamp_too_old"), ("entity_id", "empty")];
        assert_eq!(bad.unwrap_err(), want.map(|(field, code)| (field.to_owned(), code)));
        let future = event(r#"{"entity_type":"a","entity_id":"1","action":"x","occurred_at":"2026-01-01T12:05:01Z"}"#);
        assert_eq!(future.unwrap_err(), [("occurred_at".to_owned(), "timestamp_in_future")]);
        assert_eq!(event(&format!(r#"{{"entity_type":"{}","entity_id":"1","action":"x"}}"#, "a".repeat(65))).unwrap_err()[0].1, "too_long");
    }

    #[test]
    fn knows_who_lies() {
        let entry: Entry = serde_json::from_str(r#"{"actor_user_id":"u2","metadata":{"amoId":"other"}}"#).unwrap();
        assert_eq!(entry.other_actor(&Actor::user("u1")), Some("u2"));
        assert_eq!(entry.other_actor(&Actor::user("u2")), None);
        assert_eq!(entry.other_tenant(&Tenant::new("acme").unwrap()).as_deref(), Some("other"));
        assert_eq!(entry.other_tenant(&Tenant::new("other").unwrap()), None);
    }
}
