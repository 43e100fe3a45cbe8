//! Drafts: events as producers send them, before the platform has checked and completed them.

use serde::Deserialize;

use crate::{Actor, Category, Event, EventType, Fault, Legacy, Object, Severity, Tenant, Timestamp, Visibility, fault, id, limits, registry};

/// An event as a producer sends it. Unknown fields are refused: what would be dropped silently is an error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Draft {
    /// Idempotency key: a UUID, or the producer's own id. Made when absent.
    pub id: Option<String>,
    /// `<module>.<entity>.<action>`. Required.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When given, must fit the type.
    pub entity_type: Option<String>,
    /// Required.
    pub entity_id: String,
    /// When given, must fit the type.
    pub action: Option<String>,
    /// RFC 3339; now when absent.
    pub timestamp: Option<String>,
    /// Only for callers that may write as others; else the caller.
    pub actor: Option<Actor>,
    /// Free JSON.
    pub metadata: Object,
    /// When given, must be the caller's tenant.
    pub tenant_id: Option<String>,
    /// When given, must fit the type.
    pub module: Option<String>,
    /// For a registered type: one that the registry allows.
    pub severity: Option<Severity>,
    /// For a registered type: the registry's.
    pub category: Option<Category>,
    /// For a registered type: the registry's.
    pub visibility: Option<String>,
    /// Name of the entity.
    pub entity_name: Option<String>,
    /// A sentence for people.
    pub message: Option<String>,
    /// What belongs together.
    pub correlation_id: Option<String>,
    /// The producer's own id, beside a UUID in `id`.
    pub source_id: Option<String>,
    /// The bulk operation.
    pub batch_id: Option<String>,
    /// Old names.
    pub legacy: Option<Legacy>,
    /// `{field: {before, after}}`.
    pub changes: Option<Object>,
}

/// What the platform knows of the caller, and the time.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The caller's tenant, from the verified token.
    pub tenant: &'a Tenant,
    /// The caller, as actor.
    pub actor: &'a Actor,
    /// Whether the caller may name another actor (`events:write-as`).
    pub may_write_as: bool,
    /// Now.
    pub now: Timestamp,
}

impl Draft {
    /// Reads a draft from JSON.
    ///
    /// # Errors
    /// A [`Fault`] that names the field: `json_invalid` for what is no JSON, `field_invalid` for a wrong or unknown field.
    pub fn from_json(json: &[u8]) -> Result<Self, Fault> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let draft = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
            // Where the text is no JSON, the reader has not come to know the field.
            let field = match e.path().to_string() {
                path if path == "." || !e.inner().is_data() => String::new(),
                path => path,
            };
            reader_fault(field, e.inner())
        })?;
        reader.end().map_err(|e| reader_fault(String::new(), &e))?;
        Ok(draft)
    }

    /// Checks the draft and completes it. All faults are reported at once; a draft with a fault makes no event.
    ///
    /// # Errors
    /// Every [`Fault`] of the draft, at least one.
    pub fn finish(self, context: &Context<'_>) -> Result<Event, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |result: Result<(), Fault>| faults.extend(result.err());
        let event_type = EventType::new(&self.event_type);
        keep(event_type.as_ref().map(drop).map_err(Clone::clone));
        let identity = self.id.as_deref().map(|given| id::of(context.tenant, given)).transpose();
        keep(identity.as_ref().map(drop).map_err(Clone::clone));
        let timestamp = self.timestamp.as_deref().map_or(Ok(context.now), |text| read_timestamp(text, context.now));
        keep(timestamp.as_ref().map(drop).map_err(Clone::clone));
        let visibility = self.visibility.as_deref().map(Visibility::parse).transpose();
        keep(visibility.as_ref().map(drop).map_err(Clone::clone));
        keep(fault::text("entityId", &self.entity_id, limits::ENTITY_ID_LEN_MAX));
        self.texts().into_iter().for_each(&mut keep);
        keep(self.metadata.check("metadata"));
        keep(self.changes.as_ref().map_or(Ok(()), |changes| changes.check("changes")));
        keep(same("tenantId", "tenant_mismatch", self.tenant_id.as_deref(), context.tenant.as_str()));
        faults.extend(self.actor_faults(context));
        let (Ok(event_type), Ok(identity), Ok(timestamp), Ok(visibility)) = (event_type, identity, timestamp, visibility) else { return Err(faults) };
        faults.extend(self.type_faults(&event_type));
        let mut event = self.complete(context, &event_type, identity, timestamp, visibility);
        faults.extend(registry::apply(&mut event));
        event.stamp();
        if faults.is_empty() && event.to_json().len() > limits::EVENT_BYTES_MAX {
            faults.push(Fault::new("", "payload_too_large", format!("an event must be at most {} bytes of JSON", limits::EVENT_BYTES_MAX)));
        }
        if faults.is_empty() { Ok(event) } else { Err(faults) }
    }

    fn complete(
        self,
        context: &Context<'_>,
        event_type: &EventType,
        identity: Option<(uuid::Uuid, Option<String>)>,
        timestamp: Timestamp,
        visibility: Option<Visibility>,
    ) -> Event {
        let actor = self.actor.unwrap_or_else(|| context.actor.clone());
        let mut event = Event::new(context.tenant, event_type, self.entity_id, actor);
        if let Some((id, source_id)) = identity {
            (event.id, event.source_id) = (id, source_id);
        }
        event.source_id = event.source_id.or(self.source_id);
        event.timestamp = timestamp;
        event.metadata = self.metadata;
        let declared = registry::find(event_type.as_str());
        event.severity = self.severity.or(declared.map(|d| d.severities[0])).unwrap_or_default();
        event.category = self.category.or(declared.map(|d| d.category)).unwrap_or_default();
        event.visibility = visibility.or(declared.map(|d| d.visibility())).unwrap_or_default();
        event.entity_name = self.entity_name;
        event.message = self.message;
        event.correlation_id = self.correlation_id;
        event.batch_id = self.batch_id;
        event.legacy = self.legacy;
        event.changes = self.changes;
        event
    }

    fn texts(&self) -> Vec<Result<(), Fault>> {
        let legacy = self.legacy.as_ref();
        let fields = [
            ("entityName", &self.entity_name, limits::NAME_LEN_MAX),
            ("message", &self.message, limits::MESSAGE_LEN_MAX),
            ("correlationId", &self.correlation_id, limits::NAME_LEN_MAX),
            ("sourceId", &self.source_id, limits::SOURCE_ID_LEN_MAX),
            ("batchId", &self.batch_id, limits::NAME_LEN_MAX),
            ("legacy.type", &legacy.map(|l| l.event_type.clone()), limits::NAME_LEN_MAX),
            ("legacy.entityType", &legacy.map(|l| l.entity_type.clone()), limits::NAME_LEN_MAX),
            ("legacy.action", &legacy.map(|l| l.action.clone()), limits::NAME_LEN_MAX),
        ];
        fields.iter().filter_map(|(field, value, len_max)| Some(fault::text(field, value.as_deref()?, *len_max))).collect()
    }

    fn actor_faults(&self, context: &Context<'_>) -> Vec<Fault> {
        match &self.actor {
            Some(actor) if !context.may_write_as && actor.user_id != context.actor.user_id => {
                vec![Fault::new("actor", "actor_forbidden", "only callers with the scope events:write-as may name another actor")]
            }
            Some(actor) => actor.faults(),
            None => Vec::new(),
        }
    }

    fn type_faults(&self, event_type: &EventType) -> Vec<Fault> {
        let given = [
            ("entityType", &self.entity_type, event_type.entity_type()),
            ("action", &self.action, event_type.action()),
            ("module", &self.module, event_type.module()),
        ];
        let mut faults: Vec<Fault> = given.into_iter().filter_map(|(field, value, want)| same(field, "type_mismatch", value.as_deref(), want).err()).collect();
        if registry::is_reserved(event_type.module()) {
            faults.push(Fault::new("type", "type_reserved", "only the platform itself writes events of this module"));
        }
        faults
    }
}

fn same(field: &str, code: &'static str, given: Option<&str>, want: &str) -> Result<(), Fault> {
    match given {
        Some(value) if value != want => Err(Fault::new(field, code, if field == "tenantId" { "must be the caller's tenant" } else { "must fit the type" })),
        _ => Ok(()),
    }
}

fn read_timestamp(text: &str, now: Timestamp) -> Result<Timestamp, Fault> {
    let timestamp = Timestamp::parse(text).ok_or_else(|| Fault::new("timestamp", "timestamp_invalid", "must be an RFC 3339 timestamp"))?;
    if timestamp.datetime() > now.datetime() + time::Duration::seconds(limits::FUTURE_SECONDS_MAX) {
        return Err(Fault::new("timestamp", "timestamp_in_future", format!("must be at most {} s in the future", limits::FUTURE_SECONDS_MAX)));
    }
    if timestamp.datetime().year() < limits::YEAR_MIN {
        return Err(Fault::new("timestamp", "timestamp_too_old", format!("must not be before the year {}", limits::YEAR_MIN)));
    }
    Ok(timestamp)
}

/// The fault of what the JSON reader refused. Its sentences quote unknown keys and numbers at most, never whole values.
pub fn reader_fault(field: String, error: &serde_json::Error) -> Fault {
    let code = if error.is_data() { "field_invalid" } else { "json_invalid" };
    let mut message = error.to_string();
    message.truncate(message.char_indices().nth(200).map_or(message.len(), |(i, _)| i));
    Fault::new(field, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(json: &str) -> Result<Event, Vec<Fault>> {
        let (tenant, actor) = (Tenant::new("acme").unwrap(), Actor::user("u1"));
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        Draft::from_json(json.as_bytes()).map_err(|f| vec![f])?.finish(&Context { tenant: &tenant, actor: &actor, may_write_as: false, now })
    }

    fn codes(json: &str) -> Vec<(String, &'static str)> {
        finish(json).unwrap_err().into_iter().map(|f| (f.field, f.code)).collect()
    }

    #[test]
    fn completes_a_small_draft() {
        let event = finish(r#"{"type":"fleet.aircraft.created","entityId":"a1","metadata":{"x":1,"amoId":"evil"}}"#).unwrap();
        assert_eq!(event.metadata.iter().collect::<Vec<_>>(), [("amoId", "\"acme\""), ("module", "\"fleet\""), ("x", "1")]);
        assert_eq!((event.entity_type.as_str(), event.action.as_str(), event.actor.user_id.as_str()), ("fleet.aircraft", "created", "u1"));
        assert_eq!(Event::from_json(event.to_json().as_bytes()).unwrap(), event);
    }

    #[test]
    fn names_every_faulty_field_at_once() {
        let json = r#"{"type":"A","entityId":"","timestamp":"2026-01-01T00:05:01Z","tenantId":"other","actor":{"userId":"u2"},"visibility":"all"}"#;
        let want = ["type", "timestamp", "visibility", "entityId", "tenantId", "actor"];
        assert_eq!(codes(json).into_iter().map(|(field, _)| field).collect::<Vec<_>>(), want);
    }

    #[test]
    fn refuses_what_is_no_draft() {
        assert_eq!(codes("{"), [(String::new(), "json_invalid")]);
        assert_eq!(codes(r#"{"type":"a.b.c","#), [(String::new(), "json_invalid")]);
        assert_eq!(codes(r#"{"type":"a.b.c","entityId":"1"} x"#)[0].1, "json_invalid");
        assert_eq!(codes(r#"{"type":"a.b.c","entityId":5}"#), [("entityId".to_owned(), "field_invalid")]);
        assert_eq!(codes(r#"{"type":"a.b.c","entityId":"1","nonsense":5}"#)[0].1, "field_invalid");
        assert_eq!(codes(r#"{"type":"a.b.c","entityId":"1","metadata":[]}"#), [("metadata".to_owned(), "field_invalid")]);
    }

    #[test]
    fn refuses_an_unknown_type_of_a_registered_module() {
        assert_eq!(codes(r#"{"type":"copilot.nonsense.created","entityId":"1"}"#), [("type".to_owned(), "type_unknown")]);
    }

    #[test]
    fn refuses_a_payload_over_the_limit() {
        let json = format!(r#"{{"type":"a.b.c","entityId":"1","metadata":{{"x":"{}"}}}}"#, "y".repeat(limits::EVENT_BYTES_MAX));
        assert_eq!(codes(&json), [(String::new(), "payload_too_large")]);
    }
}
