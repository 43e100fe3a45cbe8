//! Filters: which of a tenant's events a reader asked for. The same on the stream, in replay and in history.

use serde::{Deserialize, Serialize};

use crate::{Event, Fault, Severity, limits};

/// A filter. Values of one field are alternatives; fields narrow each other. An empty field asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Filter {
    /// Prefixes of types, in whole tokens: `copilot.agent` asks for `copilot.agent.created` and not for `copilot.agents.created`.
    pub types: Vec<String>,
    /// Modules.
    pub modules: Vec<String>,
    /// Entity types; the names that older clients use count too.
    pub entity_types: Vec<String>,
    /// Entity ids.
    pub entity_ids: Vec<String>,
    /// User ids of actors.
    pub actors: Vec<String>,
    /// Severities.
    pub severities: Vec<Severity>,
}

impl Filter {
    /// Reads the filter's parameters of a query: `types` (or `type`), `module`, `entityType`, `entityId`, `actor`, `severity`; each may be repeated
    /// and may list values with commas (ids and actors may not: they can hold commas). Other parameters are not looked at.
    ///
    /// # Errors
    /// A [`Fault`] that names the parameter.
    pub fn from_query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let mut filter = Self::default();
        for (name, value) in pairs {
            match name {
                "types" | "type" => add_list(&mut filter.types, name, value)?,
                "module" => add_list(&mut filter.modules, name, value)?,
                "entityType" => add_list(&mut filter.entity_types, name, value)?,
                "entityId" => add(&mut filter.entity_ids, name, value)?,
                "actor" => add(&mut filter.actors, name, value)?,
                "severity" => {
                    for word in value.split(',').filter(|word| !word.is_empty()) {
                        let severity = Severity::parse(word).ok_or_else(|| Fault::new(name, "severity_invalid", "must be info, warning, error or critical"))?;
                        filter.severities.push(severity);
                    }
                }
                _ => {}
            }
        }
        Ok(filter)
    }

    /// Whether it asks for everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for `event`.
    pub fn takes(&self, event: &Event) -> bool {
        self.takes_facts(&Facts {
            event_type: event.event_type.as_str(),
            module: &event.module,
            entity_type: &event.entity_type,
            legacy_entity_type: event.legacy.as_ref().map(|legacy| legacy.entity_type.as_str()),
            entity_id: &event.entity_id,
            actor: &event.actor.user_id,
            severity: event.severity,
        })
    }

    /// Whether it asks for an event of which this is known.
    pub fn takes_facts(&self, facts: &Facts<'_>) -> bool {
        let any = |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|w| w == value);
        (self.types.is_empty() || self.types.iter().any(|prefix| has_prefix(facts.event_type, prefix)))
            && any(&self.modules, facts.module)
            && (any(&self.entity_types, facts.entity_type) || facts.legacy_entity_type.is_some_and(|old| any(&self.entity_types, old)))
            && any(&self.entity_ids, facts.entity_id)
            && any(&self.actors, facts.actor)
            && (self.severities.is_empty() || self.severities.contains(&facts.severity))
    }
}

/// What filters look at of an event.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The type.
    pub event_type: &'a str,
    /// The module.
    pub module: &'a str,
    /// The entity's type.
    pub entity_type: &'a str,
    /// The entity's type as older clients know it.
    pub legacy_entity_type: Option<&'a str>,
    /// The entity's id.
    pub entity_id: &'a str,
    /// The actor's user id.
    pub actor: &'a str,
    /// How grave.
    pub severity: Severity,
}

/// Whether `event_type` begins with the whole tokens of `prefix`.
fn has_prefix(event_type: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches(".*").trim_end_matches('.');
    event_type.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn add_list(into: &mut Vec<String>, name: &str, value: &str) -> Result<(), Fault> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).try_for_each(|part| add(into, name, part))
}

fn add(into: &mut Vec<String>, name: &str, value: &str) -> Result<(), Fault> {
    if value.is_empty() {
        return Ok(());
    }
    if into.len() >= limits::FILTER_VALUES_MAX {
        return Err(Fault::new(name, "too_many_values", format!("takes at most {} values", limits::FILTER_VALUES_MAX)));
    }
    crate::fault::text(name, value, limits::FILTER_VALUE_LEN_MAX)?;
    into.push(value.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, EventType, Tenant};

    #[test]
    fn takes_whole_tokens_and_all_fields_together() {
        let event = Event::new(&Tenant::new("t").unwrap(), &EventType::new("copilot.agent.created").unwrap(), "e1", Actor::user("u1"));
        let takes = |query: &[(&str, &str)]| Filter::from_query(query.iter().copied()).unwrap().takes(&event);
        assert!(takes(&[]) && takes(&[("types", "copilot")]) && takes(&[("types", "x,copilot.agent")]) && takes(&[("type", "copilot.agent.*")]));
        assert!(!takes(&[("types", "copilot.age")]));
        assert!(takes(&[("module", "copilot"), ("severity", "info,error"), ("actor", "u1"), ("entityId", "e1")]));
        assert!(!takes(&[("module", "copilot"), ("severity", "error")]));
        assert!(takes(&[("entityId", "x"), ("entityId", "e1")]));
        assert_eq!(Filter::from_query([("severity", "bad")]).unwrap_err().field, "severity");
        assert_eq!(Filter::from_query([("actor", "a\nb")]).unwrap_err().field, "actor");
    }
}
