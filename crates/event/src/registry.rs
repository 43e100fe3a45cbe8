//! The registry: every event type that the products emit, declared once.
//!
//! From a declaration come the producers' constructor ([`Declaration::event`]), the checks of ingest ([`apply`]), and the types
//! and the invalidation map of the cockpit ([`typescript`]). Types of a registered module must be declared; all
//! other modules are open. `docs` of a type are its declaration.

mod activity;
mod archive;
mod audit;
mod copilot;
pub mod typescript;

use crate::{Actor, Category, Event, EventType, Fault, Severity, Tenant, Visibility};

/// One event type.
#[derive(Debug)]
pub struct Declaration {
    /// `<module>.<entity>.<action>`.
    pub event_type: &'static str,
    /// Category of the activity log.
    pub category: Category,
    /// The severities it may have; the first is the usual one.
    pub severities: &'static [Severity],
    /// Word of the visibility class.
    pub visibility: &'static str,
    /// Sentence for people; `{entityName}`, `{entityId}`, `{actor}` and `{metadata key}` are filled in.
    pub message: &'static str,
    /// Query keys of clients that a new event of this type makes stale.
    pub query_keys: &'static [&'static str],
    /// What its metadata holds beside `amoId` and `module`. Further keys are allowed.
    pub metadata: &'static [Key],
    /// An example of its metadata, as JSON.
    pub example: &'static str,
}

/// A key of an event type's metadata.
#[derive(Debug)]
pub struct Key {
    /// Name, camelCase.
    pub name: &'static str,
    /// JSON kind of its value.
    pub kind: Kind,
    /// Whether an event without it is refused.
    pub required: bool,
}

/// The JSON kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A string, or null.
    TextOrNull,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An array of strings.
    Texts,
    /// An object.
    Object,
    /// Anything.
    Any,
}

/// All declarations, in the order of modules.
pub fn all() -> impl Iterator<Item = &'static Declaration> {
    copilot::DECLARATIONS.iter().chain(audit::DECLARATIONS).chain(activity::DECLARATIONS).chain(archive::DECLARATIONS)
}

/// The declaration of a type.
pub fn find(event_type: &str) -> Option<&'static Declaration> {
    all().find(|declaration| declaration.event_type == event_type)
}

/// Whether all types of a module must be declared.
pub fn is_registered(module: &str) -> bool {
    all().any(|declaration| declaration.event_type.split('.').next() == Some(module))
}

/// Whether only the platform itself writes events of a module: by those about the archive a verifier tells a redaction and a removal from tampering, and those about the
/// activity log decide what it shows.
pub fn is_reserved(module: &str) -> bool {
    matches!(module, "archive" | "activity")
}

/// Holds an event to its declaration and fills in its message. An event of an open module is left as it is.
/// Returns what is wrong with it.
pub fn apply(event: &mut Event) -> Vec<Fault> {
    let Some(declaration) = find(event.event_type.as_str()) else {
        return if is_registered(&event.module) { vec![Fault::new("type", "type_unknown", "no such type in this module")] } else { Vec::new() };
    };
    if event.message.is_none() {
        event.message = Some(declaration.render(event));
    }
    declaration.faults(event)
}

impl Declaration {
    /// A new event of this type. The message is rendered when the event is finished by [`apply`].
    ///
    /// # Errors
    /// A [`Fault`] when the declaration itself is broken, which a test of this module excludes.
    pub fn event(&self, tenant: &Tenant, entity_id: impl Into<String>, actor: Actor) -> Result<Event, Fault> {
        let mut event = Event::new(tenant, &EventType::new(self.event_type)?, entity_id, actor);
        event.severity = self.severities[0];
        event.category = self.category;
        event.visibility = self.visibility();
        Ok(event)
    }

    /// The visibility class.
    pub fn visibility(&self) -> Visibility {
        // A test parses the word of every declaration; the closed class stands in for a broken one.
        Visibility::parse(self.visibility).unwrap_or(Visibility::Admin)
    }

    pub(crate) fn render(&self, event: &Event) -> String {
        let (mut out, mut rest) = (String::new(), self.message);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').unwrap_or((after, ""));
            out.push_str(before);
            out.push_str(&match name {
                "entityName" => event.entity_name.clone().unwrap_or_else(|| event.entity_id.clone()),
                "entityId" => event.entity_id.clone(),
                "actor" => event.actor.name.clone().unwrap_or_else(|| event.actor.user_id.clone()),
                key => event.metadata.text(key).or_else(|| event.metadata.get(key).map(str::to_owned)).unwrap_or_else(|| "–".to_owned()),
            });
            rest = tail;
        }
        out.push_str(rest);
        out.chars().filter(|c| !c.is_control()).take(crate::limits::MESSAGE_LEN_MAX).collect()
    }

    fn faults(&self, event: &Event) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self.metadata.iter().filter_map(|key| key.fault(event.metadata.get(key.name))).collect();
        if !self.severities.contains(&event.severity) {
            faults.push(Fault::new("severity", "severity_fixed", "this type does not allow that severity"));
        }
        if event.category != self.category {
            faults.push(Fault::new("category", "category_fixed", format!("events of this type are of category {}", self.category.as_str())));
        }
        if event.visibility != self.visibility() {
            faults.push(Fault::new("visibility", "visibility_fixed", format!("events of this type are of class {}", self.visibility)));
        }
        faults
    }
}

/// A key that must be there.
const fn required(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, required: true }
}

/// A key that may be there.
const fn optional(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, required: false }
}

impl Key {
    fn fault(&self, value: Option<&str>) -> Option<Fault> {
        let field = || format!("metadata.{}", self.name);
        match value {
            None => self.required.then(|| Fault::new(field(), "required", "is required for this type")),
            Some(json) if self.kind.fits(json) => None,
            Some(_) => Some(Fault::new(field(), "field_invalid", format!("must be {}", self.kind.words()))),
        }
    }
}

impl Kind {
    fn fits(self, json: &str) -> bool {
        let first = json.bytes().next();
        match self {
            Self::Text => first == Some(b'"'),
            Self::TextOrNull => first == Some(b'"') || json == "null",
            Self::Number => first.is_some_and(|b| b == b'-' || b.is_ascii_digit()),
            Self::Boolean => json == "true" || json == "false",
            Self::Texts => serde_json::from_str::<Vec<String>>(json).is_ok(),
            Self::Object => first == Some(b'{'),
            Self::Any => true,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::TextOrNull => "a string or null",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Texts => "an array of strings",
            Self::Object => "an object",
            Self::Any => "any value",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Object;

    #[test]
    fn every_declaration_holds_to_its_own_rules() {
        let mut seen = std::collections::HashSet::new();
        for declaration in all() {
            let name = declaration.event_type;
            assert!(seen.insert(name), "{name} is declared twice");
            assert!(Visibility::parse(declaration.visibility).is_ok() && !declaration.severities.is_empty(), "{name}");
            assert!(declaration.query_keys.contains(&"activity-history"), "{name} must refresh the history");
            let mut event = declaration.event(&Tenant::new("t").unwrap(), "e1", Actor::system()).expect(name);
            event.metadata = Object::parse(declaration.example).expect(name);
            assert_eq!(apply(&mut event), [], "{name}");
            assert!(!event.message.expect(name).contains('–'), "{name}: the example fills the message");
        }
    }
}
