//! Events of domain changes, made from their declarations.

use serde::Serialize;
use slipstream_event::{Actor, Event, Fault, Object, Tenant, limits, registry};

use crate::limits::CHANGE_TEXT_LEN_MAX;

/// Who does it, and what belongs together.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// The actor.
    pub actor: &'a Actor,
    /// The request.
    pub correlation_id: Option<&'a str>,
    /// The bulk operation.
    pub batch_id: Option<&'a str>,
}

/// An event that does not fit its declaration: a fault of this crate, which its tests exclude.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event does not fit its declaration: {0:?}")]
pub struct Broken(pub Vec<Fault>);

/// An event in the making.
pub(crate) struct Making(Event);

impl Making {
    /// Begins an event of a declared type.
    pub(crate) fn begin(event_type: &str, tenant: &Tenant, entity_id: String, by: By<'_>) -> Result<Self, Broken> {
        let undeclared = || Broken(vec![Fault::new("type", "type_unknown", event_type)]);
        let declaration = registry::find(event_type).ok_or_else(undeclared)?;
        let mut event = declaration.event(tenant, entity_id, by.actor.clone()).map_err(|fault| Broken(vec![fault]))?;
        event.correlation_id = by.correlation_id.map(str::to_owned);
        event.batch_id = by.batch_id.map(str::to_owned);
        Ok(Self(event))
    }

    /// Names the entity, as one line.
    pub(crate) fn named(mut self, name: &str) -> Self {
        let line = name.chars().map(|c| if c.is_control() { ' ' } else { c });
        self.0.entity_name = Some(line.take(limits::NAME_LEN_MAX).collect());
        self
    }

    /// Sets a severity other than the usual one.
    pub(crate) fn severity(mut self, severity: slipstream_event::Severity) -> Self {
        self.0.severity = severity;
        self
    }

    /// Sets a key of the metadata.
    pub(crate) fn with(mut self, key: &'static str, value: &impl Serialize) -> Result<Self, Broken> {
        self.0.metadata.set(key, value).map_err(|error| Broken(vec![Fault::new(key, "field_invalid", error.to_string())]))?;
        Ok(self)
    }

    /// Ends it: held to its declaration.
    pub(crate) fn finish(mut self, changes: Changes) -> Result<Event, Broken> {
        self.0.changes = changes.0;
        let faults = registry::apply(&mut self.0);
        if faults.is_empty() { Ok(self.0) } else { Err(Broken(faults)) }
    }
}

/// What changed: `{field: {before, after}}`.
#[derive(Default)]
pub(crate) struct Changes(Option<Object>);

#[derive(Serialize)]
struct Change<'a> {
    before: Option<&'a str>,
    after: Option<&'a str>,
}

impl Changes {
    /// Adds a field, unless it is the same as before.
    pub(crate) fn field(&mut self, name: &'static str, before: Option<&str>, after: Option<&str>) -> Result<(), Broken> {
        if before == after {
            return Ok(());
        }
        let (before, after) = (before.map(cut), after.map(cut));
        let change = Change { before: before.as_deref(), after: after.as_deref() };
        let set = self.0.get_or_insert_default().set(name, &change);
        set.map_err(|error| Broken(vec![Fault::new(name, "field_invalid", error.to_string())]))
    }

    /// The names of the fields.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().flat_map(Object::iter).map(|(name, _)| name).collect()
    }
}

/// The text, cut to what an event keeps.
fn cut(text: &str) -> String {
    match text.char_indices().nth(CHANGE_TEXT_LEN_MAX) {
        Some((end, _)) => format!("{}… [cut]", &text[..end]),
        None => text.to_owned(),
    }
}
