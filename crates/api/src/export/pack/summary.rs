//! What a pack says of its thing in short.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use slipstream_event::Event;

use crate::limits::PACK_LINKED_MAX;

/// Counts over the events of one thing, oldest first.
pub(super) struct Summary {
    entity_type: String,
    entity_id: String,
    name: Option<String>,
    events: u64,
    first: Option<String>,
    last: Option<String>,
    types: BTreeMap<String, u64>,
    severities: BTreeMap<&'static str, u64>,
    actors: BTreeMap<String, u64>,
    correlation_ids: BTreeSet<String>,
    unlinked: u64,
}

impl Summary {
    pub(super) fn new(entity_type: &str, entity_id: &str) -> Self {
        Self {
            entity_type: entity_type.to_owned(),
            entity_id: entity_id.to_owned(),
            name: None,
            events: 0,
            first: None,
            last: None,
            types: BTreeMap::new(),
            severities: BTreeMap::new(),
            actors: BTreeMap::new(),
            correlation_ids: BTreeSet::new(),
            unlinked: 0,
        }
    }

    pub(super) fn add(&mut self, event: &Event) {
        self.events += 1;
        let at = event.timestamp.to_string();
        self.first.get_or_insert_with(|| at.clone());
        self.last = Some(at);
        self.name = event.entity_name.clone().or(self.name.take());
        *self.types.entry(event.event_type.as_str().to_owned()).or_default() += 1;
        *self.severities.entry(event.severity.as_str()).or_default() += 1;
        // Whoever did something to one thing is one of few; a thing with more has them counted together.
        let actor = if self.actors.len() < PACK_LINKED_MAX { event.actor.user_id.as_str() } else { "others" };
        *self.actors.entry(actor.to_owned()).or_default() += 1;
        if let Some(id) = event.correlation_id.as_ref().filter(|id| !self.correlation_ids.contains(*id)) {
            if self.correlation_ids.len() < PACK_LINKED_MAX {
                self.correlation_ids.insert(id.clone());
            } else {
                self.unlinked += 1;
            }
        }
    }

    /// The correlation ids whose events are linked.
    pub(super) fn correlation_ids(&self) -> &BTreeSet<String> {
        &self.correlation_ids
    }

    /// Events with a correlation id that is not linked.
    pub(super) fn unlinked(&self) -> Option<u64> {
        Some(self.unlinked).filter(|count| *count > 0)
    }

    pub(super) fn shown(&self) -> Value {
        json!({
            "entityType": self.entity_type,
            "entityId": self.entity_id,
            "entityName": self.name,
            "events": self.events,
            "firstAt": self.first,
            "lastAt": self.last,
            "types": self.types,
            "severities": self.severities,
            "actors": self.actors,
        })
    }
}
