//! The activity log's entries: events as people read them.
//!
//! An entry is a view of an event, never a record of its own: it holds no `changes`, little metadata, and always a sentence. All its text is
//! clean, whatever the producer sent: one line, no control characters, no escape sequences of terminals.

pub mod columns;
mod selection;
pub mod text;

use std::borrow::Cow;

use serde::Serialize;

use crate::{ActorKind, Category, Event, Object, Severity, Timestamp, Visibility, limits, registry};
pub use selection::Selection;

/// Prefix of the ids that imported entries keep.
const IMPORTED: &str = "al_";

/// One entry of the activity log. Its JSON is snake_case, one line, with the fields in this order; fields without a value are `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry<'a> {
    /// The event's id; of an imported entry its own (`al_…`).
    pub id: Cow<'a, str>,
    /// Number among the tenant's events, in the order of archiving. `None` while the event is not known to be archived.
    pub seq: Option<u64>,
    /// When it happened.
    pub ts: Timestamp,
    /// What kind of thing.
    pub category: Category,
    /// Last token of the type.
    pub action: Cow<'a, str>,
    /// `info`, `warning` or `error`.
    pub severity: Severity,
    /// Who did it, for people. Never empty: `system` when nobody is named.
    pub actor: Cow<'a, str>,
    /// Who did it; `None` for the platform itself.
    pub actor_user_id: Option<Cow<'a, str>>,
    /// `user`, `system`, `external` or `service`.
    pub actor_kind: &'static str,
    /// The type without its last token.
    pub entity_type: Option<Cow<'a, str>>,
    /// Id of the entity.
    pub entity_id: Option<Cow<'a, str>>,
    /// Name of the entity at the time.
    pub entity_name: Option<Cow<'a, str>>,
    /// A sentence, at most [`limits::MESSAGE_LEN_MAX`] characters.
    pub message: Cow<'a, str>,
    /// At most [`limits::ENTRY_METADATA_KEYS_MAX`] keys and [`limits::ENTRY_METADATA_BYTES_MAX`] bytes of JSON. What does not fit is left out, key by key.
    pub metadata: Object,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: Cow<'a, str>,
    /// The event's id.
    pub event_id: uuid::Uuid,
    /// What belongs together.
    pub correlation_id: Option<Cow<'a, str>>,
    /// First token of the type.
    pub module: Cow<'a, str>,
}

impl<'a> Entry<'a> {
    /// The entry of an event; `seq` is its number, where that is known.
    pub fn of(event: &'a Event, seq: Option<u64>) -> Self {
        let name = |text: &'a str| text::clean(text, limits::NAME_LEN_MAX);
        let given = |text: &'a str| Some(name(text)).filter(|text| !text.is_empty());
        let actor = event.actor.name.as_deref().and_then(given).or_else(|| given(&event.actor.user_id)).unwrap_or(Cow::Borrowed("system"));
        let kind = actor_kind(event);
        let imported = event.source_id.as_deref().filter(|id| id.starts_with(IMPORTED));
        let entity_name = event.entity_name.as_deref().and_then(given);
        Self {
            id: imported.map_or_else(|| Cow::Owned(event.id.to_string()), name),
            seq,
            ts: event.timestamp,
            category: event.category,
            action: name(&event.action),
            severity: severity(event.severity),
            message: message(event, &actor, entity_name.as_deref()),
            actor,
            actor_user_id: given(&event.actor.user_id).filter(|_| kind != "system"),
            actor_kind: kind,
            entity_type: given(&event.entity_type),
            entity_id: given(&event.entity_id),
            entity_name,
            metadata: metadata(&event.metadata),
            event_type: Cow::Borrowed(event.event_type.as_str()),
            event_id: event.id,
            correlation_id: event.correlation_id.as_deref().and_then(given),
            module: Cow::Borrowed(&event.module),
        }
    }

    /// The same, without the event.
    pub fn into_owned(self) -> Entry<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Entry {
            id: own(self.id),
            seq: self.seq,
            ts: self.ts,
            category: self.category,
            action: own(self.action),
            severity: self.severity,
            actor: own(self.actor),
            actor_user_id: self.actor_user_id.map(own),
            actor_kind: self.actor_kind,
            entity_type: self.entity_type.map(own),
            entity_id: self.entity_id.map(own),
            entity_name: self.entity_name.map(own),
            message: own(self.message),
            metadata: self.metadata,
            event_type: own(self.event_type),
            event_id: self.event_id,
            correlation_id: self.correlation_id.map(own),
            module: own(self.module),
        }
    }

    /// Its JSON.
    pub fn to_json(&self) -> String {
        // Strings, numbers and raw JSON only: nothing in it can fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The severity that an entry shows: what is `critical` on the platform is an `error` here.
pub fn severity(of: Severity) -> Severity {
    if of == Severity::Critical { Severity::Error } else { of }
}

/// The time before which entries are too old for a log that shows `max_days`: to the minute, so that a page stays the same for a while.
pub fn oldest(max_days: u32, now: Timestamp) -> Timestamp {
    let oldest = now.datetime() - time::Duration::days(max_days.into());
    oldest.replace_second(0).and_then(|oldest| oldest.replace_nanosecond(0)).unwrap_or(oldest).into()
}

/// An outside party is the person concerned by an event that is shown to outside parties.
fn actor_kind(event: &Event) -> &'static str {
    match event.actor.kind {
        ActorKind::System => "system",
        ActorKind::Service | ActorKind::Agent => "service",
        ActorKind::User if event.visibility == Visibility::External && event.concerned().as_ref() == Some(&event.actor.user_id) => "external",
        ActorKind::User => "user",
    }
}

/// The event's sentence, else the one of its declaration, else one that is made of its parts.
fn message<'a>(event: &'a Event, actor: &str, entity_name: Option<&str>) -> Cow<'a, str> {
    let clean = |message: &'a str| Some(text::clean(message, limits::MESSAGE_LEN_MAX)).filter(|message| !message.is_empty());
    let declared = || registry::find(event.event_type.as_str()).map(|declaration| declaration.render(event));
    event.message.as_deref().and_then(clean).unwrap_or_else(|| {
        let made = declared().unwrap_or_else(|| sentence(event, actor, entity_name));
        Cow::Owned(text::clean(&made, limits::MESSAGE_LEN_MAX).into_owned())
    })
}

/// `Order 4711 created by Asha Rao`.
fn sentence(event: &Event, actor: &str, entity_name: Option<&str>) -> String {
    let entity = event.entity_type.rsplit('.').next().unwrap_or_default();
    let words = |token: &str| token.replace('_', " ");
    let (entity, name, action) = (words(entity), entity_name.unwrap_or(&event.entity_id), words(&event.action));
    let mut chars = entity.chars();
    let capital: String = chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect();
    format!("{capital} {name} {action} by {actor}")
}

/// What fits, in order, without what every event carries.
fn metadata(of: &Object) -> Object {
    let (mut out, mut bytes) = (Object::new(), "{}".len());
    for (key, value) in of.iter().filter(|(key, _)| *key != "amoId" && *key != "module") {
        if out.len() == limits::ENTRY_METADATA_KEYS_MAX {
            break;
        }
        let (key, value) = (text::clean(key, limits::NAME_LEN_MAX), text::clean_json(value));
        // Quotes, colon and comma; a key as JSON can be longer than it is.
        let size = serde_json::to_string(&key).map_or(usize::MAX, |key| key.len() + value.len() + 2);
        if bytes.saturating_add(size) <= limits::ENTRY_METADATA_BYTES_MAX && out.get(&key).is_none() {
            bytes += size;
            out.push_raw(&key, &value);
        }
    }
    out
}

#[cfg(test)]
mod tests;
